"""The PermissionSet type (metadata WSDL; Metadata API Developer Guide, PermissionSet), as far as it is simulated."""

from __future__ import annotations

from typing import Final

from rotator.simulator.org.schema.field import Field, flag, group, metadata_type, text

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

USER_PERMISSIONS: Final = {
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
"""What Setup calls a permission, and which others it needs (Field Reference, PermissionSet; Setup's own hints)."""
