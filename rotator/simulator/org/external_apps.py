"""External client apps: a header, satellites that name it, and the key and secret of its consumer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from rotator.core.crypto.certificates import Certificate
from rotator.simulator.org.apps import ClientApp
from rotator.simulator.org.components import listed_scopes
from rotator.simulator.org.schema.external_client_app import (
    EXTERNAL_CLIENT_APPLICATION,
    GLOBAL_OAUTH_SETTINGS,
    OAUTH_POLICIES,
    OAUTH_SETTINGS,
    POLICIES,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.core.secret import Secret
    from rotator.simulator.org.components import Component
    from rotator.simulator.org.users import PermissionSet, User

SECOND_LIFETIME: Final = timedelta(days=30)
"""How long a second key and secret are valid, staged or rotated away (Connect REST API, App Oauth Staged Credentials).
"""


@dataclass
class Satellite:
    """One component of an external client app, under a name of its own."""

    type: str
    name: str
    id: str
    component: Component
    """Without the certificate, the consumer key and the consumer secret."""
    created_at: datetime
    modified_at: datetime
    modified_by: str


@dataclass(frozen=True)
class KeyPair:
    """A consumer key and its secret."""

    key: str
    secret: Secret


@dataclass(frozen=True)
class StagedCredentials:
    """The second key and secret of a consumer: to come, or rotated away and still good for a while."""

    id: str
    pair: KeyPair
    state: Literal["staged", "rotated"]
    since: datetime
    logs_in: bool = False
    """Whether it does so while it is only staged."""

    def has_expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return now - self.since >= SECOND_LIFETIME

    def is_taken(self, now: datetime) -> bool:
        """Whether it is good for logins now."""
        return (self.logs_in or self.state == "rotated") and not self.has_expired(now)


@dataclass
class Consumer:
    """The consumer of an external client app."""

    id: str
    pair: KeyPair
    staged: StagedCredentials | None = None
    known_from: datetime | None = None
    """When the login servers hear of the pair in use; None where they have."""

    def pair_of(self, key: str, now: datetime) -> KeyPair | None:
        """The pair with this key, if it is good now."""
        if key == self.pair.key:
            return self.pair if self.known_from is None or now >= self.known_from else None
        staged = self.staged
        if staged and staged.pair.key == key and staged.is_taken(now):
            return staged.pair
        return None

    def rotate(self, now: datetime, known_after: timedelta = timedelta(0)) -> None:
        """The staged pair becomes the one in use; the old one stays for 30 days. Raises LookupError without one."""
        if self.staged is None or self.staged.state != "staged" or self.staged.has_expired(now):
            raise LookupError(self.id)
        self.pair, self.staged = self.staged.pair, replace(self.staged, pair=self.pair, state="rotated", since=now)
        self.known_from = now + known_after


@dataclass(kw_only=True)
class ExternalApp(ClientApp):
    """An external client app. Its name is that of its header."""

    type = EXTERNAL_CLIENT_APPLICATION.name
    entity = "ExternalClientApplication"

    header: Component
    is_of_setup: bool = False
    """Whether it was made in Setup, and by no deployment."""
    consumer: Consumer | None = None
    """There is one as soon as there are global OAuth settings."""
    satellites: dict[str, Satellite] = field(default_factory=dict)
    """By type: an app has one of each at most."""
    made_sets: Mapping[str, PermissionSet] = field(default_factory=dict, repr=False)
    """The org's permission sets by API name, by which the policies name them (ExtlClntAppOauthConfigurablePolicies)."""

    def part(self, type_name: str) -> Component:
        """What a satellite says; nothing when there is none."""
        satellite = self.satellites.get(type_name)
        return satellite.component if satellite else {}

    def rename(self, name: str) -> None:
        super().rename(name)
        for satellite in self.satellites.values():
            satellite.component = {**satellite.component, "externalClientApplication": name}

    @property
    def _oauth(self) -> Component:
        return self.part(GLOBAL_OAUTH_SETTINGS.name)

    @property
    def _policies(self) -> Component:
        return self.part(OAUTH_POLICIES.name)

    @property
    def label(self) -> str:
        return str(self.header.get("label") or self.name)

    @property
    def client_id(self) -> str:
        return self.consumer.pair.key if self.consumer else ""

    def has_consumer(self, key: str, now: datetime) -> bool:
        return self.consumer is not None and self.consumer.pair_of(key, now) is not None

    def takes_secret(self, key: str, secret: str, now: datetime) -> bool:
        pair = self.consumer.pair_of(key, now) if self.consumer else None
        return pair is not None and pair.secret.reveal() == secret

    @property
    def scopes(self) -> list[str]:
        return listed_scopes(self.part(OAUTH_SETTINGS.name).get("commaSeparatedOauthScopes", ""))

    @property
    def is_admin_approved(self) -> bool:
        return bool(self._policies.get("permittedUsersPolicyType") == "AdminApprovedPreAuthorized")

    @property
    def assigned_profiles(self) -> list[str]:
        return _parts(self._policies.get("commaSeparatedProfile", ""))

    @property
    def assigned_permission_sets(self) -> list[str]:
        """A label finds none; a set that no metadata made has one name for all."""
        names = _parts(self._policies.get("commaSeparatedPermissionSet", ""))
        labels = {each.label for each in self.made_sets.values()}
        found = (self.made_sets[name].label if name in self.made_sets else name for name in names)
        return [each for name, each in zip(names, found, strict=True) if name in self.made_sets or each not in labels]

    def assign(self, profiles: list[str], permission_sets: list[str]) -> None:
        api_names = {each.label: name for name, each in self.made_sets.items()}
        named = [api_names.get(label, label) for label in permission_sets]
        given = {"commaSeparatedProfile": profiles, "commaSeparatedPermissionSet": named}
        satellite = self.satellites[OAUTH_POLICIES.name]
        others = {name: value for name, value in satellite.component.items() if name not in given}
        satellite.component = {**others, **{name: ", ".join(value) for name, value in given.items() if value}}

    @property
    def issues_jwt_tokens(self) -> bool:
        return "true" in {self._oauth.get("isNamedUserJwtEnabled"), self._policies.get("isNamedUserJwtEnabled")}

    @property
    def blocks_sessions(self) -> bool:
        return bool(self._policies.get("policyAction") == "Block")

    @property
    def blocks_without_high_assurance(self) -> bool:
        policies = self._policies
        return (policies.get("policyAction"), policies.get("requiredSessionLevel")) == ("Block", "HIGH_ASSURANCE")

    @property
    def credentials_user(self) -> str | None:
        is_on = "true" in {
            self._oauth.get("isClientCredentialsFlowEnabled"),
            self._policies.get("isClientCredentialsFlowEnabled"),
        }
        return self._policies.get("clientCredentialsFlowUser") if is_on else None

    @property
    def needs_secret_to_refresh(self) -> bool:
        return bool(self._oauth.get("isSecretRequiredForRefreshToken", "true") == "true")

    @property
    def introspects_all(self) -> bool:
        return bool(self._oauth.get("isIntrospectAllTokens") == "true")

    @property
    def is_enabled(self) -> bool:
        policies = self.part(POLICIES.name)
        return "false" not in {policies.get("isEnabled"), policies.get("isOauthPluginEnabled")}

    def put_header(self, component: Component, now: datetime, user: User) -> None:
        self.header = component
        self.changed(now, user)

    def put_satellite(self, satellite: Satellite, component: Component, now: datetime, user: User) -> None:
        """Replaces what a satellite says; with the global OAuth settings goes the certificate."""
        said = dict(component)
        if satellite.type == GLOBAL_OAUTH_SETTINGS.name:
            text = said.pop("certificate", None)
            self.slot.put(Certificate.parse(text) if text else None, now)
            said.pop("consumerKey", None)
            said.pop("consumerSecret", None)
        satellite.component = said
        satellite.modified_at, satellite.modified_by = now, user.username
        self.satellites[satellite.type] = satellite
        self.changed(now, user)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
