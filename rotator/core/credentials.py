"""Stored credentials: versions, the stages they stand in, and the document that consumers read."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NewType, TypeGuard

from rotator.core import words
from rotator.core.secret import Secret, bits_to_guess
from rotator.errors import NOTHING_CHANGED, CertificateError, StoredDamaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rotator.core.crypto.certificates import Certificate, PrivateKey

Fingerprint = NewType("Fingerprint", str)
"""64 lower-case hex digits that name a version, and tell nothing of its secret.

Of a key pair: SHA-256 of the certificate's DER. Of a client secret: `secret_fingerprint`.
"""

_DIGITS: Final = re.compile("[0-9a-f]{64}")

DOCUMENT_FORMAT: Final = 1

FEWEST_BITS: Final = 128
"""Of a client secret, whose fingerprint is shown: nobody can try all secrets of so many. Salesforce's have 256."""


class CredentialKind(StrEnum):
    """What a consumer proves with that it may log in."""

    KEY_PAIR = "key_pair"
    """A private key whose certificate its app holds: logins by JWT bearer assertion."""
    CLIENT_SECRET = "client_secret"  # noqa: S105 - the name of a kind
    """Consumer key and consumer secret of an external client app: logins by client credentials."""

    @property
    def parts(self) -> str:
        """What a version of it is made of, for people."""
        return "key, certificate" if self is CredentialKind.KEY_PAIR else "consumer key, secret"


class Stage(StrEnum):
    """Where a version stands in the store (AWS Secrets Manager's staging labels, for every store)."""

    PENDING = "pending"
    CURRENT = "current"
    PREVIOUS = "previous"


def is_fingerprint(value: object) -> TypeGuard[Fingerprint]:
    """Whether something from outside is a fingerprint: 64 hexadecimal digits, in small letters."""
    return isinstance(value, str) and _DIGITS.fullmatch(value) is not None


def secret_fingerprint(client_id: str, client_secret: Secret) -> Fingerprint:
    """Names a consumer key and its secret: the same for the same pair, whoever computes it, another for any other.

    It is HMAC-SHA-256 with the secret as the key (RFC 2104), so whoever knows the fingerprint and the consumer key
    must guess the secret to learn it. It has no salt: what the org holds must compare with what is stored.
    """
    message = b"rotator client secret 1\0" + client_id.encode()
    return Fingerprint(hmac.new(client_secret.reveal().encode(), message, hashlib.sha256).hexdigest())


@dataclass(frozen=True, kw_only=True)
class Version(ABC):
    """One immutable stored credential, of either kind: all that a consumer needs to log in."""

    credential: str
    org: str
    app: str
    """Full name of the app that it is for."""
    client_id: str
    username: str
    login_url: str
    created_at: datetime
    rotation_id: str

    @property
    @abstractmethod
    def kind(self) -> CredentialKind:
        """What it proves with."""

    @property
    @abstractmethod
    def fingerprint(self) -> Fingerprint:
        """The version's name."""

    @property
    @abstractmethod
    def public_fingerprint(self) -> str:
        """Equal for two versions over the same key."""

    @property
    @abstractmethod
    def not_before(self) -> datetime:
        """From when on it counts."""

    @property
    @abstractmethod
    def not_after(self) -> datetime:
        """When it is to be replaced at the latest."""

    @property
    @abstractmethod
    def is_whole(self) -> bool:
        """Whether its parts belong together and are fit to be stored."""

    @abstractmethod
    def login_members(self) -> dict[str, str]:
        """The members of its document by which its kind logs in, beside those that both kinds have."""

    @abstractmethod
    def proof_members(self) -> dict[str, Secret]:
        """The members that a login is proven with; stores may keep each as a file of its own."""

    def to_document(self) -> Secret:
        """The JSON document, the same in every store (`rotator docs consumers`). It holds the secret."""
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
                    **self.login_members(),
                    "fingerprint": self.fingerprint,
                    "not_after": words.timestamp(self.not_after),
                    "created_at": words.timestamp(self.created_at, milliseconds=True),
                    "rotation_id": self.rotation_id,
                    **{name: proof.reveal() for name, proof in self.proof_members().items()},
                },
                indent=2,
            )
        )

    @staticmethod
    def from_document(document: Secret, *, where: str) -> Version:
        """Reads a document back; `where` names the place for the error.

        Raises StoredDamaged when it is damaged, of a later format, or when its parts and its fingerprint disagree.
        """
        try:
            fields = _fields(document)
            kind = CredentialKind(fields.get("kind", CredentialKind.KEY_PAIR))
            version = _secret_version(fields) if kind is CredentialKind.CLIENT_SECRET else _key_version(fields)
            if version.fingerprint == fields["fingerprint"] and version.is_whole:
                return version
            reason = f"its {kind.parts} and fingerprint do not belong together"
        except _LaterFormat as error:
            reason = f"its format is {error}, and this release reads {DOCUMENT_FORMAT}"
        except (ValueError, OverflowError, KeyError, TypeError, RecursionError, CertificateError) as error:
            # Only the kind of error: its text, and the error itself, may quote the document, and with it the key.
            reason = f"it cannot be read ({type(error).__name__})"
        raise _damaged(where, reason)


