"""One trouble is one alert: what becomes of it is told in its thread, until it has ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.severity import Severity
from rotator.errors import LoginRefused, OrgError
from rotator.history.alerts.outbox import OPENED
from rotator.services.rotation.requests import Request
from tests.contract.history.databases import NEW_ALERT
from tests.tiers import longer, thorough
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.core.alert import Alert
    from rotator.core.credentials import Version
    from rotator.history.engine.database import Database

pytestmark = longer

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DUE = 336 * DAY
NOT_APPROVED = LoginAnswer(LoginOutcome.CONFIGURATION, "user hasn't approved this consumer", "Approve the user.")
TROUBLE = "rotation:billing"


@pytest.fixture
def one(database: Database) -> CycleBench:
    """One app, in use, whose certificate was seen, and is due now."""
    found = cycle_bench(database)
    found.bench.use("Billing")
    found.work()
    found.bench.time += DUE
    return found


def refuse_uploads(found: CycleBench) -> None:
    def refuse(_app: str) -> None:
        raise OrgError("The org refuses the upload.", hint="Look at the permissions.")

    found.bench.on_write = refuse


def approve_nobody_after_the_upload(found: CycleBench) -> None:
    """Test logins with a key whose certificate is live prove nothing from then on: a person has to approve the user."""
    old = found.bench.store.staged.current

    def answer(version: Version) -> LoginAnswer | None:
        live = found.bench.live["Billing"]
        return NOT_APPROVED if live and live.fingerprint == version.fingerprint != old else None

    found.bench.refuses = answer


def steps(found: CycleBench, alert: Alert) -> list[str]:
    return [each.step for each in found.context.history.outbox.notifications(alert.id)]


@thorough
def test_that_the_certificate_expires_is_told_in_the_thread_of_why_it_was_not_replaced(one: CycleBench) -> None:
    refuse_uploads(one)
    one.work()
    (alert,) = one.context.history.alerts.open_alerts()
    assert (alert.key, alert.kind, alert.severity) == (TROUBLE, "rotation", Severity.WARNING)
    for _ in range(9):
        one.bench.time += 3 * DAY
        one.work()
    (after,) = one.context.history.alerts.open_alerts()
    assert (after.id, after.severity, after.kind) == (alert.id, Severity.CRITICAL, "attention")
    assert set(steps(one, alert)) == {OPENED, "attention", "14d", "7d", "3d"}
    assert {message.alert.id for message in one.outside.told} == {alert.id}
    assert "; its certificate expires on 2027-01-15, in " in one.outside.told[-1].title


def test_an_expiry_that_people_know_of_becomes_the_trouble_that_shows_why(one: CycleBench) -> None:
    one.cycle.take_inventory("production")
    one.bench.time += 17 * DAY
    one.cycle.take_inventory("production")
    one.cycle.deliver("slack")
    (expiry,) = one.context.history.alerts.open_alerts()
    assert expiry.kind == "expiry"
    refuse_uploads(one)
    one.cycle.rotate("billing")
    one.cycle.deliver("slack")
    (alert,) = one.context.history.alerts.open_alerts()
    assert (alert.id, alert.key, alert.kind, alert.not_after) == (expiry.id, TROUBLE, "rotation", expiry.not_after)
    assert [message.title for message in one.outside.told][-1].startswith(
        "The rotation of billing in production failed"
    )


def test_who_is_refused_is_told_since_when_and_that_they_log_in_again(one: CycleBench) -> None:
    approve_nobody_after_the_upload(one)
    one.work()
    (alert,) = one.context.history.alerts.open_alerts()
    record = one.context.history.journal.credential_record("billing")
    assert (alert.kind, alert.severity, alert.refused_since) == ("refused", Severity.CRITICAL, record.refused_since)
    told = one.outside.told[-1]
    assert told.text.startswith("Consumers that try `current` only are refused since ")
    assert told.at == record.refused_since, "and not since when anybody knew"
    assert "Approve the user." in told.to_do
    assert "`rotate restore billing`" in told.to_do
    one.bench.refuses = lambda _: None
    one.bench.handle(Request(goal="restore", actor=one.context.actor))
    one.cycle.evaluate()
    after = one.context.history.alerts.get(alert.id)
    assert after.refused_since is None
    one.cycle.deliver("slack")
    assert "log in again" in one.outside.told[-1].title
    assert {message.alert.id for message in one.outside.told} == {alert.id}


def test_that_consumers_are_refused_is_told_although_somebody_has_taken_the_trouble_on(one: CycleBench) -> None:
    refuse_uploads(one)
    one.work()
    (alert,) = one.context.history.alerts.open_alerts()
    one.context.history.alerts.acknowledge(alert.id, actor=one.context.actor, reason="I see to it", now=one.bench.time)
    before = len(one.outside.told)
    one.bench.on_write = lambda _: None
    approve_nobody_after_the_upload(one)
    one.bench.time += HOUR
    one.work()
    assert [message.alert.kind for message in one.outside.told[before:]] == ["refused"]


def test_how_a_trouble_ended_well_is_told_once_in_its_thread(one: CycleBench) -> None:
    refuse_uploads(one)
    one.work()
    (alert,) = one.context.history.alerts.open_alerts()
    one.bench.on_write = lambda _: None
    one.bench.time += HOUR
    before = len(one.outside.told)
    one.work()
    (ended,) = one.outside.told[before:]
    assert (ended.alert.id, ended.settles) == (alert.id, True)
    assert "The new key logs in and is current." in ended.text


def test_a_rotation_that_goes_well_is_told_by_itself(one: CycleBench) -> None:
    one.work()
    assert [message.alert.kind for message in one.outside.told] == ["rotated"]


def test_of_an_org_that_refuses_everything_people_are_told_once(one: CycleBench) -> None:
    one.outside.org_fails = LoginRefused("The org refuses the login.", hint="Unlock the user.")
    for _ in range(8):
        one.work()
        one.bench.time += 8 * HOUR
    about_the_org = {message.alert.key for message in one.outside.told if message.alert.kind != "expiry"}
    assert about_the_org == {"org:production"}


def test_what_a_release_before_told_as_a_second_alert_ends(one: CycleBench) -> None:
    old = replace(NEW_ALERT, key="attention:rotate/billing", kind="attention")
    one.context.history.alerts.open(old, one.bench.time)
    one.cycle.evaluate()
    assert one.context.history.alerts.opened(old.key) is None
