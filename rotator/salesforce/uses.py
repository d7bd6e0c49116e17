"""What refers to the certificates of Certificate and Key Management: by id in some places, by name in others."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rotator.salesforce.key_management import CertificateRecord
    from rotator.salesforce.metadata import Component

_ID_LENGTH: Final = 15
"""The rest of a record's id of 18 characters follows from them."""


class Uses:
    """References to certificates, as components are read that may hold some."""

    def __init__(self) -> None:
        self._found: Final[dict[str, list[str]]] = defaultdict(list)

    def of_app(self, component: Component) -> None:
        """Notes what a connected app refers to (Metadata API Developer Guide, ConnectedApp)."""
        saml, oauth = component.samlConfig, component.oauthConfig
        if saml:
            self._note(saml.encryptionCertificate, f"SAML encryption for the app {component.fullName}")
        if oauth and oauth.assetTokenConfig:
            self._note(oauth.assetTokenConfig.assetSigningCertId[:_ID_LENGTH], f"asset tokens of {component.fullName}")

    def of_identity_provider(self, component: Component) -> None:
        """Notes what single sign-on settings refer to (Metadata API Developer Guide, SamlSsoConfig)."""
        signing, decryption = component.requestSigningCertId, component.decryptionCertificate
        self._note((signing or "")[:_ID_LENGTH], f"SAML requests to {component.fullName}")
        self._note((decryption or "")[:_ID_LENGTH], f"SAML decryption for {component.fullName}")

    def of(self, record: CertificateRecord) -> tuple[str, ...]:
        """What refers to a certificate, in words."""
        return (*self._found[record.id[:_ID_LENGTH]], *self._found[record.name])

    def _note(self, reference: str | None, what: str) -> None:
        if reference:
            self._found[reference].append(what)
