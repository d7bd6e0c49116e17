"""External client apps in the inventory: each by the components that name it, with what the org shows of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.observed import Kind
from rotator.errors import OrgError
from rotator.salesforce.apps.directory import SETTINGS_TYPE
from rotator.salesforce.inventory.org_inventory import inventory
from rotator.salesforce.inventory.satellites import Joined
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.wire.faults import Effect, Fault
from rotator.simulator.wire.faults import Kind as Call

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.observed import ObservedCertificate
    from rotator.salesforce.metadata import MetadataService
    from rotator.salesforce.session import OrgSession
    from rotator.simulator.org.org import Org


@pytest.fixture
def session(production: Org, open_session: Callable[..., OrgSession]) -> OrgSession:
    return open_session(production)


def external(session: OrgSession, metadata: MetadataService | None = None) -> dict[str, ObservedCertificate]:
    entries = inventory(session, metadata).entries
    return {entry.app: entry for entry in entries if entry.kind is Kind.EXTERNAL_APP}


def given(org: Org, **settings: Any) -> None:
    org.settings = replace(org.settings, **settings)


@pytest.mark.parametrize("form", ["bare", "lines", "pem"])
def test_each_is_there_with_its_certificate_whatever_its_form(
    production: Org, session: OrgSession, pair: Any, other_pair: Any, form: str
) -> None:
    given(production, external_certificate_form=form)
    production.add_external_app("Payroll", certificate=pair.certificate)
    production.add_external_app("Ledger", certificate=other_pair.certificate)
    found = external(session)
    assert list(found) == ["Ledger", "Payroll"]
    payroll, app = found["Payroll"], production.external_app("Payroll")
    assert payroll.fingerprint == pair.certificate.fingerprint
    assert found["Ledger"].fingerprint == other_pair.certificate.fingerprint
    assert (payroll.type, payroll.client_id, payroll.is_app) == ("ExternalClientApplication", app.client_id, True)
    assert payroll.last_modified_at
    assert not payroll.is_hidden


def test_components_belong_to_the_app_that_they_name_and_to_none_that_their_name_begins_with(
    production: Org, session: OrgSession, pair: Any, other_pair: Any
) -> None:
    """Two apps whose components have each other's names."""
    for name, other, certificate in (("Pay", "Payroll", pair.certificate), ("Payroll", "Pay", other_pair.certificate)):
        given(production, external_names={**OrgSettings().external_names, SETTINGS_TYPE: f"{other}_glbloauth"})
        production.add_external_app(name, certificate=certificate)
    found = external(session)
    assert found["Pay"].fingerprint == pair.certificate.fingerprint
    assert found["Payroll"].fingerprint == other_pair.certificate.fingerprint


def test_an_app_and_a_connected_app_of_one_name_are_two(
    production: Org, session: OrgSession, pair: Any, other_pair: Any
) -> None:
    production.add_external_app("Billing", certificate=other_pair.certificate)
    held = {entry.kind: entry.fingerprint for entry in inventory(session).entries if entry.app == "Billing"}
    assert held == {Kind.APP: pair.certificate.fingerprint, Kind.EXTERNAL_APP: other_pair.certificate.fingerprint}


@pytest.mark.parametrize("holds_one", [True, False])
def test_a_certificate_that_does_not_come_back_is_hidden_and_not_absent(
    production: Org, session: OrgSession, pair: Any, holds_one: bool
) -> None:
    given(production, external_certificate_returned="never")
    production.add_external_app("Payroll", certificate=pair.certificate if holds_one else None)
    payroll = external(session)["Payroll"]
    assert (payroll.is_hidden, payroll.is_readable, payroll.not_after) == (True, True, None)


def test_an_app_without_components_of_its_own_is_hidden_too(production: Org, session: OrgSession) -> None:
    """As of a package, whose OAuth settings stay with whoever made it."""
    production.add_external_app("acme__Portal").satellites.clear()
    portal = external(session)["acme__Portal"]
    assert portal.is_hidden
    assert portal.last_modified_at


def test_what_the_metadata_api_does_not_show_is_found_by_a_query(
    production: Org, session: OrgSession, pair: Any
) -> None:
    given(production, external_apps_of_setup_shown=False)
    production.add_external_app("Made_In_Setup", certificate=pair.certificate)
    production.add_external_app("Deployed", certificate=pair.certificate).is_of_setup = False
    found = inventory(session)
    entries = {entry.app: entry for entry in found.entries if entry.kind is Kind.EXTERNAL_APP}
    assert (entries["Made_In_Setup"].is_hidden, entries["Deployed"].is_hidden) == (True, False)
    assert found.joined == Joined({"Deployed_glbloauth": "Deployed"}, ("Made_In_Setup",))


