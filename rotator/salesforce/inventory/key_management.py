"""The certificates of Certificate and Key Management, of which an org tells names, dates and sizes, but no content."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Final

from rotator.net.shapes import WrongShape
from rotator.plain_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotator.net.shapes import Fields
    from rotator.salesforce.component import Component


NEEDED: Final = ("DeveloperName", "ExpirationDate")
"""Without these there is nothing to tell."""

OTHERS: Final = ("Id", "KeySize", "OptionsIsCaSigned", "OptionsIsUnusable", "CreatedDate")

SELF_SIGNED_UNTIL: Final = time(12, tzinfo=UTC)
"""When a certificate that Salesforce signed itself expires, on the day that it tells."""


def query_for(fields: Iterable[str]) -> str:
    """For these fields of all certificates (Tooling API, Certificate, version 37.0 and later)."""
    return f"SELECT {', '.join(fields)} FROM Certificate"  # noqa: S608 - only names from above are in it


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


def newest_rows(rows: Iterable[Fields]) -> dict[str, Fields]:
    """By name, the newest where there are several: the Tooling API returns rows of deleted certificates, too."""
    return {_told(row, "DeveloperName"): row for row in sorted(rows, key=_age)}


def record(row: Fields) -> CertificateRecord:
    """What a row tells. Raises WrongShape when its date is none; of another field, that counts as not told."""
    bits = _number(row, "KeySize")
    return CertificateRecord(
        id=_told(row, "Id"),
        name=_told(row, "DeveloperName"),
        not_after=_not_after(row),
        key_bits=bits if 0 < bits < _MOST_BITS else 0,
        is_usable=_flag(row, "OptionsIsUnusable") is not True,
    )


_MOST_BITS: Final = 100_000


def _age(row: Fields) -> tuple[str, str]:
    return _told(row, "CreatedDate"), _told(row, "ExpirationDate")


def _not_after(row: Fields) -> datetime | None:
    text = row.text("ExpirationDate")
    if not text:
        return None
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        raise WrongShape(f"its date of expiry is {one_line(text, 40)!r}") from None
    # Where it is not told who signed it, the earlier moment counts.
    is_self_signed = _flag(row, "OptionsIsCaSigned") is False
    return datetime.combine(day, SELF_SIGNED_UNTIL if is_self_signed else time(tzinfo=UTC))


def _told(row: Fields, name: str) -> str:
    try:
        return row.text(name)
    except WrongShape:
        return ""


def _number(row: Fields, name: str) -> int:
    try:
        return int(row.number(name))
    except WrongShape:
        return 0


def _flag(row: Fields, name: str) -> bool | None:
    try:
        return row.flag(name) if name in row else None
    except WrongShape:
        return None


_ID_LENGTH: Final = 15
"""The rest of a record's id of 18 characters follows from them."""


class Uses:
    """References to certificates, as components are read that may hold some."""

    def __init__(self) -> None:
        self._found: Final[dict[str, list[str]]] = defaultdict(list)

    def of_app(self, component: Component) -> str:
        """Notes what a connected app refers to (Metadata API Developer Guide, ConnectedApp).

        Gives the certificate for SAML that it holds itself, which stands beside.
        """
        name = component.full_name
        held, encryption = component.texts("samlConfig", "certificate", "encryptionCertificate")
        self._note(encryption, f"SAML encryption for the app {name}")
        signing = component.text("oauthConfig", "assetTokenConfig", "assetSigningCertId")
        self._note(signing[:_ID_LENGTH], f"asset tokens of {name}")
        return held

    def of_identity_provider(self, component: Component) -> None:
        """Notes what single sign-on settings refer to (Metadata API Developer Guide, SamlSsoConfig)."""
        name = component.full_name
        self._note(component.text("requestSigningCertId")[:_ID_LENGTH], f"SAML requests to {name}")
        self._note(component.text("decryptionCertificate")[:_ID_LENGTH], f"SAML decryption for {name}")

    def of(self, record: CertificateRecord) -> tuple[str, ...]:
        """What refers to a certificate, in words."""
        return (*self._found.get(record.id[:_ID_LENGTH], ()), *self._found.get(record.name, ()))

    def _note(self, reference: str, what: str) -> None:
        if reference:
            self._found[reference].append(what)
