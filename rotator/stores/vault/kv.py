"""One secret of a KV engine, version 2 (Vault HTTP API, "KV secrets engine - version 2")."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rotator.core.secret import Secret
from rotator.errors import NOTHING_CHANGED, StoreError
from rotator.net.shapes import WrongShape
from rotator.stores.refusals import STAGES_WHOLE
from rotator.stores.vault.policy import stanza

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.net.shapes import Fields
    from rotator.stores.vault.http import Answer
    from rotator.stores.vault.token import VaultSession

_LOG: Final = logging.getLogger(__name__)

NOTE: Final = "report"
"""Name of the one field of metadata that is ours."""

_CAS_FAILED: Final = "check-and-set parameter did not match"
_MOST_VERSIONS: Final = 10**9
_NO_ENGINE: Final = "no handler for route"


@dataclass(frozen=True)
class KvVersion:
    """One numbered version of a secret."""

    number: int = 0
    """Counted from 1; 0 where there never was one."""
    data: Secret | None = None
    """The members of the secret as JSON; None when the data is deleted or destroyed."""
    deleted_at: str = ""
    """When it is or will be deleted, as the server writes it."""
    destroyed: bool = False


@dataclass(frozen=True)
class KvSettings:
    """What is set for one secret, whatever its engine says (Vault HTTP API, "Create/update metadata")."""

    max_versions: int
    """How many versions are kept; 0: as many as the engine says."""
    delete_version_after: str
    """After how long each version deletes itself, such as `768h0m0s`; `0s`: as the engine says."""

    @property
    def deletes_versions(self) -> bool:
        """Whether a version ends by itself."""
        return any(digit in self.delete_version_after for digit in "123456789")


class Forbidden(StoreError):
    """The token's policies do not allow the call."""


class KvSecret:
    """A secret at a path. Every write says which version it follows, so that no two programs overwrite each other."""

    def __init__(self, session: VaultSession, mount: str, path: str) -> None:
        self._session: Final = session
        self._mount: Final = mount
        self._path: Final = path

    @property
    def place(self) -> str:
        """Its path as the `vault kv` commands take it."""
        return f"{self._mount}/{self._path}"

    def latest(self) -> KvVersion:
        """What the next write must follow."""
        return self._read(None)

    def version(self, number: int) -> KvVersion:
        """One version by its number."""
        return self._read(number)

    def write(self, data: Secret, *, follows: int) -> bool:
        """Writes the next version, whole or not at all. False when another one was written meanwhile.

        A write whose answer was lost is sent again, and then finds its own version: the caller reads to know.
        """

        def call(kv: Any) -> Any:
            return kv.create_or_update_secret(
                self._path, json.loads(data.reveal()), cas=follows, mount_point=self._mount
            )

        answer = self._change(call)
        if answer.status == 400 and _CAS_FAILED in answer.errors:
            return False
        self._accept(answer, "data", "update" if follows else "create")
        _LOG.debug("wrote", extra={"path": self.place, "version": follows + 1})
        return True

    def destroy(self, numbers: list[int]) -> None:
        """Destroys the data of versions for good, all at once; what is destroyed already stays so."""
        if numbers:
            answer = self._change(lambda kv: kv.destroy_secret_versions(self._path, numbers, mount_point=self._mount))
            self._accept(answer, "destroy", "update")
            _LOG.debug("destroyed", extra={"path": self.place, "versions": numbers})

    def stored(self) -> list[int]:
        """The versions whose data is stored, deleted or not, in order."""
        metadata = self._metadata()
        if metadata is None:
            return []
        with self._session.http.understood():
            versions = metadata.fields("versions")
            return sorted(_number(name) for name in versions.names() if not versions.fields(name).flag("destroyed"))

    def settings(self) -> KvSettings | None:
        """What is set for this secret alone; None where there is no such secret."""
        metadata = self._metadata()
        if metadata is None:
            return None
        with self._session.http.understood():
            return KvSettings(int(metadata.number("max_versions")), metadata.text("delete_version_after"))

    def note(self) -> str:
        """What is noted in its metadata under `NOTE`; empty where there is no such secret, or nothing is."""
        metadata = self._metadata()
        if metadata is None:
            return ""
        with self._session.http.understood():
            return metadata.fields("custom_metadata").text(NOTE)

    def put_note(self, text: str) -> None:
        """Notes a text in the metadata of a secret that holds nothing else (Vault 1.9 and newer)."""
        answer = self._change(
            lambda kv: kv.update_metadata(self._path, custom_metadata={NOTE: text}, mount_point=self._mount)
        )
        self._accept(answer, "metadata", "create")

    def remove(self) -> None:
        """Removes the secret with all its versions and its name."""
        answer = self._change(lambda kv: kv.delete_metadata_and_all_versions(self._path, mount_point=self._mount))
        self._accept(answer, "metadata", "delete")

    def _metadata(self) -> Fields | None:
        """What is told of the secret beside what is in it; None where there is no such secret."""
        answer = self._ask(lambda kv: kv.read_secret_metadata(self._path, mount_point=self._mount))
        if answer.status == 404 and not answer.errors:
            return None
        self._accept(answer, "metadata", "read")
        with self._session.http.understood():
            return answer.fields.fields("data")

    def _read(self, number: int | None) -> KvVersion:
        answer = self._ask(
            lambda kv: kv.read_secret_version(
                self._path, number, mount_point=self._mount, raise_on_deleted_version=False
            )
        )
        if answer.status == 404 and "data" not in answer.fields and not answer.errors:
            return KvVersion()
        if answer.status != 404 or answer.errors:
            self._accept(answer, "data", "read")
        with self._session.http.understood():
            whole = answer.fields.fields("data")
            about = whole.fields("metadata")
            members = whole.fields("data").plain() if "data" in whole and whole.plain()["data"] is not None else None
            return KvVersion(
                number=_number(about.number("version")),
                data=None if members is None else Secret(json.dumps(members)),
                deleted_at=about.text("deletion_time"),
                destroyed=about.flag("destroyed"),
            )

    def _ask(self, call: Callable[[Any], Any]) -> Answer:
        return self._session.ask(lambda client: call(client.secrets.kv.v2))

    def _change(self, call: Callable[[Any], Any]) -> Answer:
        return self._session.change(lambda client: call(client.secrets.kv.v2))

    def _accept(self, answer: Answer, api: str, capability: str) -> None:
        where = self._session.http.where
        if answer.status == 403:
            path = f"{self._mount}/{api}/{self._path}"
            raise Forbidden(
                f"{where} does not allow {capability!r} on {path} to {self._session.login.words}.",
                effect=STAGES_WHOLE,
                hint=f"Add to its policy: {stanza(path, (capability,))}"
                " -- `rotator check --print-policy` prints all that is needed.",
            )
        if _NO_ENGINE in answer.errors:
            raise StoreError(
                f"{where} has no secrets engine at {self._mount}/.",
                effect=NOTHING_CHANGED,
                hint="Set `mount` (and `namespace`) of the store, or `vault secrets enable -version=2 -path=… kv`.",
            )
        if not answer.ok:
            raise StoreError(
                f"{where} says no to {self.place}: {answer.errors or 'no answer of a Vault'} (HTTP {answer.status}).",
                effect=STAGES_WHOLE,
                hint="Check `address`, `namespace` and `mount` of the store.",
            )


def _number(value: str | float) -> int:
    """Of a version. Raises WrongShape for what cannot be one."""
    number = int(value) if isinstance(value, float) or (value.isascii() and value.isdigit() and len(value) < 10) else 0
    if not 0 < number < _MOST_VERSIONS:
        raise WrongShape("a version has no number")
    return number
