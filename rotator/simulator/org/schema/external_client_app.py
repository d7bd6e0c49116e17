"""The types of an external client app: a header and satellites that name it (metadata WSDL of API 63.0 and 66.0).

The satellites are told apart from those of other apps by `externalClientApplication`, never by their own name.
No source tells which API version brought which field, except that of the certificate.
"""

from __future__ import annotations

from typing import Final

from rotator.simulator.org.schema.field import Field, enum, flag, flags, group, metadata_type, number, text, texts

FIRST_VERSION: Final = 59
"""The API version that brought external client apps."""
SECURITY_VERSION: Final = 67
"""The API version that brought their OAuth security settings."""

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
    text("orgScopedExternalApp"),
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
    *flags("isClientCredentialsFlowEnabled", "isCodeCredFlowEnabled", "isCodeCredPostOnly"),
    *flags("isConsumerSecretOptional", "isDeviceFlowEnabled", "isIntrospectAllTokens", "isNamedUserJwtEnabled"),
    flag("isPkceRequired", default="true"),
    *flags("isRefreshTokenRotationEnabled", "isSecretRequiredForRefreshToken", "isSecretRequiredForTokenExchange"),
    flag("isTokenExchangeEnabled"),
    text("label"),
    *flags("shouldRotateConsumerKey", "shouldRotateConsumerSecret"),
)
"""The certificate is here: one at most, and it is what allows JWT logins."""

OAUTH_SETTINGS: Final = metadata_type(
    "ExtlClntAppOauthSettings",
    *flags("areAttributesIncludedInAssetToken", "areCustomPermsIncludedInAssetToken"),
    *texts("assetTokenAudiences", "assetTokenSigningCertificate"),
    number("assetTokenValidity"),
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
    *texts("apexHandler", "clientCredentialsFlowUser", "commaSeparatedCustomScopes", "commaSeparatedPermissionSet"),
    text("commaSeparatedProfile"),
    group(
        "customAttributes",
        "ExtlClntAppOauthPoliciesAttribute",
        text("formula", required=True),
        text("key", required=True),
        many=True,
    ),
    text("executeHandlerAs"),
    _APP,
    number("guestJwtTimeout"),
    text("ipRelaxationPolicyType"),
    *flags("isClientCredentialsFlowEnabled", "isGuestCodeCredFlowEnabled", "isNamedUserJwtEnabled"),
    flag("isTokenExchangeFlowEnabled"),
    text("label"),
    number("namedUserJwtTimeout"),
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
    flag("isEnabled", required=True, default="true"),
    *flags("isMobilePluginEnabled", "isNotificationPluginEnabled"),
    flag("isOauthPluginEnabled", default="true"),
    *flags("isPushPluginEnabled", "isSamlPluginEnabled"),
    text("label"),
    enum("startPage", "ExtlClntAppStartPage", "None", "Custom", "OAuth", "SAML"),
    text("startUrl"),
)

OAUTH_SECURITY_SETTINGS: Final = metadata_type("ExtlClntAppOauthSecuritySettings", _APP, text("label"))
"""New in API 67.0; what else it has was not seen anywhere."""

SATELLITES: Final = (OAUTH_SETTINGS, GLOBAL_OAUTH_SETTINGS, OAUTH_POLICIES, POLICIES)
"""In the order in which a deployment needs them."""
