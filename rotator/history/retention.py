"""What the history forgets, so that no org makes it grow: one may rename all of its apps before each inventory.

Forgotten is what is gone and over: certificates in places where they are no more, and alerts that have ended, after a
year, and sooner where an org has very many. Never forgotten are events, rotations, what people have acknowledged or
snoozed, and what was last seen in the places that the configuration names.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, case, delete, exists, func, or_, select

from rotator.core.observed import place
from rotator.history.engine.row_reading import AT_ONCE
from rotator.history.engine.tables import (
    ALERT,
    CERTIFICATE,
    CONSUMER_REPORT,
    LAST_OBSERVATION,
    LOGIN_USAGE,
    NOTIFICATION,
    ROTATION,
    SIGHTING,
)
from rotator.portions import portions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from rotator.core.observed import Place
    from rotator.history.engine.transactions import Transactions

KEPT: Final = timedelta(days=365)
"""How long what is over is known."""

MOST_GONE: Final = 1_000
"""Certificates of one org that are where they were no more; of more, the newest are known."""

MOST_ENDED: Final = 1_000
"""Alerts of one org that have ended, and of no org."""

SENT_WITHIN: Final = timedelta(days=7)
"""An alert that has ended is kept for so long for a channel that does not accept it, however many there are."""


def forget_gone(database: Transactions, org: str, now: datetime, configured: Collection[Place]) -> int:
    """Forgets what is gone from an org for longer than KEPT, or is not among the newest; how many it was.

    What was last seen in each of the `configured` places stays. Raises HistoryError or HistoryUnavailable.
    """
    with database.writing() as connection:
        return _forget_gone(connection, org, now, configured)


def _forget_gone(connection: Connection, org: str, now: datetime, configured: Collection[Place]) -> int:
    gone = [SIGHTING.c.org == org, SIGHTING.c.gone_at.is_not(None)]
    if not _is_more(connection, gone, MOST_GONE, SIGHTING.c.gone_at, now):
        return 0
    # Compared in the database: a value that is no time costs nothing but its own row.
    is_old = (SIGHTING.c.gone_at < now - KEPT).label("is_old")
    columns = (SIGHTING.c.id, SIGHTING.c.type, SIGHTING.c.app, is_old)
    query = select(*columns).where(*gone).order_by(SIGHTING.c.gone_at.desc(), SIGHTING.c.id.desc())
    wanted, forgotten = set(configured), list[int]()
    for number, row in enumerate(connection.execute(query)):
        if not (isinstance(row.type, str) and isinstance(row.app, str)):
            # Damaged, of which an alert tells: a person may want to see what it was.
            continue
        here = place(row.type, row.app)
        if here in wanted:
            wanted.discard(here)
        elif number >= MOST_GONE or row.is_old:
            forgotten.append(row.id)
    for some in portions(forgotten, AT_ONCE):
        connection.execute(delete(SIGHTING).where(SIGHTING.c.id.in_(some)))
    return len(forgotten)


def forget(database: Transactions, now: datetime, configured: Mapping[str, Collection[Place]]) -> dict[str, int]:
    """Forgets all that may be; how many rows of each kind it was. Raises HistoryError or HistoryUnavailable.

    `configured` are the places in each org that the configuration names.
    """
    with database.writing() as connection:
        orgs = connection.scalars(select(SIGHTING.c.org).distinct()).all()
        sightings = sum(_forget_gone(connection, org, now, configured.get(org, ())) for org in orgs)
        return {
            "sightings": sightings,
            "certificates": _forget_unseen(connection),
            "alerts": _forget_ended(connection, now),
        }


def forget_unconfigured(database: Transactions, configured: Collection[str]) -> None:
    """Forgets what was last seen, used and said of other credentials. Raises HistoryError or HistoryUnavailable."""
    with database.writing() as connection:
        for column in (LAST_OBSERVATION.c.credential, LOGIN_USAGE.c.credential, CONSUMER_REPORT.c.credential):
            connection.execute(delete(column.table).where(column.not_in([*configured])))


def _forget_unseen(connection: Connection) -> int:
    """Certificates that are in no place any more, and of no rotation."""
    this = CERTIFICATE.c.fingerprint
    of_a_rotation = exists().where(or_(ROTATION.c.old_fingerprint == this, ROTATION.c.new_fingerprint == this))
    in_a_place = exists().where(SIGHTING.c.fingerprint == this)
    return connection.execute(delete(CERTIFICATE).where(~in_a_place, ~of_a_rotation)).rowcount


def _forget_ended(connection: Connection, now: datetime) -> int:
    forgotten = 0
    for org in connection.scalars(select(ALERT.c.org).distinct()).all():
        ended = [
            ALERT.c.org == org if org is not None else ALERT.c.org.is_(None),
            ALERT.c.closed_at.is_not(None),
            ALERT.c.acknowledged_at.is_(None),
            ALERT.c.snoozed_until.is_(None),
        ]
        if not _is_more(connection, ended, MOST_ENDED, ALERT.c.closed_at, now):
            continue
        newest = select(ALERT.c.id).where(*ended).order_by(ALERT.c.closed_at.desc(), ALERT.c.id.desc())
        oldest = newest.offset(MOST_ENDED)
        if connection.dialect.name == "sqlite":
            # SQLite takes an OFFSET with a LIMIT only.
            oldest = oldest.limit(-1)
        old = select(ALERT.c.id).where(*ended, ALERT.c.closed_at < now - KEPT)
        ids = {*connection.scalars(oldest), *connection.scalars(old)}
        forgotten += _delete_alerts(connection, sorted(ids), now)
    return forgotten


def _delete_alerts(connection: Connection, ids: Sequence[str], now: datetime) -> int:
    deleted = 0
    pending = exists().where(NOTIFICATION.c.alert_id == ALERT.c.id, NOTIFICATION.c.delivered_at.is_(None))
    for some in portions(ids, AT_ONCE):
        query = select(ALERT.c.id).where(ALERT.c.id.in_(some), or_(~pending, ALERT.c.closed_at < now - SENT_WITHIN))
        these = connection.scalars(query).all()
        connection.execute(delete(NOTIFICATION).where(NOTIFICATION.c.alert_id.in_(these)))
        deleted += connection.execute(delete(ALERT).where(ALERT.c.id.in_(these))).rowcount
    return deleted


def _is_more(
    connection: Connection, these: Iterable[ColumnElement[bool]], most: int, ended: ColumnElement[Any], now: datetime
) -> bool:
    """Whether anything of it may be forgotten: there is more than that, or some of it is old."""
    old = func.count(case((ended < now - KEPT, 1)))
    number, old_ones = connection.execute(select(func.count(), old).where(and_(*these))).one()
    return number > most or old_ones > 0
