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
from rotator.simulator.org.apps import App, User
from rotator.simulator.org.certificates import IdentityProvider, OrgCertificate
from rotator.simulator.org.components import Component, returned_scopes
from rotator.simulator.org.identifiers import consumer_key, opaque_token, record_id
from rotator.simulator.org.propagation import CertificateSlot
from rotator.simulator.org.settings import LOGIN_HOSTS, OrgSettings
from rotator.simulator.org.tokens import Session, Sessions
from rotator.simulator.wire.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from rotator.core.crypto.certificates import Certificate

Clock = Callable[[], datetime]
OrgKind = Literal["production", "sandbox"]

KEPT_LOGINS: Final = 10_000
"""Rows of the login history that are remembered."""

IDS_OF_AN_ORG: Final = 1_000_000
"""Record ids of one type that an org may give before they could be another org's."""


@dataclass(frozen=True)
class Login:
    """One row of the login history."""

    time: datetime
    app: str
    username: str
    outcome: str
    """`Success`, or `error: description` as the client was told."""


@dataclass(frozen=True)
class Visitor:
    """Who makes a call: the session, its user, and the app that it was opened through, unless that was deleted."""

    session: Session
    user: User
    app: App | None


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
        self.url = ""
        """Its My Domain URL; the server sets it when it knows its port."""
        self.settings = settings or OrgSettings()
        self.clock: Final = clock
        self.random: Final = random
        self.users: Final[dict[str, User]] = {}
        self.apps: Final[dict[str, App]] = {}
        self.certificates: Final[list[OrgCertificate]] = []
        """Of Certificate and Key Management, also those that were deleted."""
        self.identity_providers: Final[dict[str, IdentityProvider]] = {}
        self.sessions: Final = Sessions(lambda: timedelta(seconds=self.settings.session_seconds))
        self.faults: Final = Faults(random)
        self.calls: Final[Counter[str]] = Counter()
        self.cursors: Final[dict[str, Sequence[Mapping[str, Any]]]] = {}
        """Rows of queries that were answered in part."""
        self.logins: Final[deque[Login]] = deque(maxlen=KEPT_LOGINS)
        self.lock: Final = RLock()
        self.number: Final = number
        """Tells the record ids of one org from those of another."""
        self.ids_given = 0
        self.on_change: Callable[[], None] = _nothing
        """Called after every change of users or apps that is to outlive the process."""

    @property
    def login_host(self) -> str:
        """login.salesforce.com or test.salesforce.com, as identity URLs name it."""
        return LOGIN_HOSTS[self.kind]

    def app(self, name: str) -> App:
        """An app by its full name. Raises KeyError when there is none."""
        return self.apps[name]

    def app_of(self, client_id: str) -> App | None:
        """The app with this consumer key."""
        return next((app for app in self.apps.values() if app.client_id == client_id), None)

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

    def add_user(
        self,
        username: str,
        *,
        may_use_metadata: bool = False,
        profile: str = "Standard User",
        permission_sets: tuple[str, ...] = (),
        active: bool = True,
    ) -> User:
        """Adds a user."""
        user = User(username, self.next_id("005"), profile, permission_sets, active, may_use_metadata)
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
        app = self.build_app(name, component or self._jwt_component(name, username), certificate)
        app.username, app.private_key = username, private_key
        with self.lock:
            self.apps[name] = app
        return app

    def build_app(self, name: str, component: Component, certificate: Certificate | None = None) -> App:
        """An app as the org would keep it, with a consumer key of its own; not yet in the org."""
        now = self.clock()
        oauth = {"consumerKey": consumer_key(self.random), **component["oauthConfig"]}
        slot = CertificateSlot()
        slot.put(certificate, now)
        whole = {**component, "oauthConfig": oauth}
        return App(name, self.next_id("0H4"), whole, slot, now, now, next(iter(self.users), ""))

    def add_certificate(
        self, name: str, expires_at: datetime | None, *, key_bits: int = 2048, ca_signed: bool = False, **flags: bool
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
        component = {**_saml_component(name), "validationCert": certificate.base64, **elements}
        new = IdentityProvider(self.next_id("0LE"), name, component, now, now, creator)
        with self.lock:
            self.identity_providers[name] = new
            self.on_change()
        return new

    def put_certificate(self, app_name: str, certificate: Certificate | None) -> None:
        """Changes an app's certificate as a person in Setup would; it propagates like any other change."""
        with self.lock:
            app, now = self.apps[app_name], self.clock()
            app.slot.put(certificate, now)
            app.modified_at = now
            self.on_change()

    def start_session(self, user: User, app: App) -> Session:
        """A session for a login that was accepted."""
        now = self.clock()
        if self.settings.same_session_for_second_login:
            earlier = self.sessions.latest(user.username, app.name, now)
            if earlier:
                return earlier
        is_jwt = app.has_flag("isNamedUserJwtEnabled")
        token = self._jwt_token(user, app, now) if is_jwt else opaque_token(self.id, self.random)
        return self.sessions.start(token, user.username, app.name, now)

    def _jwt_token(self, user: User, app: App, now: datetime) -> str:
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

    def visitor(self, token: str) -> Visitor | None:
        """Whose live session a token is; None when it is over, never was, or its user is active no more."""
        session = self.sessions.find(token, self.clock())
        user = self.users.get(session.username) if session else None
        app = self.apps.get(session.app) if session else None
        return Visitor(session, user, app) if session and user and user.active else None

    def record_login(self, app: str, username: str, outcome: str) -> None:
        """Adds a row to the login history."""
        self.logins.append(Login(self.clock(), app, username, outcome))

    def _jwt_component(self, name: str, username: str | None) -> Component:
        user = self.users.get(username or "")
        component: Component = {
            "contactEmail": "admin@example.com",
            "label": name.replace("_", " "),
            "oauthConfig": {
                "callbackUrl": "http://localhost:1717/OauthRedirect",
                "isAdminApproved": "true",
                "scopes": returned_scopes(["Api", "Web", "RefreshToken"]),
            },
        }
        if user:
            component["profileName"] = [user.profile]
        return component


def _saml_component(name: str) -> Component:
    return {
        "identityLocation": "SubjectNameId",
        "identityMapping": "FederationId",
        "issuer": f"https://{name.lower().replace('_', '-')}.example/saml",
        "name": name,
        "samlEntityId": "https://saml.salesforce.com",
        "samlVersion": "SAML2_0",
    }


def _nothing() -> None:
    """What happens on a change when nobody keeps the state."""
