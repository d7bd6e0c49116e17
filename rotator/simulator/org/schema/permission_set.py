"""The PermissionSet type (metadata WSDL; Metadata API Developer Guide, PermissionSet), as far as it is simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.simulator.org.schema.field import Field, flag, group, metadata_type, text

if TYPE_CHECKING:
    from collections.abc import Mapping

_BEFORE: Final = (
    *("applicationVisibilities", "classAccesses", "customMetadataTypeAccesses", "customPermissions"),
    "customSettingAccesses",
)
_BETWEEN: Final = (
    *("emailRoutingAddressAccesses", "externalCredentialPrincipalAccesses", "externalDataSourceAccesses"),
    *("fieldPermissions", "flowAccesses"),
)
_AFTER: Final = (
    *("objectPermissions", "pageAccesses", "recordTypeVisibilities", "servicePresenceStatusAccesses", "tabSettings"),
    "userLicense",
)

NOT_SIMULATED: Final = frozenset({*_BEFORE, *_BETWEEN, *_AFTER})
"""Elements that the type has, and that are not looked into."""


def _opaque(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, many=True, returned=False) for name in names)


PERMISSION_SET: Final = metadata_type(
    "PermissionSet",
    *_opaque(*_BEFORE),
    text("description"),
    *_opaque(*_BETWEEN),
    flag("hasActivationRequired", 53),
    text("label", required=True),
    text("license", since=38),
    *_opaque(*_AFTER),
    group(
        "userPermissions",
        "PermissionSetUserPermission",
        flag("enabled", required=True),
        text("name", required=True),
        many=True,
    ),
)

OF_APPS: Final = {
    "ApiEnabled": ("API Enabled", ()),
    "CustomizeApplication": ("Customize Application", ("ViewSetup", "ManageCustomPermissions")),
    "ExternalClientAppAdmin": (
        "View all External Client Apps, view their settings, and edit their policies",
        ("ExternalClientAppViewer",),
    ),
    "ExternalClientAppDeveloper": ("Create, edit, and delete External Client Apps", ("ExternalClientAppAdmin",)),
    "ExternalClientAppViewer": ("View all External Client Apps", ()),
    "ManageCustomPermissions": ("Manage Custom Permissions", ()),
    "ManageRemoteAccess": ("Manage Connected Apps", ()),
    "ModifyMetadata": ("Modify Metadata Through Metadata API Functions", ("ViewSetup",)),
    "ViewClientSecret": ("View Client Secret", ()),
    "ViewSetup": ("View Setup and Configuration", ()),
}
"""Those of whoever looks after apps; as below."""

_NEEDED_BY_MANAGE_USERS: Final = {
    "AssignPermissionSets": "Assign Permission Sets",
    "DelegatedTwoFactor": "Manage Multi-Factor Authentication in User Interface",
    "FreezeUsers": "Freeze Users",
    "ManageInternalUsers": "Manage Internal Users",
    "ManageIpAddresses": "Manage IP Addresses",
    "ManageLoginAccessPolicies": "Manage Login Access Policies",
    "ManagePasswordPolicies": "Manage Password Policies",
    "ManageProfilesPermissionsets": "Manage Profiles and Permission Sets",
    "ManageRoles": "Manage Roles",
    "ManageSharing": "Manage Sharing",
    "MonitorLoginHistory": "Monitor Login History",
    "ViewAllUsers": "View All Users",
    "ViewRoles": "View Roles and Role Hierarchy",
}
"""As orgs have said in refused deployments, not all of them the same (jsforce/jsforce#749 has the last of these)."""

USER_PERMISSIONS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    **OF_APPS,
    **{name: (label, ()) for name, label in _NEEDED_BY_MANAGE_USERS.items()},
    "ManageUsers": ("Manage Users", tuple(_NEEDED_BY_MANAGE_USERS)),
}
"""What Setup calls a permission, and which others it needs (Field Reference, PermissionSet; Setup's own hints)."""
