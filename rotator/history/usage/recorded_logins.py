"""The program's own logins, each written down before it is made (`rotator.core.usage.own_logins` says why)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import delete, insert, or_, select, update

from rotator.core.usage.own_logins import OwnLogin
from rotator.history.engine.row_reading import RowReader, columns_of
from rotator.history.engine.tables import OWN_LOGIN

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from rotator.history.engine.transactions import Transactions

KEPT: Final = timedelta(days=60)
"""Longer than the time for which a plan asks who logged in."""


class Login(NamedTuple):
    """What is known of a login before it is made."""

    org: str
    username: str
    client_id: str
    app: str = ""
    """Full name of the app, where it is known."""


class RecordedLogins:
    """Every method raises HistoryError or HistoryUnavailable."""

    def __init__(self, database: Transactions) -> None:
        self._database: Final = database

    def begins(self, login: Login, now: datetime) -> int:
        """Writes down that a login is about to be made; gives its number."""
        values = {**login._asdict(), "username": login.username.casefold(), "at": now, "is_accepted": None}
        with self._database.writing() as connection:
            done = connection.execute(insert(OWN_LOGIN).values(values).returning(OWN_LOGIN.c.id))
            return int(done.scalar_one())

    def ended(self, number: int, *, is_accepted: bool) -> None:
        """Writes down how it went."""
        with self._database.writing() as connection:
            connection.execute(update(OWN_LOGIN).where(OWN_LOGIN.c.id == number).values(is_accepted=is_accepted))

    def client_ids(self, org: str, apps: Collection[str]) -> dict[str, set[str]]:
        """By which consumer keys the program has logged in through some apps; the names are folded."""
        found: dict[str, set[str]] = {}
        query = select(OWN_LOGIN.c.app, OWN_LOGIN.c.client_id).where(
            OWN_LOGIN.c.org == org, OWN_LOGIN.c.app.in_([*apps])
        )
        with self._database.reading() as connection:
            for app, client_id in connection.execute(query.distinct()):
                if isinstance(app, str) and isinstance(client_id, str):
                    found.setdefault(app.casefold(), set()).add(client_id)
        return found

    def of(
        self, org: str, username: str, *, apps: Collection[str], client_ids: Collection[str], since: datetime
    ) -> list[OwnLogin]:
        """Those as one user through some apps since a time, oldest first."""
        these = or_(OWN_LOGIN.c.app.in_([*apps]), OWN_LOGIN.c.client_id.in_([*client_ids]))
        query = (
            select(OWN_LOGIN)
            .where(OWN_LOGIN.c.org == org, OWN_LOGIN.c.username == username.casefold(), these)
            .where(OWN_LOGIN.c.at >= since)
            .order_by(OWN_LOGIN.c.at, OWN_LOGIN.c.id)
        )
        with self._database.reading() as connection:
            return list(OWN_LOGINS.read(connection, query))

    def forget(self, now: datetime) -> int:
        """Forgets those that nobody asks for any more; how many."""
        with self._database.writing() as connection:
            return connection.execute(delete(OWN_LOGIN).where(OWN_LOGIN.c.at < now - KEPT)).rowcount


def _own_login(values: dict[str, Any]) -> OwnLogin:
    return OwnLogin(values["username"], values["app"], values["at"], values["is_accepted"])


OWN_LOGINS: Final = RowReader(columns_of(OWN_LOGIN), _own_login, spare={"is_accepted": None})
