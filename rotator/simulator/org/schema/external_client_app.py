"""The types of an external client app: a header and satellites that name it (metadata WSDL of API 63.0 and 66.0).

The satellites are told apart from those of other apps by `externalClientApplication`, never by their own name.
The version of a field is the Metadata API Developer Guide's; one without has been there from the first.
"""

from __future__ import annotations

from typing import Final

from rotator.simulator.org.schema.field import Field, enum, flag, flags, group, metadata_type, number, text, texts

FIRST_VERSION: Final = 59
"""The API version that brought external client apps."""

_APP: Final = text("externalClientApplication", required=True)

EXTERNAL_CLIENT_APPLICATION: Final = metadata_type(
    "ExternalClientApplication",
    *texts("contactEmail", "contactPhone", "description"),
    enum("distributionState", "ExtlClntAppDistState", "Local", "Packaged", "Managed", "AutoInstalled", default="Local"),
    *texts("iconUrl", "infoUrl"),
    flag("isProtected"),
    text("label"),
    text("logoUrl"),
    enum("managedType", "ExtlClntAppManagedType", "Local", "Global"),
    Field("orgScopedExternalApp", kept=True),
)

GLOBAL_OAUTH_SETTINGS: Final = metadata_type(
    "ExtlClntAppGlobalOauthSettings",
    text("callbackUrl"),
    Field("certificate", since=60),
    Field("consumerKey", kept=True),
    Field("consumerSecret", kept=True),
    _APP,
    group(
        "idTokenConfig",
        "ExternalAppIdTokenConfig",
        text("idTokenAudience"),
        *flags("idTokenIncludeAttributes", "idTokenIncludeCustomPermissions", "idTokenIncludeStandardClaims"),
        number("idTokenValidityInMinutes"),
    ),
    flag("isClientCredentialsFlowEnabled", 60),
    *flags("isCodeCredFlowEnabled", "isCodeCredPostOnly", since=61),
    flag("isConsumerSecretOptional"),
    flag("isDeviceFlowEnabled", 60),
    flag("isIntrospectAllTokens"),
    flag("isNamedUserJwtEnabled", 61),
    flag("isPkceRequired", default="true"),
    flag("isRefreshTokenRotationEnabled", 60),
    flag("isSecretRequiredForRefreshToken", default="true"),
    *flags("isSecretRequiredForTokenExchange", "isTokenExchangeEnabled", since=60),
    text("label"),
    *flags("shouldRotateConsumerKey", "shouldRotateConsumerSecret"),
)
"""The certificate is here: one at most, and it is what allows JWT logins."""

OAUTH_SETTINGS: Final = metadata_type(
    "ExtlClntAppOauthSettings",
    *flags("areAttributesIncludedInAssetToken", "areCustomPermsIncludedInAssetToken", since=61),
    *texts("assetTokenAudiences", "assetTokenSigningCertificate", since=61),
    number("assetTokenValidity", since=61),
    *texts("clientAssertionCertificate", "commaSeparatedCustomScopes", "commaSeparatedOauthScopes"),
    group(
        "customAttributes",
        "ExtlClntAppOauthSettingsAttribute",
        text("formula", required=True),
        text("key", required=True),
        many=True,
    ),
    _APP,
    flag("isFirstPartyAppEnabled"),
    text("label"),
    Field("oauthLink", kept=True),
    text("singleLogoutUrl"),
    group(
        "trustedIpRanges",
        "ExtlClntAppOauthIpRange",
        text("description"),
        text("endIpAddress", required=True),
        text("startIpAddress", required=True),
        many=True,
    ),
)

OAUTH_POLICIES: Final = metadata_type(
    "ExtlClntAppOauthConfigurablePolicies",
    text("apexHandler", since=61),
    text("clientCredentialsFlowUser", since=60),
    text("commaSeparatedCustomScopes", since=61),
    *texts("commaSeparatedPermissionSet", "commaSeparatedProfile"),
    group(
        "customAttributes",
        "ExtlClntAppOauthPoliciesAttribute",
        text("formula", required=True),
        text("key", required=True),
        many=True,
    ),
    text("executeHandlerAs", since=61),
    _APP,
    enum("guestJwtSessionTimeoutType", "JWTSessionTimeoutType", "UserSession", "Custom", since=65),
    number("guestJwtTimeout", since=61),
    text("ipRelaxationPolicyType"),
    flag("isClientCredentialsFlowEnabled", 60),
    flag("isGuestCodeCredFlowEnabled", 61),
    flag("isNamedUserJwtEnabled"),
    flag("isTokenExchangeFlowEnabled", 60),
    text("label"),
    enum("namedUserJwtSessionTimeoutType", "JWTSessionTimeoutType", "UserSession", "Custom", since=65),
    number("namedUserJwtTimeout", since=61),
    enum(
        "permittedUsersPolicyType",
        "PermittedUsersPolicyType",
        *("AllSelfAuthorized", "AdminApprovedPreAuthorized"),
        default="AllSelfAuthorized",
    ),
    enum("policyAction", "PolicyAction", "Block", "RaiseSessionLevel"),
    enum(
        "refreshTokenPolicyType", "RefreshTokenPolicyType", "Infinite", "Zero", "SpecificLifetime", "SpecificInactivity"
    ),
    number("refreshTokenValidityPeriod"),
    text("refreshTokenValidityUnit"),
    enum("requiredSessionLevel", "SessionSecurityLevel", "LOW", "STANDARD", "HIGH_ASSURANCE"),
    number("sessionTimeoutInMinutes"),
    *texts("singleLogoutUrl", "startUrl"),
)

POLICIES: Final = metadata_type(
    "ExtlClntAppConfigurablePolicies",
    _APP,
    flag("isCanvasPluginEnabled", 66, default="true"),
    flag("isEnabled", required=True, default="true"),
    *flags("isMobilePluginEnabled", "isNotificationPluginEnabled", since=63, default="true"),
    flag("isOauthPluginEnabled", default="true"),
    *flags("isPushPluginEnabled", "isSamlPluginEnabled", since=63, default="true"),
    text("label"),
    enum("startPage", "ExtlClntAppStartPage", "None", "Custom", "OAuth", "SAML", since=63),
    text("startUrl", since=63),
)

OAUTH_SECURITY_SETTINGS: Final = metadata_type("ExtlClntAppOauthSecuritySettings", _APP, text("label"))
"""New in API 67.0; what else it has was not seen anywhere."""
