"""The ConnectedApp type: its fields in the WSDL's order, each with the API version that brought it.

Sources: metadata WSDL; Metadata API Developer Guide, ConnectedApp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

FIRST_API_VERSION: Final = 29
"""The API version that brought ConnectedApp."""

SCOPES: Final = (
    *("Basic", "Api", "Web", "Full", "Chatter", "CustomApplications", "RefreshToken", "OpenID", "Profile", "Email"),
    *("Address", "Phone", "OfflineAccess", "CustomPermissions", "Wave", "Eclair", "Pardot", "Lightning", "Content"),
    *("CDPIngest", "CDPProfile", "CDPQuery", "Chatbot", "CDPSegment", "CDPIdentityResolution", "CDPCalculatedInsight"),
    *("ForgotPassword", "UserRegistration", "SFAP", "Interaction", "CDP", "EinsteinGPT", "PwdlessLogin", "MCP", "SCRT"),
)
"""The scope enumeration, in the order in which a component returns its scopes."""

SCOPE_SYNONYMS: Final = {
    **dict.fromkeys(("Profile", "Email", "Address", "Phone"), "Basic"),
    "OfflineAccess": "RefreshToken",
}
"""Scopes that come back under another name."""


@dataclass(frozen=True)
class Field:
    """One element of the type or of a group inside it."""

    name: str
    kind: Literal["text", "flag", "number", "scope", "group"] = "text"
    since: int = FIRST_API_VERSION
    required: bool = False
    many: bool = False
    default: str | None = None
    """What an element that is left out becomes."""
    kept: bool = False
    """Whether an update that leaves the element out leaves its value alone."""
    returned: bool = True
    """Whether a read ever returns it."""
    always: bool = False
    """Whether a read returns the group even when nothing in it was set."""
    group_type: str = ""
    fields: tuple[Field, ...] = ()

    @property
    def soap_type(self) -> str:
        """The type's name in the WSDL."""
        plain = {"text": "string", "flag": "boolean", "number": "int", "scope": "ConnectedAppOauthAccessScope"}
        return plain.get(self.kind, self.group_type)


def _text(name: str, *, required: bool = False, many: bool = False) -> Field:
    return Field(name, required=required, many=many)


def _texts(*names: str) -> tuple[Field, ...]:
    return tuple(map(_text, names))


def _flag(name: str, since: int = FIRST_API_VERSION, *, required: bool = False) -> Field:
    return Field(name, "flag", since, required=required, default="false")


def _group(
    name: str, group_type: str, *fields: Field, since: int = FIRST_API_VERSION, many: bool = False, always: bool = False
) -> Field:
    return Field(name, "group", since, many=many, always=always, group_type=group_type, fields=fields)


