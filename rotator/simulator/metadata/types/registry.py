"""Every type by its name, and which of them a call may use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.simulator.metadata.types.certificate_files import CertificateType
from rotator.simulator.metadata.types.connected_apps import ConnectedAppType
from rotator.simulator.metadata.types.external_client_apps import (
    ExternalAppType,
    GlobalSettingsType,
    SatelliteType,
    SecuritySettingsType,
)
from rotator.simulator.metadata.types.feature_settings import FEATURES, SettingsType
from rotator.simulator.metadata.types.permission_sets import PermissionSetType
from rotator.simulator.metadata.types.session_settings import SessionSettingsType
from rotator.simulator.metadata.types.single_sign_on import SingleSignOnType
from rotator.simulator.org.schema.certificate import CERTIFICATE
from rotator.simulator.org.schema.connected_app import CONNECTED_APP
from rotator.simulator.org.schema.external_client_app import (
    EXTERNAL_CLIENT_APPLICATION,
    FIRST_VERSION,
    GLOBAL_OAUTH_SETTINGS,
    OAUTH_POLICIES,
    OAUTH_SECURITY_SETTINGS,
    OAUTH_SETTINGS,
    POLICIES,
)
from rotator.simulator.org.schema.field import metadata_type
from rotator.simulator.org.schema.permission_set import PERMISSION_SET
from rotator.simulator.org.schema.profile_session_setting import PROFILE_SESSION_SETTING
from rotator.simulator.org.schema.saml_sso_config import SAML_SSO_CONFIG
from rotator.simulator.wire.soap import FaultError
from rotator.simulator.wire.unsupported import unsupported_fault

if TYPE_CHECKING:
    from rotator.simulator.metadata.types.metadata_type import MetadataType
    from rotator.simulator.org.org import Org

_ALL: Final[tuple[MetadataType, ...]] = (
    CertificateType("certs", "crt", CERTIFICATE, since=36),
    ConnectedAppType("connectedApps", "connectedApp", CONNECTED_APP),
    PermissionSetType("permissionsets", "permissionset", PERMISSION_SET),
    ExternalAppType("externalClientApps", "eca", EXTERNAL_CLIENT_APPLICATION, FIRST_VERSION),
    SatelliteType("extlClntAppOauthSettings", "ecaOauth", OAUTH_SETTINGS, FIRST_VERSION),
    GlobalSettingsType("extlClntAppGlobalOauthSets", "ecaGlblOauth", GLOBAL_OAUTH_SETTINGS, FIRST_VERSION),
    SatelliteType("extlClntAppOauthPolicies", "ecaOauthPlcy", OAUTH_POLICIES, FIRST_VERSION),
    SatelliteType("extlClntAppPolicies", "ecaPlcy", POLICIES, since=60),
    SecuritySettingsType("extlClntAppOauthSecuritySettings", "ecaOauthSecurity", OAUTH_SECURITY_SETTINGS, since=67),
    SingleSignOnType("samlssoconfigs", "samlssoconfig", SAML_SSO_CONFIG),
    SessionSettingsType("profileSessionSettings", "profileSessionSetting", PROFILE_SESSION_SETTING, since=40),
    SettingsType("settings", "settings", metadata_type("Settings")),
)
TYPES: Final = {each.name: each for each in _ALL}
"""By name, in the order in which describeMetadata tells them and a deployment writes them: an app before its parts."""


def shown_types(org: Org, version: int) -> list[MetadataType]:
    """The types that this version and user have."""
    return [each for each in _ALL if each.since <= version and each.name not in org.settings.hidden_types]


def type_of(org: Org, version: int, name: str) -> MetadataType:
    """A type by its name. Raises FaultError when this version or user has none of it, or it is not simulated."""
    if name in FEATURES:
        # Lists and packages know settings by the name of all, and by the feature's as a member of that.
        raise FaultError("INVALID_TYPE", f"Unknown type:{name}")
    return _available(org, version, name, TYPES.get(name))


def _available(org: Org, version: int, name: str, found: MetadataType | None) -> MetadataType:
    if found is None:
        raise unsupported_fault(f"The metadata type {name or '(none)'}")
    if found.since > version:
        raise FaultError("INVALID_TYPE", f"Cannot use: {name} in this version")
    if name in org.settings.hidden_types:
        raise FaultError(org.settings.hidden_type_code, "This type of metadata is not available for this organization")
    return found


def component_type_of(org: Org, version: int, name: str) -> MetadataType:
    """A type whose components CRUD calls can name. Raises FaultError for any other."""
    if name in FEATURES:
        return _available(org, version, name, FEATURES[name])
    found = type_of(org, version, name)
    if found.is_file or isinstance(found, SettingsType):
        raise FaultError("INVALID_TYPE_FOR_OPERATION", f"{name} is not supported by this operation")
    return found
