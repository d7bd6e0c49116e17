"""The SamlSsoConfig type (metadata WSDL; Metadata API Developer Guide, SamlSsoConfig)."""

from __future__ import annotations

from typing import Final

from rotator.simulator.org.types import Field


def _text(name: str, *, required: bool = False) -> Field:
    return Field(name, required=required)


def _flag(name: str) -> Field:
    return Field(name, "flag", default="false")


SAML_SSO_CONFIG: Final = Field(
    "SamlSsoConfig",
    "group",
    group_type="SamlSsoConfig",
    fields=(
        _text("fullName"),
        *map(_text, ("attributeName", "attributeNameIdFormat", "decryptionCertificate", "errorUrl", "executionUserId")),
        _text("identityLocation", required=True),
        _text("identityMapping", required=True),
        _text("issuer", required=True),
        *map(_text, ("loginUrl", "logoutUrl")),
        _text("name", required=True),
        _text("oauthTokenEndpoint"),
        _flag("redirectBinding"),
        *map(_text, ("requestSignatureMethod", "requestSigningCertId", "salesforceLoginUrl")),
        _text("samlEntityId", required=True),
        _text("samlJitHandlerId"),
        _text("samlVersion", required=True),
        *map(_text, ("singleLogoutBinding", "singleLogoutUrl")),
        _flag("useConfigRequestMethod"),
        _flag("useSameDigestAlgoForSigning"),
        _flag("userProvisioning"),
        _text("validationCert", required=True),
    ),
)
"""The whole type; `fullName` comes first, from the base type Metadata."""
