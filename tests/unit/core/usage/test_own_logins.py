"""The program's own logins are told from those of consumers one by one, and no consumer hides behind them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from rotator.core.usage.login_rows import LoginRow
from rotator.core.usage.own_logins import CLOCKS, OwnLogin, learnt_names, without_own

NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
REFUSED: Final = "Failed: Signature Invalid"
NAMES: Final = frozenset({"Billing"})


def row(
    number: int, seconds: float, status: str = REFUSED, *, app: str = "Billing", address: str = "192.0.2.1"
) -> LoginRow:
    return LoginRow(f"0Ya{number:012}", "005000000000001", NOW + seconds * SECOND, status, address, app, "")


def own(seconds: float, *, is_accepted: bool | None = False) -> OwnLogin:
    return OwnLogin("billing@example.com", "Billing", NOW + seconds * SECOND, is_accepted)


def test_as_many_rows_are_our_own_as_we_made_logins() -> None:
    rows = [row(number, number) for number in range(5)]
    theirs, ours = without_own(rows, [own(1), own(2), own(3)], NAMES)
    assert (len(theirs), len(ours)) == (2, 3)


def test_a_consumer_that_is_refused_in_the_same_second_is_left() -> None:
    theirs, ours = without_own([row(1, 0, address="192.0.2.9"), row(2, 0)], [own(0)], NAMES, addresses={"192.0.2.1"})
    assert ([each.address for each in theirs], [each.address for each in ours]) == (["192.0.2.9"], ["192.0.2.1"])


def test_a_consumer_at_our_own_address_is_left_as_well() -> None:
    theirs, _ = without_own([row(1, 0), row(2, 40)], [own(39)], NAMES, addresses={"192.0.2.1"})
    assert [each.at for each in theirs] == [NOW]


def test_an_accepted_row_is_no_refused_login_of_ours_and_the_other_way_round() -> None:
    rows = [row(1, 0, "Success"), row(2, 0)]
    assert without_own(rows, [own(0, is_accepted=True)], NAMES)[0] == [rows[1]]
    assert without_own(rows, [own(0, is_accepted=False)], NAMES)[0] == [rows[0]]


def test_a_login_of_which_nobody_knows_how_it_went_may_be_either() -> None:
    for status in ("Success", REFUSED, "User is locked out"):
        assert without_own([row(1, 2, status)], [own(0, is_accepted=None)], NAMES)[0] == []


def test_a_login_through_another_app_is_not_ours_and_one_that_names_none_may_be() -> None:
    assert len(without_own([row(1, 0, app="Other")], [own(0)], NAMES)[0]) == 1
    assert without_own([row(1, 0, app="")], [own(0)], NAMES)[0] == []


def test_what_is_further_apart_than_two_clocks_may_be_is_not_ours() -> None:
    beyond = CLOCKS.total_seconds() + 1
    assert len(without_own([row(1, beyond)], [own(0)], NAMES)[0]) == 1
    assert without_own([row(1, beyond - 1)], [own(0)], NAMES)[0] == []


def test_a_clock_that_is_a_minute_slow_costs_no_false_alarm() -> None:
    logins = [own(at) for at in (0, 2, 6, 14, 24)]
    rows = [row(number, at + 60) for number, at in enumerate((0, 2, 6, 14, 24))]
    assert without_own(rows, logins, NAMES)[0] == []


@given(
    st.lists(st.integers(-200, 200), max_size=8),
    st.lists(st.integers(-200, 200), max_size=8),
    st.integers(-120, 120),
)
def test_rows_of_consumers_are_as_many_as_there_were(ours: list[int], theirs: list[int], clock: int) -> None:
    """Whatever the two clocks and the order: where all are within reach, what is left is as many as consumers made."""
    rows = [row(number, at / 10 + clock) for number, at in enumerate([*ours, *theirs])]
    left, mine = without_own(rows, [own(at / 10) for at in ours], NAMES)
    assert (len(mine), len(left)) == (len(ours), len(theirs))


def test_what_an_org_calls_an_app_is_learnt_from_our_own_logins() -> None:
    logins = [own(at, is_accepted=True) for at in (0, 7, 15, 22, 30)]
    rows = [row(number, at, "Success", app="Billing (prod)") for number, at in enumerate((0, 7, 15, 22, 30))]
    assert learnt_names([*rows, row(9, 8, "Success", app="Other")], logins) == {"Billing (prod)"}


def test_nothing_is_learnt_from_what_may_be_another_app() -> None:
    logins = [own(at, is_accepted=True) for at in (0, 7, 600, 900, 1200)]
    assert learnt_names([row(1, 0, "Success", app="Other")], logins) == frozenset()
    both = [row(number, 0, "Success", app=app) for number, app in enumerate(("Billing", "Other"))]
    assert learnt_names(both, [own(0, is_accepted=True)]) == frozenset()
    assert learnt_names([row(1, 0)], [own(0, is_accepted=True)]) == frozenset()
    assert learnt_names([row(1, 0, "Success")], [own(0)]) == frozenset()
