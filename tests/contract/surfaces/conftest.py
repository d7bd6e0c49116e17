"""One open database for all tests of a module, emptied between them: it has compiled what they execute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.history.engine.database import Database, open_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.history.databases import Kind


@pytest.fixture(scope="module")
def _open_database(database_kind: Kind) -> Iterator[Database]:
    with database_kind.new() as url, open_database(url) as database:
        yield database


@pytest.fixture
def database(database_kind: Kind, _open_database: Database) -> Iterator[Database]:
    yield _open_database
    database_kind.again(_open_database)
