"""The outbox: who is owed which news of which alert, and who was told.

One row for each (alert, step, channel). A notification is owed until its channel has accepted it. That nobody is told
twice rests on the rows being unique, and on a sender claiming them before it sends.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, update

from rotator.history.engine.tables import ALERT, NOTIFICATION
from rotator.history.engine.transactions import Within
from rotator.history.journal.chain import storable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement, Connection

    from rotator.history.engine.transactions import Transactions

OPENED: Final = "opened"
"""Step of an alert that has no thresholds: it began, or it happened."""
CLOSED: Final = "closed"
"""Step of every alert that ends."""


def reminder(snoozed_until: datetime) -> str:
    """Step of an alert without thresholds that was snoozed until then, and is open still."""
    return f"again after {snoozed_until.astimezone(UTC):%Y-%m-%d %H:%M}"


_AT_ONCE: Final = 500
"""Values in one IN: databases limit how many a statement may carry."""


@dataclass(frozen=True, kw_only=True)
class Notification:
    """One row of the outbox."""

    id: int
    matter_id: str
    step: str
    """A threshold (`rotator.core.thresholds.label`), OPENED, a `reminder`, or CLOSED."""
    channel: str
    owed_at: datetime
    attempts: int = 0
    """How often it was claimed to be sent."""
    tried_at: datetime | None = None
    """When it was last claimed."""
    next_at: datetime | None = None
    """Not before this is it tried again."""
    claimed_until: datetime | None = None
    """Until then whoever claimed it has it alone."""
    told_at: datetime | None = None
    """When the channel had accepted it; until then it is owed."""
    receipt: str = ""
    """What the channel gave for it: the thread for what follows."""
    problem: str = ""
    """Why it was not accepted at the last trial."""


class Outbox:
    """The notifications. Every method raises HistoryError or HistoryUnavailable."""

    def __init__(self, database: Transactions) -> None:
        self._database: Final = database

    def owe(self, matter_id: str, step: str, channel: str, now: datetime) -> bool:
        """Notes that the channel is to be told; False where it is owed already, or was told."""
        return bool(self.owe_all([(matter_id, step, channel)], now))

    def owe_all(self, owed: Iterable[tuple[str, str, str]], now: datetime) -> int:
        """The same for many (alert, step, channel) in one transaction; the number of those that were not there."""
        wanted = dict.fromkeys(owed)
        if not wanted:
            return 0
        with self._database.writing() as connection:
            known = _keys(connection, {key[0] for key in wanted})
            new = [key for key in wanted if key not in known]
            if new:
                empty = {"owed_at": now, "attempts": 0, "receipt": "", "problem": ""}
                rows = [{"matter_id": alert, "step": step, "channel": name} | empty for alert, step, name in new]
                connection.execute(insert(NOTIFICATION), rows)
        return len(new)

    def claim(self, channel: str, now: datetime, lease: timedelta) -> list[Notification]:
        """Takes everything that the channel is owed and that is due, for so long, the alerts in their order.

        Nobody else gets it before the lease ends. A clock that was set back postpones nothing.
        """
        claim = secrets.token_hex(16)
        with self._database.writing() as connection:
            taken = {
                "claimed_by": claim,
                "claimed_until": now + lease,
                "tried_at": now,
                "attempts": NOTIFICATION.c.attempts + 1,
            }
            claimed = connection.execute(
                update(NOTIFICATION).where(NOTIFICATION.c.channel == channel, _is_owed(), _is_due(now)).values(taken)
            )
            if not claimed.rowcount:
                return []
            query = _NOTIFICATIONS.where(NOTIFICATION.c.claimed_by == claim).order_by(NOTIFICATION.c.id)
            return [Notification(**row._asdict()) for row in connection.execute(query)]

    def told(self, notifications: Iterable[Notification], receipt: str, now: datetime) -> None:
        """Notes that the channel has accepted them. What was noted before stays."""
        values = {"told_at": now, "receipt": storable(receipt), "claimed_until": None, "claimed_by": None}
        self._change(notifications, values | {"next_at": None, "problem": ""})

    def failed(self, notifications: Iterable[Notification], problem: str, next_at: datetime) -> None:
        """Notes that the channel has not accepted them, and when they are tried again."""
        values = {"problem": storable(problem), "next_at": next_at, "claimed_until": None, "claimed_by": None}
        self._change(notifications, values)

    def _change(self, notifications: Iterable[Notification], values: dict[str, object]) -> None:
        these = [{"this": notification.id} for notification in notifications]
        if these:
            with self._database.writing() as connection:
                connection.execute(
                    update(NOTIFICATION).where(NOTIFICATION.c.id == bindparam("this"), _is_owed()).values(values), these
                )

    def thread(self, matter_id: str, channel: str) -> str | None:
        """What the channel gave for the first message of the alert; None where it has none, or has no threads."""
        query = (
            select(NOTIFICATION.c.receipt)
            .where(
                NOTIFICATION.c.matter_id == matter_id, NOTIFICATION.c.channel == channel, NOTIFICATION.c.receipt != ""
            )
            .order_by(NOTIFICATION.c.told_at, NOTIFICATION.c.id)
            .limit(1)
        )
        with self._database.reading() as connection:
            return connection.scalar(query)

    def notifications(self, *matter_ids: str) -> list[Notification]:
        """Everything of these alerts, in the order in which it was owed."""
        with self._database.reading() as connection:
            return list(_of(connection, matter_ids))

    def owed(self) -> dict[str, int]:
        """How many notifications each channel has not accepted yet; channels that are owed nothing are not in it."""
        query = (
            select(NOTIFICATION.c.channel, func.count().label("number"))
            .where(_is_owed())
            .group_by(NOTIFICATION.c.channel)
        )
        with self._database.reading() as connection:
            return {row.channel: row.number for row in connection.execute(query.order_by(NOTIFICATION.c.channel))}

    def settle(self, matter_id: str, now: datetime) -> None:
        """Owes the end of an alert to every channel that was told of it, or is being told now.

        A channel that has heard nothing of it need not hear that it has ended: what it is owed is withdrawn.
        """
        with self._database.writing() as connection:
            here = Outbox(Within(connection))
            here.withdraw(matter_id, now)
            heard = dict.fromkeys(notification.channel for notification in here.notifications(matter_id))
            here.owe_all([(matter_id, CLOSED, channel) for channel in heard], now)

    def withdraw(self, matter_id: str, now: datetime, keep: Collection[str] = ()) -> None:
        """Takes back what is owed of an alert and is not being sent just now; `keep` are steps that stay."""
        unsent = or_(
            NOTIFICATION.c.claimed_until.is_(None), NOTIFICATION.c.claimed_until <= now, NOTIFICATION.c.tried_at > now
        )
        these = and_(NOTIFICATION.c.matter_id == matter_id, NOTIFICATION.c.step.not_in([*keep]), _is_owed(), unsent)
        with self._database.writing() as connection:
            connection.execute(delete(NOTIFICATION).where(these))

    def drop(self, channel: str) -> int:
        """Takes back everything that a channel is owed, which is no more; how much it was."""
        with self._database.writing() as connection:
            return connection.execute(
                delete(NOTIFICATION).where(NOTIFICATION.c.channel == channel, _is_owed())
            ).rowcount

    def forget(self, before: datetime) -> int:
        """Deletes what was told of alerts that were closed before then; how many notifications it was. Alerts stay."""
        closed = select(ALERT.c.id).where(ALERT.c.closed_at < before)
        with self._database.writing() as connection:
            these = and_(NOTIFICATION.c.matter_id.in_(closed), NOTIFICATION.c.told_at.is_not(None))
            return connection.execute(delete(NOTIFICATION).where(these)).rowcount


_NOTIFICATIONS: Final = select(*(column for column in NOTIFICATION.c if column.name != "claimed_by"))


def _is_owed() -> ColumnElement[bool]:
    return NOTIFICATION.c.told_at.is_(None)


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Neither put off nor claimed; what was last tried in the future proves nothing (`rotator.core.attempts`)."""
    waits_no_more = or_(NOTIFICATION.c.next_at.is_(None), NOTIFICATION.c.next_at <= now)
    is_free = or_(NOTIFICATION.c.claimed_until.is_(None), NOTIFICATION.c.claimed_until <= now)
    return or_(and_(waits_no_more, is_free), NOTIFICATION.c.tried_at > now)


def _of(connection: Connection, matter_ids: Iterable[str]) -> Iterator[Notification]:
    for ids in _portions(matter_ids):
        query = _NOTIFICATIONS.where(NOTIFICATION.c.matter_id.in_(ids)).order_by(NOTIFICATION.c.id)
        yield from (Notification(**row._asdict()) for row in connection.execute(query))


def _keys(connection: Connection, matter_ids: Iterable[str]) -> set[tuple[str, str, str]]:
    """What is in the outbox of these alerts: this is asked often, and whole notifications are dear to read."""
    query = select(NOTIFICATION.c.matter_id, NOTIFICATION.c.step, NOTIFICATION.c.channel)
    portions = (connection.execute(query.where(NOTIFICATION.c.matter_id.in_(ids))) for ids in _portions(matter_ids))
    return {(row.matter_id, row.step, row.channel) for rows in portions for row in rows}


def _portions(matter_ids: Iterable[str]) -> Iterator[list[str]]:
    ids = sorted(matter_ids)
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
