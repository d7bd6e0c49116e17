"""Who has moved to the current key, who was left behind, and who was not seen: by the rows of a login history alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from rotator.core.usage.login_rows import LoginRow
from rotator.core.usage.sources import MOST_SOURCES, Promotion, Source, Standing, sources_of, with_those_before
from rotator.core.usage.usage import Usage, plainly_left_behind

PROMOTED: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
IN_PLACE: Final = Promotion(at=PROMOTED, current=["Billing"], previous=["Billing"])
ALTERNATING: Final = Promotion(at=PROMOTED, current=["Billing B"], previous=["Billing A"])
LATER: Final = PROMOTED + timedelta(hours=1)
REFUSED: Final = "Failed: Signature Invalid"


def rows(*logins: tuple[float, str], app: str = "Billing", address: str = "192.0.2.7") -> list[LoginRow]:
    """Logins so many minutes after the promotion."""
    return [
        LoginRow(f"0Ya{number:012}", "005000000000001", PROMOTED + at * MINUTE, status, address, app, "")
        for number, (at, status) in enumerate(logins)
    ]


def standing(*logins: tuple[float, str], app: str = "Billing", promotion: Promotion = IN_PLACE) -> Standing | None:
    found = sources_of(rows(*logins, app=app), promotion)
    return found[0].standing(LATER) if found else None


@pytest.mark.parametrize(
    ("logins", "expected"),
    [
        ([(-60, "Success")], Standing.SILENT),
        ([(-60, "Success"), (5, "Success")], Standing.MOVED),
        ([(-60, "Success"), (5, REFUSED)], Standing.REFUSED),
        ([(20, REFUSED)], Standing.REFUSED),
        # Refused, read the store anew, accepted: as a plain consumer does once, and a dual-key one in one second.
        ([(-60, "Success"), (5, REFUSED), (5.01, "Success")], Standing.MOVED),
        ([(5, REFUSED), (5, "Success")], Standing.MOVED),
        # Two consumers behind one address: refused again and again, though another is accepted in between.
        ([(5, "Success"), (15, REFUSED), (16, "Success"), (25, REFUSED), (26, "Success")], Standing.REFUSED),
        ([(5, "Success"), (15, REFUSED), (16, "Success")], Standing.MOVED),
        # Refused in the gap, before the promotion, or within the margin of two clocks.
        ([(-2, REFUSED)], None),
        ([(-60, "Success"), (-1, REFUSED), (0.5, REFUSED)], Standing.SILENT),
        # What is the same for every key.
        ([(-60, "Success"), (5, "User is locked out")], Standing.SILENT),
        ([(5, "Login rate exceeded")], None),
    ],
)
def test_with_one_app_the_old_key_is_refused(logins: list[tuple[float, str]], expected: Standing | None) -> None:
    assert standing(*logins) is expected


def test_what_was_refused_by_turns_is_over_after_a_quiet_day() -> None:
    logins = [(5, "Success"), (15, REFUSED), (16, "Success"), (25, REFUSED), (26, "Success")]
    [source] = sources_of(rows(*logins), IN_PLACE)
    assert source.standing(LATER) is Standing.REFUSED
    assert source.standing(LATER + timedelta(days=1)) is Standing.MOVED


@pytest.mark.parametrize(
    ("logins", "expected"),
    [
        ([("Billing A", -60, "Success")], Standing.SILENT),
        ([("Billing A", -60, "Success"), ("Billing A", 30, "Success")], Standing.OLD),
        ([("Billing A", 20, "Success"), ("Billing B", 30, "Success")], Standing.MOVED),
        ([("Billing B", 20, "Success"), ("Billing A", 30, "Success")], Standing.OLD),
        ([("Billing B", 20, REFUSED)], Standing.REFUSED),
        ([("Billing A", 20, REFUSED)], Standing.REFUSED),
        ([("Another", 20, REFUSED)], None),
    ],
)
def test_with_two_apps_the_old_key_logs_in_through_the_app_before(
    logins: list[tuple[str, float, str]], expected: Standing | None
) -> None:
    told = [row for app, at, status in logins for row in rows((at, status), app=app)]
    found = sources_of(told, ALTERNATING)
    assert (found[0].standing(LATER) if found else None) is expected


def test_sources_are_told_apart_by_address_and_client_and_counted() -> None:
    told = [*rows((20, REFUSED), (30, REFUSED)), *rows((20, "Success"), address="192.0.2.8")]
    found = sources_of([*told, replace(told[0], client="batch/1")], IN_PLACE)
    assert {(each.name, each.refused, each.accepted) for each in found} == {
        ("192.0.2.7", 2, 0),
        ("192.0.2.8", 0, 1),
        ("192.0.2.7 (batch/1)", 1, 0),
    }


def test_a_refusal_that_names_no_app_counts_and_says_so() -> None:
    [source] = sources_of(rows((20, REFUSED), app=""), IN_PLACE)
    assert (source.refused, source.is_of_app) == (1, False)
    assert sources_of(rows((20, "Success"), app=""), IN_PLACE) == []


def test_further_words_for_a_wrong_signature_can_be_given() -> None:
    told = rows((20, "JWT not valid"))
    assert sources_of(told, IN_PLACE) == []
    assert sources_of(told, IN_PLACE, ["jwt not"])[0].standing(LATER) is Standing.REFUSED


def test_nobody_is_said_to_be_left_behind_while_the_change_spreads() -> None:
    usage = Usage(credential="billing", promoted_at=PROMOTED, sources=tuple(sources_of(rows((5, REFUSED)), IN_PLACE)))
    settles = timedelta(minutes=10)
    assert usage.left_behind(PROMOTED + 9 * MINUTE, settles) == []
    assert len(usage.left_behind(PROMOTED + 10 * MINUTE, settles)) == 1


@pytest.mark.parametrize(
    ("logins", "is_enough"),
    [
        ([(20, REFUSED), (30, REFUSED), (40, REFUSED)], False),
        ([(-60, REFUSED), (20, REFUSED), (30, REFUSED)], False),
        ([(-60, "Success"), (30, REFUSED)], False),
        ([(-60, "Success"), (20, REFUSED), (30, REFUSED)], True),
        ([(12, "Success"), (20, REFUSED), (30, REFUSED)], True),
    ],
)
def test_only_who_was_accepted_before_moves_anything_by_being_refused(
    logins: list[tuple[float, str]], is_enough: bool
) -> None:
    """A client id and a username are no secrets: with them anybody is refused as often as he likes."""
    usage = Usage(credential="billing", promoted_at=PROMOTED, sources=tuple(sources_of(rows(*logins), IN_PLACE)))
    settles = timedelta(minutes=10)
    assert len(usage.left_behind(LATER, settles)) == 1
    assert bool(plainly_left_behind(usage, LATER, settles)) is is_enough


def test_as_many_sources_are_kept_as_may_be_and_those_that_logged_in_last() -> None:
    told = [
        row
        for number in range(MOST_SOURCES + 5)
        for row in rows((number, "Success"), address=f"10.0.{number // 250}.{number % 250}")
    ]
    found = sources_of(told, IN_PLACE)
    assert len(found) == MOST_SOURCES
    assert found[0].accepted_at == max(row.at for row in told)


def test_refusals_of_however_many_strangers_push_out_nobody_who_logged_in() -> None:
    told = rows((-60, "Success"), (20, REFUSED))
    for number in range(MOST_SOURCES + 5):
        told += [replace(row, client=f"stranger/{number}") for row in rows((30 + number / 10, REFUSED))]
    found = sources_of(told, IN_PLACE)
    assert len(found) == MOST_SOURCES
    assert [each.client for each in found if each.before_at] == [""]
    assert found[0].refused_at == max(row.at for row in told)


def test_what_was_known_of_the_time_before_stays_known() -> None:
    before = Source("192.0.2.7", "", before_at=PROMOTED - MINUTE)
    gone = Source("192.0.2.9", "", before_at=PROMOTED - 2 * MINUTE)
    known = {(each.address, each.client): each for each in (before, gone)}
    found = with_those_before(sources_of(rows((5, "Success")), IN_PLACE), known)
    assert [(each.address, each.before_at, each.accepted) for each in found] == [
        ("192.0.2.7", PROMOTED - MINUTE, 1),
        ("192.0.2.9", PROMOTED - 2 * MINUTE, 0),
    ]
