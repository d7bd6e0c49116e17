"""What people are told of consumers that were left behind, or have not moved, and of what is done about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from rotator.core.schedule import Standstill, Why
from rotator.core.usage.sources import Source
from rotator.services.alerting.usage_alerts import MOST_NAMED, left_behind, unmoved, went_back
from tests.unit.services.alerting.every_kind import DAY, NOW

REFUSED: Final = Source("192.0.2.7", "batch/1", before_at=NOW - DAY, refused_at=NOW, refused=3)
SILENT: Final = Source("192.0.2.8", "web/2", before_at=NOW - DAY)
NEVER: Final = Source("192.0.2.9", "")
PAUSE: Final = Standstill(why=Why.PAUSE, since=NOW, reason="audit", by="ana")


def behind(*sources: Source, **how: Any) -> Any:
    given: dict[str, Any] = {"goes_back": False, "previous_until": NOW + DAY, "now": NOW} | how
    return left_behind("billing", "production", "b@example.com", sources, **given)


def test_who_was_left_behind_is_named_with_what_was_refused() -> None:
    one, two = behind(REFUSED), behind(REFUSED, replace(REFUSED, address="192.0.2.10", refused=1))
    assert one.title == "1 consumer of billing in production was left behind by its rotation"
    assert two.title == "2 consumers of billing in production were left behind by its rotation"
    assert one.text.startswith("The org refuses its logins as b@example.com for the signature: it does not")
    assert two.text.startswith("The org refuses their logins as b@example.com for the signature: they do not")
    assert one.to_do.startswith("Have it read the store anew, or start it again; `rotate back billing`")
    assert two.to_do.startswith("Have them read the store anew, or start them again;")
    assert "(until 2026-11-24 12:00 UTC)" in one.to_do
    facts = {each: text for each, text in two.facts.items() if each.startswith(("From", "User", "And"))}
    assert facts == {
        "User": "b@example.com",
        "From 192.0.2.7 (batch/1)": "3 refused logins, the last at 2026-11-23 12:00 UTC",
        "From 192.0.2.10 (batch/1)": "1 refused login, the last at 2026-11-23 12:00 UTC",
    }


@pytest.mark.parametrize("more", [0, 1])
def test_of_very_many_the_first_are_named(more: int) -> None:
    sources = [replace(REFUSED, address=f"192.0.2.{number}") for number in range(MOST_NAMED + more)]
    facts = behind(*sources).facts
    assert len([each for each in facts if each.startswith("From")]) == MOST_NAMED
    assert facts.get("And") == ("1 more" if more else None)


@pytest.mark.parametrize(
    ("how", "meanwhile"),
    [
        ({"goes_back": True}, "The previous version is made current again by itself."),
        ({}, "The previous version is kept until 2026-11-24 12:00 UTC; nothing is changed by itself."),
        (
            {"previous_until": None, "held_by": [PAUSE, PAUSE]},
            "The previous version is kept until all consumers have moved. It would be made current again by itself,"
            f" but that is held up ({PAUSE}; {PAUSE}).",
        ),
    ],
)
def test_what_is_done_with_the_previous_version_is_said(how: dict[str, Any], meanwhile: str) -> None:
    assert behind(REFUSED, **how).meanwhile == meanwhile


@pytest.mark.parametrize("by_hand", [True, False])
def test_that_a_version_was_brought_back_is_told_with_what_comes_next(by_hand: bool) -> None:
    new = went_back("billing", "production", "r1", "consumers were left behind: x", by_hand=by_hand)
    assert new.key.endswith(":r1")
    assert new.title == "The rotation of billing in production was taken back by itself"
    assert new.text == "The version before is current again, as consumers were left behind: x."
    assert ("but a person" in new.meanwhile) is by_hand
    assert new.to_do.endswith("rotates it." if by_hand else "rotates it sooner.")


def test_who_has_not_moved_is_told_before_the_previous_version_ends() -> None:
    new = unmoved("billing", "production", "b@example.com", [SILENT, NEVER], ["batch"], NOW + DAY)
    assert (
        new.title
        == "The previous version of billing in production ends on 2026-11-24, and not all consumers have moved"
    )
    assert new.text == "2 sources of logins have not moved. batch has not said so."
    assert new.meanwhile == "It is retired after 2026-11-24 12:00 UTC, whoever has moved by then."
    assert new.to_do.endswith("a longer `grace` of the credential keeps the previous version for longer.")
    facts = {each: text for each, text in new.facts.items() if each not in {"Org", "Credential"}}
    assert facts == {
        "User": "b@example.com",
        "Ends": "2026-11-24 12:00 UTC",
        "From 192.0.2.8 (web/2)": "last seen at 2026-11-22 12:00 UTC",
        "From 192.0.2.9": "not seen",
    }
    one = unmoved("billing", "production", "b@example.com", [SILENT], [], NOW + DAY)
    assert one.text == "1 source of logins has not moved."


def test_of_one_that_is_kept_until_all_have_moved_no_end_is_told() -> None:
    new = unmoved("billing", "production", "b@example.com", [], ["batch", "web"], None)
    assert " is kept, and not all" in new.title
    assert new.text == "batch and web have not said so."
    assert "`require_confirmation`" in new.meanwhile
    assert new.to_do.endswith("shows who has moved.")
    assert "Ends" not in new.facts
