"""What tests of alerts share: a configuration, places that hold certificates, and what the outbox owes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rotator.config.loading import parse
from rotator.core.observed import ObservedCertificate
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import Outbox
from rotator.services.alerting.rules import AlertRules
from rotator.services.inventory.ownership import certificates_known

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rotator.config.settings import Settings
    from rotator.core.alert import Alert
    from rotator.history.engine.database import Database

NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
LEASE: Final = timedelta(minutes=5)
APPS: Final = ("production", "ConnectedApp")
"""All connected apps of the org, as a look says that it has seen them whole."""

CONFIGURATION: Final = """
database: sqlite:///rotator.db
orgs:
  production:
    login_url: https://example.my.salesforce.com
    login: {client_id: key, username: rotator@example.com, private_key: {env: ROTATOR_KEY}}
  sandbox:
    login_url: https://example--uat.sandbox.my.salesforce.com
    login: {client_id: key, username: rotator@example.com.uat, private_key: {env: ROTATOR_KEY}}
stores: {keys: {type: files, path: store}}
credentials:
  billing: {org: production, store: keys, username: billing@example.com, apps: [Billing]}
"""


def settings_with(channels: str = "") -> Settings:
    """The configuration with channels, each `name: {options}` on a line; without an address, for none is called."""
    lines = [line.strip() for line in channels.strip().splitlines()]
    usual = "type: slack-webhook, url: {env: WEBHOOK}"
    alerts = "\n".join(f"    {line[:-1]}{', ' if '{}' not in line else ''}{usual}}}" for line in lines)
    text = f"{CONFIGURATION}alerts:\n  channels:\n{alerts}\n" if alerts else CONFIGURATION
    return parse(text, Path("/nowhere/config.yaml"))


def holds(name: str, days: float, fingerprint: str = "a", **more: Any) -> ObservedCertificate:
    """An app in production with a certificate that has so many days left at NOW."""
    return ObservedCertificate(
        **{"org": "production", "type": "ConnectedApp", "app": name, "fingerprint": fingerprint * 64}
        | {"not_after": NOW + days * DAY}
        | more
    )


@dataclass(frozen=True)
class AlertingBench:
    """The alerts of one configuration, and what became of them."""

    settings: Settings
    database: Database
    alerting: AlertRules
    alerts: AlertRecords
    outbox: Outbox

    def sees(self, places: Iterable[ObservedCertificate], now: datetime, **more: Any) -> None:
        """Orgs are looked at, and hold this."""
        self.alerting.certificates(certificates_known(self.settings, self.database, now).lives(places), now, **more)

    def owed(self, key: str = "") -> dict[str, list[str]]:
        """The steps of each channel in their order, of the alerts whose keys begin so; told ones, too."""
        found: dict[str, list[str]] = {}
        ids = [alert.id for alert in self.alerts.all(1000) if alert.key.startswith(key)]
        for notification in self.outbox.notifications(*ids):
            found.setdefault(notification.channel, []).append(notification.step)
        return found

    def tell(self, channels: Iterable[str], now: datetime = NOW) -> None:
        """Every channel accepts what it is owed."""
        for channel in channels:
            self.outbox.delivered(self.outbox.claim(channel, now, LEASE), "thread", now)

    def open(self) -> dict[str, Alert]:
        """What is open, by its key without the certificate."""
        return {alert.key.rpartition("/")[0] or alert.key: alert for alert in self.alerts.open_alerts()}

    def newest(self) -> Alert:
        """The alert that was opened last."""
        return self.alerts.all(1)[0]


def bench(
    database: Database, channels: str = "ops: {}", thresholds: Sequence[timedelta] | None = None
) -> AlertingBench:
    """The alerts of a configuration with these channels, and with other thresholds than usual where some are given."""
    settings = settings_with(channels)
    if thresholds is not None:
        alerts = settings.alerts.model_copy(update={"thresholds": tuple(thresholds)})
        settings = settings.model_copy(update={"alerts": alerts})
    return bench_of(settings, database)


def bench_of(settings: Settings, database: Database) -> AlertingBench:
    """The alerts of this configuration."""
    rules = AlertRules(settings, database)
    return AlertingBench(settings, database, rules, AlertRecords(database), Outbox(database))
