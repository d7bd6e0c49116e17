"""What the pages say while a rotation has stopped half-way: who is refused, since when, and what to do."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from rotator.config.daemon import HttpSettings
from rotator.core.alert import NewAlert
from rotator.core.attempts import ROTATE, AttemptRecord
from rotator.core.severity import Severity
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.journal.journal import Journal
from rotator.history.records import NewRotation
from rotator.services.alerting import rotation_alerts
from rotator.services.reporting.reader import HistoryReader
from rotator.web.routes import application
from tests.tiers import longer
from tests.unit.web import scene
from tests.unit.web.client import Client
from tests.unit.web.test_pages import MINUTE, page, rows, said

if TYPE_CHECKING:
    from rotator.history.engine.database import Database
    from rotator.web.source import Liveness

pytestmark = longer


@pytest.fixture
def worst_hour(database: Database, alive: Liveness) -> Client:
    """A person's rotation of billing has halted, and consumers are refused; no alert tells of it yet."""
    settings = scene.company(database)
    journal = Journal(database)
    wanted = NewRotation(
        credential="billing", org="production", strategy="in_place", trigger="manual", actor="alex@laptop"
    )
    begun = journal.begin_rotation(wanted, scene.NOW - 3 * MINUTE)
    record = partial(journal.record, credential="billing", rotation_id=begun.id)
    record("upload_begins", now=scene.NOW - 3 * MINUTE, opens_gap=True)
    record("upload", now=scene.NOW - 3 * MINUTE, app="Billing", version="f" * 64)
    why = "Test logins with the new key prove nothing (user hasn't approved this consumer)."
    record("stopped", now=scene.NOW - MINUTE, error=why, halt="unproven", hint="Approve the user.", needs_person=True)
    source = HistoryReader(lambda: settings, database, lambda: scene.NOW)
    return Client(application(source, HttpSettings(), token=None, alive=lambda: alive))


def test_in_the_worst_hour_the_page_says_who_is_refused_and_what_to_do(worst_hour: Client) -> None:
    document = page(worst_hour, "/")
    line = next(each for each in rows(document, "What rotator keeps alive") if each[0] == "billing")
    assert line[2].startswith("refused needs a person")
    assert "only are refused since 2026-11-23 11:57 UTC (3 minutes)" in line[2]
    assert "user hasn't approved this consumer). Approve the user. Then rotate finish billing goes on" in line[2]
    assert line[4] == "none before a person has seen to it"
    assert line[6].startswith("halted")
    attention = said(document.find(".//section[@aria-labelledby='attention']"))
    assert "The credential billing Consumers that try current only are refused" in attention
    newest = rows(document, "The newest rotations")[0]
    assert (newest[1], newest[3], newest[7]) == ("billing", "halted", "open since 11:57:00 UTC")
    assert rows(document, "What rotator keeps alive")[0][0] == "billing"


def test_who_is_refused_stands_before_what_else_needs_attention(worst_hour: Client, database: Database) -> None:
    expired = NewAlert(
        key="expiry:1", kind="expiry", severity=Severity.CRITICAL, title="Legacy expired", text="It did."
    )
    AlertRecords(database).open(expired, scene.NOW)
    attention = said(page(worst_hour, "/").find(".//section[@aria-labelledby='attention']"))
    assert attention.index("The credential billing") < attention.index("Legacy expired")


def test_who_is_refused_is_so_since_then_on_every_page_and_no_more_once_it_is_over(
    database: Database, alive: Liveness
) -> None:
    since = scene.NOW - timedelta(hours=3)
    alerts = AlertRecords(database)
    new = rotation_alerts.refused(AttemptRecord(ROTATE, "billing"), "production", since, "It stopped.", "Look.")
    alert, _ = alerts.open(new, scene.NOW - timedelta(minutes=1))
    settings = scene.settings_of(("production", "emea", "uat"), scene.COMPANY)
    source = HistoryReader(lambda: settings, database, lambda: scene.NOW)
    client = Client(application(source, HttpSettings(), token=None, alive=lambda: alive))
    for address in ("/", "/alerts", f"/alerts/{alert.id}"):
        assert "are refused since 2026-11-23 09:00 UTC (3 hours)." in said(page(client, address))
    assert "stopped half-way for 3 hours" in said(page(client, "/"))
    assert "Since2026-11-23 09:00 UTC" in said(page(client, f"/alerts/{alert.id}")).replace("Since ", "Since")
    alerts.close(new.key, "It was rotated.", scene.NOW)
    over = said(page(client, f"/alerts/{alert.id}"))
    assert "It was rotated." in over
    assert "are refused since" not in over
    assert "What to do first" not in over
