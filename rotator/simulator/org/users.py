"""The users of a simulated org."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.secret import Secret


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
