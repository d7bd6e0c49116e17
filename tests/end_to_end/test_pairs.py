"""Every store with every database: a stranger adopts the keys that are in use, and rotates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url

from rotator.simulator.serving.export import Export
from tests.contract.servers.postgres import PostgresServer, scratch_database
from tests.contract.servers.strict_aws import REGION
from tests.contract.stores.aws.stores import ENVIRONMENT, FORGOTTEN, AwsServer
from tests.end_to_end.orgs import hosted_orgs
from tests.end_to_end.strangers import Folder
from tests.tiers import rows_standard_first

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.simulator.org.org import Org
    from tests.contract.servers.vault import VaultProcess

APPS = ("Billing", "Warehouse_A", "Warehouse_B")
PAIRS = [(store, database) for store in ("files", "vault", "aws") for database in ("sqlite", "postgres")]
STANDARD = [("aws", "postgres")]
"""Beside it, test_vault has Vault with SQLite, and most tests have files."""


@pytest.fixture(scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Org, Folder]]:
    export = Export(tmp_path_factory.mktemp("place"))
    with hosted_orgs(export) as server:
        yield server.org("production"), Folder(export.folder)


@pytest.fixture
def exported(_place: tuple[Org, Folder]) -> Iterator[Folder]:
    """What a stranger has: the keys that the apps hold, and a configuration that knows no store of them."""
    org, folder = _place
    held = {name: org.app(name).live_certificate for name in APPS}
    yield folder
    for name, certificate in held.items():
        org.put_certificate(name, certificate)


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The store, as config.yaml has it."""
    if request.param == "vault":
        vault: VaultProcess = request.getfixturevalue("dev_vault")
        monkeypatch.setenv("TOKEN", vault.root_token)
        login = {"token": {"env": "TOKEN"}}
        return {"type": "vault", "address": vault.address, "path": tmp_path.name, "login": login}
    if request.param == "aws":
        aws: AwsServer = request.getfixturevalue("aws_server")
        for name in FORGOTTEN:
            monkeypatch.delenv(name, raising=False)
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        return {"type": "aws", "prefix": f"{tmp_path.name}/", "region": REGION, "endpoint_url": aws.url}
    return {"type": "files", "path": str(tmp_path / "keys")}


@pytest.fixture
def database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str | dict[str, Any]]:
    """The history, as config.yaml has it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/rotator.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    monkeypatch.setenv("DATABASE_PASSWORD", server.password)
    with scratch_database(server.url("postgres")) as url:
        plain = make_url(url)._replace(password=None).render_as_string()
        yield {"url": plain, "password": {"env": "DATABASE_PASSWORD"}}


@pytest.mark.parametrize(
    ("store", "database"),
    rows_standard_first(PAIRS, STANDARD),
    indirect=True,
)
def test_one_command_rotates_under_either_strategy(
    exported: Folder, store: dict[str, Any], database: str | dict[str, Any]
) -> None:
    rotation = {"verification": {"confirmations": 1, "interval": "1s", "hold": "0s"}}
    folder = exported.configured("pair.yaml", stores={"keys": store}, database=database, rotation=rotation)
    # The folder is the same for every pair, and its configuration names another history each time.
    assert folder.rotator("db", "upgrade", "--init").code == 0
    for name, app in (("billing", "Billing"), ("warehouse", "Warehouse_A")):
        key = folder.path / "keys" / f"production-{app}.pem"
        assert folder.rotator("adopt", name, "--key", str(key)).code == 0

    rotated = folder.rotate("now", "billing", "warehouse")
    assert rotated.code == 0, rotated.out + rotated.err

    assert not folder.logs_in("production", "Billing", folder.key("production", "Billing"))
    assert folder.logs_in("production", "Warehouse_A", folder.key("production", "Warehouse_A"))
    for name in ("billing", "warehouse"):
        verified = folder.rotator("verify", name)
        assert verified.code == 0, verified.out + verified.err
    told = folder.rotator("history", "--json").json["rotations"]
    assert {(each["credential"], each["goal"], each["outcome"]) for each in told} == {
        (name, goal, "rotated") for name in ("billing", "warehouse") for goal in ("adopt", "replace")
    }
    assert folder.rotator("history", "verify").code == 0
