"""One credential in a Vault store: two secrets, and what their KV versions mean."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import Fingerprint, Stages, is_fingerprint
from rotator.errors import NOTHING_CHANGED, StoredDamaged, StoreError, StoreUnavailable
from rotator.stores.contents import of_members
from rotator.stores.vault.kv import Forbidden, KvSecret, KvVersion
from rotator.stores.vault.policy import PENDING

if TYPE_CHECKING:
    from rotator.core.secret import Secret
    from rotator.stores.contents import Contents
    from rotator.stores.vault.token import VaultSession

_LOOKS: Final = 10
"""How often a credential is looked at again because it was promoted meanwhile."""


@dataclass(frozen=True)
class Look:
    """What stands where, all at one instant."""

    pending: KvVersion
    current: KvVersion
    previous: KvVersion

    @property
    def stages(self) -> Stages:
        """The same by fingerprints; a pending version that is current is no longer pending."""
        return Stages.as_found(*map(_fingerprint, (self.pending, self.current, self.previous)))

    @property
    def holds_foreign_pending(self) -> bool:
        """Whether something stands where a pending version has its place, and is none."""
        return self.pending.data is not None and _fingerprint(self.pending) is None

    def document(self, fingerprint: Fingerprint) -> Secret | None:
        """The stored document of a version that stands in a stage."""
        versions = (self.current, self.pending, self.previous)
        return next((version.data for version in versions if _fingerprint(version) == fingerprint), None)


class VaultCredential:
    """The secret whose latest KV version is `current`, and the one below it for `pending`."""

    def __init__(self, session: VaultSession, mount: str, path: str, *, sees_pending: bool) -> None:
        self._current: Final = KvSecret(session, mount, path)
        self._pending: Final = KvSecret(session, mount, f"{path}/{PENDING}")
        self._sees_pending: Final = sees_pending
        self.place: Final = self._current.place
        """Its path, as the `vault kv` commands take it."""

    def refuse_settings(self) -> None:
        """Raises StoreError for settings of its own that lose what a rotation or a consumer needs."""
        for secret in (self._current, self._pending):
            found = secret.settings()
            change = f"`vault kv metadata put -%s {secret.place}`"
            if found and found.deletes_versions:
                raise StoreError(
                    f"{secret.place} in Vault deletes each version after {found.delete_version_after} by itself"
                    " (delete_version_after).",
                    effect=NOTHING_CHANGED,
                    hint=change % "delete-version-after=0s" + ": consumers would lose their key.",
                )
            if found and secret is self._current and found.max_versions == 1:
                raise StoreError(
                    f"{secret.place} in Vault keeps one version only (max_versions), so that `previous` is lost.",
                    effect=NOTHING_CHANGED,
                    hint=change % "max-versions=0" + ".",
                )

    def look(self) -> Look:
        """What stands where. Raises StoredDamaged when a person deleted `current` or wrote something else there."""
        for _ in range(_LOOKS):
            current = self.latest_current()
            pending = self._latest_pending()
            previous = self._before(current)
            if self._current.latest().number == current.number:
                return Look(pending, current, previous)
        raise StoreUnavailable(
            f"{self.place} in Vault changes faster than it can be read.",
            effect=NOTHING_CHANGED,
            hint="Find out what writes there; the program itself writes once a rotation.",
        )

    def document(self, fingerprint: Fingerprint) -> Secret | None:
        """The stored document of a version that stands in a stage; `current` is found by one call."""
        current = self.latest_current()
        return current.data if _fingerprint(current) == fingerprint else self.look().document(fingerprint)

    def latest_current(self) -> KvVersion:
        """What stands at the path that consumers read."""
        latest = self._current.latest()
        if latest.number and latest.data is None:
            raise self._gone(latest)
        if latest.data is not None and _fingerprint(latest) is None:
            contents = of_members(json.loads(latest.data.reveal()))
            raise StoredDamaged(
                f"What stands at {self.place} in Vault is no credential document, and this program did not write it: it"
                f" is {contents.what}.",
                effect=NOTHING_CHANGED,
                hint=_taken_over(self.place, contents),
            )
        return latest

    def put_pending(self, look: Look, fingerprint: Fingerprint, document: Secret) -> bool:
        """Makes a version pending where none is. False when another program stored one meanwhile.

        Raises StoredDamaged, and destroys nothing, where what stands there is not this program's.
        """
        if look.holds_foreign_pending:
            raise StoredDamaged(
                f"What stands at {self.place}/{PENDING} in Vault is no credential document, and this program did not"
                " write it.",
                effect=NOTHING_CHANGED,
                hint=f"Move it away: that place is for versions that are being proven ({self.place} is read as ever).",
            )
        if look.pending.data is not None:
            # It is current, and an interrupted promotion left it here.
            self._pending.destroy([look.pending.number])
        written = self._pending.write(document, follows=look.pending.number)
        # A write whose answer was lost was sent again, and failed on its own first effect.
        return written or _fingerprint(self._pending.latest()) == fingerprint

    def promote(self, look: Look, fingerprint: Fingerprint, document: Secret) -> Fingerprint | None:
        """Makes a version current, over the one that was looked at. Returns what is current then."""
        if self._current.write(document, follows=look.current.number):
            return fingerprint
        return _fingerprint(self.latest_current())

    def discard(self, look: Look) -> None:
        """Destroys the pending version."""
        self._pending.destroy([look.pending.number])

    def retire(self, look: Look) -> None:
        """Destroys what was before the current version, all at once: an older one must not come up as `previous`."""
        _destroy_before(self._current, look.current.number)

    def sweep(self, look: Look) -> int:
        """Destroys the KV versions that are older than those in stages. Returns how many."""
        # What people wrote between the previous and the current version stays, or the way to the previous one is cut.
        oldest = look.previous.number or look.current.number
        return _destroy_before(self._current, oldest) + _destroy_before(
            self._pending, look.pending.number + (look.stages.pending is None and not look.holds_foreign_pending)
        )

    def _latest_pending(self) -> KvVersion:
        try:
            return self._pending.latest()
        except Forbidden:
            if self._sees_pending:
                raise
            return KvVersion()

    def _before(self, current: KvVersion) -> KvVersion:
        """The version before; what people wrote by hand, or wrote once more, is passed over."""
        for number in range(current.number - 1, 0, -1):
            version = self._current.version(number)
            if version.data is None:
                break
            if _fingerprint(version) not in {None, _fingerprint(current)}:
                return version
        return KvVersion()

    def _gone(self, latest: KvVersion) -> StoredDamaged:
        if latest.destroyed:
            how, undo, before = "destroyed", f"rollback -version={latest.number - 1}", "brings back the one before"
        else:
            how, undo, before = f"deleted ({latest.deleted_at})", f"undelete -versions={latest.number}", "undoes it"
        return StoredDamaged(
            f"The KV version {latest.number} of {self.place} in Vault was {how}, and it was `current`.",
            effect=NOTHING_CHANGED,
            hint=f"`vault kv {undo} {self.place}` {before}. Until then consumers find no key.",
        )


def _taken_over(place: str, contents: Contents) -> str:
    """What a person does with a path at which somebody else writes, or wrote before: nothing of it is overwritten."""
    back = f"If it held a credential before, `vault kv rollback -version=N {place}` brings an earlier version back."
    own = "Else set another `path` of the store"
    if not contents.has_key:
        return f"{back} {own}, or move what stands there away."
    read = f"vault kv get -field={shlex.quote(contents.member)} {place}"
    return (
        f"{back} {own}; then `rotator adopt NAME --key <({read})` takes the key over, and consumers are to read the new"
        " path."
    )


def _destroy_before(secret: KvSecret, oldest: int) -> int:
    """Destroys what is older; what another program wrote after it was looked at is not."""
    doomed = [number for number in secret.stored() if number < oldest] if oldest > 1 else []
    secret.destroy(doomed)
    return len(doomed)


def _fingerprint(version: KvVersion) -> Fingerprint | None:
    fields = json.loads(version.data.reveal()) if version.data else {}
    fingerprint = fields.get("fingerprint")
    # What people wrote there may be anything.
    return fingerprint if is_fingerprint(fingerprint) else None
