from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.machines.fleet import Role
from rotator.daemon.workers import STOP_TIMEOUT
from rotator.errors import HistoryUnavailable, Holder
from rotator.services.schedule.jobs import Job, JobKind
from tests.tiers import longer
from tests.unit.daemon.conftest import PATIENCE, ExitedError, Stage, World

if TYPE_CHECKING:
    from pathlib import Path

HOUR = timedelta(hours=1).total_seconds()

Script = Iterator[signal.Signals | None]


class Held:
    """Jobs that last until they are let go of."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._goes_on = threading.Event()

    def job(self, kind: JobKind, name: str) -> Job:
        def run() -> None:
            self.begun.append(name)
            assert self._goes_on.wait(PATIENCE)

        return Job(kind, name, run)

    def let_go(self) -> None:
        self._goes_on.set()


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    yield held
    held.let_go()


@longer
def test_what_is_due_is_begun_once_however_often_it_is_asked_for(stage: Stage, world: World, held: Held) -> None:
    world.due = lambda: [held.job(JobKind.INVENTORY, "production")]

    def script() -> Script:
        yield from stage.come(lambda: world.ticks > 3)
        assert held.begun == ["production"]
        held.let_go()
        yield from stage.come(lambda: len(held.begun) > 1)
        yield signal.SIGTERM
        yield from stage.ends()

    stage.plays(script)


@longer
def test_memory_is_given_back_once_the_jobs_of_a_round_have_ended(stage: Stage, world: World, held: Held) -> None:
    world.due = lambda: [held.job(JobKind.INVENTORY, "production")] if not held.begun else []

    def script() -> Script:
        yield from stage.come(lambda: held.begun)
        yield None
        assert not world.database.rest.called
        held.let_go()
        yield from stage.come(lambda: world.database.rest.called)
        for _ in range(5):
            yield None
        assert world.database.rest.call_count == 1, "nothing has run since"
        yield signal.SIGTERM
        yield from stage.ends()

    stage.plays(script)


def test_what_pages_show_is_prepared_once_the_history_is_open(stage: Stage, world: World) -> None:
    prepared: list[object] = []
    stage.service.pages.prepare = prepared.append

    def script() -> Script:
        yield from stage.come(lambda: world.ticks > 1)
        assert len(prepared) == 1
        yield signal.SIGTERM
        yield from stage.ends()

    stage.plays(script)


def test_a_scheduler_that_hangs_is_not_taken_for_alive(stage: Stage, world: World) -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    def hang() -> list[Job]:
        hangs.set()
        assert goes_on.wait(PATIENCE)
        return []

    def script() -> Script:
        yield from stage.come(lambda: world.ticks > 1)
        world.steady += 61
        yield from stage.come(lambda: stage.heard.count("WATCHDOG=1") == 1)
        world.due = hang
        yield from stage.come(hangs.is_set)
        for _ in range(10):
            world.steady += 61
            yield None
        assert stage.heard.count("WATCHDOG=1") == 1
        assert not stage.service.liveness().is_alive
        goes_on.set()
        yield from stage.come(lambda: stage.heard.count("WATCHDOG=1") == 2)
        yield signal.SIGTERM
        yield from stage.ends()

    stage.plays(script)


@longer
def test_a_job_that_hangs_is_told_once_and_feeds_no_watchdog(
    stage: Stage, world: World, held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    world.due = lambda: [held.job(JobKind.DELIVER, "crm-team")]

    def script() -> Script:
        yield from stage.come(lambda: held.begun)
        fed = stage.heard.count("WATCHDOG=1")
        world.steady += 2 * HOUR
        for _ in range(3):
            world.steady += 61
            yield from stage.come(lambda: stage.service.liveness().is_alive)
            yield None
        assert stage.heard.count("WATCHDOG=1") == fed, "the scheduler ticks, and the job still hangs"
        assert [each for each in caplog.messages if each.startswith("it hangs")] == ["it hangs: deliver crm-team"]
        held.let_go()
        yield from stage.come(lambda: stage.heard.count("WATCHDOG=1") > fed)
        yield signal.SIGTERM
        yield from stage.ends()

    stage.plays(script)


def test_a_history_that_is_away_is_waited_for(stage: Stage, world: World) -> None:
    def away() -> None:
        raise HistoryUnavailable("The history is away.", hint="Wait.")

    world.opens = away

    def script() -> Script:
        with pytest.raises(HistoryUnavailable):
            stage.service.pages.overview()
        yield from stage.come(lambda: stage.heard.count("STATUS=starting; the last tick failed: The history is away."))
        world.opens = lambda: None
        yield from stage.come(lambda: stage.heard.count("STATUS=working: orgs 1, credentials 1, channels 0"))
        stage.service.pages.overview()
        yield signal.SIGTERM
        yield from stage.ends()

    stage.plays(script)


def test_one_that_has_lost_its_lock_asks_rotations_to_end_and_takes_it_again_when_it_can(
    stage: Stage, world: World
) -> None:
    def script() -> Script:
        yield from stage.come(lambda: world.ticks)
        assert not world.stop_asked()
        world.other = Holder(7, "host-b", datetime(2026, 11, 23, 12, tzinfo=UTC))
        world.hold.held = False
        yield from stage.come(world.stop_asked)
        yield from stage.come(
            lambda: stage.heard.count("STATUS=standing by: process 7 on host-b, since 2026-11-23 12:00:00 UTC")
        )
        assert not stage.service.liveness().is_working
        before = world.ticks
        world.other = None
        yield from stage.come(lambda: world.ticks > before)
        assert world.taken == 2
        assert not world.stop_asked()
        yield signal.SIGTERM
        yield from stage.ends()

    stage.plays(script)


def test_asked_to_stop_it_waits_for_rotations_and_not_for_ever_for_the_rest(
    stage: Stage, world: World, held: Held
) -> None:
    inventories = Held()
    world.due = lambda: [held.job(JobKind.ROTATE, "billing"), inventories.job(JobKind.INVENTORY, "production")]

    def script() -> Script:
        yield from stage.come(lambda: held.begun and inventories.begun)
        yield signal.SIGTERM
        ticks = world.ticks
        assert world.stop_asked()
        assert stage.heard.count("STOPPING=1") == 1
        world.steady += 3 * STOP_TIMEOUT.total_seconds()
        yield from stage.come(lambda: stage.service.liveness().is_alive)
        assert stage.heard.count("EXTEND_TIMEOUT_USEC"), "a rotation is finished, however long it takes"
        held.let_go()
        yield from stage.come(lambda: world.ticks > ticks)

    with pytest.raises(ExitedError, match="well"):
        stage.plays(script)
    inventories.let_go()


@longer
def test_asked_to_stop_it_lets_other_jobs_end_for_a_while(stage: Stage, world: World, held: Held) -> None:
    world.due = lambda: [held.job(JobKind.INVENTORY, "production")]

    def script() -> Script:
        yield from stage.come(lambda: held.begun)
        yield signal.SIGINT
        for _ in range(3):
            world.steady += STOP_TIMEOUT.total_seconds() / 4
            yield None
        held.let_go()
        yield from stage.ends()

    stage.plays(script)
    assert not stage.heard.count("EXTEND_TIMEOUT_USEC")


def test_asked_twice_it_ends_at_once_and_says_what_goes_on_with_the_next_start(
    stage: Stage, world: World, held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    world.due = lambda: [held.job(JobKind.ROTATE, "billing")]

    def script() -> Script:
        yield from stage.come(lambda: held.begun)
        yield signal.SIGINT
        yield signal.SIGTERM

    stage.service._rotations.follow(stage.service._settings, "billing")
    with pytest.raises(ExitedError, match="interrupted"):
        stage.plays(script)
    [told] = (each for each in caplog.records if each.message.startswith("stopped at once"))
    assert told.message == "stopped at once: the rotation of billing ends where nothing is half done"
    assert "`rotate finish`" in vars(told)["hint"]


@longer
def test_a_configuration_that_is_read_again_counts_from_the_next_tick(
    stage: Stage, world: World, held: Held, config: Path
) -> None:
    world.due = lambda: [held.job(JobKind.ROTATE, "billing")]

    def script() -> Script:
        yield from stage.come(lambda: held.begun)
        config.write_text(config.read_text().replace("apps: [Billing]", "apps: [Other]"))
        yield signal.SIGHUP
        yield from stage.come(lambda: len(world.daemon_runs) > 1)
        assert world.daemon_runs[-1].credentials["billing"].apps == ("Other",)
        assert held.begun == ["billing"], "what runs ends as it began"
        assert world.taken == 1
        held.let_go()
        yield signal.SIGTERM
        yield from stage.ends()

    stage.plays(script)


def test_a_wrong_configuration_is_refused_told_and_solved_by_the_next_right_one(
    stage: Stage, world: World, config: Path
) -> None:
    right = config.read_text()

    def script() -> Script:
        yield from stage.come(lambda: world.alerting.solved.called)
        config.write_text(right + "http: {token: {env: NO_SUCH_VARIABLE}}\n")
        yield signal.SIGHUP
        assert stage.heard.count("config.yaml is wrong, the one before it is in force") == 1
        assert stage.heard.told[-2] == "READY=1"
        yield from stage.come(lambda: world.alerting.problem.called)
        (told, _), _ = world.alerting.problem.call_args
        assert told.key == "configuration"
        assert "NO_SUCH_VARIABLE" in told.text
        assert len(world.daemon_runs) == 1
        world.alerting.solved.reset_mock()
        config.write_text(right)
        yield signal.SIGHUP
        yield from stage.come(lambda: world.alerting.solved.called)
        assert world.alerting.problem.call_count == 1
        assert "config.yaml is wrong" not in stage.heard.told[-1]
        yield signal.SIGTERM
        yield from stage.ends()

    stage.plays(script)


def test_of_several_machines_each_tells_of_its_own_configuration_also_who_never_leads(
    stage: Stage, world: World, config: Path
) -> None:
    stage.service._dispatcher.role = Role.WORKER
    right, mine = config.read_text(), f"configuration:{socket.gethostname()}"

    def script() -> Script:
        yield from stage.come(lambda: world.alerting.solved.called)
        config.write_text(right + "http: {token: {env: NO_SUCH_VARIABLE}}\n")
        yield signal.SIGHUP
        yield from stage.come(lambda: world.alerting.problem.called)
        (told, _), _ = world.alerting.problem.call_args
        assert (told.key, told.facts) == (mine, {"Machine": socket.gethostname()})
        world.alerting.solved.reset_mock()
        config.write_text(right)
        yield signal.SIGHUP
        yield from stage.come(lambda: world.alerting.solved.called)
        assert world.alerting.solved.call_args.args[0] == mine
        assert (world.taken, world.ticks) == (0, 0), "it does not lead, and asks for nothing"
        yield signal.SIGTERM
        yield from stage.ends()

    stage.plays(script)


def test_what_counts_from_the_next_start_only_is_said(stage: Stage, config: Path) -> None:
    def script() -> Script:
        config.write_text(config.read_text() + "http: {port: 1}\n")
        yield signal.SIGHUP
        assert "http in config.yaml counts from the next start" in stage.heard.told[-1]
        yield signal.SIGTERM
        yield from stage.ends()

    stage.plays(script)
