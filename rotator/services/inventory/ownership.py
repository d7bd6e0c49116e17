"""Whose a certificate is, and what state it is in: the same for what was just read and for what was last seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from rotator.core.attempts import INVENTORY
from rotator.core.lifecycle.certificate_life import CertificateLife, as_last_seen, expiry_of
from rotator.core.lifecycle.drift import is_drift, is_standby, is_unproven, standing_for
from rotator.core.observed import CONFIGURED, ObservedApp
from rotator.core.schedule import Mode
from rotator.core.thresholds import Expiry
from rotator.history.attempt_records import AttemptRecords
from rotator.history.journal.queries import credential_records
from rotator.history.last_observations import LastObservations
from rotator.history.sightings import standing_sightings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from rotator.config.settings import CredentialSettings, Settings
    from rotator.core.lifecycle.revocation import Revocation
    from rotator.core.observed import KnownVersion, ObservedCertificate, ObservedCredential
    from rotator.history.engine.transactions import Transactions
    from rotator.history.journal.projection import CredentialRecord


@dataclass(frozen=True)
class _Owner:
    """The credential that an app belongs to, and how the configuration spells the app."""

    credential: str
    app: str
    settings: CredentialSettings

    def has(self, seen: ObservedCertificate) -> bool:
        """Whether what was seen in a place of this name is the app, by its kind where that is said."""
        if self.settings.has_secret:
            return seen.is_secret
        kind = self.settings.kinds_of_apps.get(self.app.casefold())
        return seen.is_app and (kind is None or CONFIGURED[kind] == seen.type)


Owners: TypeAlias = "Mapping[tuple[str, str], _Owner]"
"""By org and folded name of the app."""


def owners_of(settings: Settings, orgs: Collection[str] | None = None) -> Owners:
    """Which app belongs to which credential, in some orgs or in all."""
    return {
        (each.org, app.casefold()): _Owner(name, app, each)
        for name, each in settings.credentials.items()
        if orgs is None or each.org in orgs
        for app in each.app_names
    }


class Certificates:
    """Knows which app belongs to which credential, and how each credential was last seen."""

    def __init__(
        self,
        settings: Settings,
        credentials: Mapping[str, ObservedCredential],
        now: datetime,
        owners: Owners | None = None,
        revoked: Mapping[str, Revocation] | None = None,
    ) -> None:
        """`credentials` without those that were never seen; `owners` where they are known already.

        `revoked`: what was revoked of those whose logins are refused on purpose.
        """
        self._revoked: Final = revoked or {}
        self._credentials: Final = credentials
        self._now: Final = now
        self._thresholds: Final = settings.alerts.every_threshold
        self._owners: Final = owners_of(settings) if owners is None else owners

    def lives(self, seen: Iterable[ObservedCertificate]) -> list[CertificateLife]:
        """Each with its credential, its stage there, and its end."""
        return [self.life(each) for each in seen]

    def life(self, seen: ObservedCertificate) -> CertificateLife:
        """One of them."""
        owner = self._owners.get((seen.org, seen.app.casefold()))
        if owner is None or not owner.has(seen):
            expiry = Expiry(seen.not_after, self._thresholds) if seen.not_after else None
            return CertificateLife(seen=seen, now=self._now, expiry=expiry)
        credential = self._credentials.get(owner.credential)
        if seen.is_secret:
            seen = _with_dates(seen, credential)
        elif credential and seen.is_readable and not seen.is_vanished:
            app = ObservedApp.of(owner.app, seen).remembering(credential.apps.get(owner.app))
            credential = replace(credential, apps={**credential.apps, owner.app: app})
            seen = _with_the_stored_one(seen, standing_for(credential, owner.app))
        return CertificateLife(
            seen=self._as_it_should_be(_of_owner(seen, owner, credential), owner),
            now=self._now,
            expiry=self._expiry(seen, owner, credential),
            is_revoked=owner.credential in self._revoked and not self._revoked[owner.credential].logs_in_again,
        )

    def _as_it_should_be(self, seen: ObservedCertificate, owner: _Owner) -> ObservedCertificate:
        """What has ended a key belongs there; any other certificate that is none of ours may let somebody in."""
        revoked = self._revoked.get(owner.credential)
        if revoked is None or seen.fingerprint != revoked.ended_by.get(owner.app):
            return seen
        return replace(seen, drift=False)

    def _expiry(self, seen: ObservedCertificate, owner: _Owner, credential: ObservedCredential | None) -> Expiry | None:
        if seen.not_after is None:
            return None
        return expiry_of(
            seen.not_after,
            self._thresholds,
            fingerprint=seen.fingerprint,
            policy=owner.settings,
            credential=credential,
            is_by_hand=owner.settings.mode is Mode.MANUAL,
        )


def _with_the_stored_one(seen: ObservedCertificate, version: KnownVersion | None) -> ObservedCertificate:
    """An app that does not show its certificate, with what is known of it from the store."""
    if version is None or not seen.is_hidden:
        return seen
    return replace(
        seen,
        fingerprint=version.fingerprint,
        not_before=version.not_before,
        not_after=version.not_after,
        is_stored_one=True,
    )


def _with_dates(seen: ObservedCertificate, credential: ObservedCredential | None) -> ObservedCertificate:
    """The pair of a client secret, with the end that follows from its age as the policy is now."""
    ours = credential.version(seen.fingerprint) if credential else None
    return replace(seen, not_before=ours.not_before, not_after=ours.not_after) if ours else seen


def _of_owner(seen: ObservedCertificate, owner: _Owner, credential: ObservedCredential | None) -> ObservedCertificate:
    owned = replace(seen, credential=owner.credential)
    if credential is None or owner.app not in credential.apps:
        return replace(owned, is_standby=None if len(owner.settings.apps) > 1 else False)
    owned = replace(owned, is_standby=is_standby(credential, owner.app))
    if not seen.is_readable or seen.is_vanished:
        return owned
    return replace(
        owned,
        stage=credential.stage_of(seen.fingerprint),
        drift=is_drift(credential, owner.app),
        is_unproven=is_unproven(credential, owner.app),
    )


def certificates_known(
    settings: Settings, database: Transactions, now: datetime, orgs: Collection[str] | None = None
) -> Certificates:
    """With the credentials as they were last seen; of those of some orgs alone, where only these are asked for.

    Raises HistoryError.
    """
    owners = owners_of(settings, orgs)
    names = None if orgs is None else {owner.credential for owner in owners.values()}
    observed = LastObservations(database).all(names)
    seen = {name: each.seen for name, each in observed.items() if each.seen}
    return Certificates(settings, seen, now, owners, revoked_logins(credential_records(database, names)))


def revoked_logins(records: Mapping[str, CredentialRecord]) -> dict[str, Revocation]:
    """What was revoked of the credentials whose logins are refused on purpose, by name."""
    return {name: revoked for name, record in records.items() if (revoked := record.login_revoked)}


def last_known(settings: Settings, database: Transactions, now: datetime) -> list[CertificateLife]:
    """What was last seen in the orgs of the configuration and is there still, by org, type and name.

    What was there before the last good inventory of its org, and was not seen in it, could not be read then. Raises
    HistoryError.
    """
    inventories = {each.name: each.last_good_at for each in AttemptRecords(database).all(INVENTORY)}
    seen = (
        as_last_seen(each, inventories.get(each.org))
        for each in standing_sightings(database)
        if each.org in settings.orgs
    )
    return certificates_known(settings, database, now).lives(seen)
