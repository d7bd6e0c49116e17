"""systemd's watchdog is fed while the service makes progress, and by no job that hangs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest

from rotator.config.settings import CredentialSettings, Settings
from rotator.core.decision.policies import Verification
from rotator.daemon.systemd import Notifier
from rotator.daemon.watchdog import Watchdog, time_limit
from rotator.daemon.workers import Running
from rotator.services.schedule.jobs import Job, JobKind

if TYPE_CHECKING:
    from rotator.daemon.workers import Workers

HOUR = 3600.0
SETTINGS = Settings.model_construct(credentials={})


class Fed(Notifier):
    """Counts the signs of life."""

    times = 0

    def alive(self) -> None:
        self.times += 1


@dataclass
class Stage:
    """A service whose machine has been up for long."""

    steady: float = 5000 * HOUR
    is_ticking: bool = True
    running: tuple[Running, ...] = ()
    notifier: Fed = field(default_factory=lambda: Fed(watchdog=timedelta(minutes=4)))

    def __post_init__(self) -> None:
        self.watchdog = Watchdog(
            self.notifier,
            cast("Workers", self),
            is_ticking=lambda: self.is_ticking,
            monotonic=lambda: self.steady,
        )

    def passes(self, seconds: float) -> tuple[bool, int]:
        """Whether it makes progress then, and how often the watchdog was fed until then."""
        self.steady += seconds
        return self.watchdog.check(SETTINGS), self.notifier.times


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_it_is_fed_four_times_as_often_as_is_demanded(stage: Stage) -> None:
    assert [stage.passes(seconds) for seconds in (59, 1, 59, 1)] == [(True, 0), (True, 1), (True, 1), (True, 2)]


def test_nothing_is_fed_while_the_scheduler_does_not_tick(stage: Stage) -> None:
    stage.is_ticking = False
    assert stage.passes(HOUR) == (False, 0)


def test_a_job_hangs_when_it_has_run_longer_than_one_may(stage: Stage) -> None:
    stage.running = (Running(Job(JobKind.HEARTBEAT, "", lambda: None), stage.steady),)
    limit = time_limit(JobKind.HEARTBEAT, SETTINGS).total_seconds()
    assert stage.passes(limit) == (True, 1)
    assert stage.passes(1) == (False, 1)
    stage.running = ()
    assert stage.passes(60) == (True, 2)


def test_a_rotation_has_the_time_that_two_keys_may_take_to_be_proven() -> None:
    """Four times: the new key for twice its time-out, then the old one again for as long."""
    slow, fast = (
        CredentialSettings.model_construct(verification=Verification(timeout=timedelta(minutes=each)))
        for each in (90, 15)
    )
    settings = Settings.model_construct(credentials={"fast": fast, "slow": slow})
    assert time_limit(JobKind.ROTATE, settings) == timedelta(hours=7)
    assert time_limit(JobKind.DELIVER, settings) == timedelta(hours=1)


def test_where_nothing_is_rotated_a_rotation_has_an_hour() -> None:
    assert time_limit(JobKind.ROTATE, SETTINGS) == timedelta(hours=1)


def test_of_each_job_that_hangs_the_log_says_once_since_when(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("office", "crm-team"):
        stage.running += (Running(Job(JobKind.DELIVER, name, lambda: None), stage.steady),)
        stage.passes(0.75 * HOUR)
    assert [each.getMessage() for each in caplog.records] == ["it hangs: deliver office"]
    stage.passes(HOUR)
    assert [each.getMessage() for each in caplog.records] == ["it hangs: deliver office", "it hangs: deliver crm-team"]
    assert [vars(each)["for_seconds"] for each in caplog.records] == [1.5 * HOUR, 1.75 * HOUR]
    assert {each.levelname for each in caplog.records} == {"ERROR"}
