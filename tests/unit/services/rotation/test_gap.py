"""A gap opens when current's slot is taken for another key, and closes when a key is proven again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import Action, ActionKind
from rotator.core.decision.observations import Observation
from rotator.core.observed import KnownVersion, ObservedApp
from rotator.errors import StoreUnavailable
from rotator.history.journal.journal import Journal
from rotator.services.rotation.clock import RunClock
from rotator.services.rotation.gap import Gap, GapEvent, OpenGap, found_open, refused_since
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

OLD, NEW = Fingerprint("old"), Fingerprint("new")
HOUR = timedelta(hours=1)


class Clock:
    """A machine's clocks."""

    def __init__(self, counted_from: str = "") -> None:
        self.wall, self.counted, self.counted_from = MOMENT, 0.0, counted_from

    def now(self) -> datetime:
        return self.wall

    def passes(self, seconds: float) -> None:
        """Time goes by."""
        self.wall += timedelta(seconds=seconds)
        self.counted += seconds

    def of_run(self) -> RunClock:
        """As a run that begins now has it."""
        return RunClock(self.now, lambda: self.counted, self.counted_from)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def seen(live: Fingerprint = OLD, key: str = "new key") -> Observation:
    """One app; a pending version over this key."""
    far = MOMENT + timedelta(days=300)
    return Observation(
        {"Billing": ObservedApp("Billing", live=live), "Other": ObservedApp("Other")},
        current=KnownVersion(OLD, "Billing", "old key", far),
        pending=KnownVersion(NEW, "Billing", key, far),
    )


def upload(app: str = "Billing", kind: ActionKind = ActionKind.UPLOAD) -> Action:
    return Action(kind, "", version=NEW, app=app)


def test_it_lasts_from_the_upload_until_a_key_holds(clock: Clock) -> None:
    gap = Gap(clock.of_run())
    assert gap.before(upload(), seen())
    clock.passes(40)
    assert (gap.is_open, gap.measured().length) == (True, timedelta(seconds=40))
    assert gap.close()
    clock.passes(86_400)
    assert not gap.close()
    measured = gap.measured()
    assert (measured.is_open, measured.length, measured.ended_at) == (
        False,
        timedelta(seconds=40),
        MOMENT + timedelta(seconds=40),
    )


@pytest.mark.parametrize(
    ("action", "observed"),
    [
        (upload(app="Other"), seen()),
        (upload(), seen(key="old key")),
        (upload(), seen(live=NEW)),
        (upload(kind=ActionKind.RESTORE), seen()),
    ],
    ids=["the other app", "the same key", "the slot is lost already", "the way back"],
)
def test_what_takes_no_key_from_consumers_opens_none(clock: Clock, action: Action, observed: Observation) -> None:
    gap = Gap(clock.of_run())
    assert not gap.before(action, observed)
    gap.close()
    assert gap.measured().length == timedelta(0)


def test_it_is_withdrawn_only_while_nobody_has_seen_the_slot_taken(clock: Clock) -> None:
    gap = Gap(clock.of_run(), OpenGap(MOMENT))
    assert gap.confirm()
    assert not gap.confirm(), "that is no news"
    assert not gap.withdraw()
    assert gap.is_open
    unseen = Gap(clock.of_run(), OpenGap(MOMENT))
    assert unseen.withdraw()
    assert not unseen.measured().begun_at
    known = Gap(clock.of_run(), OpenGap(MOMENT, is_certain=True))
    assert not known.withdraw(), "an earlier run has seen it"


def test_an_upload_that_did_nothing_is_no_gap_also_after_one_that_was(clock: Clock) -> None:
    gap = Gap(clock.of_run())
    gap.before(upload(), seen())
    gap.confirm()
    clock.passes(10)
    gap.close()
    gap.before(upload(), seen())
    clock.passes(5)
    assert gap.withdraw()
    assert gap.measured().length == timedelta(seconds=10)


@pytest.mark.parametrize("is_certain", [False, True])
def test_a_store_that_has_lost_current_says_nothing_of_it(clock: Clock, *, is_certain: bool) -> None:
    gap = Gap(clock.of_run(), OpenGap(MOMENT, is_certain=is_certain))
    lost = replace(seen(), current=None, pending=None)
    assert gap.judge(lost, is_met=False, current_holds=False) is None
    assert (gap.is_open, gap.is_certain, gap.measured().begun_at) == (True, is_certain, MOMENT)


def test_a_second_upload_does_not_begin_it_anew(clock: Clock) -> None:
    gap = Gap(clock.of_run(), OpenGap(MOMENT))
    clock.passes(10)
    assert not gap.before(upload(), seen())
    assert gap.measured().begun_at == MOMENT


def test_a_gap_that_follows_one_that_has_ended_is_open(clock: Clock) -> None:
    gap = Gap(clock.of_run())
    gap.before(upload(), seen())
    gap.close()
    clock.passes(60)
    gap.before(upload(), seen())
    assert gap.measured().is_open
    assert not gap.measured().is_uncertain


