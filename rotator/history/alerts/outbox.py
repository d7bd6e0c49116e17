"""The outbox: what is to be sent of which alert by which channel, and what was delivered.

What is decided and what is sent are two things that no transaction can hold together: a message may be accepted by
Slack just before the machine dies. So deciding puts a row here, in the transaction in which it decides, and sending
works from the rows (the pattern "transactional outbox").

One row is one (alert, step, channel), and the database keeps it the only one: deciding the same twice adds nothing.
A sender holds the channel's lock (`rotator.history.locks`) and claims its rows before it sends, so that no other one
sends them. The claim lasts for a while, and no longer than the lock: whoever has the lock next takes over what the one
before has claimed (`Outbox.take_over`), and the message may then be sent a second time, under the same key. A row is
pending until the channel has accepted its message. It is withdrawn when the news in it is news no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, update

from rotator.core.thresholds import CLOCKS_APART
from rotator.history.alerts.claimants import Claimant
from rotator.history.engine.row_reading import AT_ONCE, RowReader, columns_of
from rotator.history.engine.tables import ALERT, NOTIFICATION
from rotator.history.engine.transactions import Within
from rotator.history.journal.chain import storable
from rotator.portions import portions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement, Connection

    from rotator.history.engine.transactions import Transactions

OPENED: Final = "opened"
"""Step of an alert that has no thresholds: it began, or it happened."""
CLOSED: Final = "closed"
"""Step of every alert that ends."""


def sending(channel: str) -> str:
    """Name of the lock of whoever sends to a channel; no credential can be called so."""
    return f"#channel {channel}"


def reminder(snoozed_until: datetime) -> str:
    """Step of an alert without thresholds that was snoozed until then, and is open still."""
    return f"again after {snoozed_until.astimezone(UTC):%Y-%m-%d %H:%M}"


@dataclass(frozen=True, kw_only=True)
class Notification:
    """One row of the outbox."""

    id: int
    alert_id: str
    step: str
    """A threshold (`rotator.core.thresholds.label`), OPENED, a `reminder`, or CLOSED."""
    channel: str
    queued_at: datetime | None
    """None where that cannot be read any more."""
    attempts: int = 0
    """How often it was claimed to be sent."""
    tried_at: datetime | None = None
    """When it was last claimed."""
    next_at: datetime | None = None
    """Not before this is it tried again."""
    claimed_until: datetime | None = None
    """Until then whoever claimed it has it alone."""
    delivered_at: datetime | None = None
    """When the channel had accepted it; until then it is pending."""
    thread: str = ""
    """What the channel gave for it, to be answered in: empty where it has no threads."""
    problem: str = ""
    """Why it was not accepted at the last attempt."""


class Outbox:
    """The notifications. Every method raises HistoryError or HistoryUnavailable."""

    def __init__(self, database: Transactions) -> None:
        self._database: Final = database

    def add(self, alert_id: str, step: str, channel: str, now: datetime) -> bool:
        """Has the channel hear of it; False where it is pending already, or was delivered."""
        return bool(self.add_all([(alert_id, step, channel)], now))

    def add_all(self, new: Iterable[tuple[str, str, str]], now: datetime) -> int:
        """The same for many (alert, step, channel) in one transaction; the number of those that were not there."""
        wanted = dict.fromkeys(new)
        if not wanted:
            return 0
        with self._database.writing() as connection:
            known = _keys(connection, {key[0] for key in wanted})
            missing = [key for key in wanted if key not in known]
            if missing:
                empty = {"queued_at": now, "attempts": 0, "thread": "", "problem": ""}
                rows = [{"alert_id": alert, "step": step, "channel": name} | empty for alert, step, name in missing]
                connection.execute(insert(NOTIFICATION), rows)
        return len(missing)

    def claim(self, channel: str, now: datetime, lease: timedelta) -> list[Notification]:
        """Takes everything that is pending for the channel and due, for so long, the alerts in their order.

        Nobody else gets it before the lease ends. A clock that was set back postpones nothing.
        """
        claim = Claimant.of_this_process().claim()
        with self._database.writing() as connection:
            taken = {
                "claimed_by": claim,
                "claimed_until": now + lease,
                "tried_at": now,
                "attempts": NOTIFICATION.c.attempts + 1,
            }
            claimed = connection.execute(
                update(NOTIFICATION).where(NOTIFICATION.c.channel == channel, _is_pending(), _is_due(now)).values(taken)
            )
            if not claimed.rowcount:
                return []
            query = _NOTIFICATIONS.where(NOTIFICATION.c.claimed_by == claim).order_by(NOTIFICATION.c.id)
            return list(NOTIFICATIONS.read(connection, query))

    def take_over(self, channel: str, now: datetime, *, ends_within: timedelta) -> None:
        """Ends what others have claimed for the channel, whose lock the caller holds.

        Of a process that is known to be dead it ends now. Another may have lost the lock while it lives: it begins
        nothing more, and what it had begun to send has ended after `ends_within`.
        """
        with self._database.writing() as connection:
            these = and_(NOTIFICATION.c.channel == channel, _is_pending(), NOTIFICATION.c.claimed_until > now)
            claims = connection.scalars(select(NOTIFICATION.c.claimed_by).where(these).distinct()).all()
            for claim in claims:
                claimant = Claimant.parse(claim) if isinstance(claim, str) else None
                ends_at = now if claimant and claimant.is_known_dead() else now + ends_within
                shorter = and_(NOTIFICATION.c.claimed_by == claim, NOTIFICATION.c.claimed_until > ends_at)
                connection.execute(update(NOTIFICATION).where(shorter).values(claimed_until=ends_at))

    def delivered(self, notifications: Iterable[Notification], thread: str, now: datetime) -> None:
        """Notes that the channel has accepted them. What was noted before stays."""
        values = {"delivered_at": now, "thread": storable(thread), "claimed_until": None, "claimed_by": None}
        self._change(notifications, values | {"next_at": None, "problem": ""})

    def failed(self, notifications: Iterable[Notification], problem: str, next_at: datetime) -> None:
        """Notes that the channel has not accepted them, and when they are tried again."""
        values = {"problem": storable(problem), "next_at": next_at, "claimed_until": None, "claimed_by": None}
        self._change(notifications, values)

    def _change(self, notifications: Iterable[Notification], values: Mapping[str, object]) -> None:
        these = [{"this": notification.id} for notification in notifications]
        if these:
            with self._database.writing() as connection:
                connection.execute(
                    update(NOTIFICATION).where(NOTIFICATION.c.id == bindparam("this"), _is_pending()).values(values),
                    these,
                )

    def thread(self, alert_id: str, channel: str) -> str | None:
        """What the channel gave for the first message of the alert; None where it has none, or has no threads."""
        query = (
            select(NOTIFICATION.c.thread)
            .where(NOTIFICATION.c.alert_id == alert_id, NOTIFICATION.c.channel == channel, NOTIFICATION.c.thread != "")
            .order_by(NOTIFICATION.c.delivered_at, NOTIFICATION.c.id)
            .limit(1)
        )
        with self._database.reading() as connection:
            return connection.scalar(query)

    def notifications(self, *alert_ids: str) -> list[Notification]:
        """Everything of these alerts, in the order in which it was added."""
        with self._database.reading() as connection:
            return list(_of(connection, alert_ids))

    def pending(self, channels: Collection[str] | None = None) -> dict[str, int]:
        """How many notifications some channels, or all, have not accepted. Where that is none, it is left out."""
        query = (
            select(NOTIFICATION.c.channel, func.count().label("number"))
            .where(_is_pending())
            .group_by(NOTIFICATION.c.channel)
        )
        if channels is not None:
            query = query.where(NOTIFICATION.c.channel.in_([*channels]))
        with self._database.reading() as connection:
            return {row.channel: row.number for row in connection.execute(query.order_by(NOTIFICATION.c.channel))}

    def due(self, now: datetime) -> set[str]:
        """The channels for which something is pending that was not put off; it may be somebody's by a claim."""
        with self._database.reading() as connection:
            return set(connection.scalars(_DUE_CHANNELS, {"now": now, "latest": now + CLOCKS_APART}))

    def put_off(self, notifications: Iterable[Notification], until: datetime) -> None:
        """Gives back what was claimed and not tried: it is claimed again then, and this counts for no attempt."""
        freed = {"claimed_until": None, "claimed_by": None, "next_at": until}
        self._change(notifications, freed | {"attempts": NOTIFICATION.c.attempts - 1})

    def take_back(self, notifications: Iterable[Notification]) -> None:
        """Deletes what was claimed and is news no more; and the end of an alert where nothing of it was told."""
        with self._database.writing() as connection:
            for each in notifications:
                of_alert = and_(NOTIFICATION.c.alert_id == each.alert_id, NOTIFICATION.c.channel == each.channel)
                connection.execute(delete(NOTIFICATION).where(NOTIFICATION.c.id == each.id, _is_pending()))
                told = select(NOTIFICATION.c.id).where(of_alert, NOTIFICATION.c.step != CLOSED).limit(1)
                if connection.scalar(told) is None:
                    connection.execute(delete(NOTIFICATION).where(of_alert, _is_pending()))

    def settle(self, alert_id: str, now: datetime) -> None:
        """Adds the end of an alert for every channel that has heard of it, or is just being sent something.

        A channel that has heard nothing of it need not hear that it has ended: what is pending for it is withdrawn.
        """
        with self._database.writing() as connection:
            here = Outbox(Within(connection))
            here.withdraw(alert_id, now)
            heard = dict.fromkeys(notification.channel for notification in here.notifications(alert_id))
            here.add_all([(alert_id, CLOSED, channel) for channel in heard], now)

    def withdraw(self, alert_id: str, now: datetime, keep: Collection[str] = ()) -> None:
        """Takes back what is pending of an alert and is not being sent just now; `keep` are steps that stay."""
        unsent = or_(
            NOTIFICATION.c.claimed_until.is_(None), NOTIFICATION.c.claimed_until <= now, _is_before_set_back(now)
        )
        these = and_(NOTIFICATION.c.alert_id == alert_id, NOTIFICATION.c.step.not_in([*keep]), _is_pending(), unsent)
        with self._database.writing() as connection:
            connection.execute(delete(NOTIFICATION).where(these))

    def drop(self, channel: str) -> int:
        """Takes back everything that is pending for a channel that is no more; how much it was."""
        with self._database.writing() as connection:
            return connection.execute(
                delete(NOTIFICATION).where(NOTIFICATION.c.channel == channel, _is_pending())
            ).rowcount

    def forget(self, before: datetime) -> int:
        """Deletes what was delivered of alerts that were closed before then; how many it was. Alerts stay."""
        closed = select(ALERT.c.id).where(ALERT.c.closed_at < before)
        with self._database.writing() as connection:
            these = and_(NOTIFICATION.c.alert_id.in_(closed), NOTIFICATION.c.delivered_at.is_not(None))
            return connection.execute(delete(NOTIFICATION).where(these)).rowcount