_CANVAS: Final = _group(
    "canvas",
    "CanvasMetadata",
    _text("accessMethod", required=True),
    _text("canvasOptions"),
    _text("canvasUrl", required=True),
    *_texts("lifecycleClass", "locationOptions", "samlInitiationMethod"),
)
_CANVAS_CONFIG: Final = _group(
    "canvasConfig",
    "ConnectedAppCanvasConfig",
    _text("accessMethod", required=True),
    _text("canvasUrl", required=True),
    _text("lifecycleClass"),
    _text("locations", many=True),
    _text("options", many=True),
    _text("samlInitiationMethod"),
)
_IP_RANGES: Final = _group(
    "ipRanges",
    "ConnectedAppIpRange",
    _text("description"),
    _text("end", required=True),
    _text("start", required=True),
    many=True,
)
_MOBILE_APP: Final = _group(
    "mobileAppConfig",
    "ConnectedAppMobileDetailConfig",
    *_texts("applicationBinaryFile", "applicationBinaryFileName", "applicationBundleIdentifier"),
    Field("applicationFileLength", "number"),
    *_texts("applicationIconFile", "applicationIconFileName", "applicationInstallUrl"),
    _text("devicePlatform", required=True),
    *_texts("deviceType", "minimumOsVersion"),
    _flag("privateApp"),
    _text("version", required=True),
)
_ASSET_TOKEN: Final = _group(
    "assetTokenConfig",
    "ConnectedAppOauthAssetToken",
    _text("assetAudiences", required=True),
    _flag("assetIncludeAttributes", required=True),
    _flag("assetIncludeCustomPerms", required=True),
    _text("assetSigningCertId", required=True),
    Field("assetValidityPeriod", "number", required=True),
    since=49,
)
_ID_TOKEN: Final = _group(
    "idTokenConfig",
    "ConnectedAppOauthIdToken",
    _text("idTokenAudience"),
    _flag("idTokenIncludeAttributes"),
    _flag("idTokenIncludeCustomPerms"),
    _flag("idTokenIncludeStandardClaims"),
    Field("idTokenValidity", "number"),
    since=43,
)
_OAUTH_CONFIG: Final = _group(
    "oauthConfig",
    "ConnectedAppOauthConfig",
    _ASSET_TOKEN,
    _text("callbackUrl", required=True),
    _text("certificate"),
    Field("consumerKey", since=32, kept=True),
    Field("consumerSecret", since=32, kept=True, returned=False),
    _ID_TOKEN,
    _flag("isAdminApproved", 46),
    _flag("isClientCredentialEnabled", 56),
    _flag("isCodeCredentialEnabled", 57),
    _flag("isCodeCredentialPostOnly", 57),
    _flag("isConsumerSecretOptional", 49),
    _flag("isIntrospectAllTokens", 49),
    _flag("isNamedUserJwtEnabled", 59),
    _flag("isPkceRequired", 59),
    _flag("isRefreshTokenRotationEnabled", 60),
    _flag("isSecretRequiredForRefreshToken", 51),
    _flag("isSecretRequiredForTokenExchange", 60),
    _flag("isTokenExchangeEnabled", 60),
    Field("oauthClientCredentialUser", since=56),
    Field("scopes", "scope", many=True),
    _text("singleLogoutUrl"),
)
_OAUTH_POLICY: Final = _group(
    "oauthPolicy",
    "ConnectedAppOauthPolicy",
    Field("ipRelaxation", required=True, default="ENFORCE"),
    _flag("isTokenExchangeFlowEnabled", 60),
    Field("refreshTokenPolicy", required=True, default="infinite"),
    _text("singleLogoutUrl"),
    since=49,
    always=True,
)
_SAML: Final = _group(
    "samlConfig",
    "ConnectedAppSamlConfig",
    _text("acsUrl", required=True),
    *_texts("certificate", "encryptionCertificate", "encryptionType"),
    _text("entityUrl", required=True),
    *_texts("issuer", "samlIdpSLOBindingEnum", "samlNameIdFormat", "samlSigningAlgoType", "samlSloUrl"),
    _text("samlSubjectCustomAttr"),
    _text("samlSubjectType", required=True),
)
_SESSION_POLICY: Final = _group(
    "sessionPolicy",
    "ConnectedAppSessionPolicy",
    *_texts("policyAction", "sessionLevel"),
    Field("sessionTimeout", "number"),
    since=49,
)

CONNECTED_APP: Final = _group(
    "ConnectedApp",
    "ConnectedApp",
    Field("fullName"),
    _group(
        "attributes",
        "ConnectedAppAttribute",
        _text("formula", required=True),
        _text("key", required=True),
        many=True,
    ),
    _CANVAS,
    _CANVAS_CONFIG,
    _text("contactEmail", required=True),
    *_texts("contactPhone", "description", "iconUrl", "infoUrl"),
    _IP_RANGES,
    _text("label", required=True),
    _text("logoUrl"),
    _MOBILE_APP,
    _text("mobileStartUrl"),
    _OAUTH_CONFIG,
    _OAUTH_POLICY,
    # "An empty element removes all": only these two lists are left alone when they are left out.
    Field("permissionSetName", since=46, many=True, kept=True),
    _text("plugin"),
    Field("pluginExecutionUser", since=46),
    Field("profileName", since=46, many=True, kept=True),
    _SAML,
    _SESSION_POLICY,
    _text("startUrl"),
)
"""The whole type; `fullName` comes first, from the base type Metadata."""
