"""A history of its own for every test, copied from one that was migrated once."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from rotator.history.engine.database import Database, open_database
from rotator.history.journal.journal import Journal
from rotator.history.records import NewRotation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def file(migrated_file: Path, tmp_path: Path) -> Path:
    file = tmp_path / "rotator.db"
    shutil.copy(migrated_file, file)
    return file


@pytest.fixture
def database(file: Path) -> Iterator[Database]:
    with open_database(f"sqlite:///{file}") as database:
        yield database


@pytest.fixture
def another_database(migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    file = tmp_path / "another.db"
    shutil.copy(migrated_file, file)
    with open_database(f"sqlite:///{file}") as database:
        yield database


@pytest.fixture
def journal(database: Database) -> Journal:
    return Journal(database)


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 23, 12, 31, 47, 123456, tzinfo=UTC)


@pytest.fixture
def new_rotation() -> NewRotation:
    return NewRotation(
        credential="billing",
        org="production",
        strategy="in_place",
        trigger="manual",
        actor="alex",
        reason="yearly",
        replaces="a" * 64,
    )
