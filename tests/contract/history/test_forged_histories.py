"""Whoever can write the database, and not the files of the installation, is found out, in every database.

Each finding is a sentence that says what is wrong, with another that says what to do.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.crypto.signatures import SigningKey
from rotator.errors import HistoryError
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.engine.transactions import Within
from rotator.history.journal import queries, verification
from rotator.history.journal.evidence import KeptHead
from rotator.history.journal.journal import Journal
from rotator.history.signing.heads import Head, heads_in
from rotator.history.signing.signer import Signer
from tests.contract.history.databases import NEW_ALERT, NEW_ROTATION, SQLITE_FIRST
from tests.contract.history.forger import Forger

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.history.engine.database import Database
    from rotator.history.records import ChainVerification
    from tests.contract.history.databases import Kind

pytestmark = SQLITE_FIRST

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
WRITTEN: Final = 6


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path / "rotator.db.key")


@pytest.fixture
def signed(database: Database, signer: Signer) -> Database:
    """A history of two rotations and an open alert, written by an installation with a key."""
    database.signer = signer
    journal = Journal(database)
    for number in range(2):
        rotation = journal.begin_rotation(NEW_ROTATION, NOW + number * HOUR)
        promotion = {"credential": "billing", "rotation_id": rotation.id, "version": "b" * 64}
        journal.record("promote", now=NOW + number * HOUR, **promotion)
        journal.finish_rotation(rotation.id, outcome="rotated", now=NOW + number * HOUR)
    AlertRecords(database).open(NEW_ALERT, NOW)
    return database


@pytest.fixture
def forger(database_kind: Kind, signed: Database) -> Forger:
    return Forger(database_kind, signed)


@pytest.fixture
def published(signed: Database) -> KeptHead:
    """The head of the whole history, as it was kept in a file elsewhere half an hour later."""
    head = verification.signed_head(signed, verification.verify(signed), NOW + 1.5 * HOUR)
    assert head
    [read] = heads_in(f"Nov 23 13:30 host7 rotator[7]: head of the history head={head} events=6")
    assert read == head
    return KeptHead.of(read, "heads.log has")


def found(database: Database, *kept: KeptHead) -> ChainVerification:
    """What is found, and that it is said with what to do."""
    found = verification.verify(database, kept)
    assert not found.intact
    assert found.why.endswith("."), found.why
    assert found.hint
    return found


def without_the_note(signer: Signer) -> None:
    """As it is on a machine that has the key and has not written this history."""
    signer.note.unlink()


def test_what_an_installation_has_written_is_proven_to_be_its_own(
    signed: Database, signer: Signer, published: KeptHead
) -> None:
    proven = verification.verify(signed, [published])

    assert (proven.intact, proven.events, proven.signed_from) == (True, WRITTEN, 1)
    assert proven.key == signer.key().public.text
    assert {event.signer for event in queries.events(signed)} == {signer.key().public.id}


def test_a_chain_that_was_written_anew_is_found_by_its_signatures(
    forger: Forger, signed: Database, signer: Signer
) -> None:
    forger.rename("ceo@host7")
    without_the_note(signer)

    told = found(signed)
    assert told.why == (
        "The signature of event 1 is not of what it says: somebody wrote it who can write the database and has not the"
        " installation's key."
    )
    assert (told.first_bad, told.events) == (1, 0)


def test_a_chain_that_was_written_anew_without_signatures_is_found_by_a_head_that_was_kept(
    forger: Forger, signed: Database, published: KeptHead, signer: Signer
) -> None:
    forger.rename("ceo@host7", signatures=False)

    assert f"noted in {signer.note} a head of 6 events" in found(signed).why
    assert f"delete {signer.note}" in found(signed).hint
    without_the_note(signer)
    assert found(signed, published).why == (
        "heads.log has a head of 6 events, signed at 2026-11-23 13:30:00 UTC. Event 6 is another one now: the chain was"
        " written anew since."
    )


def test_an_actor_that_was_changed_in_a_row_is_found(forger: Forger, signed: Database) -> None:
    forger.rename_in_row("ceo@host7")

    assert "says actor 'ceo@host7'; its events say 'alex'." in found(signed).why


def test_an_alert_that_was_silenced_behind_the_programs_back_is_found(forger: Forger, signed: Database) -> None:
    forger.acknowledge()

    assert "says acknowledged_at" in found(signed).why


def test_an_end_that_was_cut_off_is_found_by_the_note_and_by_a_head_that_was_kept(
    forger: Forger, signed: Database, published: KeptHead, signer: Signer
) -> None:
    forger.cut_off(2)

    assert "a head of 6 events, signed at" in found(signed).why
    assert found(signed).why.endswith("Now 4 are there: 2 events were cut off at the end.")
    without_the_note(signer)
    assert found(signed, published).why.startswith("heads.log has a head of 6 events")
    bare = KeptHead(hash=published.hash, source="--since names")
    assert "which no event has: the chain was cut off before it, or written anew since." in found(signed, bare).why


def test_what_is_written_after_a_cut_does_not_hide_it(forger: Forger, signed: Database, signer: Signer) -> None:
    forger.cut_off(2)
    before = signer.note.read_text()
    for _ in range(3):
        Journal(signed).record("verify", now=NOW + 2 * HOUR)

    assert signer.note.read_text() == before
    assert "Event 6 is another one now: the chain was written anew since." in found(signed).why


def test_an_event_that_was_back_dated_is_found_by_its_signature_and_by_the_head_that_was_kept_before_it(
    forger: Forger, signed: Database, published: KeptHead, signer: Signer
) -> None:
    Journal(signed).record("export", now=NOW + 2 * HOUR)
    forger.back_date(HOUR)
    without_the_note(signer)

    assert "The signature of event 7 is not of what it says" in found(signed).why
    told = found(signed, published)
    assert told.why.endswith("Event 7 came after it and is dated 2026-11-23 13:00:00 UTC. It was back-dated.")


def test_even_the_holder_of_the_key_cannot_date_an_event_before_a_head_that_was_published(
    signed: Database, published: KeptHead
) -> None:
    Journal(signed).record("export", now=NOW)

    assert verification.verify(signed).intact, "by itself it is in order"
    assert "It was back-dated." in found(signed, published).why


def test_clocks_that_differ_by_minutes_are_no_forgery(signed: Database, published: KeptHead) -> None:
    Journal(signed).record("export", now=NOW + 1.5 * HOUR - timedelta(minutes=4))

    assert verification.verify(signed, [published]).intact


@pytest.mark.parametrize(
    ("key_id", "why"),
    [
        (None, "Event 7 is not signed, and events before it are: somebody wrote it who"),
        ("0123456789abcdef", "Event 7 is signed with the key 0123456789abcdef, which does not count here."),
    ],
)
def test_an_event_that_was_put_at_the_end_is_found(
    forger: Forger, signed: Database, key_id: str | None, why: str
) -> None:
    forger.append("promote", NOW + 2 * HOUR, key_id=key_id)

    assert found(signed).why.startswith(why)
    Journal(signed).record("verify", now=NOW + 2 * HOUR)
    assert found(signed).why.startswith(why), "what is signed after it does not make it good"


def test_the_signature_of_one_event_is_not_anothers(forger: Forger, signed: Database, signer: Signer) -> None:
    own = signer.key().public.id
    forger.append("promote", NOW + 2 * HOUR, key_id=own)

    assert found(signed).why.startswith("The signature of event 7 is not of what it says")


def test_a_head_that_somebody_made_up_is_not_believed(signed: Database) -> None:
    proven = verification.verify(signed)
    forged = Head.signed(99, "f" * 64, NOW, SigningKey.generate())

    told = found(signed, KeptHead.of(forged, "heads.log has"))
    assert told.why == "heads.log has a head of 99 events that no key has signed which counts here."
    assert proven.intact


def test_a_key_of_another_machine_counts_once_it_is_trusted(signed: Database, signer: Signer, tmp_path: Path) -> None:
    other = Signer(tmp_path / "other.key")
    signed.signer = other
    Journal(signed).record("verify", now=NOW + 2 * HOUR)
    assert "which does not count here" in found(signed).why
    assert "trusted_keys" in found(signed).hint

    signed.signer = Signer(tmp_path / "other.key", trusted=[signer.key().public.text])
    assert verification.verify(signed).intact


def test_a_history_of_an_earlier_release_is_signed_from_the_next_event_on(database: Database, signer: Signer) -> None:
    Journal(database).record("verify", now=NOW)
    database.signer = signer
    assert (verification.verify(database).intact, verification.verify(database).signed_from) == (True, None)
    assert verification.signed_head(database, verification.verify(database), NOW) is None

    Journal(database).record("verify", now=NOW)
    assert (verification.verify(database).intact, verification.verify(database).signed_from) == (True, 2)


def test_nothing_is_noted_of_what_was_not_committed(signed: Database, signer: Signer) -> None:
    before = signer.note.read_text()

    def fill_the_disk() -> None:
        with signed.writing() as connection:
            Journal(Within(connection)).record("verify", now=NOW)
            raise HistoryError("The disk is full.", hint="Make room.")

    with pytest.raises(HistoryError):
        fill_the_disk()

    assert signer.note.read_text() == before
    assert verification.verify(signed).intact
