"""The users of a simulated org, and the permission sets that somebody made for them by metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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

    @property
    def name(self) -> str:
        """The name that people see."""
        return self.username.partition("@")[0].replace(".", " ").title()


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
