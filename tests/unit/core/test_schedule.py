"""When a rotation may begin by schedule, what pauses and freezes make of it, and what they would let expire."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core import words
from rotator.core.attempts import AttemptRecord
from rotator.core.schedule import AT_ONCE, NOTICE, SPARE, Beginning, Danger, Mode, NextDue, Schedule, Standstill, Why
from rotator.core.windows import Cron, is_open, next_opening
from tests.unit.core.test_windows import MONDAY, cron, instants, local, nights, weekly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.core.windows import Window

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def pause(*, since: datetime = MONDAY - DAY, until: datetime | None = None) -> Standstill:
    return Standstill(why=Why.PAUSE, since=since, until=until, reason="audit", by="ana@crm")


def freeze(begins: float, ends: float) -> Standstill:
    """From so many days after MONDAY to so many."""
    return Standstill(why=Why.FREEZE, since=MONDAY + begins * DAY, until=MONDAY + ends * DAY, reason="year-end")


def of(*standstills: Standstill, windows: Sequence[Window] = (), mode: Mode = Mode.AUTOMATIC) -> Schedule:
    return Schedule(mode=mode, windows=windows, standstills=standstills, lasts=HOUR)


class TestWindows:
    def test_a_rotation_begins_at_once_in_one_and_else_with_the_next(self) -> None:
        schedule = of(windows=[nights()])
        inside, outside = local("2026-11-23T23:00"), local("2026-11-23T12:00")
        assert schedule.beginning(inside, expires_at=NEVER) == Beginning(inside)
        assert schedule.beginning(outside, expires_at=NEVER) == Beginning(local("2026-11-23T22:00"))

    def test_one_that_comes_too_late_is_overridden(self) -> None:
        saturdays, opens = of(windows=[nights(days=frozenset({5}))]), local("2026-11-28T22:00")
        just = opens + SPARE + HOUR
        assert saturdays.beginning(MONDAY, expires_at=just) == Beginning(opens)
        late = saturdays.beginning(MONDAY, expires_at=just - timedelta(seconds=1))
        assert late == Beginning(MONDAY, overrides=True)

    def test_what_begins_at_once_because_a_freeze_takes_its_window_is_held_up_by_nothing(self) -> None:
        opens = local("2026-11-28T22:00")
        saturdays = of(freeze(4, 8), windows=[nights(days=frozenset({5}))])
        assert saturdays.beginning(MONDAY, expires_at=opens + 3 * DAY) == Beginning(MONDAY, overrides=True)

    def test_one_that_never_opens_is_overridden(self) -> None:
        class Never:
            def opens_from(self, now: datetime) -> None: ...

        assert next_opening([Never()], MONDAY) is None
        assert of(windows=[Never()]).beginning(MONDAY, expires_at=MONDAY + 90 * DAY).overrides


class TestStandstills:
    def test_a_pause_holds_until_its_end(self) -> None:
        ends = MONDAY + 3 * DAY
        held = pause(until=ends)
        found = of(held).beginning(MONDAY, expires_at=NEVER)
        assert found == Beginning(ends, held_by=(held,))
        assert of(held).beginning(ends, expires_at=NEVER) == Beginning(ends)

    def test_a_pause_without_an_end_holds_until_a_person_ends_it(self) -> None:
        held = pause()
        assert of(held).beginning(MONDAY, expires_at=MONDAY) == Beginning(None, held_by=(held,))

    def test_one_after_the_other_and_one_over_the_other_hold_until_the_last_has_ended(self) -> None:
        both = of(freeze(-1, 2), freeze(2, 4), pause(until=MONDAY + 3 * DAY))
        assert both.beginning(MONDAY, expires_at=NEVER).at == MONDAY + 4 * DAY

    def test_the_one_that_ends_last_is_told_first(self) -> None:
        endless, frozen, short = pause(), freeze(-1, 4), pause(until=MONDAY + DAY)
        schedule = of(short, endless, frozen)
        assert schedule.in_force(MONDAY) == (endless, frozen, short)
        assert schedule.beginning(MONDAY, expires_at=NEVER).held_by == (endless, frozen, short)

    def test_one_that_is_over_before_a_window_opens_holds_nothing(self) -> None:
        schedule = of(freeze(0.1, 0.2), windows=[nights()])
        assert schedule.beginning(MONDAY, expires_at=NEVER) == Beginning(local("2026-11-23T22:00"))

    def test_a_window_that_opens_meanwhile_is_lost_and_the_next_one_counts(self) -> None:
        frozen = freeze(0.1, 3)
        found = of(frozen, windows=[nights()]).beginning(MONDAY, expires_at=NEVER)
        assert found == Beginning(local("2026-11-26T22:00"), held_by=(frozen,))

    def test_a_window_is_overridden_before_a_freeze_that_would_leave_no_other_in_time(self) -> None:
        saturdays = of(freeze(4, 20), windows=[nights(days=frozenset({5}))])
        assert saturdays.beginning(MONDAY, expires_at=MONDAY + 21 * DAY) == Beginning(MONDAY, overrides=True)

    def test_but_no_freeze_is(self) -> None:
        frozen = freeze(-1, 20)
        found = of(frozen, windows=[nights()]).beginning(MONDAY, expires_at=MONDAY + 2 * DAY)
        assert found == Beginning(MONDAY + 20 * DAY, overrides=True, held_by=(frozen,))

    def test_what_can_wait_begins_where_nothing_stands_still_and_a_window_is_open(self) -> None:
        night, day = local("2026-11-23T23:00"), local("2026-11-23T12:00")
        assert of().allows(day)
        assert not of(pause()).allows(day)
        assert of(windows=[nights()]).allows(night)
        assert not of(windows=[nights()]).allows(day)
        assert not of(pause(), windows=[nights()]).allows(night)

    def test_it_is_known_whether_anything_holds_up_what_comes(self) -> None:
        assert not of().is_held_up_from(MONDAY)
        assert of(freeze(20, 40)).is_held_up_from(MONDAY)
        assert of(freeze(-2, -1), pause()).is_held_up_from(MONDAY)
        assert not of(freeze(-2, -1)).is_held_up_from(MONDAY)

    @pytest.mark.parametrize(
        ("scope", "command"),
        [
            ("credential billing", "rotator resume billing"),
            ("credential night shift", "rotator resume night shift"),
            ("org production", "rotator resume --org production"),
            ("all", "rotator resume --all"),
        ],
    )
    def test_a_pause_names_the_command_that_ends_it(self, scope: str, command: str) -> None:
        assert replace(pause(), scope=scope).resumed_by == command

    def test_each_says_what_it_is_since_when_and_until_when(self) -> None:
        first = Standstill(why=Why.FIRST_START, since=MONDAY, until=MONDAY + DAY)
        told = [str(each) for each in (pause(), pause(until=MONDAY), freeze(0, 1), first)]
        monday, tuesday = words.moment(MONDAY), words.moment(MONDAY + DAY)
        assert told == [
            "paused by ana@crm until somebody resumes it: audit",
            f"paused by ana@crm until {monday}: audit",
            f"frozen from {monday} until {tuesday}: year-end",
            f"not begun before {tuesday}, as the service is new here",
        ]

    def test_what_is_left_for_after_the_grace_waits_as_well(self) -> None:
        due = NextDue(retires_at=MONDAY - DAY)
        assert due.is_due(of(), MONDAY)
        assert not due.is_due(of(pause()), MONDAY)
        assert not due.is_due(of(windows=[Cron("0 0 29 2 *", HOUR, ZoneInfo("UTC"))]), MONDAY)


class TestModeManual:
    def test_begins_nothing_and_ends_what_people_began(self) -> None:
        manual = of(mode=Mode.MANUAL)
        assert manual.beginning(MONDAY, expires_at=MONDAY + DAY) == Beginning(None, is_by_hand=True)
        assert not NextDue(expires_at=MONDAY + DAY, due_at=MONDAY).is_due(manual, MONDAY)
        assert NextDue(retires_at=MONDAY).is_due(manual, MONDAY)


class TestDanger:
    @pytest.mark.parametrize(
        ("schedule", "due", "expires", "last_chance", "told_from"),
        [
            (of(pause()), 30, 60, 59 - 1 / 24, 30),
            (of(pause(until=MONDAY + 60 * DAY)), 55, 60, 59 - 1 / 24, 52 - 1 / 24),
            (of(freeze(20, 40)), 25, 35, 20, 13),
            (of(freeze(20, 30), freeze(30, 40)), 25, 35, 20, 13),
            (of(freeze(20, 40), pause()), 15, 35, 20, 13),
            (of(freeze(-1, 40)), 15, 35, -1, -8),
        ],
        ids=["a pause", "a pause to the last", "a freeze", "two freezes", "a pause and a freeze", "a freeze that is"],
    )
    def test_is_told_when_it_is_due_and_in_time_before_a_freeze(
        self, schedule: Schedule, due: float, expires: float, last_chance: float, told_from: float
    ) -> None:
        found = danger(schedule, due, expires)
        assert found is not None
        second = timedelta(seconds=1)
        assert abs(found.last_chance - (MONDAY + last_chance * DAY)) < second
        assert abs(found.told_from - (MONDAY + told_from * DAY)) < second

    @pytest.mark.parametrize(
        ("schedule", "due", "expires"),
        [
            (of(), 0, 0.5),
            (of(pause(until=MONDAY + 10 * DAY)), 5, 35),
            (of(freeze(20, 40)), 15, 45),
            (of(freeze(20, 40)), 25, 45),
            (of(pause(), mode=Mode.MANUAL), 5, 35),
            (of(freeze(4, 20), windows=[nights(days=frozenset({5}))]), 0, 21),
            (of(pause()), 0, -2),
            (of(pause(until=MONDAY + 5 * DAY)), 0, 6 + 1 / 24),
            (of(pause(since=MONDAY)), 0, 0),
        ],
        ids=[
            "nothing",
            "a pause that ends",
            "before a freeze",
            "after it",
            "by hand",
            "a window overridden",
            "had expired",
            "at the last moment",
            "expired as it began",
        ],
    )
    def test_there_is_none_where_it_begins_in_time_or_by_hand(
        self, schedule: Schedule, due: float, expires: float
    ) -> None:
        assert danger(schedule, due, expires) is None


class TestWhatFailed:
    DUE = NextDue(expires_at=MONDAY + 30 * DAY, due_at=MONDAY - DAY)

    def failed(self, times: int) -> AttemptRecord:
        """To be tried again in an hour."""
        return AttemptRecord("rotate", "billing", last_at=MONDAY - HOUR, failures=times, next_at=MONDAY + HOUR)

    def test_is_tried_again_when_its_pause_is_over(self) -> None:
        assert self.DUE.is_due(of(), MONDAY)
        assert not self.DUE.is_due(of(), MONDAY, self.failed(1))
        assert self.DUE.is_due(of(), MONDAY + HOUR, self.failed(1))
        retires = NextDue(retires_at=MONDAY)
        assert retires.tried_at(of(), MONDAY, self.failed(1)) == MONDAY + HOUR

    def test_is_tried_without_one_a_few_times_while_it_is_half_done(self) -> None:
        half = NextDue(is_half_done=True)
        for times in range(5):
            expected = MONDAY if times < AT_ONCE else MONDAY + HOUR
            assert half.tried_at(of(pause()), MONDAY, self.failed(times)) == expected

    def test_whatever_comes_first_is_tried_first(self) -> None:
        both = NextDue(expires_at=MONDAY + 30 * DAY, due_at=MONDAY + 2 * DAY, retires_at=MONDAY + DAY)
        assert both.tried_at(of(), MONDAY) == MONDAY + DAY
        assert both.is_quiet(MONDAY)
        assert not both.is_quiet(MONDAY + DAY)
        assert NextDue().tried_at(of(), MONDAY) is None


def danger(schedule: Schedule, due: float, expires: float) -> Danger | None:
    begins = schedule.beginning(MONDAY + due * DAY, expires_at=MONDAY + expires * DAY)
    return schedule.danger(begins, MONDAY + due * DAY, expires_at=MONDAY + expires * DAY)


lengths = st.timedeltas(timedelta(minutes=1), timedelta(days=60))


@st.composite
def standstills(draw: st.DrawFn) -> Standstill:
    since = draw(instants)
    until = draw(st.one_of(st.none(), lengths.map(lambda length: since + length)))
    return Standstill(why=draw(st.sampled_from(Why)), since=since, until=until)


schedules = st.builds(
    Schedule,
    mode=st.sampled_from(Mode),
    windows=st.lists(st.one_of(weekly, cron), max_size=2),
    standstills=st.lists(standstills(), max_size=4),
    lasts=st.just(HOUR),
)


@given(schedule=schedules, now=instants, left=st.timedeltas(timedelta(days=-30), timedelta(days=400)))
def test_nothing_ever_begins_that_is_paused_frozen_or_manual(
    schedule: Schedule, now: datetime, left: timedelta
) -> None:
    begins = schedule.beginning(now, expires_at=now + left)
    if schedule.mode is Mode.MANUAL:
        assert begins.at is None
    elif begins.at is None:
        assert any(each.until is None for each in begins.held_by)
    else:
        assert begins.at >= now
        assert not schedule.in_force(begins.at)
        assert is_open(schedule.windows, begins.at) or begins.overrides
    held = NextDue(expires_at=now + left, due_at=now, retires_at=now)
    assert not (schedule.in_force(now) and held.is_due(schedule, now))
    assert NextDue(is_half_done=True).is_due(schedule, now), "what is half done goes on"


@given(schedule=schedules, now=instants, left=st.timedeltas(timedelta(days=-30), timedelta(days=60)))
def test_without_standstills_a_rotation_is_never_put_off_so_long_that_the_certificate_expires(
    schedule: Schedule, now: datetime, left: timedelta
) -> None:
    begins = Schedule(windows=schedule.windows, lasts=HOUR).beginning(now, expires_at=now + left)
    assert begins.at is not None
    assert begins.at == now or begins.at + HOUR + SPARE <= now + left
    assert not begins.held_by


@given(schedule=schedules, due=instants, left=st.timedeltas(timedelta(days=2), timedelta(days=60)))
def test_whatever_would_expire_is_told_in_time(schedule: Schedule, due: datetime, left: timedelta) -> None:
    begins = schedule.beginning(due, expires_at=due + left)
    found = schedule.danger(begins, due, expires_at=due + left)
    in_time = begins.at is not None and begins.at <= due + left - SPARE - HOUR
    free = Schedule(windows=schedule.windows, lasts=HOUR).beginning(due, expires_at=due + left)
    if found is None:
        had_expired = not any(each.since < due + left for each in begins.held_by)
        assert in_time or schedule.mode is Mode.MANUAL or free == begins or had_expired
    else:
        assert not in_time
        assert found.told_from <= min(due, found.last_chance - NOTICE)
        assert not any(each.why is Why.FREEZE and each.covers(found.last_chance) for each in schedule.standstills)


@given(now=instants, left=st.timedeltas(timedelta(days=2), timedelta(days=60)), paused=lengths)
def test_once_it_is_resumed_it_begins(now: datetime, left: timedelta, paused: timedelta) -> None:
    held = pause(since=now - paused)
    due = NextDue(expires_at=now + left, due_at=now)
    assert not due.is_due(of(held), now)
    assert due.is_due(of(), now)
    assert due.is_due(of(pause(since=now - paused, until=now)), now), "its end has come"
