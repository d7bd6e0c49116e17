"""The ground for trials with the keys in a real Vault."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hvac.exceptions import InvalidPath

from rotator.core.credentials import Fingerprint
from rotator.stores.vault import VaultStore
from rotator.stores.vault_http import VaultHttp, VaultServer, Waiting
from rotator.stores.vault_login import TokenFileLogin
from rotator.stores.vault_session import VaultSession
from tests.contract.servers.vault import closing
from tests.contract.vault.stores import new_folder
from tests.rotation.ground import Ground

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.stores.base import Store
    from tests.contract.servers.vault import VaultProcess
    from tests.rotation.moments import Moment

Secrets = dict[str, list[dict[str, Any] | None]]
"""For each path the data of its KV versions, None for one that is destroyed."""


@dataclass
class VaultGround(Ground):
    """Like any other ground; each trial's keys are in a folder of Vault of their own."""

    admin: Any = None
    session: VaultSession | None = None
    """For looking at the store, as nobody who crashes or fails uses it."""
    token_file: str = ""
    address: str = ""
    in_vault: str = ""
    """The trial's folder."""
    kept_secrets: dict[Path, Secrets] = field(default_factory=dict)
    """What was in Vault at each kept moment, by its files."""

    @property
    def store(self) -> Store:
        """See Ground."""
        assert self.session
        return VaultStore("keys", self.session, "secret", self.in_vault)

    @property
    def store_settings(self) -> str:
        """See Ground."""
        login = f"{{token_file: {self.token_file}}}"
        return f"{{type: vault, address: '{self.address}', path: {self.in_vault}, login: {login}}}"

    def kept(self, credential: str) -> set[str]:
        """See Ground."""
        secrets = self._secrets()
        versions = [*secrets.get(credential, []), *secrets.get(f"{credential}/pending", [])]
        return {Fingerprint(data["fingerprint"]) for data in versions if data}

    def keep(self, key: tuple[object, ...], number: int, ever: frozenset[str]) -> Moment:
        """See Ground."""
        moment = super().keep(key, number, ever)
        self.kept_secrets[moment.files] = self._secrets()
        return moment

    def _replace_files(self, files: Path | None) -> None:
        super()._replace_files(files)
        self.in_vault = new_folder()
        kv = self.admin.secrets.kv.v2
        for path, versions in self.kept_secrets.get(files, {}).items() if files else ():
            for data in versions:
                kv.create_or_update_secret(f"{self.in_vault}/{path}", data or {"destroyed": "yes"})
            gone = [number for number, data in enumerate(versions, 1) if data is None]
            if gone:
                kv.destroy_secret_versions(f"{self.in_vault}/{path}", gone)

    def _secrets(self) -> Secrets:
        kv, found = self.admin.secrets.kv.v2, Secrets()
        for path in self._paths():
            about = kv.read_secret_metadata(f"{self.in_vault}/{path}")["data"]
            found[path] = [
                None
                if about["versions"].get(str(number), {"destroyed": True})["destroyed"]
                else kv.read_secret_version(f"{self.in_vault}/{path}", number, raise_on_deleted_version=True)["data"][
                    "data"
                ]
                for number in range(1, about["current_version"] + 1)
            ]
        return found

    def _paths(self, below: str = "") -> list[str]:
        try:
            names = self.admin.secrets.kv.v2.list_secrets(f"{self.in_vault}/{below}")["data"]["keys"]
        except InvalidPath:
            return []
        inner = [path for name in names if name.endswith("/") for path in self._paths(f"{below}{name}")]
        return [*inner, *(f"{below}{name}" for name in names if not name.endswith("/"))]


@contextmanager
def vault_ground(ground: Ground, server: VaultProcess) -> Iterator[VaultGround]:
    """The same org, history and clock, with another store."""
    token = server.folder / "token-of-the-trials"
    token.write_text(server.root_token)
    http = VaultHttp("keys", VaultServer(server.address), Waiting())
    session = VaultSession(http, TokenFileLogin(token))
    with closing(server.admin()) as admin:
        try:
            yield VaultGround(
                ground.server,
                ground.folder,
                ground.migrated,
                ground.clock,
                ground.transport,
                ground.database,
                admin=admin,
                session=session,
                token_file=str(token),
                address=server.address,
            )
        finally:
            session.close()
