"""The certificates of Certificate and Key Management, of which an org tells names, dates and sizes, but no content."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rotator.salesforce.metadata import Component


QUERY: Final = (
    "SELECT Id, DeveloperName, MasterLabel, ExpirationDate, KeySize, OptionsIsCaSigned, OptionsIsUnusable, "
    "CreatedDate FROM Certificate"
)
"""Tooling API, Certificate (version 37.0 and later). The Metadata API gives the content of none of them in a read."""

SELF_SIGNED_UNTIL: Final = time(12, tzinfo=UTC)
"""When a certificate that Salesforce signed itself expires, on the day that it tells."""


@dataclass(frozen=True)
class CertificateRecord:
    """What an org tells of one such certificate."""

    id: str
    name: str
    not_after: datetime | None
    """None when the org tells no date. Of what an authority signed only the day is told; this is its first moment."""
    key_bits: int
    is_usable: bool
    """Not while it waits for the chain that an authority is to sign: then nothing uses it."""


def records(rows: Iterable[Mapping[str, Any]]) -> dict[str, CertificateRecord]:
    """By name, the newest where there are several: the Tooling API returns rows of deleted certificates, too."""
    newest = {row["DeveloperName"]: row for row in sorted(rows, key=lambda row: row["CreatedDate"])}
    return {name: _record(row) for name, row in newest.items()}


def _record(row: Mapping[str, Any]) -> CertificateRecord:
    return CertificateRecord(
        id=row["Id"],
        name=row["DeveloperName"],
        not_after=_not_after(row),
        key_bits=row["KeySize"] or 0,
        is_usable=not row["OptionsIsUnusable"],
    )


def _not_after(row: Mapping[str, Any]) -> datetime | None:
    if not row["ExpirationDate"]:
        return None
    midnight = time(tzinfo=UTC)
    day = datetime.strptime(row["ExpirationDate"][:10], "%Y-%m-%d").replace(tzinfo=UTC).date()
    return datetime.combine(day, midnight if row["OptionsIsCaSigned"] else SELF_SIGNED_UNTIL)


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
