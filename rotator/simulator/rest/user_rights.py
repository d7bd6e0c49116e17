"""What profiles and permission sets allow their users, as the queries tell it, and which licences there are.

Setup's permissions have an effect here in few things: `User.may_use_metadata`, whose tokens and sessions are shown, and
who reads and rotates consumer secrets. Everything else is what is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.simulator.org.schema.permission_set import OF_APPS, USER_PERMISSIONS
from rotator.simulator.org.users import SALESFORCE, Profile

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import User

FURTHER: Final = (
    *("ApiUserOnly", "AuthorApex", "DataExport", "ManageCertificates", "ManageEncryptionKeys", "ManageTwoFactor"),
    *("ModifyAllData", "ResetPasswords", "TwoFactorApi", "ViewAllData", "ViewEncryptedData"),
)
"""Permissions that an org has beside those whose dependencies are simulated (Object Reference, PermissionSet)."""

PERMISSIONS: Final = (*USER_PERMISSIONS, *FURTHER)

INTEGRATION: Final = "Salesforce Integration"

METADATA_ACCESS: Final = "Metadata Access"
"""The permission set that stands for what a user has who may use the Metadata API."""

_RESTRICTIVE: Final = frozenset({"ApiUserOnly", "TwoFactorApi"})
_OF_METADATA: Final = frozenset({*OF_APPS, "ManageUsers", "MonitorLoginHistory"})


_STANDARD: Final = {
    "System Administrator": Profile(frozenset(PERMISSIONS) - _RESTRICTIVE),
    "Minimum Access - API Only Integrations": Profile(frozenset({"ApiEnabled", "ApiUserOnly"}), INTEGRATION),
}
"""Profiles that Salesforce brings; all others allow the API and nothing else, unless an org says otherwise."""


def profile_of(org: Org, name: str) -> Profile:
    """What a profile of an org allows."""
    return org.profiles.get(name) or _STANDARD.get(name) or Profile()


def permissions_of(org: Org, permission_set: str) -> frozenset[str]:
    """What the permission set of a label allows."""
    if permission_set == METADATA_ACCESS:
        return _OF_METADATA
    made = next((each for each in org.permission_sets.values() if each.label == permission_set), None)
    return frozenset(name for name in PERMISSIONS if made and made.allows(name))


def metadata_access(org: Org, user: User) -> tuple[str, ...]:
    """The permission set by which a user may use the Metadata API, where nothing else of his allows that."""
    is_missing = user.may_use_metadata and "ModifyMetadata" not in _of_profile_and_sets(org, user)
    return (METADATA_ACCESS,) if is_missing else ()


def allowed_to(org: Org, user: User) -> frozenset[str]:
    """All that a user may."""
    return _of_profile_and_sets(org, user).union(*(permissions_of(org, name) for name in metadata_access(org, user)))


def _of_profile_and_sets(org: Org, user: User) -> frozenset[str]:
    by_sets = (permissions_of(org, name) for name in user.permission_sets)
    return profile_of(org, user.profile).permissions.union(*by_sets)


def licences(org: Org) -> dict[str, tuple[int, int]]:
    """How many of each licence there are in all, and how many are used."""
    used = [profile_of(org, user.profile).licence for user in org.users.values() if user.active]
    total = {SALESFORCE: 100, INTEGRATION: org.settings.integration_licences}
    return {name: (max(number, used.count(name)), used.count(name)) for name, number in total.items() if number}
