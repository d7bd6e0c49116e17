"""Permissions that matter for users of integrations, by the names that the API has for them, and those of Setup.

Object Reference, PermissionSet: each is a field `Permissions<Name>` of it (of profiles as well, each of which owns a
permission set). An org has the fields of what it has bought.
"""

from __future__ import annotations

from typing import Final

LABELS: Final = {
    "ApiUserOnly": "API Only User",
    "TwoFactorApi": "Multi-Factor Authentication for API Logins",
    "ModifyAllData": "Modify All Data",
    "ManageUsers": "Manage Users",
    "ManageInternalUsers": "Manage Internal Users",
    "ManageProfilesPermissionsets": "Manage Profiles and Permission Sets",
    "AssignPermissionSets": "Assign Permission Sets",
    "ViewAllData": "View All Data",
    "AuthorApex": "Author Apex",
    "CustomizeApplication": "Customize Application",
    "ModifyMetadata": "Modify Metadata Through Metadata API Functions",
    "ManageRemoteAccess": "Manage Connected Apps",
    "ExternalClientAppDeveloper": "Create, edit, and delete External Client Apps",
    "ViewClientSecret": "View Client Secret",
    "ManageSharing": "Manage Sharing",
    "ManageEncryptionKeys": "Manage Encryption Keys",
    "ViewEncryptedData": "View Encrypted Data",
    "ManageTwoFactor": "Manage Multi-Factor Authentication in API",
    "ManageIpAddresses": "Manage IP Addresses",
    "ManageCertificates": "Manage Certificates",
    "ManageLoginAccessPolicies": "Manage Login Access Policies",
    "ResetPasswords": "Reset User Passwords and Unlock Users",
    "DataExport": "Weekly Data Export",
}
"""Those that rules ask for, by the name of the API."""

ADMINISTRATION: Final = frozenset(
    {"ModifyAllData", "ManageUsers", "ManageInternalUsers", "ManageProfilesPermissionsets", "AssignPermissionSets"}
)
"""Who has one of them has all data, or gives himself whatever he wants."""

OVER_THE_ORG: Final = frozenset(LABELS) - ADMINISTRATION - {"ApiUserOnly", "TwoFactorApi"}
"""What they give is the whole org's, and no integration's business unless it says so."""

OF_MANAGEMENT: Final = frozenset(
    {"CustomizeApplication", "ModifyMetadata", "ManageRemoteAccess", "ExternalClientAppDeveloper", "ViewClientSecret"}
)
"""Of those what the program's own user needs (`rotator docs salesforce-setup`)."""

SHOWING_LOGINS: Final = {"MonitorLoginHistory": "Monitor Login History", "ManageUsers": LABELS["ManageUsers"]}
"""Either shows the login history of others (Object Reference, LoginHistory)."""

SHOWING_TOKENS: Final = {"CustomizeApplication": LABELS["CustomizeApplication"]}
"""It shows the tokens of others (Object Reference, OauthToken)."""

SHOWING_SESSIONS: Final = {"ManageUsers": LABELS["ManageUsers"]}
"""It shows the sessions of others (Object Reference, AuthSession)."""

ADMINISTRATOR_PROFILE: Final = "System Administrator"
"""Its name in an org in English; in others it is known by its permissions."""


def labels(names: frozenset[str]) -> list[str]:
    """What Setup calls them, in its order."""
    return [label for name, label in LABELS.items() if name in names]
