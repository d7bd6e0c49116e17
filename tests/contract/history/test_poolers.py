"""Nothing is done by way of a pooler that keeps a session from being its owner's own, and people are told so.

What PgBouncer does is played here: it answers from sessions of its own, and drops what it was asked to set in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.errors import HistoryError
from rotator.history.engine import postgres
from rotator.history.engine.database import open_database
from rotator.history.failures.sqlstates import sessions_handed_around
from rotator.history.locks import poolers
from rotator.history.locks.poolers import refuse_poolers
from tests.contract.history.databases import NOW
from tests.contract.servers.postgres import scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from tests.contract.servers.postgres import PostgresServer


@pytest.fixture(scope="module")
def url(postgres_server: PostgresServer, migrated_database: str) -> Iterator[str]:
    with scratch_database(postgres_server.url("postgres"), migrated_database) as url:
        yield url


def test_a_session_without_its_settings_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would find other tables than those of the history, and might write where it only reads."""
    monkeypatch.delitem(postgres._SESSION, "rotator.session")
    with (
        open_database(url, only_reads=True) as database,
        pytest.raises(HistoryError, match="drops the settings of a session") as refused,
    ):
        database.upgrade()
    assert "rotator docs operations" in refused.value.hint
    assert not refused.value.transient


def test_no_lock_is_taken_where_sessions_are_handed_around(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proven: list[str] = []

    def refuse(engine: Engine, name: str) -> None:
        refuse_poolers(engine, name)
        proven.append(name)
        raise sessions_handed_around(name)

    monkeypatch.setattr(poolers, "refuse_poolers", refuse)
    with open_database(url) as database:
        locks = database.rotation_locks(lambda: NOW)
        with pytest.raises(HistoryError, match="hands its sessions around"), locks.hold("billing"):
            pass
        with pytest.raises(HistoryError, match="hands its sessions around"):
            next(locks.one_by_one(["billing"]))
        with pytest.raises(HistoryError, match="hands its sessions around"):
            database.prove_sessions()
        assert locks.holders(["billing"]) == {}, "who holds one is known all the same"
        assert proven == [database.name] * 3


def test_a_server_is_asked_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proven: list[str] = []
    monkeypatch.setattr(poolers, "refuse_poolers", lambda _engine, name: proven.append(name))
    with open_database(url) as database:
        for _ in range(2):
            with database.rotation_locks(lambda: NOW).hold("billing"):
                pass
        assert proven == [database.name]
