"""The SamlSsoConfig type (metadata WSDL; Metadata API Developer Guide, SamlSsoConfig)."""

from __future__ import annotations

from typing import Final

from rotator.simulator.org.schema.field import flag, flags, metadata_type, text, texts

SAML_SSO_CONFIG: Final = metadata_type(
    "SamlSsoConfig",
    *texts("attributeName", "attributeNameIdFormat", "decryptionCertificate", "errorUrl", "executionUserId"),
    text("identityLocation", required=True),
    text("identityMapping", required=True),
    text("issuer", required=True),
    *texts("loginUrl", "logoutUrl"),
    text("name", required=True),
    text("oauthTokenEndpoint"),
    flag("redirectBinding"),
    *texts("requestSignatureMethod", "requestSigningCertId", "salesforceLoginUrl"),
    text("samlEntityId", required=True),
    text("samlJitHandlerId"),
    text("samlVersion", required=True),
    *texts("singleLogoutBinding", "singleLogoutUrl"),
    *flags("useConfigRequestMethod", "useSameDigestAlgoForSigning", "userProvisioning"),
    text("validationCert", required=True),
)
