"""What is said of an app whose certificate the org does not show: never that it has none, nor that it is expired."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import pytest

from rotator.cli.output import inventory_table, status_table
from rotator.core import words
from rotator.core.observed import Kind, ObservedCertificate
from rotator.errors import OrgError
from rotator.salesforce.inventory.reading import ComponentReader
from rotator.salesforce.metadata import MetadataService
from tests.contract.surfaces.asking import Surfaces
from tests.contract.surfaces.external_lives import hidden
from tests.contract.surfaces.lives import rotated
from tests.unit.services.cycle_bench import cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

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
