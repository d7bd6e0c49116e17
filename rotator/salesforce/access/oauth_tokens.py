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
from rotator.salesforce.record_values import moment, quoted, required_moment, soql_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rotator.net.shapes import Fields
    from rotator.salesforce.access.org_records import OrgRecords

MOST_ROWS: Final = 2_500
"""What one query gives in all."""

MOST_READS: Final = 100
"""Queries after which the rows are taken to have no end."""

_FIELDS: Final = (
    "SELECT AppName, AppMenuItem.ApplicationId, CreatedDate, DeleteToken, LastUsedDate, UseCount, UserId,"
    " User.Username FROM OauthToken"
)


@dataclass(frozen=True)
class OauthToken:
    """One user's use of one app."""

    app_name: str
    """The label of the app."""
    app_id: str
    """Record id of the app; empty where it is not installed in the org."""
    user_id: str
    username: str
    created_at: datetime
    used_at: datetime | None
    """None: never, or the org does not tell."""
    uses: int
    delete_token: Secret = field(repr=False)
    """What revokes it, and nothing else."""

    def is_of(self, app_id: str, label: str) -> bool:
        """Whether it is of an app: by its id, and by its label where the org tells no id."""
        return self.app_id[:15] == app_id[:15] if self.app_id else self.app_name == label


class OauthTokens:
    """The tokens of one org. All calls raise OrgError, OrgUnavailable and LoginRefused."""

    def __init__(self, records: OrgRecords) -> None:
        """Calls nothing yet."""
        self._records: Final = records

    def of(self, *, username: str | None = None, label: str | None = None) -> list[OauthToken]:
        """Those of a user, of the apps of a label, of both, or all of the org; the oldest first.

        A user without the permission "Customize Application" sees only his own, and is not told so.
        """
        where = [
            *([f"User.Username = {quoted(username)}"] if username else []),
            *([f"AppName = {quoted(label)}"] if label else []),
        ]
        return list(self._by_dates(where))

    def _by_dates(self, where: list[str]) -> Iterator[OauthToken]:
        seen: set[str] = set()
        since: datetime | None = None
        for _ in range(MOST_READS):
            rows = self._records.read(_query(where, since), _token)
            # Those of the second that was read last come once more.
            new = [row for row in rows if row.delete_token.reveal() not in seen]
            seen.update(row.delete_token.reveal() for row in new)
            yield from new
            if len(rows) < MOST_ROWS:
                return
            last = rows[-1].created_at.replace(microsecond=0)
            if not new or last == since:
                raise OrgError(
                    f"The org {self._records.org} has more than {MOST_ROWS:,} OAuth tokens of one second, and shows no"
                    " more of them.",
                    effect=NOTHING_CHANGED,
                    hint="Revoke those of the app in Setup, Connected Apps OAuth Usage.",
                )
            since = last
        raise from_status(self._records.org, 200, "REST API", "its OAuth tokens have no end")


def _query(where: list[str], since: datetime | None) -> str:
    conditions = [*where, *([f"CreatedDate >= {soql_time(since)}"] if since else [])]
    narrowed = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"{_FIELDS}{narrowed} ORDER BY CreatedDate LIMIT {MOST_ROWS}"


def _token(row: Fields) -> OauthToken:
    return OauthToken(
        app_name=row.text("AppName"),
        app_id=row.fields("AppMenuItem").text("ApplicationId"),
        user_id=row.text("UserId"),
        username=row.fields("User").text("Username"),
        created_at=required_moment(row, "CreatedDate"),
        used_at=moment(row, "LastUsedDate"),
        uses=int(row.number("UseCount")),
        delete_token=Secret(row.text("DeleteToken", required=True)),
    )
