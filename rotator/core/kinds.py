"""What can hold a certificate in an org."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """A type of the Metadata API, by its own name."""

    APP = "ConnectedApp"
    """A connected app, for logins by JWT."""
    APP_SAML = "ConnectedAppSamlConfig"
    """The part of a connected app by which it takes users from the org over SAML."""
    IDENTITY_PROVIDER = "SamlSsoConfig"
    """Whose SAML assertions the org takes."""
    CERTIFICATE = "Certificate"
    """The org's own, of Certificate and Key Management."""
