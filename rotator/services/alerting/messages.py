"""From notifications to messages: what a channel is sent of an alert, as the alert is known when it is sent."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from rotator.alerts.base import Message
from rotator.config.durations import parse_duration
from rotator.core import words
from rotator.core.thresholds import EXPIRED, is_expired, label
from rotator.history.alerts.outbox import CLOSED
from rotator.services.alerting.kinds import EXPIRY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from rotator.config.settings import Settings
    from rotator.core.alert import Alert
    from rotator.history.alerts.alerts import AlertRecords
    from rotator.history.alerts.outbox import Notification, Outbox


@dataclass(frozen=True)
class Origin:
    """Where messages come from, and lead to."""

    installation: str = ""
    public_url: str | None = None
    runbook_url: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the configuration has it: an installation that has no name goes by its machine's."""
        alerts, public_url = settings.alerts, settings.http.public_url if settings.http else None
        return cls(alerts.installation or socket.gethostname(), public_url, alerts.runbook_url)

    def signed(self, message: Message) -> Message:
        """The message with the installation's name, and the addresses of its page and its runbook."""
        alert = message.alert
        return replace(
            message,
            installation=self.installation,
            page=f"{self.public_url}/alerts/{quote(alert.id)}" if self.public_url else "",
            runbook=self.runbook_url.replace("{kind}", quote(alert.kind, safe="")) if self.runbook_url else "",
        )


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
    claimed: Iterable[Notification],
    alerts: AlertRecords,
    outbox: Outbox,
    now: datetime,
    *,
    has_threads: bool,
    origin: Origin,
) -> list[PendingMessage]:
    """One for each alert, as it is known now; what was refused before comes last, so that it never holds up the rest.

    Raises HistoryError.
    """
    by_alert: dict[str, list[Notification]] = {}
    for notification in claimed:
        by_alert.setdefault(notification.alert_id, []).append(notification)
    pending = []
    for alert_id, notifications in by_alert.items():
        alert = alerts.known(alert_id)
        if alert is None:
            # Its row cannot be read, of which another alert tells; what is so is told by the alert in its place.
            continue
        message = origin.signed(message_of(alert, notifications, now))
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
    crossed = [each.step for each in notifications if _threshold(each.step) is not None]
    # Several at once: it was crossed earlier, and nobody could be told then.
    late = {"Thresholds crossed": ", ".join(crossed)} if len(crossed) > 1 else {}
    return Message(
        alert=alert,
        key=key,
        title=alert.title + _left(alert, now, has_crossed=bool(crossed)),
        text=words.sentences(alert.refusal(now), alert.text),
        meanwhile=alert.what_is_done(now),
        to_do=alert.to_do,
        at=_crossed_at(alert, crossed) or alert.since,
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
    return alert.not_after - min(each for each in map(_threshold, crossed) if each is not None)


def _threshold(step: str) -> timedelta | None:
    """The threshold that a step tells of; None for another step."""
    if step == label(EXPIRED):
        return EXPIRED
    try:
        return parse_duration(step)
    except ValueError:
        return None


def _left(alert: Alert, now: datetime, *, has_crossed: bool) -> str:
    """How long it takes until a certificate has expired. Not in the alert: a thread goes by a subject that stays."""
    if alert.not_after is None or (alert.kind != EXPIRY and not has_crossed):
        return ""
    is_over = is_expired(alert.not_after, now)
    left = "" if is_over else f", in {words.length(alert.not_after - now)}"
    if alert.kind == EXPIRY:
        return left
    return f"; its certificate {'expired' if is_over else 'expires'} on {words.day(alert.not_after)}{left}"
