"""Stored credentials: versions, the stages they stand in, and the document that consumers read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NewType, Self

from rotator.core import words
from rotator.core.crypto.certificates import Certificate, PrivateKey
from rotator.core.secret import Secret
from rotator.errors import CertificateError, StoredDamaged

if TYPE_CHECKING:
    from collections.abc import Iterator

Fingerprint = NewType("Fingerprint", str)
"""SHA-256 of a certificate's DER in lower-case hex; it names the version."""

DOCUMENT_FORMAT: Final = 1


class Stage(StrEnum):
    """Where a version stands in the store (AWS Secrets Manager's staging labels, for every store)."""

    PENDING = "pending"
    CURRENT = "current"
    PREVIOUS = "previous"


@dataclass(frozen=True)
class Version:
    """One immutable stored credential: all that a consumer needs to log in."""

    credential: str
    org: str
    app: str
    """Full name of the app whose slot the certificate is for."""
    client_id: str
    username: str
    login_url: str
    audience: str
    certificate: Certificate
    private_key: PrivateKey
    created_at: datetime
    rotation_id: str

    @property
    def fingerprint(self) -> Fingerprint:
        """The version's name."""
        return Fingerprint(self.certificate.fingerprint)

    @property
    def is_whole(self) -> bool:
        """Whether the key is the certificate's."""
        return self.private_key.matches(self.certificate)

    def to_document(self) -> Secret:
        """The JSON document, the same in every store (`rotator docs consumers`). It holds the private key."""
        return Secret(
            json.dumps(
                {
                    "format": DOCUMENT_FORMAT,
                    "credential": self.credential,
                    "org": self.org,
                    "app": self.app,
                    "client_id": self.client_id,
                    "username": self.username,
                    "login_url": self.login_url,
                    "audience": self.audience,
                    "fingerprint": self.fingerprint,
                    "not_after": words.timestamp(self.certificate.not_after),
                    "created_at": words.timestamp(self.created_at, milliseconds=True),
                    "rotation_id": self.rotation_id,
                    "certificate": self.certificate.pem,
                    "private_key": self.private_key.pem().reveal(),
                },
                indent=2,
            )
        )

    @classmethod
    def from_document(cls, document: Secret, *, where: str) -> Self:
        """Reads a document back; `where` names the place for the error.

        Raises StoredDamaged when it is damaged, of a later format, or when key, certificate and fingerprint disagree.
        """
        try:
            fields = _fields(document)
            version = cls(
                credential=fields["credential"],
                org=fields["org"],
                app=fields["app"],
                client_id=fields["client_id"],
                username=fields["username"],
                login_url=fields["login_url"],
                audience=fields["audience"],
                certificate=Certificate.parse(fields["certificate"]),
                private_key=PrivateKey.from_pem(fields["private_key"]),
                created_at=_moment(fields["created_at"]),
                rotation_id=fields["rotation_id"],
            )
            if version.fingerprint == fields["fingerprint"] and version.is_whole:
                return version
            reason = "its key, certificate and fingerprint do not belong together"
        except _LaterFormat as error:
            reason = f"its format is {error}, and this release reads {DOCUMENT_FORMAT}"
        except (ValueError, OverflowError, KeyError, TypeError, RecursionError, CertificateError) as error:
            # Only the kind of error: its text, and the error itself, may quote the document, and with it the key.
            reason = f"it cannot be read ({type(error).__name__})"
        raise _damaged(where, reason)


@dataclass(frozen=True)
class Stages:
    """Which version stands in which stage of one credential; None where none does."""

    pending: Fingerprint | None = None
    current: Fingerprint | None = None
    previous: Fingerprint | None = None

    def __iter__(self) -> Iterator[tuple[Stage, Fingerprint]]:
        """The stages that are taken, in the order in which a consumer tries them."""
        for stage in (Stage.CURRENT, Stage.PENDING, Stage.PREVIOUS):
            fingerprint = getattr(self, stage.value)
            if fingerprint is not None:
                yield stage, fingerprint

    @property
    def fingerprints(self) -> frozenset[Fingerprint]:
        """Every version that stands in a stage."""
        return frozenset(fingerprint for _, fingerprint in self)


class _LaterFormat(Exception):
    """The document says that a later release wrote it."""


def _fields(document: Secret) -> dict[str, str]:
    fields = json.loads(document.reveal())
    if fields["format"] != DOCUMENT_FORMAT:
        raise _LaterFormat(repr(fields["format"])[:20])
    texts = {name: value for name, value in fields.items() if name != "format"}
    if not all(isinstance(value, str) for value in texts.values()):
        raise TypeError
    # Raises ValueError: half of a surrogate pair could be written nowhere.
    "".join(texts.values()).encode()
    return texts


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    # Raises OverflowError for the first and the last day that there are, in a zone in which they are outside.
    return moment.astimezone(UTC)


def _damaged(where: str, reason: str) -> StoredDamaged:
    return StoredDamaged(
        f"The stored version {where} is damaged: {reason}.",
        effect="Nothing was changed.",
        hint="Put the version back from a backup, or move it away by hand if a later one is current.",
    )
