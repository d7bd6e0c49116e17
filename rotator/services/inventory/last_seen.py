"""What was last seen in the orgs, as alerts need it between two looks, and while an org cannot be read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rotator.core.crypto.certificates import RETIRED_COMMON_NAME
from rotator.core.kinds import Kind
from rotator.services.inventory.seen import ObservedCertificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rotator.config.settings import Settings
    from rotator.history.records import LastSighting

_THROWAWAY: Final = f"CN={RETIRED_COMMON_NAME}"


def remembered(
    settings: Settings, sightings: Iterable[LastSighting], in_use: Callable[[str], str | None]
) -> list[ObservedCertificate]:
    """What `rotator.history.sightings.last_sightings` gave, without what was found gone since.

    `in_use` tells the fingerprint of a credential's current version (`Journal.promoted_version`); where that is not
    known, what the two apps of a credential hold counts as unreadable.
    """
    managed = {
        (policy.org, app.casefold()): name for name, policy in settings.credentials.items() for app in policy.apps
    }
    return [
        _remembered(settings, last, _credential(managed, last), in_use) for last in sightings if last.gone_at is None
    ]


def _remembered(
    settings: Settings, last: LastSighting, credential: str | None, in_use: Callable[[str], str | None]
) -> ObservedCertificate:
    seen = ObservedCertificate(
        org=last.org,
        kind=last.app_type,
        name=last.app,
        fingerprint=last.certificate_fingerprint or "",
        not_after=last.not_after,
        not_before=last.not_before,
        key_algorithm=last.key_algorithm or "RSA",
        key_bits=last.key_bits or None,
        signature=last.signature_algorithm or None,
        is_throwaway=last.subject == _THROWAWAY,
    )
    if credential is None:
        return seen
    policy = settings.credentials[credential]
    seen = replace(seen, credential=credential, rotate_before=policy.rotate_before)
    if len(policy.apps) == 1:
        return seen
    current = in_use(credential)
    return replace(seen, readable=current is not None, is_standby=current not in {None, seen.fingerprint})


def _credential(managed: Mapping[tuple[str, str], str], last: LastSighting) -> str | None:
    return managed.get((last.org, last.app.casefold())) if last.app_type == Kind.APP else None
