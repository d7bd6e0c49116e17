"""What can hold a certificate in an org, what was seen of one in a place, and what was seen of a credential.

Fields have the names of `rotator inventory --json`; columns that are called otherwise: `rotator.history.engine.tables`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from rotator.core.credentials import Fingerprint, Stage
from rotator.core.crypto.names import RSA, THROWAWAY_SUBJECT
from rotator.core.usage.retirement import NOT_CONFIRMED, Confirmation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.core.credentials import Version
    from rotator.core.crypto.certificates import Certificate


class Kind(StrEnum):
    """What can hold a certificate: a type of the Metadata API, by its own name."""

    APP = "ConnectedApp"
    """A connected app, for logins by JWT."""
    EXTERNAL_APP = "ExternalClientApplication"
    """An external client app, for logins by JWT, by the name of its header: people find it by that one."""
    APP_SAML = "ConnectedAppSamlConfig"
    """The part of a connected app by which it takes users from the org over SAML."""
    IDENTITY_PROVIDER = "SamlSsoConfig"
    """Whose SAML assertions the org takes."""
    CERTIFICATE = "Certificate"
    """The org's own, of Certificate and Key Management."""
    CLIENT_SECRET = "ClientSecret"  # noqa: S105 - the name of a kind
    """No certificate: consumer key and secret of an external client app, where a credential is to keep them young."""

    @property
    def label(self) -> str:
        """A word for people."""
        return _ABOUT[self].label

    @property
    def is_app(self) -> bool:
        """Whether a credential can log in through it, and have its certificate replaced."""
        return _ABOUT[self].is_app

    @property
    def noun(self) -> str:
        """What Salesforce calls it, in a sentence."""
        return _ABOUT[self].noun or self.label

    @property
    def part_of(self) -> Kind | None:
        """The kind in whose component it is read: where that cannot be read, neither can this."""
        return _ABOUT[self].part_of

    @property
    def replaced_by_hand(self) -> str:
        """What a person does to replace a certificate that nobody replaces by schedule."""
        return _ABOUT[self].replaced_by_hand


class _About(NamedTuple):
    label: str
    replaced_by_hand: str
    is_app: bool = False
    part_of: Kind | None = None
    noun: str = ""


_ABOUT: Final = {
    Kind.APP: _About(
        "app",
        "Upload a new certificate to the app in Setup and give its users the key, or add the app to `credentials` in"
        " config.yaml and have it rotated.",
        is_app=True,
        noun="connected app",
    ),
    Kind.EXTERNAL_APP: _About(
        "external app",
        "Upload a new certificate to the app in Setup, External Client App Manager, and give its users the key, or add"
        " the app to `credentials` in config.yaml and have it rotated.",
        is_app=True,
        noun="external client app",
    ),
    Kind.APP_SAML: _About(
        "app's SAML", "Replace it in Setup and at the service provider that the app stands for.", part_of=Kind.APP
    ),
    Kind.IDENTITY_PROVIDER: _About(
        "SAML sign-on",
        "Ask the identity provider for its next certificate, and put it into Setup, Single Sign-On Settings, when the"
        " provider begins to use it.",
    ),
    Kind.CERTIFICATE: _About(
        "org's own", "Replace it in Setup, Certificate and Key Management, and wherever its public half was given to."
    ),
    Kind.CLIENT_SECRET: _About(
        "client secret", "Rotate it in Setup, External Client App Manager, and give the new one to whoever uses it."
    ),
}

APPS: Final = frozenset(kind for kind in Kind if kind.is_app)
"""The kinds that a credential can log in through."""

CONFIGURED: Final = {"connected_app": Kind.APP, "external_client_app": Kind.EXTERNAL_APP}
"""The kinds of apps by the words that config.yaml has for them."""


class Place(NamedTuple):
    """Where something is in an org. Salesforce takes its name in any case, so it is folded here."""

    type: str
    app: str


def place(type_: str, app: str) -> Place:
    """The place of that kind and name."""
    return Place(type_, app.casefold())


