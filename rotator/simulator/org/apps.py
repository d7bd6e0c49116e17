"""The users and the apps of a simulated org."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rotator.core.crypto.certificates import Certificate

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.crypto.certificates import PrivateKey
    from rotator.simulator.org.components import Component
    from rotator.simulator.org.propagation import CertificateSlot


@dataclass
class User:
    """Somebody who may log in."""

    username: str
    id: str
    profile: str = "Standard User"
    permission_sets: tuple[str, ...] = ()
    active: bool = True
    may_use_metadata: bool = False
    """Whether the user has 'Modify Metadata Through Metadata API Functions'."""

    @property
    def name(self) -> str:
        """The name that people see."""
        return self.username.partition("@")[0].replace(".", " ").title()


@dataclass
class App:
    """A Connected App. It holds exactly one certificate, or none."""

    name: str
    id: str
    component: Component
    """Everything but the certificate."""
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
    def client_id(self) -> str:
        """The consumer key, `iss` of an assertion."""
        return str(self.component["oauthConfig"]["consumerKey"])

    @property
    def live_certificate(self) -> Certificate | None:
        """What the slot holds now."""
        return self.slot.live

    @property
    def scopes(self) -> list[str]:
        """The OAuth scopes, in the enumeration's order."""
        return list(self.component["oauthConfig"].get("scopes", []))

    def has_flag(self, name: str) -> bool:
        """Whether a flag of oauthConfig is on."""
        return bool(self.component["oauthConfig"].get(name) == "true")

    def is_approved_for(self, user: User) -> bool:
        """Whether the user's profile or a permission set was given the app (labels, not API names)."""
        assigned = {*self.component.get("profileName", ()), *self.component.get("permissionSetName", ())}
        return not assigned.isdisjoint({user.profile, *user.permission_sets})

    def whole_component(self) -> Component:
        """The component with the certificate, as a read returns it."""
        oauth = dict(self.component["oauthConfig"])
        if self.slot.live:
            oauth["certificate"] = self.slot.live.base64
        return {**self.component, "fullName": self.name, "oauthConfig": oauth}

    def put(self, component: Component, now: datetime, user: User) -> None:
        """Replaces the component, and the certificate with it; the change is the user's."""
        oauth = dict(component["oauthConfig"])
        text = oauth.pop("certificate", None)
        self.slot.put(Certificate.parse(text) if text else None, now)
        self.component = {**component, "oauthConfig": oauth}
        self.modified_at, self.modified_by = now, user.username
