"""When users last logged in, and through what: one row for each user and app, however often it was.

`login_history` reads the logins one by one. Here the org counts: LoginHistory cannot be filtered by its `Application`
and `Status`, but grouped by them (Object Reference, LoginHistory).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core.posture.facts import Use
from rotator.core.usage.login_rows import SUCCESS
from rotator.portions import portions
from rotator.salesforce.record_values import moment, quoted, required_moment, soql_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from rotator.net.shapes import Fields
    from rotator.salesforce.access.org_records import OrgRecords

MOST_USERS: Final = 100
MOST_GROUPS: Final = 2_000
"""Rows that a query that groups gives: it has no further page (SOQL and SOSL Reference, GROUP BY)."""

IN_A_BROWSER: Final = frozenset(
    {
        *("Application", "Lightning Login", "Third Party SSO"),
        *("SAML Sfdc Initiated SSO", "SAML Idp Initiated SSO"),
    }
)
"""Types of logins by a person to the user interface (Object Reference, LoginHistory, LoginType)."""

_LOGINS: Final = (
    "SELECT UserId, Application, LoginType, Status, MAX(LoginTime) lastUse FROM LoginHistory"
    " WHERE UserId IN ({ids}) AND LoginTime >= {since}"
    " GROUP BY UserId, Application, LoginType, Status LIMIT {most}"
)
_TOKENS: Final = (
    "SELECT UserId, AppName, MAX(LastUsedDate) lastUse FROM OauthToken WHERE UserId IN ({ids})"
    " GROUP BY UserId, AppName LIMIT {most}"
)


class LastUses:
    """Reads last uses in one org. All calls raise OrgError, OrgUnavailable and LoginRefused."""

    def __init__(self, records: OrgRecords) -> None:
        """Calls nothing yet."""
        self._records: Final = records

    def logins(self, usernames: Mapping[str, str], since: datetime) -> tuple[Use, ...]:
        """Successful logins of users, whose usernames are given by their ids, since a time.

        One who may not see the history of others sees his own logins alone, and is not told so.
        """
        text = _LOGINS.replace("{since}", soql_time(since))
        return tuple(self._uses(text, usernames, _login))

    def tokens(self, usernames: Mapping[str, str]) -> tuple[Use, ...]:
        """Tokens of users, by the same: what outlives a session, and when it was last used."""
        return tuple(self._uses(_TOKENS, usernames, _token))

    def _uses(
        self, text: str, usernames: Mapping[str, str], understood: Callable[[Fields, str], Use | None]
    ) -> Iterator[Use]:
        for ids in portions(sorted(usernames), MOST_USERS):
            rows = self._records.read(
                text.format(ids=",".join(map(quoted, ids)), most=MOST_GROUPS),
                lambda row: understood(row, usernames.get(row.text("UserId"), "")),
            )
            yield from (row for row in rows if row is not None)


def _login(row: Fields, username: str) -> Use | None:
    if row.text("Status") != SUCCESS:
        return None
    is_in_a_browser = row.text("LoginType") in IN_A_BROWSER
    app = "" if is_in_a_browser else row.text("Application")
    # Without an app is also a login by SOAP, which is no use of one.
    return Use(username, app, required_moment(row, "lastUse")) if app or is_in_a_browser else None


def _token(row: Fields, username: str) -> Use | None:
    at, app = moment(row, "lastUse"), row.text("AppName")
    return Use(username, app, at) if at and app else None