def test_an_org_whose_apps_cannot_be_queried_shows_the_others(
    production: Org, session: OrgSession, metadata_of: Callable[[OrgSession], MetadataService], pair: Any
) -> None:
    production.add_external_app("Payroll", certificate=pair.certificate)
    production.faults.add(Fault(Call.DATA, Effect.FAIL, answer="http_502", times=None))
    [unread] = inventory(session, metadata_of(session)).unread
    assert unread.kind is Kind.EXTERNAL_APP
    assert unread.error.transient
    given(production, hidden_types=("ExternalClientApplication",))
    production.faults.clear()
    assert external(session)["Payroll"].fingerprint == pair.certificate.fingerprint


@pytest.mark.parametrize("hidden", [("ExternalClientApplication", SETTINGS_TYPE), (SETTINGS_TYPE,)])
@pytest.mark.parametrize("code", ["INVALID_TYPE", "INSUFFICIENT_ACCESS"])
def test_apps_that_the_user_may_not_see_hide_nothing_else_and_name_the_permission(
    production: Org, session: OrgSession, pair: Any, hidden: tuple[str, ...], code: str
) -> None:
    production.add_external_app("Payroll", certificate=pair.certificate)
    given(production, hidden_types=hidden, hidden_type_code=code)
    found = inventory(session)
    assert [entry.app for entry in found.entries if entry.kind is Kind.APP] == ["Billing", "Rotator"]
    assert not any(entry.is_readable for entry in found.entries if entry.kind is Kind.EXTERNAL_APP)
    [unread] = found.unread
    assert (unread.kind, unread.app) == (Kind.EXTERNAL_APP, "")
    assert unread.error.message.startswith("The org production does not show its external client apps,")
    assert "View all External Client Apps, view their settings, and edit their policies" in unread.error.hint


def test_an_org_without_connected_apps_to_see_is_read_all_the_same(
    production: Org, session: OrgSession, pair: Any
) -> None:
    production.add_external_app("Payroll", certificate=pair.certificate)
    given(production, hidden_types=("ConnectedApp",))
    found = inventory(session)
    assert [entry.app for entry in found.entries] == ["Payroll"]
    assert [unread.kind for unread in found.unread] == [Kind.APP]


def test_an_org_that_shows_apps_of_neither_kind_has_no_inventory(production: Org, session: OrgSession) -> None:
    given(production, hidden_types=("ConnectedApp", "ExternalClientApplication", SETTINGS_TYPE))
    with pytest.raises(OrgError, match="INVALID_TYPE"):
        inventory(session)


def test_one_that_breaks_every_answer_it_is_in_is_alone_and_named(
    production: Org, session: OrgSession, metadata_of: Callable[[OrgSession], MetadataService], pair: Any
) -> None:
    for number in range(12):
        production.add_external_app(f"App_{number:02}", certificate=pair.certificate)
    production.faults.add(
        Fault(Call.SOAP_READ, Effect.FAIL, times=None, answer="unknown_exception", app="App_07_glbloauth")
    )
    metadata = metadata_of(session)
    found = external(session, metadata)
    assert [app for app, entry in found.items() if not entry.is_readable] == ["App_07"]
    assert sum(bool(entry.fingerprint) for entry in found.values()) == 11
    [unread] = inventory(session, metadata).unread
    assert (unread.kind, unread.app) == (Kind.EXTERNAL_APP, "App_07_glbloauth")


def test_one_whose_certificate_is_none_is_named_by_its_app(production: Org, session: OrgSession, pair: Any) -> None:
    production.add_external_app("Payroll", certificate=pair.certificate)
    production.add_external_app("Ledger")
    ledger = production.external_app("Ledger")
    ledger.satellites[SETTINGS_TYPE].component["certificate"] = "bm90aGluZw=="
    found = inventory(session)
    entries = {entry.app: entry for entry in found.entries if entry.kind is Kind.EXTERNAL_APP}
    assert (entries["Ledger"].is_readable, entries["Payroll"].is_readable) == (False, True)
    assert [(unread.kind, unread.app) for unread in found.unread] == [(Kind.EXTERNAL_APP, "Ledger")]


def test_many_are_read_in_few_calls(production: Org, session: OrgSession, pair: Any) -> None:
    for number in range(43):
        production.add_external_app(f"App_{number:02}", certificate=pair.certificate)
    assert len(external(session)) == 43
    assert {call: production.calls[call] for call in (Call.SOAP_LIST, Call.SOAP_READ, Call.DATA)} == {
        Call.SOAP_LIST: 2,
        Call.SOAP_READ: 5 + 1,
        Call.DATA: 1,
    }
