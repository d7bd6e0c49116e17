"""Who did something: what the system knows of a process's user, and apart from it what was only claimed.

The real uid and the login uid are the kernel's, and no variable changes them. Linux sets the login uid when somebody
logs in and keeps it through `su` and `sudo` (proc(5), /proc/pid/loginuid); without CAP_AUDIT_CONTROL it cannot be set
again. SUDO_USER and its like are text that whoever starts a program may choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Actor:
    """Who did something. What is not known is None or empty."""

    name: str
    """Of the real uid, with the machine: `root@host7`; of the service, `rotator on host7`."""
    uid: int | None = None
    """The real uid."""
    login_uid: int | None = None
    """The uid that logged in, however often it became another since."""
    login_name: str = ""
    """The name of that uid on the machine."""
    claimed_name: str = ""
    """Who the environment says it is, where that is not the real uid's name."""

    def __str__(self) -> str:
        """For people: `root@host7 (logged in as ada, claims to be ceo)`."""
        user = self.name.partition("@")[0]
        told = []
        if self.login_uid is not None and self.login_uid != self.uid:
            told.append(f"logged in as {self.login_name or self.login_uid}")
        if self.claimed_name not in {"", user, self.login_name}:
            told.append(f"claims to be {self.claimed_name}")
        return f"{self.name} ({', '.join(told)})" if told else self.name

    def details(self) -> dict[str, str | int]:
        """What is known of it, each by its own name, as events keep it; `actor` is the name."""
        asked: Mapping[str, str | int | None] = {
            "actor": self.name,
            "uid": self.uid,
            "login_uid": self.login_uid,
            "login_name": self.login_name,
            "claimed_name": self.claimed_name,
        }
        return {name: value for name, value in asked.items() if value is not None and value != ""}