_OF_USE_WITHOUT: Final = {
    **dict.fromkeys(("queued_at", "tried_at", "next_at", "claimed_until", "claimed_by", "delivered_at")),
    "attempts": 0,
    "thread": "",
    "problem": "",
}

NOTIFICATIONS: Final = RowReader(
    columns_of(NOTIFICATION),
    lambda values: Notification(**{name: value for name, value in values.items() if name != "claimed_by"}),
    spare=_OF_USE_WITHOUT,
)
"""What is to be told to whom is enough to send it."""

_NOTIFICATIONS: Final = NOTIFICATIONS.rows


def _is_pending() -> ColumnElement[bool]:
    return NOTIFICATION.c.delivered_at.is_(None)


_PUT_OFF: Final = and_(NOTIFICATION.c.next_at > bindparam("now"), NOTIFICATION.c.tried_at <= bindparam("latest"))
_DUE_CHANNELS: Final = (
    select(NOTIFICATION.c.channel).where(_is_pending(), or_(NOTIFICATION.c.next_at.is_(None), ~_PUT_OFF)).distinct()
)


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Neither put off nor claimed; what was last tried in the future proves nothing (`rotator.core.attempts`)."""
    waits_no_more = or_(NOTIFICATION.c.next_at.is_(None), NOTIFICATION.c.next_at <= now)
    is_free = or_(NOTIFICATION.c.claimed_until.is_(None), NOTIFICATION.c.claimed_until <= now)
    return or_(and_(waits_no_more, is_free), _is_before_set_back(now))


def _is_before_set_back(now: datetime) -> ColumnElement[bool]:
    """Whether it was last tried before the clock was set back."""
    return NOTIFICATION.c.tried_at > now + CLOCKS_APART


_OF_ALERTS: Final = NOTIFICATION.c.alert_id.in_(bindparam("ids", expanding=True))
_ALL_OF_ALERTS: Final = _NOTIFICATIONS.where(_OF_ALERTS).order_by(NOTIFICATION.c.id)
_KEYS: Final = select(NOTIFICATION.c.alert_id, NOTIFICATION.c.step, NOTIFICATION.c.channel).where(_OF_ALERTS)


def _of(connection: Connection, alert_ids: Iterable[str]) -> Iterator[Notification]:
    for ids in portions(sorted(alert_ids), AT_ONCE):
        yield from NOTIFICATIONS.read(connection, _ALL_OF_ALERTS, ids=ids)


def _keys(connection: Connection, alert_ids: Iterable[str]) -> set[tuple[str, str, str]]:
    """What is in the outbox of these alerts: this is asked often, and whole notifications take long to read."""
    found = (connection.execute(_KEYS, {"ids": ids}) for ids in portions(sorted(alert_ids), AT_ONCE))
    return {(row.alert_id, row.step, row.channel) for rows in found for row in rows}
