"""The description of a certificate of Certificate and Key Management (metadata WSDL); its content is a file."""

from __future__ import annotations

from typing import Final

from rotator.simulator.org.schema.field import Field, flag, metadata_type, number, text

CONTENT: Final = "content"
"""What a component calls the file that it describes."""

CERTIFICATE: Final = metadata_type(
    "Certificate",
    flag("caSigned", required=True),
    flag("encryptedWithPlatformEncryption"),
    Field("expirationDate"),
    number("keySize"),
    text("masterLabel", required=True),
    flag("privateKeyExportable"),
)
