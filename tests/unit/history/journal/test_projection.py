"""What the events of a credential come to."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.decision.actions import HaltReason
from rotator.core.lifecycle.states import Halt
from rotator.history.journal.projection import CredentialRecord

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.history.journal.journal import Journal


def test_consumers_are_refused_from_the_upload_until_a_key_is_proven(journal: Journal, now: datetime) -> None:
    def refused(current: str | None = "old") -> datetime | None:
        return journal.credential_record("billing").consumers_refused_since(current)

    journal.record("upload_begins", now=now, credential="billing", opens_gap=True)
    assert refused() is None, "it may have had no effect"
    known = journal.credential_record("billing")
    assert known.consumers_refused_since("old", has_lost_slot=True) == now, "the app was seen without current's"
    journal.record("upload", now=now, credential="billing", app="Billing", version="new")
    journal.record("stopped", now=now, credential="billing", error="Its key does not log in.")
    assert (refused(), refused(None)) == (now, now)
    assert refused("new") is None, "it was promoted, and that could not be written down"
    journal.record("gap", now=now, credential="billing", state="ended")
    assert refused() is None


def test_a_halt_counts_from_the_first_in_a_row_until_a_key_is_proven(journal: Journal, now: datetime) -> None:
    def halt(*, is_half_done: bool = True) -> Halt | None:
        return journal.credential_record("billing").halted(is_half_done=is_half_done)

    def record(kind: str, minutes: int, **details: Any) -> None:
        journal.record(kind, now=now + timedelta(minutes=minutes), credential="billing", **details)

    record("stopped", 0, error="The org is away.", needs_person=False)
    assert halt() is None, "time alone mends it"
    record("stopped", 1, error="It proves nothing.", halt="unproven", hint="Look.", needs_person=True)
    assert halt() == Halt(now + timedelta(minutes=1), "It proves nothing.", "Look.")
    record("verify", 2, version="old", outcome="accepted", of_current=True)
    record("stopped", 3, error="The store is away.", needs_person=False)
    record("stopped", 4, error="The store is locked.", needs_person=True)
    assert halt() == halt(is_half_done=False) == Halt(now + timedelta(minutes=1), "The store is locked.")
    record("promote", 5, version="new")
    assert halt() is None


@pytest.mark.parametrize(
    ("reason", "is_half_done", "is_halted"),
    [
        (HaltReason.DRIFT, False, False),
        (HaltReason.STANDBY_UNKNOWN, False, False),
        (HaltReason.STANDBY_UNKNOWN, True, True),
        (HaltReason.ACCEPTED_EARLY, False, True),
        (HaltReason.LOGIN_NOT_SET_UP, False, True),
        (HaltReason.UNPROVEN, True, True),
    ],
)
def test_what_each_observation_shows_is_a_halt_only_while_something_is_half_done(
    journal: Journal, now: datetime, reason: HaltReason, *, is_half_done: bool, is_halted: bool
) -> None:
    journal.record("finish", now=now, credential="billing", outcome="halted", why="So it is.", halt=reason)
    assert (journal.credential_record("billing").halted(is_half_done=is_half_done) is not None) is is_halted


@pytest.mark.parametrize(
    ("outcome", "details", "is_over"),
    [
        ("rotated", {}, True),
        ("restored", {}, True),
        ("reverted", {}, True),
        ("reverted", {"gap_seconds": 12.5}, True),
        ("nothing", {}, False),
        ("abandoned", {}, False),
        ("interrupted", {}, False),
    ],
)
def test_a_halt_ends_with_a_rotation_that_proved_a_key(
    journal: Journal, now: datetime, outcome: str, details: dict[str, Any], *, is_over: bool
) -> None:
    journal.record("stopped", now=now, credential="billing", halt="unproven", needs_person=True)
    journal.record("finish", now=now, credential="billing", outcome=outcome, **details)
    known = journal.credential_record("billing")
    assert (known.halted(is_half_done=True) is None) is is_over
    assert known.is_reverted is bool(details), "it refused consumers, and a person is needed before the next one"


@pytest.mark.parametrize(("outcome", "is_proof"), [("accepted", True), ("mismatch", False), ("transient", False)])
def test_a_login_of_current_is_remembered_and_a_proof_only_when_it_is_accepted(
    journal: Journal, now: datetime, outcome: str, is_proof: bool
) -> None:
    journal.record("verify", now=now, credential="billing", version="v", outcome=outcome, of_current=True)
    known = journal.credential_record("billing")
    assert (known.tried_outcome, known.tried_at, known.accepted_at) == (outcome, now, now if is_proof else None)


def test_a_login_of_another_version_says_nothing_of_current(journal: Journal, now: datetime) -> None:
    journal.record("verify", now=now, credential="billing", version="v", outcome="accepted")
    assert journal.credential_record("billing") == CredentialRecord(credential="billing")
