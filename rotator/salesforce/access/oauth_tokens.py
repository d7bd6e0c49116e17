"""What users have granted to apps: the rows of OauthToken, each of which can be revoked.

A row stands for what outlives a session: a refresh token, an approval, or the use of an app by JWT logins (Object
Reference, OauthToken). A query gives 2,500 rows at most, whatever it finds, so more are read by their dates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rotator.core.secret import Secret
from rotator.errors import NOTHING_CHANGED, OrgError
from rotator.salesforce.faults import from_status
from rotator.salesforce.record_values import quoted, required_moment, soql_time

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.net.shapes import Fields
    from rotator.salesforce.access.org_records import OrgRecords

MOST_ROWS: Final = 2_500
"""What one query gives in all."""

MOST_READS: Final = 100
"""Queries after which the rows are taken to have no end."""

_FIELDS: Final = "SELECT AppName, AppMenuItem.ApplicationId, CreatedDate, DeleteToken FROM OauthToken"


@dataclass(frozen=True)
class OauthToken:
    """One user's use of one app."""

    app_name: str
    """The label of the app."""
    app_id: str
    """Record id of the app; empty where it is not installed in the org."""
    created_at: datetime
    delete_token: Secret = field(repr=False)
    """What revokes it, and nothing else."""

    def is_of(self, app_id: str, label: str) -> bool:
        """Whether it is of an app: by its id, and by its label where the org tells no id."""
        return self.app_id[:15] == app_id[:15] if self.app_id else self.app_name == label


def tokens_of(records: OrgRecords, username: str) -> list[OauthToken]:
    """The tokens of a user, the oldest first. Raises OrgError, OrgUnavailable and LoginRefused.

    Who has not the permission "Customize Application" sees only his own, and is not told so.
    """
    found: list[OauthToken] = []
    seen: set[str] = set()
    since = ""
    for _ in range(MOST_READS):
        text = f"{_FIELDS} WHERE User.Username = {quoted(username)}{since} ORDER BY CreatedDate LIMIT {MOST_ROWS}"
        rows = records.read(text, _token)
        # Those of the second that was read last come once more.
        new = [row for row in rows if row.delete_token.reveal() not in seen]
        seen.update(row.delete_token.reveal() for row in new)
        found += new
        if len(rows) < MOST_ROWS:
            return found
        last = f" AND CreatedDate >= {soql_time(rows[-1].created_at)}"
        if not new or last == since:
            raise OrgError(
                f"The org {records.org} has more than {MOST_ROWS:,} OAuth tokens of one second, and shows no"
                " more of them.",
                effect=NOTHING_CHANGED,
                hint="Revoke those of the app in Setup, Connected Apps OAuth Usage.",
            )
        since = last
    raise from_status(records.org, 200, "REST API", "its OAuth tokens have no end")


def _token(row: Fields) -> OauthToken:
    return OauthToken(
        app_name=row.text("AppName"),
        app_id=row.fields("AppMenuItem").text("ApplicationId"),
        created_at=required_moment(row, "CreatedDate"),
        delete_token=Secret(row.text("DeleteToken", required=True)),
    )