@dataclass(frozen=True, kw_only=True)
class KeyVersion(Version):
    """A key pair whose certificate the app holds."""

    audience: str
    certificate: Certificate
    private_key: PrivateKey

    @property
    def kind(self) -> CredentialKind:
        """A key pair."""
        return CredentialKind.KEY_PAIR

    @property
    def fingerprint(self) -> Fingerprint:
        """The certificate's."""
        return Fingerprint(self.certificate.fingerprint)

    @property
    def public_fingerprint(self) -> str:
        """The key's."""
        return self.certificate.public_fingerprint

    @property
    def not_before(self) -> datetime:
        """When the certificate's first day is."""
        return self.certificate.not_before

    @property
    def not_after(self) -> datetime:
        """When the certificate expires."""
        return self.certificate.not_after

    @property
    def is_whole(self) -> bool:
        """Whether the key is the certificate's."""
        return self.private_key.matches(self.certificate)

    def login_members(self) -> dict[str, str]:
        """The claim `aud`. That it has no `kind` says that it is a key pair, as all were once."""
        return {"audience": self.audience}

    def proof_members(self) -> dict[str, Secret]:
        """Certificate and private key."""
        return {"certificate": Secret(self.certificate.pem), "private_key": self.private_key.pem()}


@dataclass(frozen=True, kw_only=True)
class SecretVersion(Version):
    """Consumer key (`client_id`) and consumer secret of an external client app."""

    client_secret: Secret
    valid_until: datetime
    """By the policy of its credential; Salesforce knows no such date."""

    @property
    def kind(self) -> CredentialKind:
        """A client secret."""
        return CredentialKind.CLIENT_SECRET

    @property
    def fingerprint(self) -> Fingerprint:
        """Of key and secret together."""
        return secret_fingerprint(self.client_id, self.client_secret)

    @property
    def public_fingerprint(self) -> str:
        """Its own: no two versions have one secret."""
        return self.fingerprint

    @property
    def not_before(self) -> datetime:
        """When it was stored, from which its age counts."""
        return self.created_at

    @property
    def not_after(self) -> datetime:
        """When it has reached the age that the policy allows."""
        return self.valid_until

    @property
    def is_whole(self) -> bool:
        """Whether both are there, and the secret is none that could be guessed from its fingerprint."""
        return bool(self.client_id) and bits_to_guess(self.client_secret) >= FEWEST_BITS

    def login_members(self) -> dict[str, str]:
        """That it is a client secret."""
        return {"kind": self.kind}

    def proof_members(self) -> dict[str, Secret]:
        """The consumer secret."""
        return {"client_secret": self.client_secret}


def key_version(version: Version) -> KeyVersion:
    """The version, which has to be a key pair. Raises StoredDamaged."""
    if isinstance(version, KeyVersion):
        return version
    raise _of_other_kind(version)


def secret_version(version: Version) -> SecretVersion:
    """The version, which has to be a client secret. Raises StoredDamaged."""
    if isinstance(version, SecretVersion):
        return version
    raise _of_other_kind(version)


@dataclass(frozen=True)
class Stages:
    """Which version stands in which stage of one credential; None where none does."""

    pending: Fingerprint | None = None
    current: Fingerprint | None = None
    previous: Fingerprint | None = None

    @classmethod
    def as_found(cls, pending: Fingerprint | None, current: Fingerprint | None, previous: Fingerprint | None) -> Stages:
        """By what was found: after an interrupted promotion what is `current` stands in another stage as well."""
        return cls(pending if pending != current else None, current, previous if previous != current else None)

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


def with_other_client_id(versions: Iterable[Version], app: str, client_id: str) -> tuple[Fingerprint, ...]:
    """The key pairs among them that are for the app and have another consumer key than it; empty: it shows none."""
    mine = (version for version in versions if isinstance(version, KeyVersion) and version.app == app)
    return tuple(version.fingerprint for version in mine if client_id not in {"", version.client_id})


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


def _common(fields: dict[str, str]) -> dict[str, Any]:
    names = ("credential", "org", "app", "client_id", "username", "login_url", "rotation_id")
    return {name: fields[name] for name in names} | {"created_at": _moment(fields["created_at"])}


def _key_version(fields: dict[str, str]) -> Version:
    # Who reads no key, such as who shows the history, needs no library for it.
    from rotator.core.crypto.certificates import Certificate, PrivateKey  # noqa: PLC0415

    return KeyVersion(
        **_common(fields),
        audience=fields["audience"],
        certificate=Certificate.parse(fields["certificate"]),
        private_key=PrivateKey.from_stored_pem(fields["private_key"]),
    )


def _secret_version(fields: dict[str, str]) -> Version:
    return SecretVersion(
        **_common(fields),
        client_secret=Secret(fields["client_secret"]),
        valid_until=_moment(fields["not_after"]),
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    # Raises OverflowError for the first and the last day that there are, in a zone in which they are outside.
    return moment.astimezone(UTC)


def _damaged(where: str, reason: str) -> StoredDamaged:
    return StoredDamaged(
        f"The stored version {where} is damaged: {reason}.",
        effect=NOTHING_CHANGED,
        hint="Put the version back from a backup, or move it away by hand if a later one is current.",
    )


def _of_other_kind(version: Version) -> StoredDamaged:
    return StoredDamaged(
        f"What is stored of {version.credential} is a {version.kind.value.replace('_', ' ')}, and the credential is"
        " configured as the other kind.",
        effect=NOTHING_CHANGED,
        hint="Correct `kind` of the credential in config.yaml, or give the credential another name or store.",
    )
