"""The Vault store: a KV engine of version 2 in HashiCorp Vault or OpenBao.

    MOUNT/FOLDER/CREDENTIAL            its latest KV version is `current`, the one before it `previous`
    MOUNT/FOLDER/CREDENTIAL/pending    its latest KV version is `pending`, unless it is destroyed

The members of the credential document are the fields of the secret, so that a consumer asks for `private_key` by the
means that it has (`vault kv get -field`, an agent's template, an operator's sync) and needs to parse nothing. Who may
read CREDENTIAL reads `current` and `previous`; `pending` is a path of its own. A promotion is one check-and-set write.
"""

from __future__ import annotations

import json
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import Fingerprint, Stages, Version
from rotator.core.secret import Secret
from rotator.errors import StoreError, StoreUnavailable
from rotator.stores.vault_kv import Forbidden, KvSecret, KvVersion
from rotator.stores.vault_policy import PENDING

if TYPE_CHECKING:
    from rotator.stores.vault_session import VaultSession

_CREDENTIAL: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_LOOKS: Final = 10
"""How often a credential is looked at again because it was promoted meanwhile."""

NOTHING_CHANGED: Final = "Nothing was changed."


@dataclass(frozen=True)
class _Look:
    """What stands where, all at one instant."""

    pending: KvVersion
    current: KvVersion
    previous: KvVersion

    @property
    def stages(self) -> Stages:
        pending, current, previous = map(_fingerprint, (self.pending, self.current, self.previous))
        return Stages(pending=pending if pending != current else None, current=current, previous=previous)

    def data(self, fingerprint: Fingerprint) -> Secret | None:
        """The stored document of a version that stands in a stage."""
        versions = (self.current, self.pending, self.previous)
        return next((version.data for version in versions if _fingerprint(version) == fingerprint), None)


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
        """What stands where. A credential that the store does not know has nothing."""
        return self._look(credential).stages

    def read(self, credential: str, fingerprint: Fingerprint) -> Version:
        """A stored version, its parts checked against each other. Raises StoreError when it is not there."""
        current = self._latest_current(credential)
        data = current.data if _fingerprint(current) == fingerprint else self._look(credential).data(fingerprint)
        if data is None:
            raise self._refused(f"there is no version {fingerprint[:12]} of {credential}")
        where = f"{fingerprint[:12]} in {self._current(credential).place}"
        version = Version.from_document(data, where=where)
        if version.fingerprint != fingerprint or version.credential != credential:
            raise self._refused(f"{where} holds {version.fingerprint[:12]} of {version.credential}")
        return version

    def put_pending(self, version: Version) -> None:
        """Stores a new version and makes it `pending`. One that was there before must be discarded first."""
        credential, fingerprint = version.credential, version.fingerprint
        if not version.is_whole:
            raise self._refused(f"the key of {credential}'s new version is not its certificate's")
        self._refuse_version_1()
        look = self._look(credential)
        stages = look.stages
        if fingerprint in {stages.current, stages.previous}:
            stage = "current" if fingerprint == stages.current else "previous"
            raise self._refused(f"version {fingerprint[:12]} of {credential} is {stage} already")
        self._write_pending(credential, look, fingerprint, version.to_document())

    def recall(self, credential: str, fingerprint: Fingerprint) -> None:
        """Makes the `previous` version `pending` as well, so that it can be promoted again."""
        look = self._look(credential)
        if look.stages.previous != fingerprint or look.previous.data is None:
            raise self._refused(f"version {fingerprint[:12]} of {credential} is not previous")
        self._write_pending(credential, look, fingerprint, look.previous.data)

    def promote(self, credential: str, fingerprint: Fingerprint, *, replaces: Fingerprint | None) -> None:
        """`pending` becomes `current`, and `current` becomes `previous`; what was `previous` is destroyed.

        Raises StoreError, and changes nothing, when `current` is not `replaces`: another program promoted meanwhile.
        """
        look = self._look(credential)
        stages, data = look.stages, look.pending.data
        if stages.current != fingerprint:
            if stages.pending != fingerprint or data is None:
                raise self._refused(f"version {fingerprint[:12]} of {credential} is not pending")
            if stages.current != replaces:
                raise self._other_current(credential, stages.current, replaces)
            if not self._current(credential).write(data, follows=look.current.number):
                self._refuse_other_writer(credential, fingerprint, replaces)
        self.sweep(credential)

    def discard(self, credential: str, fingerprint: Fingerprint) -> None:
        """Takes `pending` away, and destroys the version unless it stands in another stage."""
        look = self._look(credential)
        if look.stages.pending == fingerprint:
            self._pending(credential).destroy([look.pending.number])

    def retire(self, credential: str, fingerprint: Fingerprint) -> None:
        """Takes `previous` away, and destroys the version for good unless it stands in another stage."""
        look = self._look(credential)
        if look.stages.previous == fingerprint:
            secret = self._current(credential)
            # All at once: an older one that an interrupted call left must not come up as the previous one.
            secret.destroy([number for number in secret.stored() if number < look.current.number])

    def sweep(self, credential: str) -> int:
        """Destroys what an interrupted call left behind: KV versions in no stage. Returns how many."""
        look = self._look(credential)
        pending, current = self._pending(credential), self._current(credential)
        staged = {look.pending.number} if look.stages.pending else set()
        return _destroy_others(pending, look.pending.number, staged) + _destroy_others(
            current, look.current.number, {look.current.number, look.previous.number}
        )

    def check(self) -> None:
        """Proves that a secret can be written, followed, read back and destroyed, each call that a rotation makes."""
        self._refuse_version_1()
        probe = KvSecret(self._session, self._mount, f"{self._folder}/.check-{secrets.token_hex(8)}")
        try:
            self._try(probe)
        except StoreError:
            _clean_up(probe)
            raise
        probe.remove()

    def _try(self, probe: KvSecret) -> None:
        first, second = (Secret(json.dumps({"proof": secrets.token_hex(16)})) for _ in range(2))
        if not (probe.write(first, follows=0) and probe.write(second, follows=1)):
            raise self._refused("what was just written is not what a check-and-set write finds")
        latest = probe.latest()
        if latest.deleted_at:
            advice = f"Set delete_version_after of {self._mount}/ to 0s: consumers would lose their key."
            raise self._refused(f"{self._mount}/ deletes each version after a while by itself", advice)
        if latest.data != second:
            raise self._refused("what is written is not what is read back")
        if probe.version(1).data != first:
            advice = f"Set max_versions of {self._mount}/ to 0 or to more than 1, so that `previous` is kept."
            raise self._refused(f"{self._mount}/ keeps one version of a secret only", advice)
        probe.destroy([1, 2])
        if probe.stored():
            raise self._refused("what was destroyed is still there")

    def _look(self, credential: str) -> _Look:
        for _ in range(_LOOKS):
            current = self._latest_current(credential)
            pending = self._latest_pending(credential)
            previous = self._before(credential, current)
            if self._current(credential).latest().number == current.number:
                return _Look(pending, current, previous)
        raise StoreUnavailable(
            f"{self._session.http.where} changes {self._current(credential).place} faster than it can be read.",
            left=NOTHING_CHANGED,
            advice="Find out what writes there; the program itself writes once a rotation.",
        )

    def _latest_current(self, credential: str) -> KvVersion:
        secret = self._current(credential)
        latest = secret.latest()
        if latest.number and latest.data is None:
            how = "destroyed" if latest.destroyed else f"deleted ({latest.deleted_at})"
            undo = (
                f"`vault kv rollback -version={latest.number - 1} {secret.place}` brings back the one before"
                if latest.destroyed
                else f"`vault kv undelete -versions={latest.number} {secret.place}` brings it back"
            )
            raise self._refused(f"version {latest.number} of {secret.place} is {how}, and that is `current`", undo)
        if latest.data is not None and _fingerprint(latest) is None:
            advice = f"Move it away, or bring an earlier one back: `vault kv rollback -version=N {secret.place}`."
            raise self._refused(f"what stands at {secret.place} is no credential document", advice)
        return latest

    def _latest_pending(self, credential: str) -> KvVersion:
        try:
            return self._pending(credential).latest()
        except Forbidden:
            if self._sees_pending:
                raise
            return KvVersion()

    def _before(self, credential: str, current: KvVersion) -> KvVersion:
        """The version before; what people wrote by hand, or wrote once more, is passed over."""
        for number in range(current.number - 1, 0, -1):
            version = self._current(credential).version(number)
            if version.data is None:
                break
            if _fingerprint(version) not in {None, _fingerprint(current)}:
                return version
        return KvVersion()

    def _write_pending(self, credential: str, look: _Look, fingerprint: Fingerprint, data: Secret) -> None:
        pending, secret = look.stages.pending, self._pending(credential)
        if pending == fingerprint:
            return
        if pending is not None:
            raise self._refused(f"{credential} has a pending version already, {pending[:12]}")
        if look.pending.data is not None:
            secret.destroy([look.pending.number])
        if not secret.write(data, follows=look.pending.number) and _fingerprint(secret.latest()) != fingerprint:
            raise self._refused(f"another program stored a pending version of {credential} meanwhile")

    def _refuse_other_writer(self, credential: str, fingerprint: Fingerprint, replaces: Fingerprint | None) -> None:
        current = _fingerprint(self._latest_current(credential))
        # The write may have been this one, sent again because its answer was lost.
        if current != fingerprint:
            raise self._other_current(credential, current, replaces)

    def _refuse_version_1(self) -> None:
        """A KV engine of version 1 would take a write, and keep no version before it."""
        if self._is_version_2:
            return
        answer = self._session.ask(lambda client: client.read(f"sys/internal/ui/mounts/{self._mount}"))
        options = (answer.body.get("data") or {}).get("options") or {}
        if answer.ok and options.get("version") != "2":
            advice = f"`vault kv enable-versioning {self._mount}/`, or set `mount` to an engine of version 2."
            raise self._refused(f"{self._mount}/ is no KV engine of version 2", advice)
        self._is_version_2 = True

    def _current(self, credential: str) -> KvSecret:
        if not _CREDENTIAL.fullmatch(credential):
            advice = "Use letters, digits, `.`, `_` and `-`, not beginning with a dot."
            raise self._refused(f"{credential!r} cannot be the name of a credential", advice)
        return KvSecret(self._session, self._mount, f"{self._folder}/{credential}")

    def _pending(self, credential: str) -> KvSecret:
        return KvSecret(self._session, self._mount, f"{self._folder}/{credential}/{PENDING}")

    def _other_current(self, credential: str, current: Fingerprint | None, replaces: Fingerprint | None) -> StoreError:
        return self._refused(
            f"another program promoted meanwhile: the current version of {credential} is {_short(current)},"
            f" not {_short(replaces)}"
        )

    def _refused(self, reason: str, advice: str = "") -> StoreError:
        usual = "See what is stored with `rotator status`, and run the command again: it goes on from there."
        what = f"The store {self.name!r} ({self._mount}/{self._folder} in Vault) says no: {reason}."
        return StoreError(what, left=NOTHING_CHANGED, advice=advice or usual)


def _destroy_others(secret: KvSecret, latest: int, kept: set[int]) -> int:
    """Destroys all but these; what another program wrote after it was looked at stays."""
    doomed = [number for number in secret.stored() if number <= latest and number not in kept] if latest else []
    secret.destroy(doomed)
    return len(doomed)


def _clean_up(probe: KvSecret) -> None:
    for tidy in (partial(probe.destroy, [1, 2]), probe.remove):
        with suppress(StoreError):
            tidy()


def _fingerprint(version: KvVersion) -> Fingerprint | None:
    fields = json.loads(version.data.reveal()) if version.data else {}
    fingerprint = fields.get("fingerprint")
    return Fingerprint(fingerprint) if isinstance(fingerprint, str) else None


def _short(fingerprint: Fingerprint | None) -> str:
    return fingerprint[:12] if fingerprint else "none"
