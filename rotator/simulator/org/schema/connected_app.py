"""The ConnectedApp type (metadata WSDL; Metadata API Developer Guide, ConnectedApp)."""

from __future__ import annotations

from typing import Final

from rotator.simulator.org.schema.field import Field, flag, group, metadata_type, number, text, texts

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

_CANVAS: Final = group(
    "canvas",
    "CanvasMetadata",
    text("accessMethod", required=True),
    text("canvasOptions"),
    text("canvasUrl", required=True),
    *texts("lifecycleClass", "locationOptions", "samlInitiationMethod"),
)
_CANVAS_CONFIG: Final = group(
    "canvasConfig",
    "ConnectedAppCanvasConfig",
    text("accessMethod", required=True),
    text("canvasUrl", required=True),
    text("lifecycleClass"),
    text("locations", many=True),
    text("options", many=True),
    text("samlInitiationMethod"),
)
_IP_RANGES: Final = group(
    "ipRanges",
    "ConnectedAppIpRange",
    text("description"),
    text("end", required=True),
    text("start", required=True),
    many=True,
)
_MOBILE_APP: Final = group(
    "mobileAppConfig",
    "ConnectedAppMobileDetailConfig",
    *texts("applicationBinaryFile", "applicationBinaryFileName", "applicationBundleIdentifier"),
    number("applicationFileLength"),
    *texts("applicationIconFile", "applicationIconFileName", "applicationInstallUrl"),
    text("devicePlatform", required=True),
    *texts("deviceType", "minimumOsVersion"),
    flag("privateApp"),
    text("version", required=True),
)
_ASSET_TOKEN: Final = group(
    "assetTokenConfig",
    "ConnectedAppOauthAssetToken",
    text("assetAudiences", required=True),
    flag("assetIncludeAttributes", required=True),
    flag("assetIncludeCustomPerms", required=True),
    text("assetSigningCertId", required=True),
    number("assetValidityPeriod", required=True),
    since=49,
)
_ID_TOKEN: Final = group(
    "idTokenConfig",
    "ConnectedAppOauthIdToken",
    text("idTokenAudience"),
    flag("idTokenIncludeAttributes"),
    flag("idTokenIncludeCustomPerms"),
    flag("idTokenIncludeStandardClaims"),
    number("idTokenValidity"),
    since=43,
)
_OAUTH_CONFIG: Final = group(
    "oauthConfig",
    "ConnectedAppOauthConfig",
    _ASSET_TOKEN,
    text("callbackUrl", required=True),
    text("certificate"),
    Field("consumerKey", since=32, kept=True),
    Field("consumerSecret", since=32, kept=True, returned=False),
    _ID_TOKEN,
    flag("isAdminApproved", 46),
    flag("isClientCredentialEnabled", 56),
    flag("isCodeCredentialEnabled", 57),
    flag("isCodeCredentialPostOnly", 57),
    flag("isConsumerSecretOptional", 49),
    flag("isIntrospectAllTokens", 49),
    flag("isNamedUserJwtEnabled", 59),
    flag("isPkceRequired", 59),
    flag("isRefreshTokenRotationEnabled", 60),
    flag("isSecretRequiredForRefreshToken", 51),
    flag("isSecretRequiredForTokenExchange", 60),
    flag("isTokenExchangeEnabled", 60),
    Field("oauthClientCredentialUser", since=56),
    Field("scopes", "enum", many=True, type_name="ConnectedAppOauthAccessScope", values=SCOPES),
    text("singleLogoutUrl"),
)
_OAUTH_POLICY: Final = group(
    "oauthPolicy",
    "ConnectedAppOauthPolicy",
    Field("ipRelaxation", required=True, default="ENFORCE"),
    flag("isTokenExchangeFlowEnabled", 60),
    Field("refreshTokenPolicy", required=True, default="infinite"),
    text("singleLogoutUrl"),
    since=49,
    always=True,
)
_SAML: Final = group(
    "samlConfig",
    "ConnectedAppSamlConfig",
    text("acsUrl", required=True),
    *texts("certificate", "encryptionCertificate", "encryptionType"),
    text("entityUrl", required=True),
    *texts("issuer", "samlIdpSLOBindingEnum", "samlNameIdFormat", "samlSigningAlgoType", "samlSloUrl"),
    text("samlSubjectCustomAttr"),
    text("samlSubjectType", required=True),
)
_SESSION_POLICY: Final = group(
    "sessionPolicy",
    "ConnectedAppSessionPolicy",
    *texts("policyAction", "sessionLevel"),
    number("sessionTimeout"),
    since=49,
)

CONNECTED_APP: Final = metadata_type(
    "ConnectedApp",
    group(
        "attributes",
        "ConnectedAppAttribute",
        text("formula", required=True),
        text("key", required=True),
        many=True,
    ),
    _CANVAS,
    _CANVAS_CONFIG,
    text("contactEmail", required=True),
    *texts("contactPhone", "description", "iconUrl", "infoUrl"),
    _IP_RANGES,
    text("label", required=True),
    text("logoUrl"),
    _MOBILE_APP,
    text("mobileStartUrl"),
    _OAUTH_CONFIG,
    _OAUTH_POLICY,
    # "An empty element removes all": only these two lists are left alone when they are left out.
    Field("permissionSetName", since=46, many=True, kept=True),
    text("plugin"),
    Field("pluginExecutionUser", since=46),
    Field("profileName", since=46, many=True, kept=True),
    _SAML,
    _SESSION_POLICY,
    text("startUrl"),
)
