"""What a login meets: an app of either kind; and the Connected App among them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from rotator.core.crypto.certificates import Certificate
from rotator.core.secret import Secret
from rotator.simulator.org.schema.connected_app import CONNECTED_APP

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.crypto.certificates import PrivateKey
    from rotator.simulator.org.components import Component
    from rotator.simulator.org.propagation import CertificateSlot
    from rotator.simulator.org.users import User


@dataclass(kw_only=True)
class ClientApp(ABC):
    """An app that consumers log in through. It holds exactly one certificate, or none."""

    type: ClassVar[str]
    """The metadata type by which the app is known."""
    entity: ClassVar[str]
    """What SetupEntityAccess calls the kind of app."""

    name: str
    id: str
    slot: CertificateSlot
    created_at: datetime
    modified_at: datetime
    modified_by: str
    approved_usernames: set[str] = field(default_factory=set)
    """Users who once approved the app in a browser; counts unless only admin-approved users may."""
    username: str | None = None
    """Who logs in through the app, for exports and tests; the org itself does not ask."""
    private_key: PrivateKey | None = None
    """The key that its consumers sign with, for exports and tests; the org never uses it."""

    @property
    @abstractmethod
    def label(self) -> str:
        """The name that people see."""

    @property
    @abstractmethod
    def client_id(self) -> str:
        """The consumer key, `iss` of an assertion."""

    @abstractmethod
    def has_consumer(self, key: str, now: datetime) -> bool:
        """Whether the key is one of the app's."""

    @abstractmethod
    def takes_secret(self, key: str, secret: str, now: datetime) -> bool:
        """Whether the secret belongs to the consumer key."""

    @property
    @abstractmethod
    def scopes(self) -> list[str]:
        """The OAuth scopes, in the enumeration's order."""

    @property
    @abstractmethod
    def is_admin_approved(self) -> bool:
        """Whether only users whom an administrator assigned may log in."""

    @property
    @abstractmethod
    def assigned_profiles(self) -> list[str]:
        """Profiles that were given the app, by label."""

    @property
    @abstractmethod
    def assigned_permission_sets(self) -> list[str]:
        """Permission sets that were given the app, by label."""

    @abstractmethod
    def assign(self, profiles: list[str], permission_sets: list[str]) -> None:
        """Gives the app to these, and to no others."""

    @property
    @abstractmethod
    def issues_jwt_tokens(self) -> bool:
        """Whether access tokens have the format of a JWT."""

    @property
    @abstractmethod
    def blocks_without_high_assurance(self) -> bool:
        """Flows without an approval step cannot reach a high-assurance session (Metadata API, ConnectedApp)."""

    @property
    @abstractmethod
    def blocks_sessions(self) -> bool:
        """Whether its session policy is to block: the sessions that were there when it became so have ended."""

    @property
    @abstractmethod
    def credentials_user(self) -> str | None:
        """Whose sessions the client credentials flow opens; None: the flow is off."""

    @property
    @abstractmethod
    def needs_secret_to_refresh(self) -> bool:
        """Whether the refresh token flow asks for the consumer secret."""

    @property
    @abstractmethod
    def introspects_all(self) -> bool:
        """Whether the app may introspect the tokens of other apps too."""

    @property
    def is_enabled(self) -> bool:
        """Whether an administrator lets anybody log in through it."""
        return True

    @property
    def live_certificate(self) -> Certificate | None:
        """What the slot holds now."""
        return self.slot.live

    def is_approved_for(self, user: User) -> bool:
        """Whether the user's profile or a permission set was given the app (labels, not API names)."""
        assigned = {*self.assigned_profiles, *self.assigned_permission_sets}
        return not assigned.isdisjoint({user.profile, *user.permission_sets})

    def rename(self, name: str) -> None:
        """Gives it another full name."""
        self.name = name

    def changed(self, now: datetime, user: User) -> None:
        """Dates and signs a change."""
        self.modified_at, self.modified_by = now, user.username


@dataclass(kw_only=True)
class App(ClientApp):
    """A Connected App."""

    type = CONNECTED_APP.name
    entity = "ConnectedApplication"

    component: Component
    """Everything but the certificate."""

    @property
    def oauth(self) -> dict[str, Any]:
        config: dict[str, Any] = self.component["oauthConfig"]
        return config

    @property
    def label(self) -> str:
        return str(self.component["label"])

    @property
    def client_id(self) -> str:
        return str(self.oauth["consumerKey"])

    def has_consumer(self, key: str, now: datetime) -> bool:  # noqa: ARG002 - it has one key, at all times
        return key == self.client_id

    def takes_secret(self, key: str, secret: str, now: datetime) -> bool:
        return self.has_consumer(key, now) and self.secret.reveal() == secret

    @property
    def secret(self) -> Secret:
        """The consumer secret, which no read returns."""
        return Secret(self.oauth.get("consumerSecret", ""))

    @property
    def scopes(self) -> list[str]:
        return list(self.oauth.get("scopes", []))

    def has_flag(self, name: str) -> bool:
        """Whether a flag of oauthConfig is on."""
        return bool(self.oauth.get(name) == "true")

    @property
    def is_admin_approved(self) -> bool:
        return self.has_flag("isAdminApproved")

    @property
    def assigned_profiles(self) -> list[str]:
        return list(self.component.get("profileName", ()))

    @property
    def assigned_permission_sets(self) -> list[str]:
        return list(self.component.get("permissionSetName", ()))

    def assign(self, profiles: list[str], permission_sets: list[str]) -> None:
        given = {"profileName": profiles, "permissionSetName": permission_sets}
        others = {name: value for name, value in self.component.items() if name not in given}
        self.component = {**others, **{name: value for name, value in given.items() if value}}

    @property
    def issues_jwt_tokens(self) -> bool:
        return self.has_flag("isNamedUserJwtEnabled")

    @property
    def blocks_sessions(self) -> bool:
        return bool(self.component.get("sessionPolicy", {}).get("policyAction") == "Block")

    @property
    def blocks_without_high_assurance(self) -> bool:
        policy = self.component.get("sessionPolicy", {})
        return (policy.get("policyAction"), policy.get("sessionLevel")) == ("Block", "HIGH_ASSURANCE")

    @property
    def credentials_user(self) -> str | None:
        return self.oauth.get("oauthClientCredentialUser") if self.has_flag("isClientCredentialEnabled") else None

    @property
    def needs_secret_to_refresh(self) -> bool:
        return self.has_flag("isSecretRequiredForRefreshToken")

    @property
    def introspects_all(self) -> bool:
        return self.has_flag("isIntrospectAllTokens")

    def whole_component(self) -> Component:
        """The component with the certificate, as a read returns it."""
        oauth = dict(self.oauth)
        if self.slot.live:
            oauth["certificate"] = self.slot.live.base64
        return {**self.component, "fullName": self.name, "oauthConfig": oauth}

    def put(self, component: Component, now: datetime, user: User) -> None:
        """Replaces the component, and the certificate with it; the change is the user's."""
        oauth = dict(component["oauthConfig"])
        text = oauth.pop("certificate", None)
        self.slot.put(Certificate.parse(text) if text else None, now)
        self.component = {**component, "oauthConfig": oauth}
        self.changed(now, user)
