"""An alert with what was sent of it: what `rotator alerts list` and the page of an alert show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.history.alerts.outbox import Outbox
from rotator.services.alerting.rules import AlertRules

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.core.alert import Alert
    from rotator.history.alerts.outbox import Notification
    from rotator.history.engine.transactions import Transactions


@dataclass(frozen=True)
class AlertDetails:
    """One alert, and each step of it on each channel."""

    alert: Alert
    notifications: tuple[Notification, ...]
    next_at: datetime | None
    """When its next threshold is crossed; None where nobody hears of that, or there is none."""

    @property
    def delivered_to(self) -> list[str]:
        """The channels that have accepted something of it."""
        return list(dict.fromkeys(each.channel for each in self.notifications if each.delivered_at))

    @property
    def pending_for(self) -> list[str]:
        """The channels that have not accepted everything of it."""
        return list(dict.fromkeys(each.channel for each in self.notifications if not each.delivered_at))

    @property
    def problems(self) -> dict[str, str]:
        """By channel why it did not accept what is pending, where it was tried."""
        return {each.channel: each.problem for each in self.notifications if not each.delivered_at and each.problem}


def details_of(
    alerts: Iterable[Alert], settings: Settings, database: Transactions, now: datetime
) -> list[AlertDetails]:
    """The details of these alerts, in their order. Raises HistoryError or HistoryUnavailable."""
    found = {alert.id: alert for alert in alerts}
    sent: dict[str, list[Notification]] = {alert_id: [] for alert_id in found}
    for notification in Outbox(database).notifications(*found):
        sent[notification.alert_id].append(notification)
    rules = AlertRules(settings, database)
    return [
        AlertDetails(alert, tuple(sent[alert.id]), None if alert.is_acknowledged else rules.next_at(alert, now))
        for alert in found.values()
    ]
