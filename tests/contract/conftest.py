"""A new history of every kind of database."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from rotator.history.engine.database import Database, open_database
from tests.contract.history.databases import Kind, postgres_kind, sqlite_kind
from tests.contract.servers.postgres import EXTERNAL, PostgresServer, migrated_scratch, name_of
from tests.contract.servers.vault import VaultProcess, sealed_server
from tests.contract.stores.aws.stores import ENVIRONMENT, FORGOTTEN, AwsGround, AwsServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> str:
    """A server's URL, for a role that may create databases."""
    if os.environ.get(EXTERNAL):
        return os.environ[EXTERNAL]
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.url("postgres")


@pytest.fixture(scope="session")
def postgres_template(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[str]:
    """The name of a database on that server with all tables and nothing in them."""
    if not os.environ.get(EXTERNAL):
        yield request.getfixturevalue("migrated_database")
        return
    with migrated_scratch(postgres_url) as url:
        yield name_of(url)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database_kind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, migrated_file: Path
) -> Iterator[Kind]:
    """A test that wants one kind alone has a `parametrize` for it alone (indirect).

    With other arguments in it, pytest would set up anew for each test what a module shares.
    """
    if request.param == "sqlite":
        yield sqlite_kind(tmp_path_factory.mktemp("sqlite"), migrated_file)
        return
    url, template = (request.getfixturevalue(name) for name in ("postgres_url", "postgres_template"))
    with ExitStack() as cleaning:
        yield postgres_kind(url, template, cleaning)


@pytest.fixture
def database_url(database_kind: Kind) -> Iterator[str]:
    with database_kind.new() as url:
        yield url


@pytest.fixture(scope="module")
def _opened() -> Iterator[dict[str, Database]]:
    """By their URLs: they have compiled the statements of the tests before."""
    opened: dict[str, Database] = {}
    yield opened
    for each in opened.values():
        each.close()


@pytest.fixture
def database(database_url: str, _opened: dict[str, Database]) -> Iterator[Database]:
    database = _opened.setdefault(database_url, _opened.get(database_url) or open_database(database_url))
    yield database
    database.close()
    # What the test before met in its rows, or signed by, is nothing to the next.
    database.unreadable.take()
    database.signer = None


@pytest.fixture(scope="session")
def sealed_vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultProcess]:
    """A Vault as in earnest: TLS, integrated storage, seals."""
    with sealed_server(tmp_path_factory.mktemp("sealed-vault")) as server:
        yield server


@pytest.fixture
def aws(aws_server: AwsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsGround]:
    """Stores there, with a prefix that no other test has; everything goes well unless a test orders otherwise."""
    for name in FORGOTTEN:
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    aws_server.layer.clear()
    yield AwsGround(aws_server)
    aws_server.layer.clear()
