"""Who holds many connections to the pages ends no rotation badly, shuts out no consumer, and fills no log.

How much longer a rotation and its consumers take under attack is bounded by seconds, not by nothing.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

import pytest
import requests
import yaml

from rotator.simulator.wire.faults import Effect, Kind
from tests.end_to_end.daemons import Daemon, configured, running
from tests.end_to_end.flood import SILENT, Flood, is_healthy
from tests.end_to_end.places import DEADLINE, about, hosted_place
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.end_to_end.places import Place

OPEN_FILES: Final = (256, 1024)
"""What a process may have open, and may raise that to: less than there are attackers."""

FEW_FILES: Final = (256, 256)
FEW_SILENT: Final = 200
"""As many attackers in all as twice the files that a process may have open then."""

SECONDS_OF_UPLOAD: Final = 2.0
"""So long an upload that has taken effect is not answered: the attack begins meanwhile."""

LARGEST_DIFFERENCE: Final = 10.0
"""Seconds by which two gaps on a busy machine may differ. Without limits the gap lasts as long as the attack."""

LARGEST_LOG: Final = 100_000
"""Bytes. Without limits it grows by two million a second."""


@pytest.fixture
def place(tmp_path: Path, migrated_file: Path) -> Iterator[Place]:
    with hosted_place(tmp_path / "place", migrated_file) as place:
        yield place


class Consumer:
    """Logs in again and again with what is current, and knows for how long it was refused at a stretch."""

    def __init__(self, place: Place, credential: str) -> None:
        self._place: Final = place
        self._credential: Final = credential
        self._stopped: Final = Event()
        self._thread: Final = Thread(target=self._consume, name="consumer", daemon=True)
        self.longest_refusal = 0.0
        self.logins = 0

    def __enter__(self) -> Consumer:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        self._thread.join(DEADLINE)

    def _consume(self) -> None:
        accepted_at = time.monotonic()
        while not self._stopped.wait(0.5):
            if self._place.logs_in(self._place.current(self._credential)):
                self.longest_refusal = max(self.longest_refusal, time.monotonic() - accepted_at)
                accepted_at = time.monotonic()
                self.logins += 1


@dataclass(frozen=True)
class Rotated:
    """A rotation in place, as its service and its consumer saw it."""

    gap: float
    refusal: float
    log: int


def rotated(place: Place, *, silent: int = 0, open_files: tuple[int, int] = OPEN_FILES) -> Rotated:
    """A rotation by a service whose pages so many attack who say nothing, from the upload to the end; or nobody."""
    attacked = silent > 0
    settings = yaml.safe_load((place.folder / "config.yaml").read_text())
    config = configured(
        place,
        "attacked" if attacked else "calm",
        rotation=settings["rotation"],
        credentials={"billing": settings["credentials"]["billing"]},
        daemon={"tick": "1s", "jitter": "0s", "inventory_every": "3s", "first_rotations_after": "0s"},
    )
    uploaded = place.hold(about(Kind.SOAP_UPDATE, "Billing")(place), Effect.SLOW, SECONDS_OF_UPLOAD)
    with running(config, open_files=open_files) as daemon, Consumer(place, "billing") as consumer, ExitStack() as stack:
        url = daemon.logs("pages are served")["url"]
        assert uploaded.wait(DEADLINE)
        if attacked:
            flood = stack.enter_context(Flood(url, silent=silent))
            for _ in range(3):
                assert is_healthy(url)
        end = daemon.logs("the run ended")
        looks = times(daemon, "inventory ended")
        daemon.comes(lambda: times(daemon, "inventory ended") > looks + 1)
        if attacked:
            assert is_healthy(url)
            # Their time is over long before, unless they had to go for others.
            assert flood.half_sent_are_gone.wait(DEADLINE)
            assert is_healthy(url)
        logins = consumer.logins
        daemon.comes(lambda: consumer.logins > logins)
        stack.close()
        daemon.comes(lambda: requests.get(url, timeout=DEADLINE).status_code == 200)
        assert daemon.asked_to_stop() == 0
    assert [event for event in daemon.events if event.get("level") == "error" or "failed" in event["event"]] == []
    assert (end["event"], place.outcomes("billing")) == ("the run ended: rotated", ["rotated"])
    return Rotated(end["gap_seconds"], consumer.longest_refusal, size_of(daemon))


def times(daemon: Daemon, event: str) -> int:
    """How often it has logged it."""
    return sum(each["event"] == event for each in list(daemon.events))


def size_of(daemon: Daemon) -> int:
    """The bytes of its log."""
    return sum(len(json.dumps(event)) for event in daemon.events)


@thorough
def test_a_rotation_under_way_ends_well_its_consumer_logs_in_and_the_log_stays_small(place: Place) -> None:
    assert rotated(place, silent=FEW_SILENT, open_files=FEW_FILES).log < LARGEST_LOG


@thorough
def test_consumers_are_refused_for_ten_seconds_longer_at_the_most(tmp_path: Path) -> None:
    with hosted_place(tmp_path / "calm") as place:
        calm = rotated(place)
    with hosted_place(tmp_path / "attacked") as place:
        attacked = rotated(place, silent=SILENT)
    assert attacked.gap < calm.gap + LARGEST_DIFFERENCE, (calm, attacked)
    assert attacked.refusal < calm.refusal + LARGEST_DIFFERENCE, (calm, attacked)
    assert attacked.log < LARGEST_LOG, (calm, attacked)


# They are the same pages with the same limits as in the service.
@thorough
def test_pages_in_a_process_of_their_own_are_answered_again_and_healthz_all_the_time(place: Place) -> None:
    config = configured(place, "pages", credentials={}, http={"port": 0, "process": "own"})
    with running(config, command="pages", open_files=OPEN_FILES) as pages:
        url = pages.logs("pages are served")["url"]
        with Flood(url) as flood:
            assert is_healthy(url)
            assert flood.half_sent_are_gone.wait(DEADLINE)
            assert is_healthy(url)
        pages.comes(lambda: requests.get(url, timeout=DEADLINE).ok)
        assert pages.asked_to_stop() == 0
    assert size_of(pages) < LARGEST_LOG
