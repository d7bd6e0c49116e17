"""What an org wrote down of one login, and what that says of the key."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

SUCCESS: Final = "Success"
"""What LoginHistory says of a login that was accepted."""

SIGNATURE_REFUSALS: Final = (
    "signature invalid",
    "invalid signature",
    "invalid assertion",
    "certificate mismatch",
    "login_oauth_invalid_dsig",
)
"""Parts of what it may say of a login whose signature did not verify, in small letters.

Which of them a refused JWT login gets is documented nowhere: the first is what tools that read event logs show for
`LOGIN_OAUTH_INVALID_DSIG`, the others are its neighbours and what the token endpoint says. An org of another wording
has it in config.yaml (`signature_refusals`).
"""


class RowMeaning(StrEnum):
    """What a row says of the key that logged in."""

    ACCEPTED = "accepted"
    WRONG_KEY = "wrong_key"
    """The signature did not verify: the key is not that of the app's certificate."""
    OTHER = "other"
    """Refused for something that is the same for every key, such as a locked user or a limit."""


@dataclass(frozen=True, slots=True)
class LoginRow:
    """One row of the login history."""

    id: str
    user_id: str
    at: datetime
    """By the org's clock, in whole seconds."""
    status: str
    """In the org's words."""
    address: str
    """Where the login came from, as the org saw it."""
    application: str
    """The app's label; empty where the row does not tell."""
    client: str
    """What the row tells of the program that logged in: its version, and what it calls itself."""
    type: str = ""
    """How it logged in; JWT logins are `Remote Access 2.0`."""

    def meaning(self, refusals: Iterable[str] = ()) -> RowMeaning:
        """What it says of the key. `refusals` are further wordings of a signature that did not verify."""
        said = self.status.casefold()
        if said == SUCCESS.casefold():
            return RowMeaning.ACCEPTED
        is_of_key = any(part.casefold() in said for part in (*SIGNATURE_REFUSALS, *refusals))
        return RowMeaning.WRONG_KEY if is_of_key else RowMeaning.OTHER
