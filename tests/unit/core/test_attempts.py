"""Attempts: failures are repeated ever more slowly, successes forget them, and no clock can hold anything up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rotator.core.attempts import AttemptBackOff, AttemptRecord
from rotator.core.thresholds import CLOCKS_APART

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEW = AttemptRecord("look", "production")
BACK_OFF = AttemptBackOff(first=timedelta(minutes=5), ceiling=timedelta(hours=6), attention_after=5)

jitters = st.floats(0, 1)


def failed(attempt: AttemptRecord, times: int, *, lasting: bool = False, now: datetime = NOW) -> AttemptRecord:
    for _ in range(times):
        attempt = attempt.failed(now, BACK_OFF, problem="no", lasting=lasting)
    return attempt


def test_what_was_never_tried_is_due() -> None:
    assert NEW.is_due(NOW, HOUR)


def test_after_a_success_it_is_due_again_when_its_time_has_gone_by() -> None:
    good = NEW.succeeded(NOW)
    assert not good.is_due(NOW + HOUR - timedelta(seconds=1), HOUR)
    assert good.is_due(NOW + HOUR, HOUR)
    assert good.last_good_at == NOW


def test_pauses_double_up_to_the_ceiling() -> None:
    pauses = [BACK_OFF.pause(failures) for failures in range(10)]
    assert pauses[:4] == [timedelta(0), timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=20)]
    assert pauses[-2:] == [timedelta(hours=6)] * 2


def test_after_a_failure_it_is_left_alone_and_the_last_good_time_is_kept() -> None:
    bad = failed(NEW.succeeded(NOW), 2, now=NOW + HOUR)
    assert bad.last_good_at == NOW
    assert not bad.is_due(NOW + HOUR + timedelta(minutes=9), every=timedelta(0))
    assert bad.is_due(NOW + HOUR + timedelta(minutes=10), every=timedelta(days=1))


def test_a_record_of_a_failure_says_all_that_is_known_of_it() -> None:
    bare = NEW.failed(NOW, BACK_OFF, problem="no")
    assert bare == AttemptRecord(
        "look", "production", last_at=NOW, failures=1, next_at=NOW + BACK_OFF.first, problem="no"
    )
    told = bare.failed(NOW, BACK_OFF, problem="still no", hint="Look.", lasting=True, jitter=1, circumstances="as ever")
    assert told == AttemptRecord(
        "look",
        "production",
        last_at=NOW,
        failures=2,
        lasting=1,
        next_at=NOW + BACK_OFF.first * 2 * 0.75,
        problem="still no",
        hint="Look.",
        circumstances="as ever",
    )


def test_of_a_run_that_has_begun_the_record_says_so_until_it_has_ended() -> None:
    begun = NEW.succeeded(NOW).begun(NOW + HOUR, BACK_OFF)
    assert (begun.is_begun, begun.failures, begun.last_good_at) == (True, 1, NOW)
    assert begun.problem == "A run was begun, and has not ended or was interrupted."
    assert not begun.failed(NOW + 2 * HOUR, BACK_OFF, problem="no").is_begun
    assert not begun.succeeded(NOW + 2 * HOUR).is_begun


def test_what_was_tried_this_very_moment_waits() -> None:
    assert not NEW.succeeded(NOW).is_due(NOW, HOUR)


def test_a_success_forgets_every_failure() -> None:
    good = failed(NEW, 7, lasting=True).succeeded(NOW)
    assert good == AttemptRecord("look", "production", last_at=NOW, last_good_at=NOW)


def test_what_time_does_not_mend_needs_attention_after_so_many_failures() -> None:
    assert not failed(NEW, 4, lasting=True).needs_attention
    assert failed(NEW, 5, lasting=True).needs_attention


def test_what_is_only_away_never_needs_attention() -> None:
    assert not failed(NEW, 50).needs_attention
    assert not failed(failed(failed(NEW, 4, lasting=True), 1), 4, lasting=True).needs_attention


def test_the_time_that_the_other_side_asks_for_is_waited_for() -> None:
    asked = NEW.failed(NOW, BACK_OFF, problem="429", not_before=NOW + HOUR)
    assert asked.next_at == NOW + HOUR
    assert NEW.failed(NOW, BACK_OFF, problem="429", not_before=NOW).next_at == NOW + BACK_OFF.first


@given(failures=st.integers(1, 10_000), jitter=jitters)
def test_no_pause_is_longer_than_the_ceiling_or_shorter_than_its_spread_allows(failures: int, jitter: float) -> None:
    bad = AttemptRecord("look", "x", failures=failures - 1).failed(NOW, BACK_OFF, problem="no", jitter=jitter)
    assert bad.next_at is not None
    assert BACK_OFF.first * 0.75 <= bad.next_at - NOW <= BACK_OFF.ceiling


@given(
    first=st.timedeltas(timedelta(seconds=1), timedelta(days=36500)),
    failures=st.integers(0, 10_000),
)
def test_no_setting_makes_a_pause_overflow(first: timedelta, failures: int) -> None:
    assert AttemptBackOff(first=first, ceiling=first * 2).pause(failures) <= first * 2


@given(back=st.timedeltas(CLOCKS_APART + timedelta(microseconds=1), timedelta(days=4000)), failures=st.integers(0, 6))
def test_a_clock_that_was_set_back_holds_nothing_up(back: timedelta, failures: int) -> None:
    assert failed(NEW.succeeded(NOW), failures).is_due(NOW - back, every=timedelta(days=1))


@given(ahead=st.timedeltas(timedelta(0), CLOCKS_APART), passed=st.timedeltas(timedelta(0), HOUR))
def test_what_a_machine_has_tried_whose_clock_is_ahead_was_tried(ahead: timedelta, passed: timedelta) -> None:
    """It is due by the clock of whoever asks, and never once more at once."""
    good = NEW.succeeded(NOW + ahead)
    assert good.is_due(NOW + passed, every=HOUR) == (passed - ahead >= HOUR)
    assert good.is_due(NOW, every=timedelta(0))
    assert failed(NEW, 1, now=NOW + ahead).is_due(NOW + passed) == (passed >= ahead + BACK_OFF.first)
