"""From notifications to messages: what a channel is sent of an alert, as the alert is known when it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.alerts.base import Message
from rotator.config.durations import parse_duration
from rotator.core import words
from rotator.core.thresholds import EXPIRED, is_expired, label
from rotator.history.alerts.outbox import CLOSED, OPENED
from rotator.services.alerting.expiry import EXPIRY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rotator.core.alert import Alert
    from rotator.history.alerts.alerts import AlertRecords
    from rotator.history.alerts.outbox import Notification, Outbox


@dataclass(frozen=True)
class PendingMessage:
    """What one channel is to be sent of one alert: one message, however many notifications it is."""

    notifications: list[Notification]
    message: Message
    thread: str | None

    @property
    def was_refused(self) -> bool:
        """Whether the channel did not accept some of it before."""
        return any(notification.problem for notification in self.notifications)

    @property
    def ends_a_thread(self) -> bool:
        """It is answered there, also where many come at once: a digest cannot show that a thread is settled."""
        return bool(self.thread) and self.message.settles


def pending_messages(
    claimed: Iterable[Notification], alerts: AlertRecords, outbox: Outbox, now: datetime, *, has_threads: bool
) -> list[PendingMessage]:
    """One for each alert, as it is known now; what was refused before comes last, so that it never holds up the rest.

    Raises HistoryError.
    """
    by_alert: dict[str, list[Notification]] = {}
    for notification in claimed:
        by_alert.setdefault(notification.alert_id, []).append(notification)
    pending = []
    for alert_id, notifications in by_alert.items():
        message = message_of(alerts.get(alert_id), notifications, now)
        # Without threads there is none, though another type of channel of this name may have had one.
        thread = outbox.thread(alert_id, notifications[0].channel) if has_threads else None
        pending.append(PendingMessage(notifications, message, thread))
    return sorted(pending, key=lambda each: each.was_refused)


def message_of(alert: Alert, notifications: Sequence[Notification], now: datetime) -> Message:
    """One message for everything of an alert that is pending for one channel: its end, where that is among it.

    The key is made of the steps, so that it is the same when the message has to be sent again.
    """
    steps = [notification.step for notification in notifications]
    key = "/".join([alert.id, *steps, notifications[0].channel])
    return _end(alert, key) if CLOSED in steps else _news(alert, key, notifications, now)


def _news(alert: Alert, key: str, notifications: Sequence[Notification], now: datetime) -> Message:
    # Of other alerts a step is that it was opened, or that people are reminded of it.
    crossed = [each.step for each in notifications if each.step != OPENED] if alert.kind == EXPIRY else []
    # Several at once: it was crossed earlier, and nobody could be told then.
    late = {"Thresholds crossed": ", ".join(crossed)} if len(crossed) > 1 else {}
    return Message(
        alert=alert,
        key=key,
        title=alert.title + _left(alert, now),
        text=alert.text,
        at=_crossed_at(alert, crossed) or alert.opened_at,
        facts={**alert.facts, **late},
    )


def _end(alert: Alert, key: str) -> Message:
    return Message(
        alert=alert,
        key=key,
        title=f"Settled: {alert.title}",
        text=alert.closed_why,
        at=alert.closed_at or alert.opened_at,
        facts={"Org": alert.org} if alert.org else {},
        settles=True,
    )


def _crossed_at(alert: Alert, crossed: Sequence[str]) -> datetime | None:
    """When the last of these thresholds was crossed, whenever that was noticed."""
    if alert.not_after is None or not crossed:
        return None
    return alert.not_after - min(EXPIRED if step == label(EXPIRED) else parse_duration(step) for step in crossed)


def _left(alert: Alert, now: datetime) -> str:
    """How long it takes until a certificate has expired. Not in the alert: a thread goes by a subject that stays."""
    if alert.kind != EXPIRY or alert.not_after is None or is_expired(alert.not_after, now):
        return ""
    return f", in {words.length(alert.not_after - now)}"
