"""What the history promises, whatever database it is in. Another database is one more entry in ENGINES."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select, text, update

from rotator.errors import HistoryError, RotationRunning
from rotator.history import queries
from rotator.history.database import Database, open_database
from rotator.history.journal import Journal
from rotator.history.locks import rotation_locks
from rotator.history.models import EVENT, HEAD, ROTATION
from rotator.history.records import NewRotation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW: Final = datetime(2026, 11, 23, 12, 31, 47, 123456, tzinfo=UTC)
NEW_ROTATION: Final = NewRotation(
    credential="billing", org="production", strategy="in_place", trigger="manual", actor="alex", replaces="a" * 64
)

APPENDING = """
import sys
from datetime import UTC, datetime
from rotator.history.database import open_database
from rotator.history.journal import Journal
journal = Journal(open_database(sys.argv[1]))
while True:
    print(journal.record("verify", now=datetime.now(UTC)).sequence, flush=True)
"""


@dataclass(frozen=True)
class Kind:
    """How to make a new, migrated database of one kind, and how to switch off what keeps its journal append-only."""

    new: Callable[[], AbstractContextManager[str]]
    """Gives the URL."""
    without_guards: tuple[str, ...]


def sqlite_kind(folder: Path) -> Kind:
    template = folder / "template.db"
    with open_database(f"sqlite:///{template}") as database:
        database.upgrade()

    @contextmanager
    def new() -> Iterator[str]:
        copies = [int(copy.stem) for copy in folder.glob("[0-9]*.db")]
        file = folder / f"{max(copies, default=0) + 1}.db"
        shutil.copy(template, file)
        yield f"sqlite:///{file}"

    guards = ("event_goes_at_the_end", "event_is_not_changed", "event_is_not_deleted")
    return Kind(new, tuple(f"DROP TRIGGER {guard}" for guard in guards))


ENGINES: Final[dict[str, Callable[[Path], Kind]]] = {"sqlite": sqlite_kind}


@pytest.fixture(scope="module", params=ENGINES)
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kind:
    return ENGINES[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture
def url(kind: Kind) -> Iterator[str]:
    with kind.new() as url:
        yield url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with open_database(url) as database:
        yield database


@contextmanager
def unguarded(kind: Kind) -> Iterator[Database]:
    """A database in which anything can be done to the journal."""
    with kind.new() as url, open_database(url) as database:
        with database.writing() as connection:
            for statement in kind.without_guards:
                connection.execute(text(statement))
        yield database


def together(action: Callable[[int], object], workers: int = 8) -> None:
    """Does it in several threads at once, and raises what any of them raised."""
    start, errors = threading.Barrier(workers), list[BaseException]()

    def run(number: int) -> None:
        start.wait()
        try:
            action(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def count(connection: Connection) -> int:
    return int(connection.scalars(select(HEAD.c.events)).one())


def test_no_update_is_lost_when_many_read_and_then_write(database: Database) -> None:
    def add(_: int) -> None:
        for _ in range(25):
            with database.writing() as connection:
                connection.execute(update(HEAD).values(events=count(connection) + 1))

    together(add)

    with database.reading() as connection:
        assert count(connection) == 8 * 25


def test_no_update_is_lost_between_those_who_opened_it_separately(url: str) -> None:
    def add(_: int) -> None:
        with open_database(url) as database:
            for _ in range(5):
                with database.writing() as connection:
                    connection.execute(update(HEAD).values(events=count(connection) + 1))

    together(add)

    with open_database(url) as database, database.reading() as connection:
        assert count(connection) == 8 * 5


def test_the_chain_holds_when_many_append_at_once(database: Database) -> None:
    journal = Journal(database)

    together(lambda number: [journal.record("verify", now=NOW, number=number) for _ in range(10)])

    found = queries.verify(database)
    assert (found.events, found.intact) == (80, True)


def test_what_was_acknowledged_is_there_after_a_kill(url: str) -> None:
    command = [sys.executable, "-c", APPENDING, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        acknowledged = [next(process.stdout) for _ in range(20)]
        process.kill()

    with open_database(url) as database:
        found = queries.verify(database)
        assert found.intact
        assert found.events >= int(acknowledged[-1]) == 20
        assert Journal(database).record("verify", now=NOW).sequence == found.events + 1


def test_a_reader_sees_the_database_as_it_was_at_its_first_read(database: Database) -> None:
    with database.reading() as connection:
        assert count(connection) == 0
        Journal(database).record("verify", now=NOW)
        assert count(connection) == 0
    with database.reading() as connection:
        assert count(connection) == 1


def test_an_exception_undoes_the_whole_transaction(database: Database) -> None:
    def write_and_fail() -> None:
        with database.writing() as connection:
            connection.execute(update(HEAD).values(events=7))
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()
    with database.reading() as connection:
        assert count(connection) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET kind = 'promote' WHERE sequence = 1",
        "UPDATE event SET sequence = 9 WHERE sequence = 2",
        "DELETE FROM event WHERE sequence = 2",
        "DELETE FROM event",
    ],
)
def test_the_database_itself_refuses_to_change_or_delete_an_event(database: Database, statement: str) -> None:
    journal = Journal(database)
    written = [journal.record("verify", now=NOW), journal.record("verify", now=NOW)]

    with pytest.raises(HistoryError, match="events are never"), database.writing() as connection:
        connection.execute(text(statement))
    assert queries.events(database) == written


def test_the_database_itself_refuses_an_event_that_is_not_at_the_end(database: Database) -> None:
    journal = Journal(database)
    written = [journal.record("verify", now=NOW), journal.record("verify", now=NOW)]

    for sequence in (0, 1, 2):
        row = {"sequence": sequence, "time": NOW, "kind": "x", "details": "{}", "previous_hash": "", "hash": ""}
        with pytest.raises(HistoryError, match="refused"), database.writing() as connection:
            connection.execute(insert(EVENT).values(row))
    assert queries.events(database) == written


def test_an_event_of_a_rotation_that_is_not_there_is_refused(database: Database) -> None:
    with pytest.raises(HistoryError, match="refused"):
        Journal(database).record("verify", now=NOW, rotation_id="20260101-000000-absent00")
    assert queries.verify(database).events == 0


@pytest.mark.parametrize("hours", [-11, 0, 5.5, 13])
def test_times_come_back_in_utc_to_the_microsecond(database: Database, hours: float) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=hours)))
    rotation = Journal(database).begin_rotation(NEW_ROTATION, elsewhere)

    (found,) = queries.rotations(database)

    assert found == rotation
    assert (found.started_at, found.started_at.tzinfo) == (NOW, UTC)
    assert queries.events(database)[0].time.tzinfo is UTC


def test_times_without_a_zone_are_refused(database: Database) -> None:
    with pytest.raises(HistoryError), database.writing() as connection:
        connection.execute(update(ROTATION).values(started_at=NOW.replace(tzinfo=None)))


def test_a_rotation_is_found_from_beginning_to_end(database: Database) -> None:
    journal = Journal(database)
    begun = journal.begin_rotation(NEW_ROTATION, NOW)
    journal.record("promote", now=NOW + timedelta(seconds=1), credential="billing", rotation_id=begun.id)
    assert journal.open_rotation("billing") == begun

    ended = journal.finish_rotation(begun.id, outcome="rotated", now=NOW + timedelta(seconds=2), gap_seconds=0.25)

    assert queries.rotations(database, "billing") == [journal.rotation(begun.id)] == [ended]
    assert journal.last_promotion("billing") == NOW + timedelta(seconds=1)
    assert [event.kind for event in queries.events(database, rotation_id=begun.id)] == ["begin", "promote", "finish"]


def test_of_many_who_would_end_a_rotation_one_does(database: Database) -> None:
    journal = Journal(database)
    rotation = journal.begin_rotation(NEW_ROTATION, NOW)
    refused = []

    def finish(_: int) -> None:
        try:
            journal.finish_rotation(rotation.id, outcome="rotated", now=NOW)
        except HistoryError as error:
            refused.append(error)

    together(finish)

    assert len(refused) == 7
    assert [event.kind for event in queries.events(database)] == ["begin", "finish"]


def test_upgrading_again_changes_nothing(url: str, database: Database) -> None:
    written = Journal(database).record("verify", now=NOW)

    with open_database(url) as again:
        assert again.upgrade().version == database.version
        assert queries.events(again) == [written]


def test_those_who_share_a_database_share_its_locks(url: str, database: Database) -> None:
    with open_database(url) as other, rotation_locks(database, lambda: NOW).hold("billing"):
        elsewhere = rotation_locks(other, lambda: NOW)
        with pytest.raises(RotationRunning, match="since 2026-11-23 12:31:47 UTC"), elsewhere.hold("billing"):
            pass
        with elsewhere.hold("shipping"):
            pass


def test_of_many_who_would_rotate_a_credential_one_does(database: Database) -> None:
    locks, done, refused = rotation_locks(database, lambda: NOW), threading.Barrier(8), list[RotationRunning]()

    def rotate(_: int) -> None:
        try:
            with locks.hold("billing"):
                done.wait()
        except RotationRunning as error:
            refused.append(error)
            done.wait()

    together(rotate)

    assert len(refused) == 7


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


def write(database: Database, entries: list[tuple[str, str | None, datetime, Any]]) -> int:
    """Writes a rotation's begin and the entries as its events; returns how many events there are."""
    journal = Journal(database)
    rotation = journal.begin_rotation(NEW_ROTATION, NOW)
    for word, credential, time, data in entries:
        journal.record(word, now=time, credential=credential, rotation_id=rotation.id, data=data)
    return len(entries) + 1


