"""What people are told of a rotation that stopped while no service was at it: by a command, or in a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.core.actor import Actor
from rotator.core.lifecycle.states import CredentialState
from rotator.core.logins import LoginOutcome
from rotator.errors import OrgUnavailable
from rotator.history.alerts.alerts import AlertRecords
from rotator.services.alerting.kinds import EXPIRY, HALTED, REFUSED, UNSTORED
from rotator.services.inventory.remarks import remark_on
from rotator.services.reporting.reader import HistoryReader
from rotator.services.rotation.requests import Request
from tests.contract.surfaces.asking import Surfaces
from tests.contract.surfaces.gone import lost_after, stored
from tests.contract.surfaces.lives import (
    ONE,
    PAIR,
    halted_after_the_upload,
    halted_on_the_way_back,
    halted_unproven,
    refuse,
)
from tests.unit.services.bench import FINISH
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.alert import Alert
    from rotator.history.engine.database import Database

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


def login_refused(one: CycleBench) -> None:
    """Before anything is changed current's key is refused, and the certificate is valid for a year."""
    stored(one)
    one.bench.refuses = refuse(LoginOutcome.CONFIGURATION)
    one.bench.handle()


def told(database: Database, live: Callable[[CycleBench], None], apps: str) -> tuple[Surfaces, dict[str, Alert]]:
    """The open alerts of the credential by their kinds, once its org was looked at."""
    one = cycle_bench(database, apps=apps)
    live(one)
    surfaces = Surfaces(one)
    surfaces.look()
    name = one.bench.credential
    return surfaces, {each.kind: each for each in AlertRecords(database).open_alerts() if each.credential == name}


@pytest.mark.parametrize("live", [halted_after_the_upload, halted_unproven, login_refused])
def test_a_halt_is_an_alert_with_the_advice_of_the_halt_whoever_began_the_rotation(
    database: Database, live: Callable[[CycleBench], None]
) -> None:
    surfaces, alerts = told(database, live, PAIR)
    status, alert = surfaces.status(), alerts[HALTED]
    assert status.state is CredentialState.HALTED
    assert status.life.halt
    assert alert.text == status.life.halt.why
    assert not status.life.halt.hint or status.life.halt.hint in alert.to_do
    assert ("goes on" in alert.meanwhile) == status.life.is_half_done


def test_a_halt_ends_as_an_alert_when_current_is_accepted(database: Database) -> None:
    surfaces, alerts = told(database, login_refused, ONE)
    assert HALTED in alerts
    surfaces.one.bench.refuses = lambda _: None
    surfaces.one.bench.handle(FINISH)
    surfaces.one.bench.handle()
    surfaces.look()
    assert AlertRecords(database).open_alerts() == []


def test_of_refused_consumers_people_read_what_stopped_and_what_to_do_about_it(database: Database) -> None:
    surfaces, alerts = told(database, halted_on_the_way_back, ONE)
    status, alert = surfaces.status(), alerts[REFUSED]
    assert status.life.halt
    assert alert.text == status.life.halt.why
    assert alert.to_do.startswith(status.life.halt.hint)
    assert alert.since == status.life.refused_since


def test_where_currents_certificate_is_back_already_nobody_is_told_to_put_it_back(database: Database) -> None:
    surfaces, alerts = told(database, halted_on_the_way_back, ONE)
    (alert,), status = alerts.values(), surfaces.status()
    remark = remark_on(status, surfaces.one.bench.time)
    for to_do in (alert.to_do, remark.hint if remark else ""):
        assert "`rotate restore billing` proves" in to_do
        assert "puts the certificate" not in to_do


def test_what_a_command_stopped_at_is_not_said_to_go_on_before_it_does(database: Database) -> None:
    _, alerts = told(database, halted_on_the_way_back, ONE)
    assert "when it next takes the inventory of production" in alerts[REFUSED].meanwhile


def test_a_rotation_that_a_person_has_ended_is_not_said_to_go_on(database: Database) -> None:
    surfaces, alerts = told(database, halted_on_the_way_back, ONE)
    one = surfaces.one
    one.bench.refuses = lambda _: None
    one.bench.handle(Request("restore", Actor("alex")))
    one.cycle.evaluate()
    (alert,) = (each for each in AlertRecords(database).open_alerts() if each.id == alerts[REFUSED].id)
    assert alert.title == "Consumers of billing in production log in again"
    assert "goes on" not in alert.meanwhile
    assert alert.again_at is None


@pytest.mark.parametrize(("apps", "also"), [(ONE, {REFUSED}), (PAIR, set())], ids=["one app", "two apps"])
def test_a_store_that_is_gone_meanwhile_is_told_too_and_nobody_is_told_to_make_a_key(
    database: Database, apps: str, also: set[str]
) -> None:
    surfaces, alerts = told(database, lost_after(halted_after_the_upload), apps)
    assert set(alerts) - {EXPIRY} == {UNSTORED} | also
    assert "Bring the store back" in alerts[UNSTORED].to_do
    for _ in range(2):
        surfaces.one.work()
        surfaces.look()
        now_told = AlertRecords(database).open_alerts()
        assert {alert.kind for alert in now_told} - {EXPIRY} == {UNSTORED} | also
        assert not any("enroll" in alert.to_do and "not enroll" not in alert.to_do for alert in now_told)


def test_the_page_names_who_is_refused_although_another_alert_of_the_credential_is_open(database: Database) -> None:
    one = cycle_bench(database, apps=ONE)
    stored(one, days=5)
    surfaces = Surfaces(one)
    surfaces.look()
    old = one.bench.current
    one.bench.on_write = lambda _: setattr(one.bench, "refuses", refuse(LoginOutcome.TRANSIENT, but=old))
    one.bench.handle()
    overview = HistoryReader(lambda: one.bench.settings, database, one.bench.now).overview()
    assert [alert.kind for alert in overview.pressing] == ["expiry"]
    assert [each.credential for each in overview.unmentioned] == [one.bench.credential]


@pytest.mark.parametrize(
    ("live", "apps", "kind"), [(halted_after_the_upload, ONE, REFUSED), (login_refused, PAIR, HALTED)]
)
def test_a_halt_is_told_also_while_its_org_is_away(
    database: Database, live: Callable[[CycleBench], None], apps: str, kind: str
) -> None:
    one = cycle_bench(database, apps=apps)
    live(one)
    one.outside.org_fails = OrgUnavailable("The org is away.", hint="Wait.")
    Surfaces(one).look()
    assert kind in {alert.kind for alert in AlertRecords(database).open_alerts()}


def test_that_consumers_are_refused_is_told_at_once_where_the_service_cannot_go_on(database: Database) -> None:
    one = cycle_bench(database, apps=ONE)
    halted_after_the_upload(one)
    since = one.context.history.journal.credential_record(one.bench.credential).refused_since
    one.outside.org_fails = OrgUnavailable("The org is away.", hint="Wait.")
    one.cycle.rotate(one.bench.credential)
    [alert] = [each for each in AlertRecords(database).open_alerts() if each.credential]
    assert (alert.kind, alert.refused_since) == (REFUSED, since)
