"""A history in Postgres with the jobs schema beside it, empty at the beginning of each test."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from rotator.history.engine.database import Database, open_database
from rotator.queue import queue_worker
from rotator.queue.jobs_database import JobsDatabase
from rotator.queue.queue_tables import METADATA
from tests.contract.servers.postgres import scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEPT = (*(table.name for table in reversed(METADATA.sorted_tables)), "procrastinate_jobs", "procrastinate_workers")
"""What is in these is taken out row by row: there are few, and to truncate a table takes a hundred times as long."""


@pytest.fixture(scope="module")
def jobs_url(postgres_url: str, postgres_template: str) -> Iterator[str]:
    with scratch_database(postgres_url, postgres_template) as url:
        yield url


@pytest.fixture(scope="module")
def _opened(jobs_url: str) -> Iterator[Database]:
    with open_database(jobs_url) as database:
        yield database


@pytest.fixture
def history(_opened: Database) -> Iterator[Database]:
    yield _opened
    _opened.close()
    _opened.unreadable.take()
    _opened.signer = None


@pytest.fixture
def _asks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers ask for jobs so often that nothing is waited for."""
    monkeypatch.setattr(queue_worker, "POLL", timedelta(milliseconds=20))


@pytest.fixture
def jobs(history: Database) -> Iterator[JobsDatabase]:
    jobs = JobsDatabase.of(history)
    assert jobs is not None
    with jobs.transaction() as connection:
        connection.execute(text("; ".join(f"DELETE FROM {name}" for name in _KEPT)))  # noqa: S608 - names of ours
    yield jobs
    jobs.close()