@settings(deadline=None, max_examples=50)
@given(entries=ENTRIES)
def test_whatever_is_recorded_is_read_back_and_proven(kind: Kind, entries: list[Any]) -> None:
    with kind.new() as url, open_database(url) as database:
        number = write(database, entries)

        found = queries.events(database)[1:]
        assert [(event.kind, event.credential, event.time, event.details["data"]) for event in found] == entries
        assert (queries.verify(database).events, queries.verify(database).intact) == (number, True)


@settings(deadline=None)
@given(entries=ENTRIES, data=st.data())
def test_a_change_to_any_column_of_any_event_is_found(kind: Kind, entries: list[Any], data: st.DataObject) -> None:
    with unguarded(kind) as database:
        sequence = data.draw(st.integers(1, write(database, entries)))
        column, value = data.draw(CHANGES)
        assume(column != "sequence" or not 1 <= value <= len(entries) + 1)
        this = EVENT.c.sequence == sequence
        with database.writing() as connection:
            before = connection.scalar(select(EVENT.c[column]).where(this))
            assume(before != value)
            connection.execute(update(EVENT).where(this).values({column: value}))

        assert not queries.verify(database).intact


@settings(deadline=None, max_examples=50)
@given(entries=ENTRIES, data=st.data())
def test_events_that_were_taken_out_are_found(kind: Kind, entries: list[Any], data: st.DataObject) -> None:
    with unguarded(kind) as database:
        first = data.draw(st.integers(1, write(database, entries)))
        last = data.draw(st.integers(first, len(entries) + 1))
        with database.writing() as connection:
            connection.execute(delete(EVENT).where(EVENT.c.sequence.between(first, last)))

        found = queries.verify(database)
        assert not found.intact
        assert found.events == (0 if first == 1 else first - 1)


@settings(deadline=None, max_examples=50)
@given(entries=ENTRIES)
def test_an_event_put_in_behind_the_journals_back_is_found(kind: Kind, entries: list[Any]) -> None:
    with unguarded(kind) as database:
        number = write(database, entries)
        with database.writing() as connection:
            last = connection.execute(select(EVENT).order_by(EVENT.c.sequence.desc())).first()
            assert last
            connection.execute(insert(EVENT).values(last._asdict() | {"sequence": number + 1}))

        assert queries.verify(database).first_bad == number + 1
