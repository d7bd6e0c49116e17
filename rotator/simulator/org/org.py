"""A simulated org: its users and apps, in memory. It knows no HTTP; the time comes from a clock that is passed in."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, Literal

import jwt

from rotator.core.crypto.certificates import PrivateKey
from rotator.core.secret import Secret
from rotator.simulator.org import setup
from rotator.simulator.org.addresses import LOGIN_HOSTS, Addresses
from rotator.simulator.org.apps import App
from rotator.simulator.org.certificates import IdentityProvider, OrgCertificate
from rotator.simulator.org.external_apps import Consumer, ExternalApp, KeyPair, Satellite
from rotator.simulator.org.grants import Grants
from rotator.simulator.org.identifiers import consumer_key, consumer_secret, opaque_token, record_id
from rotator.simulator.org.jobs import Jobs
from rotator.simulator.org.propagation import CertificateSlot
from rotator.simulator.org.schema.external_client_app import OAUTH_SETTINGS
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.org.tokens import Session, Sessions
from rotator.simulator.org.users import KEPT_LOGINS, OVER_OAUTH, UNKNOWN_CLIENT, Client, Login, PermissionSet, User
from rotator.simulator.wire.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from random import Random

    from rotator.core.crypto.certificates import Certificate
    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.components import Component
    from rotator.simulator.org.users import Profile

Clock = Callable[[], datetime]
OrgKind = Literal["production", "sandbox"]

KEPT_CURSORS: Final = 100
"""Queries answered in part whose rest can still be fetched."""

IDS_OF_AN_ORG: Final = 1_000_000
"""Record ids of one type that an org may give before they could be another org's."""


@dataclass(frozen=True)
class Rest:
    """The records of a query that is answered in parts."""

    records: Sequence[Mapping[str, Any]]
    batch: int


@dataclass(frozen=True)
class Visitor:
    """Who makes a call: the session, its user, and the app that it was opened through, unless that was deleted."""

    session: Session
    user: User
    app: ClientApp | None


