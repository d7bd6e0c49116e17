"""What hooks are called after, and what they are told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rotator.core.hook import KINDS, HookCall, HookEvent, hook_event
from rotator.history.journal import projection

NOW = datetime(2027, 1, 4, 8, tzinfo=UTC)


@pytest.mark.parametrize("word", ["rotated", "restored", "reverted", "halted"])
def test_the_outcomes_of_rotations_are_events(word: str) -> None:
    assert hook_event("finish", {"outcome": word}) == word


def test_a_rotation_that_stopped_half_way_waits_for_a_person_or_is_tried_again() -> None:
    assert hook_event("stopped", {"needs_person": True}) is HookEvent.HALTED
    assert hook_event("stopped", {"needs_person": False}) is HookEvent.FAILED


@pytest.mark.parametrize("steps", [["certificate"], ["access"], ["certificate", "access", "tokens"]])
def test_so_are_what_people_end_and_what_they_change_by_hand(steps: list[str]) -> None:
    assert hook_event("revoke_begins", {"steps": steps}) is HookEvent.REVOKED
    assert hook_event("drift", {}) is HookEvent.DRIFT


def test_the_kinds_are_those_that_the_journal_has() -> None:
    assert projection.REVOCATION_BEGINS in KINDS


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("finish", {"outcome": "nothing"}),
        ("finish", {"outcome": "interrupted"}),
        ("finish", {"outcome": "drift"}),
        ("finish", {}),
        ("promote", {"outcome": "rotated"}),
        ("rotated", {}),
        ("hook", {"result": "done"}),
        ("revoke_begins", {"steps": ["tokens"]}),
    ],
)
def test_nothing_else_is(kind: str, details: dict[str, object]) -> None:
    assert hook_event(kind, details) is None


def test_what_is_not_known_is_left_out() -> None:
    call = HookCall(id="a-1", event=HookEvent.DRIFT, credential="billing", org="production", at=NOW)
    assert call.facts == {
        "id": "a-1",
        "event": "drift",
        "credential": "billing",
        "org": "production",
        "at": "2027-01-04T08:00:00Z",
    }
