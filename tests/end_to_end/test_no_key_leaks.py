"""No byte of a private key gets out: a talkative run of everything, over every store, searched for every key it saw."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import time
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from requests.adapters import HTTPAdapter
from sqlalchemy import make_url

from rotator.cli import error_output, runs
from rotator.core.crypto.keys import PrivateKey
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.serving.export import Export
from rotator.simulator.serving.hosting import hosted
from rotator.stores.files.disk import Directory
from rotator.testing.versions import spare_key
from tests.contract.planted import betrayals, logging_everything, whole
from tests.contract.servers.postgres import execute, scratch_database
from tests.contract.servers.strict_aws import REGION
from tests.contract.stores.aws.stores import ENVIRONMENT, FORGOTTEN, AwsServer, new_prefix
from tests.contract.stores.vault.stores import new_folder
from tests.end_to_end.strangers import SCRIPTS, Folder
from tests.key_pairs import made_on_the_spot
from tests.tiers import standard_first, thorough

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.errors import RotatorError
    from tests.contract.servers.postgres import PostgresServer
    from tests.contract.servers.vault import VaultProcess

PASSWORD = "a password of a test"


@pytest.fixture(autouse=True)
def _as_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FORGOTTEN:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**ENVIRONMENT, "KEYSTORE_PASSWORD": PASSWORD}.items():
        monkeypatch.setenv(name, value)
    # An earlier `--verbose` in this process may have kept the program's own lines from the root logger.
    monkeypatch.setattr(logging.getLogger("rotator"), "propagate", True)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, PrivateKey]:
    """Every private key that was read or made in this process since, by the fingerprint of its public half."""
    found = dict[str, PrivateKey]()
    begin = PrivateKey.__init__

    def remembered(key: PrivateKey, *given: Any, **named: Any) -> None:
        begin(key, *given, **named)
        found[key.public_fingerprint] = key

    monkeypatch.setattr(PrivateKey, "__init__", remembered)
    # OpenSSL takes 60 ms to check a key that it reads.
    monkeypatch.setattr(PrivateKey, "from_pem", cache(PrivateKey.from_pem))
    return found


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[RotatorError]:
    """Every error that a person was told of."""
    found: list[RotatorError] = []
    for module in (error_output, runs):
        tell = module.tell

        def told(error: RotatorError, *, as_json: bool, about: str = "", tell: Any = tell) -> None:
            found.append(error)
            tell(error, as_json=as_json, about=about)

        monkeypatch.setattr(module, "tell", told)
    return found


@pytest.fixture
def in_postgres(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a history that is on a server."""
    monkeypatch.setenv("DATABASE_PASSWORD", postgres_server.password)
    with scratch_database(postgres_server.url("postgres")) as url:
        yield url


@pytest.fixture
def exported(tmp_path: Path) -> Iterator[Folder]:
    """Two simulated orgs of the test's own; the store that comes with them is not used."""
    export = Export(tmp_path / "export")
    with hosted(OrgSettings(), port=0, export=export):
        verification = {"confirmations": 1, "interval": "1s", "hold": "0s"}
        yield Folder(export.config.parent).configured("fast.yaml", rotation={"verification": verification})


def talkative(folder: Folder) -> str:
    """What every command that touches a key prints."""
    keys, out = folder.path / "keys", str(folder.path / "keystore.p12")
    told = [
        folder.rotator("adopt", "billing", "--key", str(keys / "production-Billing.pem")),
        folder.rotate("now", "billing"),
        folder.rotate("back", "billing"),
        folder.rotator("enroll", "onboarding"),
        folder.rotator("adopt", "warehouse", "--key", str(keys / "production-Warehouse_A.pem")),
        folder.rotate("now", "warehouse", "--compromised"),
        folder.rotate("finish"),
        folder.rotator("export", "billing", "--format", "pkcs12", "--out", out, "--password-env", "KEYSTORE_PASSWORD"),
        folder.rotator("verify", "billing"),
        folder.rotator("status", "billing", "onboarding", "warehouse"),
        folder.rotator("history", "--json"),
    ]
    for ran in told:
        assert ran.code == 0, ran.out + ran.err
    return "\n".join(ran.out + ran.err for ran in told)


