"""A service of which there are several: who leads says what is due, and what runs does not end with the lead."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from rotator.application import Application
from rotator.config.loading import load
from rotator.core.machines.fleet import Role
from rotator.daemon.service import Service
from rotator.errors import Holder
from rotator.services.schedule.jobs import Job, JobKind
from tests.tiers import longer
from tests.unit.daemon.conftest import Heard, Stage, World, exit_at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Script = Iterator[signal.Signals | None]


class Shared:
    """A dispatcher that keeps what it is handed."""

    takes_jobs = True

    def __init__(self, role: Role) -> None:
        self.role: Role | None = role
        self.handed: list[Job] = []
        self.told: list[Any] = []

    def start(self, surroundings: object) -> None:
        self.told.append(surroundings)

    def dispatch(self, due: Callable[[], Sequence[Job]]) -> None:
        self.handed += due()

    def change(self, slots: object) -> None:
        self.told.append(slots)

    def stop(self) -> None:
        self.told.append("stop")

    def close(self, timeout: timedelta) -> None:
        assert timeout > timedelta(0)
        self.told.append("close")


@pytest.fixture
def shared(request: pytest.FixtureRequest) -> Shared:
    return Shared(getattr(request, "param", Role.BOTH))


@pytest.fixture
def many(world: World, config: Path, shared: Shared) -> Iterator[Stage]:
    settings = load(config)
    fast = settings.model_copy(
        update={"daemon": settings.daemon.model_copy(update={"tick": timedelta(milliseconds=20)})}
    )
    heard = Heard()
    with Application(fast, environ={}, config=config, now=lambda: datetime.now(UTC)) as app:
        service = Service(
            app,
            heard,
            monotonic=lambda: world.steady,
            random=lambda: 0.5,
            exit_at_once=exit_at_once,
            at_once={JobKind.ROTATE: 7},
            share=lambda _threads: shared,
        )
        threads = set(threading.enumerate())
        yield Stage(service, world, heard)
        service._scheduler.stop()
        for thread in set(threading.enumerate()) - threads:
            thread.join(60)


def job(name: str) -> Job:
    return Job(JobKind.INVENTORY, name, Mock())


def test_who_leads_hands_over_what_is_due(many: Stage, world: World, shared: Shared) -> None:
    world.due = lambda: [job("production")]

    def script() -> Script:
        yield from many.come(lambda: shared.handed)
        assert many.service.leads()
        assert many.heard.count("STATUS=leads and carries out jobs: orgs 1")
        yield signal.SIGTERM
        yield from many.ends()

    many.plays(script)
    assert shared.told[0] is many.service
    assert shared.told[-2:] == ["stop", "close"]


def test_what_runs_does_not_end_with_the_lead(many: Stage, world: World) -> None:
    def script() -> Script:
        yield from many.come(lambda: world.taken)
        assert not world.stop_asked()
        world.other = Holder(7, "host-b", datetime(2026, 11, 23, 12, tzinfo=UTC))
        world.hold.held = False
        yield from many.come(lambda: many.heard.count("led by process 7 on host-b"))
        assert not many.service.leads()
        assert not world.stop_asked()
        yield signal.SIGTERM
        assert world.stop_asked()
        yield from many.ends()

    many.plays(script)


@pytest.mark.parametrize("shared", [Role.WORKER], indirect=True)
def test_a_worker_never_leads(many: Stage, world: World, shared: Shared) -> None:
    def script() -> Script:
        yield from many.come(lambda: many.heard.count("STATUS=carries out jobs: orgs 1"))
        ticked = many.service.liveness().ticked_at
        yield from many.come(lambda: many.service.liveness().ticked_at != ticked)
        yield signal.SIGTERM
        yield from many.ends()

    many.plays(script)
    assert world.taken == world.ticks == 0
    assert shared.handed == []


@longer
def test_who_stops_leaves_the_lead_to_others_while_a_rotation_is_waited_for(many: Stage) -> None:
    goes_on, begun = threading.Event(), threading.Event()

    def rotate() -> None:
        begun.set()
        assert goes_on.wait(60)

    def script() -> Script:
        yield from many.come(many.service.leads)
        many.service._workers.begin(Job(JobKind.ROTATE, "billing", rotate))
        yield from many.come(begun.is_set)
        yield signal.SIGTERM
        yield from many.come(lambda: not many.service.leads())
        goes_on.set()
        yield from many.ends()

    many.plays(script)


def test_jobs_are_those_of_the_configuration_in_force_and_none_while_it_stops(
    many: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    assert many.service.job(JobKind.INVENTORY, "production") is None, "nothing was opened yet"

    def script() -> Script:
        yield from many.come(many.service.leads)
        assert many.service.job(JobKind.INVENTORY, "production")
        assert not caplog.records
        assert many.service._daemon_run
        asked: Mock = many.service._daemon_run.cycle.job  # type: ignore[assignment]
        asked.assert_called_once_with(JobKind.INVENTORY, "production")
        asked.return_value = None
        assert many.service.job(JobKind.INVENTORY, "elsewhere") is None
        (record,) = caplog.records
        assert record.message == "asked for what this configuration does not have"
        told: dict[str, Any] = vars(record)
        assert told["job"] == "inventory elsewhere"
        assert "the same config.yaml" in told["hint"]
        yield signal.SIGTERM
        assert many.service.job(JobKind.INVENTORY, "production") is None
        yield from many.ends()

    many.plays(script)


def test_a_configuration_that_is_read_again_changes_what_is_done_at_once_but_for_what_was_said_at_the_start(
    many: Stage, shared: Shared, config: Path
) -> None:
    def script() -> Script:
        yield from many.come(many.service.leads)
        config.write_text(config.read_text().replace("tick: 1s", "tick: 1s, orgs_at_once: 9, rotations_at_once: 9"))
        yield signal.SIGHUP
        slots = shared.told[-1]
        assert (slots[JobKind.INVENTORY], slots[JobKind.ROTATE]) == (9, 7)
        yield signal.SIGTERM
        yield from many.ends()

    many.plays(script)
