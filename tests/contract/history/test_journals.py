"""The journal's proof: whatever was done to the events behind its back is found, in every database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from rotator.history.engine.database import open_database
from rotator.history.engine.tables import EVENT
from rotator.history.journal import queries, verification
from rotator.history.journal.journal import Journal
from tests.contract.history.databases import NEW_ROTATION, NOW, unguard
from tests.tiers import of_tier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotator.history.engine.database import Database
    from tests.contract.history.databases import Kind

    New = Callable[[], Database]

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
DETAILS = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)
WORDS = st.sampled_from(["upload", "verify", "promote", "café ☕", ""])
ENTRIES = st.lists(
    st.tuples(WORDS, st.none() | WORDS, st.datetimes(timezones=st.just(UTC)), DETAILS), min_size=1, max_size=6
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
TAMPERED: Final[dict[str, st.SearchStrategy[Any]]] = {
    "sequence": st.integers(-10, 10),
    "time": st.datetimes(timezones=st.just(UTC)),
    "kind": TEXTS,
    "credential": st.none() | TEXTS,
    "rotation_id": st.none(),
    "details": TEXTS,
    "previous_hash": HASHES,
    "hash": HASHES,
}
CHANGES = st.sampled_from(sorted(TAMPERED)).flatmap(lambda name: st.tuples(st.just(name), TAMPERED[name]))


@pytest.fixture(scope="module")
def new(database_kind: Kind) -> Iterator[New]:
    """Gives a database without entries, for each of many examples."""
    with database_kind.new() as url, open_database(url) as database:

        def emptied() -> Database:
            database_kind.again(database)
            return database

        yield emptied


@pytest.fixture(scope="module")
def unguarded(database_kind: Kind, new: New) -> New:
    """The same, and anything can be done to the journal."""

    def emptied() -> Database:
        database = new()
        unguard(database_kind, database)
        return database

    return emptied


def write(database: Database, entries: list[tuple[str, str | None, datetime, Any]]) -> int:
    """Writes a rotation's begin and the entries as its events; returns how many events there are."""
    journal = Journal(database)
    rotation = journal.begin_rotation(NEW_ROTATION, NOW)
    for word, credential, time, data in entries:
        journal.record(word, now=time, credential=credential, rotation_id=rotation.id, data=data)
    return len(entries) + 1


@settings(deadline=None, max_examples=of_tier(5, thorough=30))
@given(entries=ENTRIES)
def test_whatever_is_recorded_is_read_back_and_proven(new: New, entries: list[Any]) -> None:
    database = new()
    number = write(database, entries)

    found = queries.events(database)[1:]
    assert [(event.kind, event.credential, event.time, event.details["data"]) for event in found] == entries
    assert (verification.verify(database).events, verification.verify(database).intact) == (number, True)


@settings(deadline=None, max_examples=of_tier(8, thorough=60))
@given(entries=ENTRIES, data=st.data())
def test_a_change_to_any_column_of_any_event_is_found(unguarded: New, entries: list[Any], data: st.DataObject) -> None:
    database = unguarded()
    sequence = data.draw(st.integers(1, write(database, entries)))
    column, value = data.draw(CHANGES)
    assume(column != "sequence" or not 1 <= value <= len(entries) + 1)
    this = EVENT.c.sequence == sequence
    with database.writing() as connection:
        before = connection.scalar(select(EVENT.c[column]).where(this))
        assume(before != value)
        connection.execute(update(EVENT).where(this).values({column: value}))

    assert not verification.verify(database).intact


@settings(deadline=None, max_examples=of_tier(5, thorough=30))
@given(entries=ENTRIES, data=st.data())
def test_events_that_were_taken_out_are_found(unguarded: New, entries: list[Any], data: st.DataObject) -> None:
    database = unguarded()
    first = data.draw(st.integers(1, write(database, entries)))
    last = data.draw(st.integers(first, len(entries) + 1))
    with database.writing() as connection:
        connection.execute(delete(EVENT).where(EVENT.c.sequence.between(first, last)))

    found = verification.verify(database)
    assert not found.intact
    assert found.events == (0 if first == 1 else first - 1)


@settings(deadline=None, max_examples=of_tier(5, thorough=30))
@given(entries=ENTRIES)
def test_an_event_put_in_behind_the_journals_back_is_found(unguarded: New, entries: list[Any]) -> None:
    database = unguarded()
    number = write(database, entries)
    with database.writing() as connection:
        last = connection.execute(select(EVENT).order_by(EVENT.c.sequence.desc())).first()
        assert last
        connection.execute(insert(EVENT).values(last._asdict() | {"sequence": number + 1}))

    assert verification.verify(database).first_bad == number + 1
