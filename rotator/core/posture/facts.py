"""What the rules go by: what is known of credentials, apps, users and orgs. Nothing here holds a secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from rotator.core.credentials import KeyVersion
from rotator.core.crypto.names import RSA
from rotator.core.posture.choices import PostureRules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from rotator.core.credentials import Version
    from rotator.core.crypto.certificates import Certificate
    from rotator.core.lifecycle.revocation import Revocation


Identity: TypeAlias = tuple[str, str, bool]
"""Of an app: its org, its folded name, whether it is a connected app."""


@dataclass(frozen=True)
class Hidden:
    """What could not be seen, so that a rule neither passes nor fails."""

    needs: str
    """What it takes to see it, such as a permission; it follows "needs"."""


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A key or a secret, without itself."""

    public_fingerprint: str
    """Equal for two certificates over the same key."""
    not_before: datetime
    not_after: datetime
    algorithm: str = "RSA"
    bits: int = 0
    exponent: int = 0
    hash: str = ""
    """Of the signature of its certificate, such as `sha256`."""
    is_secret: bool = False
    """It is a client secret, which has none of the others."""


def key_facts(certificate: Certificate) -> KeyFacts:
    """What is known of a key by its certificate."""
    return KeyFacts(
        public_fingerprint=certificate.public_fingerprint,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        algorithm=certificate.key_algorithm,
        bits=certificate.key_bits,
        exponent=certificate.public_key.public_numbers().e if certificate.key_algorithm == RSA else 0,
        hash=certificate.signature_algorithm,
    )


def version_facts(version: Version) -> KeyFacts:
    """What is known of a stored version without its key or its secret."""
    if isinstance(version, KeyVersion):
        return key_facts(version.certificate)
    return KeyFacts(version.public_fingerprint, version.not_before, version.not_after, is_secret=True)


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """What an app's own policies say, in the words of Connected Apps whatever its kind."""

    only_approved: bool
    profiles: tuple[str, ...]
    permission_sets: tuple[str, ...]
    ip_relaxation: str
    """`ENFORCE`, or in which way it is relaxed; empty where the org does not tell."""
    refresh_tokens: str
    """`infinite`, `zero`, or something with an end; empty where the org does not tell."""
    session_level: str
    """What it asks of sessions; empty for nothing."""


@dataclass(frozen=True, slots=True)
class AppFacts:
    """One app of an org."""

    name: str
    label: str
    is_connected_app: bool
    client_id: str = ""
    key: KeyFacts | Hidden | None = None
    """Of its live certificate; None where it holds none."""
    policies: PolicyFacts | Hidden = Hidden("its policies")
    scopes: frozenset[str] | Hidden = Hidden("its OAuth settings")
    """In the words of the Metadata API, such as `RefreshToken`."""

    def identity(self, org: str) -> Identity:
        """What no other app has: two of an org may have one name, one of each kind."""
        return org, self.name.casefold(), self.is_connected_app


@dataclass(frozen=True)
class UserFacts:
    """One user of an org."""

    username: str
    profile: str
    licence: str
    permissions: frozenset[str] | Hidden
    """API names of the permissions of its profile and permission sets, of those that rules ask for."""
    session_level: str | Hidden
    """What its profile asks of sessions at login; empty for nothing."""


@dataclass(frozen=True)
class Use:
    """That a user logged in through an app, or in a browser."""

    username: str
    app: str
    """Label of the app; empty for a browser."""
    at: datetime


@dataclass(frozen=True)
class ManagementFacts:
    """How the program itself logs in to an org."""

    username: str
    client_id: str
    credential: str | None
    """The managed credential by which it does; None: with a key of its own."""
    place: str = ""
    """Where that key is, in words."""


@dataclass(frozen=True)
class OrgFacts:
    """What is known of one org. What could not be seen is Hidden."""

    name: str
    management: ManagementFacts
    apps: tuple[AppFacts, ...] | Hidden
    """Those with OAuth settings, of both kinds."""
    users: Mapping[str, UserFacts] | Hidden
    """By folded username: those that credentials and the program log in as."""
    spare_licences: int | Hidden
    """How many Salesforce Integration licences nobody has."""
    logins: tuple[Use, ...] | Hidden
    """Of those users, as far back as was asked for; in a browser as well."""
    tokens: tuple[Use, ...] | Hidden
    """When tokens of those users and apps were last used."""


@dataclass(frozen=True, kw_only=True)
class CredentialFacts:
    """What is known of one credential."""

    name: str
    org: str
    username: str
    apps: tuple[str, ...]
    """Their names."""
    is_secret: bool
    """Its consumers log in with a client secret, and not with a key."""
    login_url: str
    audience: str
    lifetime: timedelta
    """How long its certificates are to be valid, or how old its secrets may become."""
    rotate_before: timedelta
    is_in_files: bool
    """Its store keeps it in files of the machine."""
    current: KeyFacts | Hidden | None
    """The version that consumers log in with; None where none is stored."""
    copies: tuple[str, ...] | Hidden = ()
    """Where it is beside its store, in words."""
    own_logins: tuple[datetime, ...] = ()
    """When the program itself logged in with it, to prove a key."""
    revoked: Revocation | Hidden | None = None
    """That a person has ended logins with it; None where they are to succeed."""
    used_at: datetime | None = None
    """When a consumer last did, as far as the history knows (`rotator.core.usage`)."""
    connected: Mapping[str, bool] = field(default_factory=dict)
    """Whether an app is a connected app, by its folded name, where the configuration says so: a name may be of two."""

    @cached_property
    def _folded(self) -> frozenset[str]:
        """The names of its apps, for comparison with each app of its org."""
        return frozenset(name.casefold() for name in self.apps)

    def has(self, app: AppFacts) -> bool:
        """Whether an app of its org is, or may be, one of its own."""
        name = app.name.casefold()
        return name in self._folded and self.connected.get(name, app.is_connected_app) == app.is_connected_app

    @property
    def is_revoked(self) -> bool:
        """Whether it is known that nobody is to log in with it."""
        return self.revoked is not None and not isinstance(self.revoked, Hidden)


@dataclass(frozen=True)
class Posture:
    """All that the rules may look at."""

    now: datetime
    credentials: Mapping[str, CredentialFacts]
    orgs: Mapping[str, OrgFacts]
    vaults: tuple[str, ...] = ()
    """The stores that are none of files."""
    rules: PostureRules = field(default_factory=PostureRules)

    @cached_property
    def managed_apps(self) -> frozenset[Identity]:
        """Those that are, or may be, of a credential."""
        return frozenset(
            (each.org, name, is_connected)
            for each in self.credentials.values()
            for name in map(str.casefold, each.apps)
            for is_connected in (True, False)
            if each.connected.get(name, is_connected) == is_connected
        )