class Org:
    """One org: users, apps, sessions, settings, faults, and what happened so far.

    The server holds `lock` while it performs a call; `add_user`, `add_app` and `put_certificate` take it themselves.
    """

    def __init__(
        self,
        name: str,
        kind: OrgKind = "production",
        *,
        clock: Clock,
        random: Random,
        settings: OrgSettings | None = None,
        number: int = 1,
    ) -> None:
        self.name: Final = name
        self.kind: Final = kind
        self.id: Final = record_id("00D", number)
        self.addresses: Final = Addresses(LOGIN_HOSTS[kind])
        self.settings = settings or OrgSettings()
        self.clock: Final = clock
        self.random: Final = random
        self.users: Final[dict[str, User]] = {}
        self.apps: Final[dict[str, App]] = {}
        """Its Connected Apps."""
        self.external_apps: Final[dict[str, ExternalApp]] = {}
        self.certificates: Final[list[OrgCertificate]] = []
        """Of Certificate and Key Management, also those that were deleted."""
        self.identity_providers: Final[dict[str, IdentityProvider]] = {}
        self.permission_sets: Final[dict[str, PermissionSet]] = {}
        """Those that were made by metadata; users and apps may name others."""
        self.profiles: Final[dict[str, Profile]] = {}
        """What profiles allow, where that is not what they usually do."""
        self.features: Final[dict[str, Component]] = {}
        """Settings of features that somebody changed, by their metadata type."""
        self.sessions: Final = Sessions(lambda: timedelta(seconds=self.settings.session_seconds))
        self.grants: Final = Grants()
        self.jobs: Final = Jobs()
        self.faults: Final = Faults(random)
        self.calls: Final[Counter[str]] = Counter()
        self.cursors: Final[dict[str, Rest]] = {}
        """Rows of queries that were answered in part."""
        self.logins: Final[deque[Login]] = deque(maxlen=KEPT_LOGINS)
        self.lock: Final = RLock()
        self.number: Final = number
        """Tells the record ids of one org from those of another."""
        self.ids_given = 0
        self.neighbours: tuple[Org, ...] = ()
        """The other orgs of the server: consumer keys are told apart over all orgs."""
        self._ids_by_name: Final[dict[tuple[str, str], str]] = {}
        self.on_change: Callable[[], None] = _nothing
        """Called after every change of users or apps that is to outlive the process."""

    @property
    def url(self) -> str:
        """Where the org is reached on this machine."""
        return self.addresses.url

    @url.setter
    def url(self, url: str) -> None:
        self.addresses.url = url

    def app(self, name: str) -> App:
        """A Connected App by its full name. Raises KeyError when there is none."""
        return self.apps[name]

    def external_app(self, name: str) -> ExternalApp:
        """An external client app by its full name. Raises KeyError when there is none."""
        return self.external_apps[name]

    @property
    def client_apps(self) -> Iterator[ClientApp]:
        """Everything that consumers log in through."""
        yield from self.apps.values()
        yield from self.external_apps.values()

    def takes_key(self, client_id: str) -> bool:
        """Whether a new app may have this consumer key: no other has it, in this org or in another."""
        return not any(org.app_of(client_id) for org in (self, *self.neighbours))

    def app_of(self, client_id: str) -> ClientApp | None:
        """The app with this consumer key."""
        now = self.clock()
        return next((app for app in [*self.client_apps] if app.has_consumer(client_id, now)), None)

    @property
    def management(self) -> App:
        """The first app that a user with the metadata permission logs in through. Raises LookupError without one."""
        for app in self.apps.values():
            user = self.users.get(app.username or "")
            if user and user.may_use_metadata:
                return app
        raise LookupError(f"The simulated org {self.name} has no management app.")

    def next_id(self, prefix: str) -> str:
        """A record id that was not given before."""
        with self.lock:
            self.ids_given += 1
            return record_id(prefix, self.number * IDS_OF_AN_ORG + self.ids_given)

    def id_of(self, prefix: str, name: str) -> str:
        """The record id of what an org knows by its name alone, such as a profile."""
        key = (prefix, name)
        if key not in self._ids_by_name:
            self._ids_by_name[key] = record_id(prefix, self.number * IDS_OF_AN_ORG + len(self._ids_by_name))
        return self._ids_by_name[key]

    def ids_of(self, prefix: str) -> list[tuple[str, str]]:
        """The names that have such an id, with it."""
        return [(name, given) for (kind, name), given in self._ids_by_name.items() if kind == prefix]

    def approve(self, app: ClientApp, user: User) -> Secret:
        """What a user's approval in a browser comes to: the app may log in for the user, and gets a refresh token."""
        with self.lock:
            app.approved_usernames.add(user.username)
            grant = self.grants.use(app, user, self.clock(), Secret(opaque_token(self.id, self.random)))
            grant.refresh_token = grant.refresh_token or Secret(f"5Aep861{opaque_token('', self.random)[1:]}")
            self.on_change()
            return grant.refresh_token

    def add_user(
        self,
        username: str,
        *,
        may_use_metadata: bool = False,
        profile: str = "Standard User",
        permission_sets: tuple[str, ...] = (),
        active: bool = True,
        password: str = "",
    ) -> User:
        user = User(username, self.next_id("005"), profile, permission_sets, active, may_use_metadata)
        user.password, user.created_at = Secret(password) if password else None, self.clock()
        with self.lock:
            self.users[username] = user
        return user

    def add_app(
        self,
        name: str,
        *,
        certificate: Certificate | None = None,
        username: str | None = None,
        private_key: PrivateKey | None = None,
        component: Component | None = None,
    ) -> App:
        """Adds an app. Without a component it is one that a JWT login needs, pre-authorised for the user's profile."""
        component = component or setup.connected_app(name, self.users.get(username or ""))
        app = self.build_app(name, component, certificate)
        app.username, app.private_key = username, private_key
        with self.lock:
            self.apps[name] = app
        return app

    def build_app(self, name: str, component: Component, certificate: Certificate | None = None) -> App:
        """An app as the org would keep it, with a consumer key and secret of its own; not yet in the org."""
        now = self.clock()
        made = {"consumerKey": consumer_key(self.random), "consumerSecret": consumer_secret(self.random)}
        slot = CertificateSlot()
        slot.put(certificate, now)
        return App(
            name=name,
            id=self.next_id("0H4"),
            component={**component, "oauthConfig": {**made, **component["oauthConfig"]}},
            slot=slot,
            created_at=now,
            modified_at=now,
            modified_by=next(iter(self.users), ""),
        )

    def add_external_app(
        self,
        name: str,
        *,
        certificate: Certificate | None = None,
        username: str | None = None,
        private_key: PrivateKey | None = None,
    ) -> ExternalApp:
        """Adds an external client app as Setup makes one for JWT logins, pre-authorised for the user's profile."""
        app = self.build_external_app(name, setup.external_app_header(name))
        app.username, app.private_key, app.is_of_setup = username, private_key, True
        for type_name, component in setup.external_app_satellites(name, self.users.get(username or "")).items():
            own_name = self.settings.external_names[type_name].format(app=name)
            app.satellites[type_name] = self.build_satellite(type_name, own_name, component, app.modified_by)
        app.consumer = self.build_consumer()
        app.slot.put(certificate, self.clock())
        with self.lock:
            self.external_apps[name] = app
        return app

    def build_external_app(self, name: str, header: Component) -> ExternalApp:
        """A header without satellites, not yet in the org."""
        now, creator = self.clock(), next(iter(self.users), "")
        return ExternalApp(
            name=name,
            id=self.next_id("0xI"),
            header={"orgScopedExternalApp": f"{self.id}:{name}", **header},
            made_sets=self.permission_sets,
            slot=CertificateSlot(),
            created_at=now,
            modified_at=now,
            modified_by=creator,
        )

    def build_satellite(self, type_name: str, name: str, component: Component, creator: str) -> Satellite:
        """A satellite, not yet at its app."""
        now, own_id = self.clock(), self.next_id("888")
        if type_name == OAUTH_SETTINGS.name:
            component = {"oauthLink": f"{self.id[:15]}:{own_id[:15]}", **component}
        return Satellite(type_name, name, own_id, component, now, now, creator)

    def build_consumer(self, key: str = "", secret: str = "") -> Consumer:
        """A consumer with a key and a secret of its own, unless they are given."""
        made = self.new_key_pair()
        return Consumer(self.next_id("888"), KeyPair(key or made.key, Secret(secret) if secret else made.secret))

    def new_key_pair(self) -> KeyPair:
        """A consumer key and a secret that nobody has yet."""
        return KeyPair(consumer_key(self.random), Secret(consumer_secret(self.random)))

    def add_certificate(
        self, name: str, expires_at: datetime | None, *, key_bits: int = 2048, ca_signed: bool = False, **flags: Any
    ) -> OrgCertificate:
        """Adds a certificate of Certificate and Key Management; `flags` are those of OrgCertificate."""
        now, creator = self.clock(), next(iter(self.users), "")
        new = OrgCertificate(
            self.next_id("0P1"), name, expires_at, now, now, creator, key_bits=key_bits, ca_signed=ca_signed, **flags
        )
        with self.lock:
            self.certificates.append(new)
            self.on_change()
        return new

    def delete_certificate(self, name: str) -> None:
        """Deletes a certificate as a person in Setup would."""
        with self.lock:
            for certificate in self.certificates:
                if certificate.name == name:
                    certificate.deleted = True
            self.on_change()

    def add_identity_provider(self, name: str, certificate: Certificate, **elements: str) -> IdentityProvider:
        """Adds SAML single sign-on settings that trust the certificate; `elements` are those of SamlSsoConfig."""
        now, creator = self.clock(), next(iter(self.users), "")
        component = {**setup.single_sign_on(name), "validationCert": certificate.base64, **elements}
        new = IdentityProvider(self.next_id("0LE"), name, component, now, now, creator)
        with self.lock:
            self.identity_providers[name] = new
            self.on_change()
        return new

    def put_certificate(self, app_name: str, certificate: Certificate | None) -> None:
        """Changes an app's certificate as a person in Setup would; it propagates like any other change."""
        with self.lock:
            app, now = self.apps.get(app_name) or self.external_apps[app_name], self.clock()
            app.slot.put(certificate, now)
            app.modified_at = now
            self.on_change()

    def start_session(self, user: User, app: ClientApp, login: int | None = None) -> Session:
        """A session for a login that was accepted; `login` is the number of its row in the login history."""
        now = self.clock()
        self.grants.use(app, user, now, Secret(opaque_token(self.id, self.random)))
        if self.settings.same_session_for_second_login:
            earlier = self.sessions.latest(user.username, app.id, now)
            if earlier:
                return earlier
        token = self._jwt_token(user, app, now) if app.issues_jwt_tokens else opaque_token(self.id, self.random)
        return self.sessions.start(token, user.username, app.id, now, login)

    def start_password_session(self, user: User) -> Session:
        """A session for a login by a password, which no app is part of."""
        return self.sessions.start(opaque_token(self.id, self.random), user.username, "", self.clock())

    def _jwt_token(self, user: User, app: ClientApp, now: datetime) -> str:
        """An access token in JWT format, for apps with 'Issue JSON Web Token (JWT)-based access tokens'."""
        claims = {
            "iss": self.url,
            "aud": [self.url],
            "sub": f"uid:{user.id}",
            "client_id": app.client_id,
            "scp": " ".join(scope.lower() for scope in app.scopes),
            "iat": int(now.timestamp()),
            "exp": int(now.timestamp() + self.settings.session_seconds),
            "jti": f"{self.random.getrandbits(128):032x}",
        }
        return jwt.encode(claims, self._token_key.signing_key(), "RS256", {"kid": self.id})

    @cached_property
    def _token_key(self) -> PrivateKey:
        return PrivateKey.generate()

    @property
    def token_key(self) -> dict[str, Any]:
        """The public key that verifies access tokens in JWT format, as a JSON web key."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._token_key.signing_key().public_key(), as_dict=True)
        return {**public, "kid": self.id, "alg": "RS256", "use": "sig"}

    def visitor(self, token: str) -> Visitor | None:
        """Whose live session a token is; None when it is over, never was, or its user is active no more."""
        session = self.sessions.find(token, self.clock())
        user = self.users.get(session.username) if session else None
        if session is None or user is None or not user.active:
            return None
        return Visitor(session, user, next((app for app in self.client_apps if app.id == session.app_id), None))

    def record_login(
        self,
        app: str,
        username: str,
        outcome: str,
        login_type: str = OVER_OAUTH,
        *,
        client: Client = UNKNOWN_CLIENT,
        is_unsigned: bool = False,
    ) -> int:
        """Adds a row to the login history, and gives its number."""
        number = self.logins[-1].number + 1 if self.logins else 0
        self.logins.append(Login(self.clock(), app, username, outcome, login_type, client, is_unsigned, number))
        return number

    def keep_cursor(self, rows: Rest) -> str:
        """Remembers the rows of a query that was answered in part; the oldest such query is forgotten."""
        cursor = self.next_id("01g")
        self.cursors[cursor] = rows
        if len(self.cursors) > KEPT_CURSORS:
            del self.cursors[next(iter(self.cursors))]
        return cursor


def _nothing() -> None:
    """What happens on a change when nobody keeps the state."""
