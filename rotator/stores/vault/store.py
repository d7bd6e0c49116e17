"""The Vault store: a KV engine of version 2 in HashiCorp Vault or OpenBao.

    MOUNT/FOLDER/CREDENTIAL            its latest KV version is `current`, the one before it `previous`
    MOUNT/FOLDER/CREDENTIAL/pending    its latest KV version is `pending`, unless it is destroyed

The members of the credential document are the fields of the secret, so that a consumer asks for `private_key` by the
means that it has (`vault kv get -field`, an agent's template, an operator's sync) and needs to parse nothing. Who may
read CREDENTIAL reads `current` and `previous`; `pending` is a path of its own. A promotion is one check-and-set write.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from rotator.core.secret import Secret
from rotator.core.usage.told_reports import parsed
from rotator.core.words import short
from rotator.errors import StoreError
from rotator.stores.refusals import (
    refuse_name,
    refuse_other_current,
    refuse_other_pending,
    refuse_stored,
    refuse_unfit,
    refused,
    stored_version,
)
from rotator.stores.vault.credential import VaultCredential
from rotator.stores.vault.kv import KvSecret
from rotator.stores.vault.policy import CONSUMERS, PROBE

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rotator.core.credentials import Fingerprint, Stages, Version
    from rotator.core.usage.told_reports import ToldReport
    from rotator.stores.vault.credential import Look
    from rotator.stores.vault.token import VaultSession


class VaultStore:
    """A store in one folder of a KV engine, which belongs to it alone.

    Of two programs that change one credential at the same moment, check-and-set lets one through.
    """

    def __init__(self, name: str, session: VaultSession, mount: str, folder: str, *, sees_pending: bool = True) -> None:
        """With `sees_pending=False` a pending version that may not be read is none, as a consumer's policy has it."""
        self.name: Final = name
        self._session: Final = session
        self._mount: Final = mount
        self._folder: Final = folder
        self._sees_pending: Final = sees_pending
        self._is_version_2 = False

    def stages(self, credential: str) -> Stages:
        return self._credential(credential).look().stages

    def read(self, credential: str, fingerprint: Fingerprint) -> Version:
        stored = self._credential(credential)
        document = stored.document(fingerprint)
        if document is None:
            raise self._refused(f"there is no version {short(fingerprint)} of {credential}")
        return stored_version(self._where, f"at {stored.place} in Vault", document, credential, fingerprint)

    def reports(self, credential: str, consumers: Collection[str]) -> list[ToldReport]:
        """What consumers have noted (`rotator.core.usage.told_reports.TakesReports`)."""
        found = []
        for name in consumers:
            with suppress(ValueError):
                found.append(parsed(name, self._note_of(credential, name).note()))
        return found

    def leave_report(self, credential: str, consumer: str, line: str) -> None:
        """Notes what a consumer says, in the place of what it said before."""
        self._note_of(credential, consumer).put_note(line)

    def _note_of(self, credential: str, consumer: str) -> KvSecret:
        return KvSecret(self._session, self._mount, f"{self._folder}/{credential}/{CONSUMERS}/{consumer}")

    def put_pending(self, version: Version) -> None:
        credential, fingerprint = version.credential, version.fingerprint
        refuse_unfit(self._where, version)
        self._refuse_version_1()
        stored = self._credential(credential)
        look = stored.look()
        refuse_stored(self._where, credential, look.stages, fingerprint)
        self._put(stored, look, fingerprint, version.to_document())

    def recall(self, credential: str, fingerprint: Fingerprint) -> None:
        stored = self._credential(credential)
        look = stored.look()
        if look.stages.previous != fingerprint or look.previous.data is None:
            raise self._refused(f"version {short(fingerprint)} of {credential} is not previous")
        self._put(stored, look, fingerprint, look.previous.data)

    def promote(self, credential: str, fingerprint: Fingerprint, *, replaces: Fingerprint | None) -> None:
        stored = self._credential(credential)
        look = stored.look()
        stages, document = look.stages, look.pending.data
        if stages.current != fingerprint:
            if stages.pending != fingerprint or document is None:
                raise self._refused(f"version {short(fingerprint)} of {credential} is not pending")
            refuse_other_current(self._where, credential, stages.current, replaces)
            # What is current afterwards is another version when another program wrote at the same moment.
            refuse_other_current(self._where, credential, stored.promote(look, fingerprint, document), fingerprint)
        stored.sweep(stored.look())

    def discard(self, credential: str, fingerprint: Fingerprint) -> None:
        stored = self._credential(credential)
        look = stored.look()
        if look.stages.pending == fingerprint:
            stored.discard(look)

    def retire(self, credential: str, fingerprint: Fingerprint) -> None:
        stored = self._credential(credential)
        look = stored.look()
        if look.stages.previous == fingerprint:
            stored.retire(look)

    def sweep(self, credential: str) -> int:
        """Destroys what an interrupted call left behind: KV versions in no stage. Returns how many."""
        stored = self._credential(credential)
        return stored.sweep(stored.look())

    def check(self) -> None:
        """Proves that a secret can be written, read back and destroyed, by each call that a rotation makes."""
        self._refuse_version_1()
        probe = KvSecret(self._session, self._mount, f"{self._folder}/{PROBE}{secrets.token_hex(8)}")
        try:
            self._try(probe)
        except StoreError:
            for tidy in (partial(probe.destroy, [1, 2]), probe.remove):
                with suppress(StoreError):
                    tidy()
            raise
        probe.remove()

    def examine(self, credential: str) -> Sequence[str]:
        """Looks at the metadata of the credential's own paths: what is set there counts before the engine's."""
        self._credential(credential).refuse_settings()
        return ()

    def _try(self, probe: KvSecret) -> None:
        first, second = (Secret(json.dumps({"proof": secrets.token_hex(16)})) for _ in range(2))
        if not (probe.write(first, follows=0) and probe.write(second, follows=1)):
            raise self._refused("what was just written is not what a check-and-set write finds")
        latest = probe.latest()
        if latest.deleted_at:
            hint = f"Set delete_version_after of {self._mount}/ to 0s: consumers would lose their key."
            raise self._refused(f"{self._mount}/ deletes each version after a while by itself", hint)
        if latest.data != second:
            raise self._refused("what is written is not what is read back")
        if probe.version(1).data != first:
            hint = f"Set max_versions of {self._mount}/ to 0 or to more than 1, so that `previous` is kept."
            raise self._refused(f"{self._mount}/ keeps one version of a secret only", hint)
        probe.destroy([1, 2])
        if probe.stored():
            raise self._refused("what was destroyed is still there")

    def _put(self, stored: VaultCredential, look: Look, fingerprint: Fingerprint, document: Secret) -> None:
        pending = look.stages.pending
        refuse_other_pending(self._where, stored.place, pending, fingerprint)
        if pending is None and not stored.put_pending(look, fingerprint, document):
            raise self._refused(f"another program stored a pending version of {stored.place} meanwhile")

    def _refuse_version_1(self) -> None:
        """A KV engine of version 1 would take a write, and keep no version before it."""
        if self._is_version_2:
            return
        answer = self._session.ask(lambda client: client.read(f"sys/internal/ui/mounts/{self._mount}"))
        with self._session.http.understood():
            version = answer.fields.fields("data").fields("options").text("version")
        if answer.ok and version != "2":
            hint = f"`vault kv enable-versioning {self._mount}/`, or set `mount` to an engine of version 2."
            raise self._refused(f"{self._mount}/ is no KV engine of version 2", hint)
        self._is_version_2 = True

    def _credential(self, name: str) -> VaultCredential:
        refuse_name(self._where, name)
        if name.endswith("."):
            # Vault HTTP API, "Parameter restrictions": the path of a pending version would do, and that of current not.
            hint = "Give the credential another name: OpenBao would take this one, and HashiCorp Vault does not."
            raise self._refused(f"Vault takes no path that ends in a period, as that of {name!r} would", hint)
        return VaultCredential(self._session, self._mount, f"{self._folder}/{name}", sees_pending=self._sees_pending)

    @property
    def _where(self) -> str:
        return f"The store {self.name!r} ({self._mount}/{self._folder} in Vault)"

    def _refused(self, reason: str, hint: str = "") -> StoreError:
        return refused(self._where, reason, hint)
