"""The SamlSsoConfig type (metadata WSDL; Metadata API Developer Guide, SamlSsoConfig)."""

from __future__ import annotations

from typing import Final

from rotator.simulator.org.schema.field import enum, flag, metadata_type, text, texts

SAML_SSO_CONFIG: Final = metadata_type(
    "SamlSsoConfig",
    *texts("attributeName", "attributeNameIdFormat"),
    text("decryptionCertificate", since=30),
    *texts("errorUrl", "executionUserId"),
    enum("identityLocation", "SamlIdentityLocationType", "SubjectNameId", "Attribute", required=True),
    enum("identityMapping", "SamlIdentityType", "Username", "FederationId", "UserId", required=True),
    text("issuer", required=True),
    *texts("loginUrl", "logoutUrl"),
    text("name", required=True),
    text("oauthTokenEndpoint"),
    flag("redirectBinding"),
    *texts("requestSignatureMethod", "requestSigningCertId", "salesforceLoginUrl"),
    text("samlEntityId", required=True),
    text("samlJitHandlerId"),
    enum("samlVersion", "SamlType", "SAML1_1", "SAML2_0", required=True),
    enum("singleLogoutBinding", "SamlSpSLOBinding", "RedirectBinding", "PostBinding"),
    text("singleLogoutUrl"),
    flag("useConfigRequestMethod"),
    flag("useSameDigestAlgoForSigning", 55, default="true"),
    flag("userProvisioning"),
    text("validationCert", required=True),
)
