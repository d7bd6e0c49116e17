"""A new history of every kind of database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.history.database import Database, open_database
from tests.contract.databases import ENGINES, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", params=ENGINES)
def database_kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kind:
    return ENGINES[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture
def database_url(database_kind: Kind) -> Iterator[str]:
    with database_kind.new() as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with open_database(database_url) as database:
        yield database