@dataclass(frozen=True, kw_only=True)
class ObservedCertificate:
    """What one place in an org holds: a certificate, none (`not_after` is None), or one that cannot be read.

    What is not known is empty, None, or False.
    """

    org: str
    app: str
    """Full name of what holds it: an app, or one of the other kinds."""
    type: str = Kind.APP
    """One of Kind, or one that only a later release knows."""
    client_id: str = ""
    is_readable: bool = True
    """False: it is there, and what it holds could not be read; the rest is how it was last seen, if it ever was."""

    fingerprint: str = ""
    """Empty where the org tells no more of the certificate than its name and dates."""
    subject: str = ""
    issuer: str = ""
    serial_number: int | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    key_algorithm: str = ""
    key_bits: int | None = None
    signature_algorithm: str = ""
    """Hash of its signature, such as `sha256`."""
    is_usable: bool = True
    """False: it waits for the chain that an authority is to sign, and nothing uses it yet."""
    is_stored_one: bool = False
    """The org does not show it: the dates are those of the stored version that logs in through the app."""
    used_by: tuple[str, ...] = ()
    """What else in the org refers to it, in words."""
    last_modified_by: str | None = None
    last_modified_at: datetime | None = None
    is_undated: bool = False
    """It was changed, and `last_modified_at` is what it was before."""

    credential: str | None = None
    """The managed credential that the app belongs to."""
    stage: Stage | None = None
    """Where the version of this certificate stands in the credential's store."""
    is_standby: bool | None = False
    """Of two apps that take turns it is not the one in use; None where that cannot be told."""
    drift: bool = False
    """Nobody here knows the certificate, though the credential is in its store."""
    is_unproven: bool = False
    """A rotation gave it to the app, and its key has not logged in yet."""

    first_seen: datetime | None = None
    """When it was first seen in this place; None of what was never written down."""
    last_seen: datetime | None = None
    gone_at: datetime | None = None
    """When it was first found there no more."""

    @classmethod
    def of_values(cls, values: dict[str, Any]) -> Self:
        """One with these values of fields, in a sixth of the time of `__init__`, which sets each by a call."""
        made = cls.__new__(cls)
        vars(made).update(values)
        return made

    @cached_property
    def place(self) -> Place:
        """Where it is in its org."""
        return place(self.type, self.app)

    @property
    def kind(self) -> Kind | None:
        """None for a type that only a later release knows."""
        return _TYPES.get(self.type)

    @property
    def is_app(self) -> bool:
        """Whether a credential can log in through it."""
        return self.type in APPS

    @property
    def label(self) -> str:
        """Its type in a word for people."""
        return self.kind.label if self.kind else self.type

    @property
    def is_hidden(self) -> bool:
        """Whether the org shows the app, and of its certificate nothing, as it may of this kind: it may have none."""
        return self.type == Kind.EXTERNAL_APP and self.is_readable and not (self.fingerprint or self.is_vanished)

    @property
    def is_secret(self) -> bool:
        """Whether it is no certificate, but the pair of a client secret."""
        return self.type == Kind.CLIENT_SECRET

    @property
    def fits_no_login(self) -> bool:
        """Whether it is on an app, and its key is of a kind that signs no RS256, which logins by JWT take alone."""
        return self.is_app and self.key_algorithm not in {"", RSA}

    @property
    def is_throwaway(self) -> bool:
        """Whether it was made to end an old key: nobody has the key to it."""
        return self.subject == THROWAWAY_SUBJECT

    @property
    def has_gaps(self) -> bool:
        """Whether something is not known that every certificate has: the history has lost it."""
        told = self.subject, self.issuer, self.not_before, self.not_after, self.key_algorithm, self.signature_algorithm
        return bool(self.fingerprint) and not (self.is_secret or (all(told) and self.serial_number is not None))

    @property
    def is_vanished(self) -> bool:
        """Whether it was seen once, and is there no more."""
        return self.gone_at is not None

    def holding(self, certificate: Certificate | None) -> Self:
        """The same place with this certificate in it."""
        return replace(self, **facts_of(certificate)) if certificate else self

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of the certificate itself, wherever it is."""
        return {name: getattr(self, name) for name in _FACTS}


_FACTS: Final = (
    *("fingerprint", "subject", "issuer", "serial_number", "not_before", "not_after"),
    *("key_algorithm", "key_bits", "signature_algorithm"),
)
_TYPES: Final[Mapping[str, Kind]] = {str(kind): kind for kind in Kind}


def facts_of(certificate: Certificate) -> dict[str, Any]:
    """What is noted of a certificate, wherever it is, by the names of `ObservedCertificate`."""
    return {name: getattr(certificate, name) for name in _FACTS} | {"key_bits": certificate.key_bits or None}


@dataclass(frozen=True)
class KnownVersion:
    """What a decision needs of a stored version, which was read back whole."""

    fingerprint: Fingerprint
    app: str
    public_fingerprint: str
    """Equal for two certificates over the same key; of a client secret the fingerprint."""
    not_after: datetime
    not_before: datetime | None = None
    """Of a client secret when it was stored. None where an earlier release wrote it down."""

    @classmethod
    def of(cls, version: Version) -> Self:
        """What is known of it without its key."""
        return cls(version.fingerprint, version.app, version.public_fingerprint, version.not_after, version.not_before)


@dataclass(frozen=True)
class ObservedApp:
    """What a decision needs of one app of a credential, as the org showed it."""

    name: str
    readable: bool = True
    """False: the org answers as if there were no such app, or none that this login may read."""
    live: Fingerprint | None = None
    """Fingerprint of the live certificate; None when the app holds none."""
    throwaway: bool = False
    """The live certificate is ours, made to end a key."""
    hidden: bool = False
    """The org shows the app and not its certificate: `live` is what logins prove (`core.decision.hidden_apps`)."""
    refuses_stored: bool = False
    """Hidden: the key of every stored version was refused for certain, so that it holds none of them."""
    ours: bool = False
    """Hidden: by the history it was sent a throwaway certificate last, or that of the pending version."""
    by_secret: bool = False
    """What is live is the consumer's key and secret that are in use, and not a certificate."""
    staged: Fingerprint | None = None
    """The pair that is staged beside it: in nobody's use yet."""
    rotated: Fingerprint | None = None
    """The pair that was rotated away, and that the org takes for a while still."""
    staging: bool = False
    """The program began to stage a pair and never learnt what came of it: what is staged is that one."""
    ended_by: str | None = None
    """Fingerprint of the pair by which a revocation ended those before it: nobody has it."""
    with_old_client_id: tuple[Fingerprint, ...] = ()
    """The stored versions that log in through it with another consumer key than it has by now."""

    @property
    def is_unknown(self) -> bool:
        """Whether it is hidden, and no login has proven yet what it holds."""
        return self.hidden and self.live is None and not (self.throwaway or self.refuses_stored)

    def accepts(self, fingerprint: Fingerprint) -> bool:
        """Whether the org takes logins with that version through it."""
        return fingerprint in {self.live, self.rotated}

    @classmethod
    def of(cls, name: str, seen: ObservedCertificate | None) -> Self:
        """From what was seen in its place."""
        if seen is None or not seen.is_readable or seen.is_vanished:
            return cls(name, readable=False)
        return cls(name, live=Fingerprint(seen.fingerprint) or None, throwaway=seen.is_throwaway, hidden=seen.is_hidden)

    def remembering(self, before: ObservedApp | None) -> ObservedApp:
        """What the org shows now; where it hides the certificate, now and before, with what was proven of it before."""
        if before is None or not (self.hidden and before.hidden):
            return self
        return replace(before, with_old_client_id=self.with_old_client_id)