def test_what_an_observation_says_of_it_is_news_once(clock: Clock) -> None:
    gap = Gap(clock.of_run())
    gap.before(upload(), seen())
    taken = replace(seen(live=NEW), pending=None, previous=None)
    assert not taken.is_settled
    assert gap.judge(taken, is_met=False, current_holds=False) is GapEvent.CONFIRMED
    assert gap.judge(taken, is_met=False, current_holds=False) is None
    back = replace(seen(), pending=None)
    assert gap.judge(back, is_met=False, current_holds=False) is None
    assert gap.is_open, "that its certificate is back is no proof"
    assert gap.judge(back, is_met=False, current_holds=True) is GapEvent.ENDED
    assert gap.judge(back, is_met=False, current_holds=True) is None
    unseen = Gap(clock.of_run())
    unseen.before(upload(), seen())
    assert unseen.judge(back, is_met=False, current_holds=False) is GapEvent.WITHDRAWN


def test_a_gap_that_the_history_knows_goes_on_by_the_clock_that_nobody_sets(database: Database) -> None:
    journal = Journal(database)
    assert found_open(journal, "billing") is None
    journal.record("upload_begins", now=MOMENT, credential="billing", opens_gap=True, counter="12.0 a start")
    assert found_open(journal, "billing") == OpenGap(MOMENT, is_certain=False, counter="12.0 a start")
    journal.record("upload", now=MOMENT, credential="billing", app="Billing", version="new")
    assert found_open(journal, "billing") == OpenGap(MOMENT, is_certain=True, counter="12.0 a start")

    def holding(current: str) -> Any:
        return SimpleNamespace(stages=lambda _: SimpleNamespace(current=current))

    def away() -> Any:
        raise StoreUnavailable("away")

    assert refused_since(journal, lambda: holding("old"), "billing") == MOMENT
    assert refused_since(journal, lambda: holding("new"), "billing") is None, "it was promoted"
    assert refused_since(journal, away, "billing") == MOMENT


def test_two_gaps_of_a_run_are_one_sum(clock: Clock) -> None:
    gap = Gap(clock.of_run())
    for _ in range(2):
        gap.before(upload(), seen())
        clock.passes(10)
        gap.close()
        clock.passes(60)
    assert gap.measured().length == timedelta(seconds=20)


def test_a_gap_that_an_earlier_run_has_ended_by_its_promotion_ended_then(clock: Clock) -> None:
    clock.passes(3600)
    gap = Gap(clock.of_run(), OpenGap(MOMENT))
    promoted = replace(seen(), promoted_at=MOMENT + timedelta(seconds=50))
    assert gap.judge(promoted, is_met=True, current_holds=False) is None
    assert (gap.measured().length, gap.measured().is_uncertain) == (timedelta(seconds=50), False)


def test_a_promotion_that_nobody_wrote_down_leaves_a_guess_that_says_so(clock: Clock) -> None:
    clock.passes(3600)
    gap = Gap(clock.of_run(), OpenGap(MOMENT, is_end_unwritten=True))
    gap.judge(replace(seen(), promoted_at=clock.wall), is_met=True, current_holds=False)
    assert (gap.measured().length, gap.measured().is_uncertain) == (HOUR, True)


def test_an_older_promotion_ends_no_gap_that_began_after_it(clock: Clock) -> None:
    clock.passes(20)
    gap = Gap(clock.of_run(), OpenGap(MOMENT))
    gap.judge(replace(seen(), promoted_at=MOMENT - HOUR), is_met=True, current_holds=False)
    assert gap.measured().length == timedelta(seconds=20)


@given(by=st.integers(-7200, 7200), before=st.integers(0, 600), after=st.integers(0, 600))
def test_a_clock_that_is_set_between_two_runs_since_one_start_of_the_machine_changes_no_length(
    by: int, before: int, after: int
) -> None:
    clock = Clock("a start")
    counter = clock.of_run().counter
    clock.passes(before)
    clock.wall += timedelta(seconds=by)
    gap = Gap(clock.of_run(), OpenGap(MOMENT, counter=counter))
    clock.passes(after)
    gap.close()
    measured = gap.measured()
    assert (measured.length, measured.is_uncertain) == (timedelta(seconds=before + after), False)
    assert measured.begun_at
    assert measured.ended_at
    drift = timedelta(seconds=5)
    assert abs(measured.ended_at - measured.begun_at - measured.length) <= drift, "as the clock is set now"


@pytest.mark.parametrize("counter", ["", "12.0 another start", "12.0 "])
def test_what_another_machine_has_counted_tells_nothing(clock: Clock, counter: str) -> None:
    clock.passes(40)
    gap = Gap(clock.of_run(), OpenGap(MOMENT, counter=counter))
    assert gap.measured().length == timedelta(seconds=40)


@given(by=st.integers(-7200, 7200), before=st.integers(0, 600), after=st.integers(0, 600))
def test_a_clock_that_is_set_during_a_run_changes_no_length(by: int, before: int, after: int) -> None:
    clock = Clock()
    gap = Gap(clock.of_run())
    gap.before(upload(), seen())
    clock.passes(before)
    clock.wall += timedelta(seconds=by)
    clock.passes(after)
    gap.close()
    assert gap.measured().length == timedelta(seconds=before + after)


@pytest.mark.parametrize("by", [-HOUR, HOUR])
def test_over_two_runs_a_clock_that_was_set_leaves_a_guess_that_says_so(clock: Clock, by: timedelta) -> None:
    clock.passes(30)
    run = clock.of_run()
    gap = Gap(run, OpenGap(MOMENT, is_certain=True))
    clock.wall += by
    run.now()
    gap.close()
    measured = gap.measured()
    assert measured.length >= timedelta(0)
    assert measured.is_uncertain
