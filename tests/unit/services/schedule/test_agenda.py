"""What is due is found by looking at what has come and at what has changed, and at nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.services.schedule.agenda import Agenda, changed_names

if TYPE_CHECKING:
    from collections.abc import Callable

START: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
NAMES: Final = tuple("abcde")

# Of a name when it is due next (None: not before something changes), or how far the clock is set.
steps = st.lists(st.tuples(st.sampled_from(NAMES), st.none() | st.integers(-5, 30)) | st.integers(-20, 20), max_size=40)


@given(steps)
def test_it_finds_what_a_look_at_everything_finds(steps: list[tuple[str, int | None] | int]) -> None:
    now, due_at = START, dict[str, datetime | None]((name, START) for name in NAMES)
    agenda = Agenda(NAMES)
    for step in steps:
        if isinstance(step, int):
            now += step * MINUTE
        else:
            name, minutes = step
            due_at[name] = None if minutes is None else now + minutes * MINUTE
            agenda.look_again([name])
        found = agenda.due(now, due_at.__getitem__)
        assert found == [name for name in NAMES if (at := due_at[name]) is not None and at <= now]


def hourly(now: datetime) -> Callable[[str], datetime]:
    """A thousand things, each of them due at another second of the hour to come."""
    return lambda name: now + timedelta(seconds=int(name) + 1)


def test_a_tick_looks_at_what_has_come_and_not_at_the_rest() -> None:
    agenda = Agenda(map(str, range(1000)))
    look = hourly(START)
    assert agenda.due(START, look) == []
    assert agenda.looks == 1000
    assert agenda.due(START + 15 * timedelta(seconds=1), look) == [str(number) for number in range(15)]
    assert agenda.looks == 1015
    agenda.look_again(["999", "of another configuration"])
    agenda.due(START + 15 * timedelta(seconds=1), look)
    assert agenda.looks == 1015 + 15 + 1, "what is due is looked at again, until it is so no more"


def test_a_clock_that_is_set_back_has_everything_looked_at() -> None:
    agenda = Agenda(NAMES)
    agenda.due(START, lambda _: None)
    assert agenda.due(START - MINUTE, lambda _: START - MINUTE) == [*NAMES]


def test_what_is_looked_at_in_vain_is_looked_at_again() -> None:
    agenda = Agenda(NAMES)
    with pytest.raises(KeyError):
        agenda.due(START, lambda name: {"a": START}[name])
    assert agenda.due(START, lambda _: START) == [*NAMES]


def test_a_name_has_changed_when_its_value_is_another_object() -> None:
    first, second = object(), object()
    before = {"same": first, "other": first, "gone": first}
    assert changed_names(before, {"same": first, "other": second, "new": second}) == {"other", "gone", "new"}
    assert changed_names(before, before) == set()
