"""The users of a simulated org, their logins, and the permission sets that somebody made for them by metadata."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.secret import Secret
    from rotator.simulator.org.components import Component


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
    password: Secret | None = None
    """For logins over SOAP; None: there is none that would be right."""
    password_expired: bool = False
    """Such a login succeeds, and every call after it is refused."""
    created_at: datetime | None = None
    set_ends: dict[str, str] = field(default_factory=dict)
    """Until when the user has permission sets, by their labels, as it was sent; it is only told here."""

    @property
    def name(self) -> str:
        """The name that people see."""
        return self.username.partition("@")[0].replace(".", " ").title()


KEPT_LOGINS: Final = 10_000
"""Rows of the login history that are remembered."""

OVER_OAUTH: Final = "Remote Access 2.0"
"""LoginType of logins by JWT and by client credentials."""


@dataclass(frozen=True)
class Client:
    """Who logs in, as the org sees it."""

    address: str = "127.0.0.1"
    name: str = ""
    """What it calls itself (User-Agent)."""


UNKNOWN_CLIENT: Final = Client()


@dataclass(frozen=True)
class Login:
    """One row of the login history."""

    time: datetime
    app: str
    username: str
    outcome: str
    """`Success`, or `error: description` as the client was told."""
    type: str = OVER_OAUTH
    """LoginType of the row."""
    client: Client = UNKNOWN_CLIENT
    is_unsigned: bool = False
    """It was refused as its signature did not verify."""
    number: int = 0
    """Tells its row from all others, also when the oldest are forgotten."""


SALESFORCE: Final = "Salesforce"
"""The user licence that most have."""


@dataclass(frozen=True)
class Profile:
    """What a profile allows, and the licence that it is for."""

    permissions: frozenset[str] = frozenset({"ApiEnabled"})
    licence: str = SALESFORCE
    session_level: str = ""
    """What it asks of sessions, such as `HIGH_ASSURANCE`, as it is shown; it refuses no login here."""


@dataclass
class PermissionSet:
    """Permissions that a user may be given. Apps and users name a set by its label."""

    name: str
    id: str
    component: Component
    created_at: datetime
    modified_at: datetime
    modified_by: str

    @property
    def label(self) -> str:
        """What people call it."""
        return str(self.component["label"])

    def allows(self, permission: str) -> bool:
        """Whether who has it has that permission, by its API name."""
        held = self.component.get("userPermissions", ())
        return any((each["name"], each["enabled"]) == (permission, "true") for each in held)
