"""The permissions that an org asks of the program's user, by the names that Setup has for them.

Those about external client apps: Field Reference, PermissionSet (`PermissionsExternalClientAppAdmin` and
`PermissionsExternalClientAppDeveloper`); the second needs the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.observed import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

_EDITS_EXTERNAL_APPS: Final = "Create, edit, and delete External Client Apps"

PERMISSION_HINT: Final = (
    'Give the program\'s user the permission "Modify Metadata Through Metadata API Functions" (or "Modify All Data"), '
    '"API Enabled", and what Setup asks of those who edit apps: "Customize Application" and "Manage Connected Apps", '
    f'for external client apps "{_EDITS_EXTERNAL_APPS}".'
)
"""What a user needs to read and write apps over the Metadata API."""

CLIENT_SECRETS_HINT: Final = (
    f'Give the program\'s user the permissions "{_EDITS_EXTERNAL_APPS}" and "View Client Secret", and let the org'
    " show secrets over REST: enableClientSecretInRestApiAccess of ExternalClientAppSettings (metadata), in Setup among"
    " the settings of external client apps."
)
"""What it takes to read and rotate client secrets."""

SHOWS: Final = {
    Kind.APP: "Customize Application",
    Kind.EXTERNAL_APP: "View all External Client Apps, view their settings, and edit their policies",
    Kind.IDENTITY_PROVIDER: "Customize Application",
    Kind.CERTIFICATE: "View Setup and Configuration",
}
"""The permission without which a user does not see what is of a kind."""

_SHOWS_RECORDS: Final = {
    "SetupEntityAccess": "View Setup and Configuration",
    "User": "View Setup and Configuration",
    "UserLicense": "View Setup and Configuration",
    "PermissionSet": "View Setup and Configuration",
    "PermissionSetAssignment": "View Setup and Configuration",
    "ConnectedApplication": "View Setup and Configuration",
    "ExternalClientApplication": SHOWS[Kind.EXTERNAL_APP],
    "OauthToken": "Customize Application",
    "LoginHistory": "Monitor Login History",
    "AuthSession": "Manage Users",
}
"""The permission without which a user sees no records of an object (Object Reference, Special Access Rules)."""

_CHANGES_RECORDS: Final = {
    "SetupEntityAccess": "Manage Profiles and Permission Sets",
    "PermissionSetAssignment": "Assign Permission Sets",
    "AuthSession": "Manage Users",
}
"""The permission without which a user neither makes nor deletes them."""


def shows_records(name: str) -> str:
    """The permission without which a user sees no records of an object; empty where no one is known."""
    return _SHOWS_RECORDS.get(name, "")


def needed_for_records(name: str, *, changes: bool) -> str:
    """What to do where an org refuses the records of an object; empty where no one permission is known."""
    permission = (_CHANGES_RECORDS if changes else _SHOWS_RECORDS).get(name)
    return give(permission) if permission else ""


def not_seen(kinds: Iterable[Kind]) -> str:
    """What a user is told who sees nothing of some kinds; empty for none."""
    return " ".join(f"It shows the program's user no {kind.noun}s, {takes(kind)}." for kind in kinds)


def takes(kind: Kind) -> str:
    """Which permission shows what is of a kind, as part of a sentence."""
    return f'which takes the permission "{SHOWS[kind]}"'


def needed_to_see(kind: Kind) -> str:
    """What to do where an org does not show what is of a kind."""
    return give(SHOWS[kind])


def give(*permissions: str) -> str:
    """What to do where one of these permissions would do."""
    named = words.listed((f'"{each}"' for each in permissions), "or")
    return f"Give the program's user the permission {named}."