@dataclass(frozen=True)
class ObservedCredential:
    """A credential as it was observed once: the live certificates of its apps, and the stages of its store."""

    apps: Mapping[str, ObservedApp]
    """By name, in the order of the configuration: one or two."""
    pending: KnownVersion | None = None
    current: KnownVersion | None = None
    previous: KnownVersion | None = None
    promoted_at: datetime | None = None
    """When `current` became current; the previous version's grace counts from it."""
    confirmation: Confirmation = NOT_CONFIRMED

    @property
    def versions(self) -> dict[Stage, KnownVersion]:
        """Those that there are, by stage."""
        staged = {Stage.CURRENT: self.current, Stage.PENDING: self.pending, Stage.PREVIOUS: self.previous}
        return {stage: version for stage, version in staged.items() if version}

    @property
    def stored(self) -> frozenset[Fingerprint]:
        """Fingerprints of all versions that stand in a stage."""
        return frozenset(each.fingerprint for each in self.versions.values())

    def version(self, fingerprint: str | None) -> KnownVersion | None:
        """The version of this fingerprint, if it stands in a stage."""
        return next((each for each in self.versions.values() if each.fingerprint == fingerprint), None)

    def has_old_client_id(self, version: KnownVersion) -> bool:
        """Whether the version was stored with another consumer key than its app has by now."""
        return any(version.fingerprint in app.with_old_client_id for app in self.apps.values())

    @property
    def is_settled(self) -> bool:
        """Whether consumers of `current` log in as things are, so that nothing is half done if a run stops here."""
        current, pending = self.current, self.pending
        if current is None or self.is_live(current):
            return True
        return self.may_be_live(current) and not (pending and pending.app == current.app)

    @property
    def has_lost_slot(self) -> bool:
        """Whether the app that `current` logs in through was read, and is without current's certificate."""
        app = self.apps.get(self.current.app) if self.current else None
        return app is not None and app.readable and not app.is_unknown and not self.is_settled

    def stage_of(self, fingerprint: str) -> Stage | None:
        """Where the version of that certificate stands in the store."""
        return next((stage for stage, each in self.versions.items() if each.fingerprint == fingerprint), None)

    def live(self, app: str) -> Fingerprint | None:
        """The live certificate of an app; None for an app that the configuration no longer names, too."""
        return self.apps[app].live if app in self.apps else None

    def is_live(self, version: KnownVersion) -> bool:
        """Whether its own app holds the version's certificate, or takes its secret."""
        return version.app in self.apps and self.apps[version.app].accepts(version.fingerprint)

    def may_be_live(self, version: KnownVersion) -> bool:
        """Whether it is, or may be on an app of which nothing is proven yet."""
        return version.app in self.live_on(version)

    def live_on(self, version: KnownVersion) -> list[str]:
        """Every app that holds the version's certificate, or may do so; people upload one to both apps of a pair."""
        seen = self.apps.values()
        return [a.name for a in seen if a.accepts(version.fingerprint) or (a.is_unknown and a.name == version.app)]

    def is_slot_of_current(self, app: str) -> bool:
        """Whether `current` logs in through the app, so that an upload to it ends current's key."""
        return self.current is not None and app == self.current.app
