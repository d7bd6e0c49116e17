"""Who logged in to an org, when, from where, through which app, and with what result.

Object Reference, LoginHistory: its `Application` can be read and not filtered by, so the rows of users are read and
those of an app are picked out here. It holds six months of rows. Without the permission an org shows the rows of the
program's own user and says nothing of the others: none of somebody is not nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.core.thresholds import is_ahead
from rotator.core.usage.login_rows import LoginRow
from rotator.errors import LoginRefused, OrgError, OrgUnavailable
from rotator.net.shapes import WrongShape
from rotator.plain_text import one_line
from rotator.portions import portions
from rotator.salesforce import rest
from rotator.salesforce.faults import in_shape
from rotator.salesforce.login import SessionExpired
from rotator.salesforce.permissions import give
from rotator.salesforce.record_values import is_id, quoted, required_moment, soql_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rotator.core.secret import Secret
    from rotator.net.shapes import Fields
    from rotator.salesforce.session import OrgSession

MOST_LOGINS: Final = 10_000
"""Rows that one reading takes: five calls, about 4 MB. The newest come first, and it is said if there are more."""

MOST_USERS: Final = 200
"""Users that one query asks for: each takes 21 characters of an address that may have 16,000 (SOQL limits)."""

PERMISSION: Final = "Monitor Login History"
"""The permission that shows the logins of others, and no more: "Manage Users" does, too (Object Reference)."""

_FIELDS: Final = "Id,UserId,LoginTime,LoginType,Status,SourceIp,Application,ClientVersion,Browser"
_LONGEST: Final = 255
_NOT_TOLD: Final = frozenset({"", "n/a", "unknown"})


class LoginsHidden(OrgError):
    """The org does not show its login history to the program's user."""


@dataclass(frozen=True)
class LoginsRead:
    """What one reading of the login history gave."""

    rows: tuple[LoginRow, ...]
    """The newest first."""
    is_cut: bool = False
    """There were more than are here; the oldest are missing."""

    def reaches(self, time: datetime) -> bool:
        """Whether all logins since a time are here."""
        return not self.is_cut or (bool(self.rows) and is_ahead(time, self.rows[-1].at))


class LoginHistory:
    """Reads the login history of one org."""

    def __init__(self, session: OrgSession) -> None:
        self._session: Final = session

    @property
    def own_user_id(self) -> str:
        """Id of the user that the program logs in as. Raises what a login raises."""
        return self._session.user_id

    def read(self, user_ids: Iterable[str], since: datetime, *, most: int = MOST_LOGINS) -> LoginsRead:
        """The logins of users since a time, through whatever app: one query, in calls of 2,000 rows.

        Raises LoginsHidden where the org does not show them at all, ValueError for what is no id, and what a session
        raises.
        """
        ids = sorted({_checked(user_id) for user_id in user_ids})
        if not ids:
            return LoginsRead(())
        if len(ids) > MOST_USERS:
            raise ValueError(f"the logins of at most {MOST_USERS} users are read at once")
        listed = ",".join(f"'{user_id}'" for user_id in ids)
        text = (
            f"SELECT {_FIELDS} FROM LoginHistory WHERE UserId IN ({listed})"  # noqa: S608 - ids are checked above
            f" AND LoginTime >= {soql_time(since)} ORDER BY LoginTime DESC"
        )
        rows = self._rows(text, most + 1)
        with in_shape(self._session.org, rest.Api.DATA):
            return LoginsRead(tuple(map(_login, rows[:most])), is_cut=len(rows) > most)

    def user_ids(self, usernames: Iterable[str]) -> dict[str, str]:
        """Ids of users by their usernames, as they were given; of those that the org does not show, none.

        Raises as `read` does.
        """
        names = list(dict.fromkeys(usernames))
        found: dict[str, str] = {}
        for some in portions(names, MOST_USERS // 4):
            listed = ",".join(map(quoted, some))
            rows = self._rows(f"SELECT Id,Username FROM User WHERE Username IN ({listed})", len(some))  # noqa: S608 - names are quoted
            with in_shape(self._session.org, rest.Api.DATA):
                by_name = {row.text("Username").casefold(): _checked(row.text("Id")) for row in rows}
            found |= {name: by_name[name.casefold()] for name in some if name.casefold() in by_name}
        return found

    def _rows(self, text: str, most: int) -> Sequence[Fields]:
        """The first `most` rows: what comes after them is not asked for."""
        org, transport = self._session.org, self._session.transport

        def read(instance_url: str, token: Secret) -> list[Fields]:
            found: list[Fields] = []
            for page in rest.pages(org, transport, instance_url, token, text):
                found += page
                if len(found) >= most:
                    break
            return found[:most]

        try:
            return self._session.call(read)
        except (OrgUnavailable, LoginRefused, SessionExpired):
            raise
        except OrgError as error:
            raise LoginsHidden(
                f"The org {org} does not show who logs in: {error.message}",
                effect="Nothing else depends on it.",
                hint=give(PERMISSION),
            ) from None


def _login(row: Fields) -> LoginRow:
    told = (_told(row, "ClientVersion"), _told(row, "Browser"))
    return LoginRow(
        id=row.text("Id", required=True),
        user_id=row.text("UserId"),
        at=required_moment(row, "LoginTime"),
        status=_told(row, "Status"),
        address=_told(row, "SourceIp"),
        application=_told(row, "Application"),
        client=", ".join(dict.fromkeys(each for each in told if each)),
        type=_told(row, "LoginType"),
    )


def _told(row: Fields, name: str) -> str:
    """Text from outside; empty for what Salesforce writes where it has nothing to tell."""
    text = one_line(row.text(name), _LONGEST)
    return "" if text.casefold() in _NOT_TOLD else text


def _checked(user_id: str) -> str:
    if not is_id(user_id):
        raise WrongShape(f"{one_line(user_id, 40)!r} is no id of a user")
    return user_id