def process(folder: Folder, script: str, *arguments: str) -> str:
    """What a process prints with `--verbose`, and what its command line and environment showed."""
    command: list[str | Path] = [SCRIPTS / script, "--config", folder.path / folder.config, *arguments, "--verbose"]
    shown = set[bytes]()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        while running.poll() is None:
            shown |= {_read(Path(f"/proc/{running.pid}/{what}")) for what in ("cmdline", "environ")}
            time.sleep(0.02)
        assert running.stdout is not None
        told = running.stdout.read()
    assert running.returncode == 0, told.decode()
    assert b"DEBUG " in told
    assert any(b"--verbose" in each for each in shown)
    return b"\n".join([told, *shown]).decode("latin-1")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def search(text: str, folder: Folder, keys: dict[str, PrivateKey]) -> None:
    """Fails when a part of a key is in the text, or in a file that is not there to hold keys."""
    files = [file for file in folder.path.rglob("*") if file.is_file() and not is_for_keys(file, folder.path)]
    everything = "\n".join([text, *(file.read_bytes().decode("latin-1") for file in files)])
    for key in keys.values():
        assert betrayals(everything, key) == []
        der = key.signing_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        assert der[-120:-60].decode("latin-1") not in everything


def dumped(url: str) -> str:
    """Every row of every table of a database, as COPY writes them: as text, and as the bytes that they are."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        cursor, found = connection.cursor(), b""
        for (table,), form in product(tables, ("text", "binary")):
            with cursor.copy(f"COPY {table} TO STDOUT (FORMAT {form})".encode()) as rows:
                found += b"".join(map(bytes, rows))
    return found.decode("latin-1")


def is_for_keys(file: Path, folder: Path) -> bool:
    return file.relative_to(folder).parts[0] in {"keys", "store", "own-store", "simulator-state.json"}


@contextmanager
def full_disk() -> Iterator[None]:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Directory, "write", full)
        yield


@contextmanager
def bad_connection(address: str) -> Iterator[None]:
    """The connection breaks at each write, with an error that holds what was sent."""
    send = HTTPAdapter.send

    def breaks(adapter: HTTPAdapter, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if request.method == "POST" and str(request.url).startswith(f"{address}/v1/secret/data"):
            raise requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED", request=request)
        return send(adapter, request, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HTTPAdapter, "send", breaks)
        yield


@contextmanager
def not_allowed(server: AwsServer) -> Iterator[None]:
    server.layer.faults.errors["PutSecretValue"] = "AccessDeniedException"
    yield
    server.layer.clear()


@dataclass
class Place:
    """A configuration with one kind of store, and what is to be searched."""

    folder: Folder
    trouble: AbstractContextManager[None]
    """Lets the store fail in a way that shows what was sent."""
    url: str | None
    """Of the history, if it is on a server."""

    def betrays_none(self, told: str, keys: dict[str, PrivateKey]) -> None:
        """Raises AssertionError when a key is anywhere but in the store."""
        assert (self.url is None) is (self.folder.path / "rotator.db").exists()
        history = dumped(self.url) if self.url else ""
        assert "adopt" in history or not self.url
        search(f"{told}\n{history}", self.folder, keys)


@pytest.fixture(params=standard_first(["files", "vault", "aws"], ["vault"]))
def place(request: pytest.FixtureRequest, exported: Folder) -> Place:
    store, trouble = {"files": in_files, "vault": in_vault, "aws": in_aws}[request.param](exported, request)
    url: str | None = request.getfixturevalue("in_postgres") if request.param == "vault" else None
    sections: dict[str, Any] = {"stores": {"keys": store}}
    if url:
        plain = make_url(url)._replace(password=None).render_as_string()
        sections["database"] = {"url": plain, "password": {"env": "DATABASE_PASSWORD"}}
    return Place(exported.configured("place.yaml", **sections), trouble, url)


@thorough
def test_a_talkative_run_of_everything_betrays_no_key(
    place: Place, seen: dict[str, PrivateKey], errors: list[RotatorError]
) -> None:
    with logging_everything() as log:
        told = talkative(place.folder)
        with place.trouble:
            assert place.folder.rotate("now", "billing").code != 0
    logged = "\n".join(log.lines)
    assert "rotator.salesforce." in logged
    assert "uvicorn.error" in logged, "what libraries log is searched, too"
    assert len(seen) >= 7
    assert errors
    place.betrays_none("\n".join([told, logged, *map(whole, errors)]), seen)


@pytest.mark.parametrize("place", standard_first(["files", "vault", "aws"], ["files"]), indirect=True)
def test_a_process_that_says_all_it_does_shows_no_key(place: Place, seen: dict[str, PrivateKey]) -> None:
    folder = place.folder
    folder.rotator("adopt", "billing", "--key", str(folder.path / "keys" / "production-Billing.pem"))
    before = set(seen)
    told = process(folder, "rotate", "now", "billing")
    told += process(folder, "rotator", "run", "--once")
    # What the process made is read here.
    assert folder.rotator("verify", "billing").code == 0
    assert set(seen) > before
    place.betrays_none(told, seen)


def stranger() -> PrivateKey:
    """A key that has no prime in common with another one, as the cheap ones of tests do."""
    return PrivateKey(made_on_the_spot())


@pytest.mark.parametrize("as_der", [False, True], ids=["PEM", "DER"])
def test_the_search_finds_a_key_in_any_file(tmp_path: Path, *, as_der: bool) -> None:
    key = spare_key(0)
    der = key.signing_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "rotator.db").write_bytes(b"before " + (der if as_der else key.pem().reveal().encode()) + b" after")
    with pytest.raises(AssertionError):
        search("", Folder(tmp_path), {"spare": key})
    search("", Folder(tmp_path), {"another": stranger()})


@pytest.mark.parametrize(("kind", "as_der"), [("text", False), ("bytea", True)], ids=["PEM", "DER"])
def test_the_search_finds_a_key_in_any_table(tmp_path: Path, in_postgres: str, kind: str, *, as_der: bool) -> None:
    key = spare_key(0)
    der = key.signing_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    value = f"'\\x{der.hex()}'" if as_der else f"'{key.pem().reveal()}'"
    execute(in_postgres, f"CREATE SCHEMA another; CREATE TABLE another.place AS SELECT {value}::{kind}")
    with pytest.raises(AssertionError):
        search(dumped(in_postgres), Folder(tmp_path), {"spare": key})
    search(dumped(in_postgres), Folder(tmp_path), {"another": stranger()})


def in_files(folder: Folder, _request: pytest.FixtureRequest) -> tuple[dict[str, Any], Any]:
    return {"type": "files", "path": str(folder.path / "own-store")}, full_disk()


def in_vault(folder: Folder, request: pytest.FixtureRequest) -> tuple[dict[str, Any], Any]:
    server: VaultProcess = request.getfixturevalue("dev_vault")
    token = folder.path / "token"
    token.touch(0o600)
    token.write_text(server.root_token)
    login = {"token_file": str(token)}
    settings = {"type": "vault", "address": server.address, "path": new_folder(), "login": login}
    return settings, bad_connection(server.address)


def in_aws(_folder: Folder, request: pytest.FixtureRequest) -> tuple[dict[str, Any], Any]:
    server: AwsServer = request.getfixturevalue("aws_server")
    settings = {"type": "aws", "prefix": new_prefix(), "region": REGION, "endpoint_url": server.url}
    return settings, not_allowed(server)
