from __future__ import annotations

from datetime import timedelta
from sqlite3 import OperationalError
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, Engine, create_engine, select, update

from rotator import trusted_files
from rotator.errors import ConfigurationError, HistoryError
from rotator.history.engine.sqlite import begin, open_engine, take_over_transactions
from rotator.history.engine.tables import HEAD
from rotator.history.engine.transactions import purpose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def plain(file: Path) -> Iterator[Engine]:
    """An engine as SQLAlchemy makes it, that waits for nobody."""
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": 0})
    yield engine
    engine.dispose()


def count(connection: Connection) -> int:
    return int(connection.scalars(select(HEAD.c.events)).one())


def add_one_each(one: Connection, other: Connection) -> None:
    """Two that read, then write what they read and one more."""
    seen = count(one), count(other)
    for connection, before in zip((one, other), seen, strict=True):
        connection.execute(update(HEAD).values(events=before + 1))
        connection.commit()


def test_without_our_settings_sqlite_loses_an_update(plain: Engine) -> None:
    with plain.connect() as one, plain.connect() as other:
        add_one_each(one, other)
        assert count(one) == 1


def test_with_our_settings_the_second_writer_does_not_even_begin(plain: Engine) -> None:
    take_over_transactions(plain)
    with plain.connect() as one, plain.connect() as other:
        begin(one)
        with pytest.raises(OperationalError, match="locked"):
            begin(other)


def test_one_that_only_reads_need_not_wait(plain: Engine) -> None:
    take_over_transactions(plain)
    with plain.connect() as one, plain.connect().execution_options(**purpose(reading=True)) as reader:
        begin(one)
        one.execute(update(HEAD).values(events=1))
        begin(reader)
        assert count(reader) == 0


def test_tables_are_made_whole_or_not_at_all(file: Path) -> None:
    engine = open_engine(file, timedelta(seconds=1))
    with engine.connect() as connection:
        begin(connection)
        connection.exec_driver_sql("CREATE TABLE half (id)")
        connection.rollback()
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'half'").all()
    engine.dispose()
    assert tables == []


def test_every_connection_keeps_foreign_keys_and_the_write_ahead_log_and_few_pages(file: Path) -> None:
    engine = open_engine(file, timedelta(seconds=7))
    with engine.connect() as one, engine.connect().execution_options(**purpose(reading=True)) as other:
        del one
        settings = [other.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("foreign_keys", "journal_mode")]
        timeout = other.exec_driver_sql("PRAGMA busy_timeout").scalar()
        kilobytes = -(other.exec_driver_sql("PRAGMA cache_size").scalar() or 0)
    engine.dispose()
    assert (settings, timeout, kilobytes) == ([1, "wal"], 7000, 500)


@pytest.mark.parametrize(("place", "mode"), [("rotator.db", 0o666), (".", 0o777), ("rotator.db.locks", 0o777)])
def test_a_history_that_everybody_can_write_is_not_used(file: Path, place: str, mode: int) -> None:
    open_engine(file, timedelta(seconds=1)).dispose()
    (file.parent / place).chmod(mode)

    with pytest.raises(HistoryError, match=f"everybody can write: .* has mode {mode:04o}") as refused:
        open_engine(file, timedelta(seconds=1))
    assert "chmod go-w" in refused.value.hint
    (file.parent / place).chmod(0o700)


@pytest.mark.parametrize(("place", "mode"), [("rotator.db", 0o660), (".", 0o770), ("rotator.db.locks", 0o770)])
def test_a_history_that_a_group_can_write_is_used_with_a_warning_and_by_root_not_at_all(
    file: Path, place: str, mode: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trusted_files, "_is_own_group", lambda _: False)
    monkeypatch.setattr(trusted_files, "_group", lambda _: "daemon")
    monkeypatch.setattr(trusted_files, "_is_root", lambda: False)
    open_engine(file, timedelta(seconds=1)).dispose()
    assert caplog.text == ""
    (file.parent / place).chmod(mode)

    open_engine(file, timedelta(seconds=1)).dispose()
    assert f"The group daemon can write the history: {file.parent / place} has mode {mode:04o}." in caplog.text
    monkeypatch.setattr(trusted_files, "_is_root", lambda: True)
    with pytest.raises(ConfigurationError, match="group daemon") as refused:
        open_engine(file, timedelta(seconds=1))
    assert "chmod g-w" in refused.value.hint
    (file.parent / place).chmod(0o700)


def test_a_history_that_ones_own_group_can_write_is_ones_own(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trusted_files, "_is_own_group", lambda _: True)
    open_engine(file, timedelta(seconds=1)).dispose()
    file.chmod(0o660)
    open_engine(file, timedelta(seconds=1)).dispose()
    assert caplog.text == ""


def test_a_history_in_a_folder_for_everybody_where_nobody_can_replace_it_is_used(file: Path) -> None:
    file.parent.chmod(0o1777)
    open_engine(file, timedelta(seconds=1)).dispose()
