"""Who hears of a credential, and who is said to see to it: its own channels, its org's, or all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.errors import StoreUnavailable
from rotator.services.alerting import catalog, drift_alerts
from rotator.services.alerting.rules import OWNER
from tests.unit.services.alerting.every_kind import tried
from tests.unit.services.alerting_bench import NOW, AlertingBench, bench_of, holds, settings_with

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

ERROR = StoreUnavailable("The store is away.", hint="Start it.")


def owned(database: Database, *, org: dict[str, object] | None = None, **credential: object) -> AlertingBench:
    """Channels ops and crm, of which crm hears of the sandbox only; production and billing with these of their own."""
    settings = settings_with("ops: {}\ncrm: {orgs: [sandbox]}")
    orgs = {**settings.orgs, "production": settings.orgs["production"].model_copy(update=org or {})}
    credentials = {"billing": settings.credentials["billing"].model_copy(update=credential)}
    return bench_of(settings.model_copy(update={"orgs": orgs, "credentials": credentials}), database)


@pytest.mark.parametrize(
    ("org", "credential", "told"),
    [
        ({}, {}, "ops"),
        ({}, {"notify": ("crm",)}, "crm"),
        ({"notify": ("crm",)}, {}, "crm"),
        ({"notify": ("crm",)}, {"notify": ("ops",)}, "ops"),
    ],
)
def test_who_is_named_hears_of_a_credential_and_its_certificate(
    database: Database, org: dict[str, object], credential: dict[str, object], told: str
) -> None:
    at = owned(database, org=org, **credential)
    at.alerting.problem(drift_alerts.drift("billing", "production", "Billing", None), NOW)
    assert set(at.owed()) == {told}
    at.sees([holds("Billing", 5)], NOW)
    assert set(at.owed()) == {told}


def test_of_what_is_about_no_credential_everybody_hears_as_before(database: Database) -> None:
    at = owned(database, notify=("crm",))
    at.alerting.problem(catalog.unreadable_store("keys", ERROR, tried("keys")), NOW, failures=3)
    assert set(at.owed()) == {"ops", "crm"}


def test_an_owner_is_among_the_facts_of_what_is_about_his(database: Database) -> None:
    at = owned(database, org={"owner": "CRM team"})
    at.alerting.problem(drift_alerts.drift("billing", "production", "Billing", None), NOW)
    assert at.open()["drift:billing"].facts[OWNER] == "CRM team"
    mine = owned(database, org={"owner": "CRM team"}, owner="Ada")
    mine.alerting.problem(drift_alerts.drift("billing", "production", "Billing", None), NOW)
    assert mine.open()["drift:billing"].facts[OWNER] == "Ada"
    mine.alerting.problem(catalog.unreadable_store("keys", ERROR, tried("keys")), NOW, failures=3)
    assert OWNER not in mine.open()["store:keys"].facts
