"""No byte of a private key gets out: a talkative run of everything, over every store, searched for every key it saw."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from requests.adapters import HTTPAdapter

from rotator.cli import failures, runs
from rotator.core.keys import PrivateKey
from rotator.simulator.export import Export
from rotator.simulator.hosting import hosted
from rotator.simulator.settings import OrgSettings
from rotator.stores.disk import Directory
from rotator.testing.versions import spare_key
from tests.contract.aws.stores import ENVIRONMENT, FORGOTTEN, AwsServer, running_aws
from tests.contract.planted import betrayals, logging_everything, whole
from tests.contract.servers.strict_aws import REGION
from tests.contract.servers.vault import VaultProcess, dev_server
from tests.end_to_end.strangers import SCRIPTS, Folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.errors import RotatorError

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

    def remembered(key: PrivateKey, *given: Any) -> None:
        begin(key, *given)
        found[key.public_fingerprint] = key

    monkeypatch.setattr(PrivateKey, "__init__", remembered)
    # OpenSSL takes 60 ms to check a key that it reads.
    monkeypatch.setattr(PrivateKey, "from_pem", cache(PrivateKey.from_pem))
    return found


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[RotatorError]:
    """Every error that a person was told of."""
    found: list[RotatorError] = []
    for module in (failures, runs):
        tell = module.tell

        def told(error: RotatorError, *, as_json: bool, about: str = "", tell: Any = tell) -> None:
            found.append(error)
            tell(error, as_json=as_json, about=about)

        monkeypatch.setattr(module, "tell", told)
    return found


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultProcess]:
    with dev_server(tmp_path_factory.mktemp("vault")) as server:
        yield server


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsServer]:
    with running_aws() as server:
        yield server


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


def process(folder: Folder) -> str:
    """What a process prints that rotates with `--verbose`, and what its command line and environment showed."""
    command: list[str | Path] = [
        SCRIPTS / "rotate", "--config", folder.path / folder.config, "now", "billing", "--verbose",
    ]  # fmt: skip
    shown = set[bytes]()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        while running.poll() is None:
            shown |= {_read(Path(f"/proc/{running.pid}/{what}")) for what in ("cmdline", "environ")}
            time.sleep(0.02)
        assert running.stdout is not None
        told = running.stdout.read()
    assert running.returncode == 0, told.decode()
    assert b"DEBUG rotator." in told
    assert any(b"billing" in each for each in shown)
    return b"\n".join([told, *shown]).decode("latin-1")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def search(text: str, folder: Folder, keys: dict[str, PrivateKey]) -> None:
    """Fails when a part of a key is in the text, or in a file that is not there to hold keys."""
    files = [file for file in folder.path.rglob("*") if file.is_file() and not is_for_keys(file, folder.path)]
    assert any(file.suffix == ".db" for file in files)
    everything = "\n".join([text, *(file.read_bytes().decode("latin-1") for file in files)])
    for key in keys.values():
        assert betrayals(everything, key) == []
        der = key.signing_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        assert der[-120:-60].decode("latin-1") not in everything


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


@pytest.mark.parametrize("kind", ["files", "vault", "aws"])
def test_a_talkative_run_of_everything_betrays_no_key(
    exported: Folder,
    request: pytest.FixtureRequest,
    seen: dict[str, PrivateKey],
    errors: list[RotatorError],
    kind: str,
) -> None:
    store, trouble = {"files": in_files, "vault": in_vault, "aws": in_aws}[kind](exported, request)
    folder = exported.configured(f"{kind}.yaml", stores={"keys": store})
    with logging_everything() as log:
        told = talkative(folder)
        with trouble:
            assert folder.rotate("now", "billing").code != 0
    logged = "\n".join(log.lines)
    assert "rotator.salesforce." in logged
    assert "urllib3.connectionpool" in logged
    assert len(seen) >= 7
    assert errors
    search("\n".join([told, logged, *map(whole, errors)]), folder, seen)


def test_a_process_that_says_all_it_does_shows_no_key(
    exported: Folder, request: pytest.FixtureRequest, seen: dict[str, PrivateKey]
) -> None:
    store, _ = in_aws(exported, request)
    folder = exported.configured("process.yaml", stores={"keys": {**store, "prefix": "process/"}})
    folder.rotator("adopt", "billing", "--key", str(folder.path / "keys" / "production-Billing.pem"))
    before = set(seen)
    told = process(folder)
    # What the process made is read here.
    assert folder.rotator("verify", "billing").code == 0
    assert set(seen) > before
    search(told, folder, seen)


@pytest.mark.parametrize("as_der", [False, True], ids=["PEM", "DER"])
def test_the_search_finds_a_key_in_any_file(tmp_path: Path, *, as_der: bool) -> None:
    key = spare_key(0)
    der = key.signing_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "rotator.db").write_bytes(b"before " + (der if as_der else key.pem().reveal().encode()) + b" after")
    with pytest.raises(AssertionError):
        search("", Folder(tmp_path), {"spare": key})
    search("", Folder(tmp_path), {"another": spare_key(1)})


def in_files(folder: Folder, _request: pytest.FixtureRequest) -> tuple[dict[str, Any], Any]:
    return {"type": "files", "path": str(folder.path / "own-store")}, full_disk()


def in_vault(folder: Folder, request: pytest.FixtureRequest) -> tuple[dict[str, Any], Any]:
    server: VaultProcess = request.getfixturevalue("vault")
    token = folder.path / "token"
    token.write_text(server.root_token)
    login = {"token_file": str(token)}
    return {"type": "vault", "address": server.address, "login": login}, bad_connection(server.address)


def in_aws(_folder: Folder, request: pytest.FixtureRequest) -> tuple[dict[str, Any], Any]:
    server: AwsServer = request.getfixturevalue("aws")
    return {"type": "aws", "region": REGION, "endpoint_url": server.url}, not_allowed(server)
