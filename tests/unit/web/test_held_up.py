"""The page says what is paused or frozen, until when and why, and when the rotation begins then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.config.daemon import HttpSettings
from rotator.core.actor import Actor
from rotator.history.standstills import Standstills
from rotator.services.reporting.reader import HistoryReader
from rotator.web.routes import application
from tests.unit.web import scene
from tests.unit.web.client import Client
from tests.unit.web.test_pages import page, rows, said

if TYPE_CHECKING:
    from typing import Any

    from rotator.history.engine.database import Database
    from rotator.web.source import Liveness

FREEZE = {"from": "2026-11-01", "until": "2027-02-01", "reason": "year-end"}
CREDENTIALS: dict[str, dict[str, Any]] = {
    "billing": {"org": "production", "apps": ["Billing"]},
    "frozen": {"org": "production", "apps": ["Frozen"], "freezes": [FREEZE]},
    "manual": {"org": "production", "apps": ["Manual"], "mode": "manual"},
    "free": {"org": "production", "apps": ["Free"]},
}


def test_the_page_and_the_metrics_say_what_is_held_up_and_by_whom(database: Database, alive: Liveness) -> None:
    settings = scene.settings_of(credentials=CREDENTIALS)
    for name in CREDENTIALS:
        scene.observe(database, name, scene.sighting("production", name.title(), scene.NOW + 20 * scene.DAY))
    Standstills(database).pause(
        "credential billing", until=None, reason="<b>audit</b>", actor=Actor("ana@crm"), now=scene.NOW
    )
    source = HistoryReader(lambda: settings, database, lambda: scene.NOW)
    client = Client(application(source, HttpSettings(), token=None, alive=lambda: alive))
    document = page(client, "/")
    assert "billing paused by ana@crm until somebody resumes it: <b>audit</b>." in said(document)
    assert "frozen frozen from 2026-11-01 00:00 UTC until 2027-02-01 00:00 UTC: year-end." in said(document)
    next_ones = {row[0]: row[4] for row in rows(document, "What rotator keeps alive")}
    assert next_ones == {
        "billing": "none while it is paused",
        "frozen": "2027-02-01 after a freeze",
        "manual": "by hand, due now",
        "free": "now",
    }
    standing = [
        line for line in client.get("/metrics").text.splitlines() if line.startswith("rotator_credential_standst")
    ]
    assert standing == [
        'rotator_credential_standstill{credential="billing",why="pause"} 1.0',
        'rotator_credential_standstill{credential="frozen",why="freeze"} 1.0',
    ]
