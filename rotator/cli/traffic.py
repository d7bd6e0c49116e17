"""Two consumers at work while their credential is rotated: what the demo shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, Self

from rotator.consumer import DualKeyLogin, Waiting, from_store
from rotator.core.credentials import Stage
from rotator.errors import RotatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from rotator.core.credentials import Fingerprint, Version
    from rotator.salesforce.transport import Transport
    from rotator.services.rotation.gap import MeasuredGap
    from rotator.stores.base import Store

_PAUSE: Final = 0.05
"""Seconds between two logins of one consumer."""

_ENOUGH: Final = 5
"""Logins of each consumer before and after the rotation that is watched."""


@dataclass(frozen=True)
class Failure:
    """A login that was refused: when it began, when it ended, and the org's words."""

    began: datetime
    ended: datetime
    why: str


@dataclass
class Consumer:
    """One consumer and what it met."""

    name: str
    login: DualKeyLogin
    now: Callable[[], datetime]
    logins: int = 0
    failures: list[Failure] = field(default_factory=list)

    def log_in(self) -> None:
        """One login more, whatever comes of it."""
        began = self.now()
        try:
            self.login.token()
        except RotatorError as error:
            self.failures.append(Failure(began, self.now(), error.message))
        self.logins += 1

    def failures_outside(self, gap: MeasuredGap | None) -> list[Failure]:
        """Those that began after the gap had ended, or ended before it began."""
        begun, ended = (gap.begun_at, gap.ended_at) if gap else (None, None)
        if begun is None or ended is None:
            return list(self.failures)
        return [failure for failure in self.failures if failure.began > ended or failure.ended < begun]


class Traffic:
    """A plain consumer, which knows `current` only, and one with the dual-key login, in threads of their own."""

    def __init__(
        self, store: Store, credential: str, transport: Callable[[], Transport], now: Callable[[], datetime]
    ) -> None:
        """Each consumer gets a transport of its own from `transport`."""
        once = Waiting(patience=0, now=now)
        self.plain: Final = Consumer("plain", DualKeyLogin(_Current(store, credential), transport(), once), now)
        dual_key = from_store(store, credential, transport=transport(), waiting=Waiting(now=now))
        self.dual_key: Final = Consumer("dual_key", dual_key, now)
        self._stop: Final = Event()
        self._threads = [Thread(target=self._work, args=(each,), daemon=True) for each in (self.plain, self.dual_key)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self._let_work()
        return self

    def __exit__(self, *_: object) -> None:
        self._let_work()
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, consumer: Consumer) -> None:
        while not self._stop.wait(_PAUSE):
            consumer.log_in()

    def _let_work(self) -> None:
        """Until both have logged in a few times more."""
        goal = {each.name: each.logins + _ENOUGH for each in (self.plain, self.dual_key)}
        while any(thread.is_alive() for thread in self._threads) and not self._stop.wait(_PAUSE):
            if all(each.logins >= goal[each.name] for each in (self.plain, self.dual_key)):
                return


class _Current:
    """The current version alone, read anew when it is another."""

    def __init__(self, store: Store, credential: str) -> None:
        self._store: Final = store
        self._credential: Final = credential
        self._known: dict[Fingerprint, Version] = {}

    def __call__(self) -> Iterator[Version]:
        for stage, fingerprint in self._store.stages(self._credential):
            if stage is Stage.CURRENT:
                if fingerprint not in self._known:
                    self._known = {fingerprint: self._store.read(self._credential, fingerprint)}
                yield self._known[fingerprint]
