"""Consumers that know two keys: they log in all the time by `rotator.consumer`, as programs of people do."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final, Self

from rotator.consumer import Waiting, login
from rotator.errors import RotatorError

if TYPE_CHECKING:
    from tests.several_machines.place import Managed, Place

PERIOD: Final = 2.0
"""Seconds from one login of a consumer to its next, where the machine is not too busy for it."""
THREADS: Final = 6


@dataclass
class Logins:
    """What came of them."""

    accepted: Counter[str] = field(default_factory=Counter)
    """By credential."""
    failed: list[str] = field(default_factory=list)
    """What those that found no way in were told."""
    pauses: int = 0
    """How often no key fitted in one round, and another was begun after a moment."""


class Consumers:
    """One of each credential, while the `with` block runs."""

    def __init__(self, place: Place) -> None:
        self._place: Final = place
        self._stop: Final = Event()
        self._lock: Final = Lock()
        self.logins: Final = Logins()
        groups = [place.credentials[index::THREADS] for index in range(THREADS)]
        self._threads: Final = [Thread(target=self._log_in, args=(group,), daemon=True) for group in groups if group]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends them, each after the login that it is at."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _log_in(self, group: list[Managed]) -> None:
        waiting = Waiting(sleep=self._pause)
        consumers = {
            each.name: login(f"files:{self._place.store_folder}#{each.name}", ca=self._place.ca, waiting=waiting)
            for each in group
        }
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + PERIOD, time.monotonic())
            for name, consumer in consumers.items():
                try:
                    consumer.token()
                except RotatorError as error:
                    with self._lock:
                        self.logins.failed.append(f"{name}: {error.message}")
                else:
                    with self._lock:
                        self.logins.accepted[name] += 1

    def _pause(self, seconds: float) -> None:
        with self._lock:
            self.logins.pauses += 1
        self._stop.wait(seconds)
