"""What was revoked of a credential follows from events, in every database, and is what the journal proves."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from rotator.core.lifecycle.revocation import EVERY_STEP, AccessGrant, GivenBy, RevocationStep
from rotator.history.engine.database import open_database
from rotator.history.engine.tables import CREDENTIAL_RECORD
from rotator.history.journal import verification
from rotator.history.journal.journal import Journal
from tests.contract.history.databases import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.core.lifecycle.revocation import Revocation
    from rotator.history.engine.database import Database
    from tests.contract.history.databases import Kind

GRANT = AccessGrant("Billing", "0H4", GivenBy.PERMISSION_SET, "Café ☕", "0PS", "005")
CERTIFICATE, ACCESS, TOKENS = EVERY_STEP


@pytest.fixture
def database(database_kind: Kind) -> Iterator[Database]:
    with database_kind.new() as url, open_database(url) as opened:
        yield opened


def record(database: Database, kind: str, **details: Any) -> None:
    Journal(database).record(kind, now=NOW, credential="billing", **details)


def begin(database: Database, *steps: RevocationStep, reason: str = "laptop stolen") -> None:
    record(database, "revoke_begins", steps=[str(step) for step in steps], reason=reason, actor="alex@laptop")


def revoked(database: Database) -> Revocation | None:
    return Journal(database).credential_record("billing").revoked


def test_it_is_what_the_events_say_step_by_step(database: Database) -> None:
    begin(database, *EVERY_STEP)
    record(database, "disable", app="Billing", ended_by="a" * 64)
    record(database, "withdraw_begins", grant=asdict(GRANT))
    record(database, "revoke_step", step="certificate")
    known = revoked(database)
    assert known
    assert (known.since, known.by, known.reason) == (NOW, "alex@laptop", "laptop stolen")
    assert (known.ended_by, known.withdrawn, known.left) == ({"Billing": "a" * 64}, (GRANT,), (ACCESS, TOKENS))
    assert verification.verify(database).intact


def test_of_tokens_alone_nothing_is_kept(database: Database) -> None:
    begin(database, TOKENS)
    record(database, "revoke_step", step="tokens")
    assert revoked(database) is None


def test_another_request_adds_to_it(database: Database) -> None:
    begin(database, CERTIFICATE)
    record(database, "revoke_step", step="certificate")
    begin(database, ACCESS, reason="and the supplier left")
    known = revoked(database)
    assert known
    assert (known.wanted, known.left, known.reason) == ((CERTIFICATE, ACCESS), (ACCESS,), "and the supplier left")


def test_a_promotion_ends_it_and_keeps_what_was_not_given_back(database: Database) -> None:
    begin(database, *EVERY_STEP)
    record(database, "withdraw_begins", grant=asdict(GRANT))
    record(database, "promote", version="b" * 64)
    known = revoked(database)
    assert known
    assert (known.ends_logins, known.withdrawn) == (False, (GRANT,))
    assert Journal(database).credential_record("billing").login_revoked is None
    record(database, "give_back", grant=asdict(GRANT))
    record(database, "promote", version="c" * 64)
    assert revoked(database) is None
    assert verification.verify(database).intact


def test_it_is_no_outage(database: Database) -> None:
    record(database, "upload_begins", app="Billing", version="b" * 64, opens_gap=True)
    record(database, "upload", app="Billing", version="b" * 64)
    record(database, "stopped", error="It stopped.", needs_person=True)
    found = Journal(database).credential_record("billing")
    assert (found.consumers_refused_since("a" * 64), found.halted(is_half_done=True) is None) == (NOW, False)
    begin(database, CERTIFICATE)
    found = Journal(database).credential_record("billing")
    assert (found.consumers_refused_since("a" * 64), found.halted(is_half_done=True)) == (None, None)


@pytest.mark.parametrize("text", ["x", "{}", '{"since": "2026"}'])
def test_a_row_that_somebody_changed_counts_as_its_events_say(database: Database, text: str) -> None:
    begin(database, CERTIFICATE)
    with database.writing() as connection:
        connection.execute(update(CREDENTIAL_RECORD).values(revocation=text))
    known = revoked(database)
    assert known
    assert known.wanted == (CERTIFICATE,)
    assert not verification.verify(database).intact


def test_nobody_is_told_of_a_revocation_that_was_not_begun(database: Database) -> None:
    for kind, details in (("revoke_step", {"step": "tokens"}), ("withdraw_begins", {"grant": asdict(GRANT)})):
        Journal(database).record(kind, now=NOW + timedelta(seconds=1), credential="billing", **details)
    assert revoked(database) is None
