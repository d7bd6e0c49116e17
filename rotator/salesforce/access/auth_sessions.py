"""Live sessions of an org, each of which can be ended (Object Reference, AuthSession)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.salesforce.record_values import quoted

if TYPE_CHECKING:
    from rotator.net.shapes import Fields
    from rotator.salesforce.access.org_records import OrgRecords

_FIELDS: Final = "SELECT Id, UsersId, LoginHistory.Application FROM AuthSession"


@dataclass(frozen=True)
class AuthSession:
    """One live session of a user."""

    id: str
    user_id: str
    application: str
    """Label of the app that it was opened through; empty where the org does not tell."""


class AuthSessions:
    """The live sessions of one org. All calls raise OrgError, OrgUnavailable and LoginRefused."""

    def __init__(self, records: OrgRecords) -> None:
        """Calls nothing yet."""
        self._records: Final = records

    def of(self, user_id: str) -> list[AuthSession]:
        """Those of a user. One who may not manage users sees only his own, and is not told so."""
        return self._records.read(f"{_FIELDS} WHERE UsersId = {quoted(user_id)}", _session)

    def end(self, session: AuthSession) -> bool:
        """Ends a session: its access token is refused from now on. False when it was over already."""
        return self._records.delete("AuthSession", session.id)


def _session(row: Fields) -> AuthSession:
    return AuthSession(
        id=row.text("Id", required=True),
        user_id=row.text("UsersId"),
        application=row.fields("LoginHistory").text("Application"),
    )
