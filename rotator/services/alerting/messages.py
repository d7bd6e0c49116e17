"""What people are told: a message made from an alert and from what of it is pending for a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.alerts.base import Message
from rotator.config.durations import parse_duration
from rotator.core import words
from rotator.core.thresholds import EXPIRED, label
from rotator.history.alerts.outbox import CLOSED, OPENED
from rotator.services.alerting.expiry import EXPIRY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rotator.core.alert import Alert
    from rotator.history.alerts.outbox import Notification


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
    if alert.kind != EXPIRY or alert.not_after is None or alert.not_after <= now:
        return ""
    return f", in {words.length(alert.not_after - now)}"
