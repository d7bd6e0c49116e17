"""What the events of a credential come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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
