"""Pages say of what is past, or was not looked at, that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.config.daemon import HttpSettings
from rotator.core.actor import Actor
from rotator.core.alert import NewAlert
from rotator.core.severity import Severity
from rotator.history.alerts.alerts import AlertRecords
from rotator.services.reporting.reader import HistoryReader
from rotator.web.routes import application
from tests.unit.web import scene
from tests.unit.web.client import Client
from tests.unit.web.test_pages import page, said

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.history.engine.database import Database
    from rotator.web.source import Liveness


def client_at(now: datetime, database: Database, alive: Liveness) -> Client:
    settings = scene.settings_of()
    source = HistoryReader(lambda: settings, database, lambda: now)
    return Client(application(source, HttpSettings(), token=None, alive=lambda: alive))


def test_a_snooze_that_is_over_is_said_to_be(database: Database, alive: Liveness) -> None:
    alerts, until = AlertRecords(database), scene.NOW + scene.DAY
    new = NewAlert(key="org:production", kind="org", severity=Severity.WARNING, title="x", text="x", org="production")
    told, _ = alerts.open(new, scene.NOW)
    alerts.snooze(told.id, until=until, actor=Actor("Robin"), reason="Friday", now=scene.NOW)

    def shown(now: datetime) -> str:
        return said(page(client_at(now, database, alive), f"/alerts/{told.id}"))

    assert "which is over" not in shown(scene.NOW)
    assert "which is over, by Robin: Friday" in shown(until)
