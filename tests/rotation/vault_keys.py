"""Keys for scenarios in a real Vault."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hvac.exceptions import InvalidPath

from rotator.core.credentials import Fingerprint
from rotator.core.retry import Waiting
from rotator.stores.vault.auth import TokenFileLogin
from rotator.stores.vault.http import VaultHttp, VaultServer
from rotator.stores.vault.store import VaultStore
from rotator.stores.vault.token import VaultSession
from tests.contract.servers.vault import closing
from tests.contract.stores.vault.stores import new_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.application import Application
    from rotator.stores.base import Store
    from tests.contract.servers.vault import VaultProcess

Secrets = dict[str, list[dict[str, Any] | None]]
"""For each path the data of its KV versions, None for one that is destroyed."""


@dataclass
class VaultKeys:
    """Keys in a folder of Vault, another one for each scenario."""

    admin: Any
    session: VaultSession
    """For looking at the store, as nobody who crashes or fails uses it."""
    address: str
    token_file: Path
    folder: str = ""
    """The scenario's."""
    moments: dict[Path, Secrets] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """See Keys."""
        return VaultStore("keys", self.session, "secret", self.folder)

    @property
    def settings(self) -> str:
        """See Keys."""
        login = f"{{token_file: {self.token_file}}}"
        return f"{{type: vault, address: '{self.address}', path: {self.folder}, login: {login}}}"

    def equip(self, app: Application) -> None:
        """See Keys."""

    def kept(self, credential: str) -> set[str]:
        """See Keys."""
        secrets = self._secrets()
        versions = [*secrets.get(credential, []), *secrets.get(f"{credential}/pending", [])]
        return {Fingerprint(data["fingerprint"]) for data in versions if data}

    def keep(self, files: Path) -> None:
        """See Keys."""
        self.moments[files] = self._secrets()

    def go_back(self, files: Path | None) -> None:
        """See Keys."""
        self.folder = new_folder()
        kv = self.admin.secrets.kv.v2
        for path, versions in self.moments[files].items() if files else ():
            for data in versions:
                kv.create_or_update_secret(f"{self.folder}/{path}", data or {"destroyed": "yes"})
            gone = [number for number, data in enumerate(versions, 1) if data is None]
            if gone:
                kv.destroy_secret_versions(f"{self.folder}/{path}", gone)

    def _secrets(self) -> Secrets:
        kv, found = self.admin.secrets.kv.v2, Secrets()
        for path in self._paths():
            about = kv.read_secret_metadata(f"{self.folder}/{path}")["data"]
            found[path] = [
                None
                if about["versions"].get(str(number), {"destroyed": True})["destroyed"]
                else kv.read_secret_version(f"{self.folder}/{path}", number, raise_on_deleted_version=True)["data"][
                    "data"
                ]
                for number in range(1, about["current_version"] + 1)
            ]
        return found

    def _paths(self, below: str = "") -> list[str]:
        try:
            names = self.admin.secrets.kv.v2.list_secrets(f"{self.folder}/{below}")["data"]["keys"]
        except InvalidPath:
            return []
        inner = [path for name in names if name.endswith("/") for path in self._paths(f"{below}{name}")]
        return [*inner, *(f"{below}{name}" for name in names if not name.endswith("/"))]


@contextmanager
def vault_keys(server: VaultProcess) -> Iterator[VaultKeys]:
    """Keys on this server."""
    token = server.folder / "token-of-the-scenarios"
    token.touch(0o600)
    token.write_text(server.root_token)
    http = VaultHttp("keys", VaultServer(server.address), Waiting())
    session = VaultSession(http, TokenFileLogin(token))
    with closing(server.admin()) as admin:
        try:
            yield VaultKeys(admin, session, server.address, token)
        finally:
            session.close()
