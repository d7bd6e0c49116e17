"""What is said of an app whose certificate the org does not show: never that it has none, nor that it is expired."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from rotator.cli.output import inventory_table, status_table
from rotator.core import words
from rotator.core.decision.actions import HaltReason
from rotator.core.lifecycle.states import CredentialState
from rotator.core.logins import LoginOutcome
from rotator.core.observed import Kind, ObservedCertificate
from rotator.errors import OrgError
from rotator.salesforce.inventory.reading import ComponentReader
from rotator.salesforce.metadata import MetadataService
from rotator.services.alerting.kinds import DRIFT
from rotator.services.rotation.report import Outcome
from tests.contract.surfaces.asking import Surfaces
from tests.contract.surfaces.external_lives import always_hidden, external, gets_another_consumer_key, hidden
from tests.contract.surfaces.gone import rotated, stored
from tests.contract.surfaces.lives import changed_by_hand, grown_old
from tests.tiers import first_standard
from tests.unit.services.cycle_bench import cycle_bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.history.engine.database import Database
    from tests.unit.services.cycle_bench import CycleBench

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


def printed(surfaces: Surfaces) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        inventory_table.print_scans([surfaces.scan()], surfaces.now)
        status_table.print_statuses([surfaces.status()], surfaces.now)
    return " ".join(out.getvalue().split())


def test_of_a_managed_one_the_stored_version_counts_that_a_login_has_proven(database: Database) -> None:
    one = cycle_bench(database)
    hidden(one, rotated, "Billing")
    surfaces = Surfaces(one)
    surfaces.look()
    status, current = surfaces.status(), one.bench.current
    accepted_at = status.record.accepted_at
    assert accepted_at
    proof = (
        "The org does not show the certificate of Billing; that of the stored key counts: a login with it was accepted"
        f" on {words.moment(accepted_at)}."
    )
    assert proof in printed(surfaces)
    [page] = [line for line in surfaces.page("/credentials") if line["Credential"] == "billing"]
    assert page["State"] == "ok"
    [life] = [life for life in surfaces.scan().certificates if life.seen.app == "Billing"]
    told = inventory_table.as_json(life)
    assert (told["shown"], told["stage"], told["state"], told["not_after"]) == (
        False,
        "current",
        "ok",
        current.certificate.not_after,
    )
    assert told["certificate"]["fingerprint"] == current.fingerprint
    assert told["certificate"]["serial_number"] is None
    [app] = status_table.as_json(status, surfaces.now)["apps"]
    assert (app["app"], app["type"], app["shown"], app["certificate"]) == (
        "Billing",
        "ExternalClientApplication",
        False,
        None,
    )
    assert one.open_kinds() == set()


def changed_before_any_rotation(one: CycleBench) -> None:
    stored(one)
    one.bench.live["Billing"] = one.bench.version("Billing").certificate


@pytest.mark.parametrize("live", first_standard([changed_before_any_rotation, changed_by_hand]))
def test_of_one_that_somebody_changed_it_is_said_that_it_refuses_every_stored_key(
    database: Database, live: Callable[[CycleBench], object]
) -> None:
    one = cycle_bench(database)
    always_hidden(one, live, "Billing")
    report = one.bench.handle()
    assert report.halt is HaltReason.DRIFT
    surfaces = Surfaces(one)
    surfaces.look()
    assert surfaces.status().state is CredentialState.DRIFT
    remark = "The app Billing does not show its certificate, and refuses every stored key."
    assert remark in printed(surfaces)
    assert remark in surfaces.text("/credentials")
    [alert] = one.context.history.alerts.open_alerts(kind=DRIFT)
    assert alert.text == "The app does not show its certificate, and refuses the key of every stored version."
    assert "`rotator adopt billing --key FILE --certificate FILE`" in alert.to_do
    for page in ("/", "/credentials", "/rotations", f"/alerts/{alert.id}"):
        assert surfaces.dead_links(page) == []
    assert "No org has shown it" in surfaces.text(f"/certificates/{one.bench.current.fingerprint}")
    for text in (printed(surfaces), surfaces.text("/credentials"), surfaces.text(f"/alerts/{alert.id}")):
        assert "holds no certificate" not in text


@pytest.mark.parametrize("hides", [False, True])
def test_of_one_with_another_consumer_key_it_is_said_what_gives_consumers_that(
    database: Database, *, hides: bool
) -> None:
    one = cycle_bench(database)
    (hidden if hides else external)(one, gets_another_consumer_key, "Billing")
    surfaces = Surfaces(one)
    surfaces.look()
    remark = (
        "The app Billing has another consumer key by now than is stored with the current version: consumers are"
        " refused, or will be once the org takes the old one no more."
    )
    assert remark in printed(surfaces)
    assert remark in surfaces.text("/credentials")
    [alert] = one.context.history.alerts.open_alerts(kind=DRIFT)
    assert alert.text == remark
    assert alert.to_do.startswith("`rotate now billing` makes a version with the consumer key that the app has.")
    assert ("--replace-unknown" in alert.to_do) is hides
    assert one.bench.handle().outcome is Outcome.ROTATED
    surfaces.look()
    assert surfaces.status().state is CredentialState.OK
    assert one.open_kinds() == set()


def test_what_the_last_login_said_of_the_stored_key_is_told(database: Database) -> None:
    one = cycle_bench(database)
    hidden(one, partial(grown_old, days=365), "Billing")
    surfaces = Surfaces(one)
    surfaces.look()
    assert "that of the stored key counts: no login was tried yet." in printed(surfaces)
    fingerprint = one.bench.current.fingerprint

    def tried(outcome: LoginOutcome) -> str:
        one.bench.time += timedelta(hours=1)
        one.context.history.journal.record(
            "verify",
            now=one.bench.time,
            credential="billing",
            version=fingerprint,
            outcome=str(outcome),
            of_current=True,
            by="verify",
        )
        surfaces.look()
        return words.moment(one.bench.time)

    refused_at = tried(LoginOutcome.CONFIGURATION)
    assert f"counts: a login with it was tried, and not accepted, on {refused_at}." in printed(surfaces)
    accepted_at = tried(LoginOutcome.ACCEPTED)
    assert f"counts: a login with it was accepted on {accepted_at}." in printed(surfaces)
    last = tried(LoginOutcome.MISMATCH)
    told = f"counts: a login with it was accepted on {accepted_at}, and the last one, on {last}, was not."
    assert told in printed(surfaces)


@pytest.mark.parametrize("how", first_standard([always_hidden, hidden]))
def test_no_link_to_a_certificate_that_is_not_shown_is_dead(
    database: Database, how: Callable[[CycleBench, Callable[[CycleBench], object], str], None]
) -> None:
    one = cycle_bench(database)
    how(one, rotated, "Billing")
    surfaces = Surfaces(one)
    surfaces.look()
    addresses = {link for page in ("/", "/certificates", "/credentials", "/rotations") for link in surfaces.links(page)}
    certificates = {link for link in addresses if link.startswith("/certificates/")}
    assert f"/certificates/{one.bench.current.fingerprint}" in certificates
    rotations = {link for link in addresses if re.fullmatch("/rotations/.+", link)}
    assert rotations
    for page in ("/", "/certificates", "/credentials", "/rotations", *sorted(rotations)):
        assert surfaces.dead_links(page) == []
    live = surfaces.text(f"/certificates/{one.bench.current.fingerprint}")
    assert "Live in 1 place." in live
    assert ("by no org: this is what the store has of it" in live) == (how is always_hidden)


def test_of_others_it_is_said_how_many_cannot_be_looked_into(database: Database) -> None:
    one = cycle_bench(database)
    rotated(one)
    one.outside.others = [
        ObservedCertificate(org="production", app=app, type=Kind.EXTERNAL_APP) for app in ("Payroll", "acme__Portal")
    ]
    surfaces = Surfaces(one)
    surfaces.look()
    sentence = (
        "production shows 2 external client apps, and no certificate of theirs, though there may be some: Payroll and"
        " acme__Portal."
    )
    assert sentence in printed(surfaces)
    assert sentence in surfaces.text("/orgs/production")
    [sample] = surfaces.metrics()["rotator_org_apps_not_shown"].samples
    assert (sample.labels, sample.value) == ({"org": "production"}, 2)
    lines = [inventory_table.as_json(life) for life in surfaces.scan().certificates if not life.seen.credential]
    assert [(line["state"], line["shown"], line["certificate"]) for line in lines] == [("not shown", False, None)] * 2
    assert one.open_kinds() == set()


def test_an_org_that_shows_no_external_client_apps_to_the_user_names_the_permission(database: Database) -> None:
    one = cycle_bench(database)
    rotated(one)
    reader = ComponentReader("production", MetadataService)  # type: ignore[arg-type] # it reads nothing here
    refused = OrgError("The org production refuses (INVALID_TYPE): not available.", hint="See the org's own words.")
    reader.note_type(Kind.EXTERNAL_APP, "its external client apps", refused)
    one.outside.unread = tuple(reader.unread)
    surfaces = Surfaces(one)
    surfaces.look()
    permission = "View all External Client Apps, view their settings, and edit their policies"
    [problem] = surfaces.scan().problems
    assert "does not show its external client apps" in problem.error.message
    assert permission in problem.error.advice
    text = surfaces.text("/orgs/production")
    assert "The org production does not show its external client apps, which takes the permission" in text
    assert permission in text
    assert one.open_kinds() == {"hidden"}
    one.outside.unread = ()
    surfaces.look()
    assert one.open_kinds() == set()
