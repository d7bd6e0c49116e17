"""An external client app's certificate is replaced in whatever form it comes back, or does not, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from lxml import etree

from rotator.core.credentials import Fingerprint
from rotator.errors import OrgError, OrgUnavailable
from rotator.salesforce.apps.org_apps import OrgApps
from rotator.simulator.metadata.types.registry import TYPES
from rotator.simulator.org.components import to_xml
from rotator.simulator.org.schema.external_client_app import (
    EXTERNAL_CLIENT_APPLICATION,
    GLOBAL_OAUTH_SETTINGS,
    OAUTH_POLICIES,
)
from rotator.simulator.org.schema.field import LAST_API_VERSION
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.wire.faults import Effect, Fault, Kind

if TYPE_CHECKING:
    from rotator.simulator.org.external_apps import ExternalApp
    from rotator.simulator.org.org import Org

SETTINGS = GLOBAL_OAUTH_SETTINGS.name
ROBOT = "robot@rotator.example"


@pytest.fixture
def shipping(production: Org, pair: Any) -> ExternalApp:
    """An app with a certificate, as Setup makes one."""
    return production.add_external_app("Shipping", certificate=pair.certificate, username=ROBOT, private_key=pair.key)


@pytest.fixture
def before(pair: Any) -> Fingerprint:
    return Fingerprint(pair.certificate.fingerprint)


@pytest.mark.parametrize("form", ["bare", "lines", "pem"])
def test_a_certificate_is_replaced_in_whatever_form_it_comes_back(
    form: Any, production: Org, apps: OrgApps, shipping: ExternalApp, before: Fingerprint, other_pair: Any
) -> None:
    production.settings = replace(production.settings, external_certificate_form=form)
    seen = apps.read("Shipping")
    assert seen is not None
    assert (seen.kind, seen.client_id, seen.fingerprint) == ("ExternalClientApplication", shipping.client_id, before)
    assert not seen.hides_certificate
    after = apps.replace_certificate("Shipping", other_pair.certificate, expecting=before)
    assert after.certificate == other_pair.certificate == shipping.live_certificate


def test_where_it_does_not_come_back_it_is_replaced_all_the_same_and_said_to_be_hidden(
    production: Org, apps: OrgApps, shipping: ExternalApp, other_pair: Any
) -> None:
    production.settings = replace(production.settings, external_certificate_returned="never")
    seen = apps.read("Shipping")
    assert seen is not None
    assert (seen.certificate, seen.hides_certificate) == (None, True)
    after = apps.replace_certificate("Shipping", other_pair.certificate, expecting=None)
    assert (after.certificate, after.hides_certificate) == (None, True)
    assert shipping.live_certificate == other_pair.certificate


def test_what_has_shown_its_certificate_once_and_shows_none_holds_none(
    production: Org, apps: OrgApps, shipping: ExternalApp, before: Fingerprint, other_pair: Any
) -> None:
    assert apps.read("Shipping")
    production.faults.add(Fault(Kind.SOAP_UPDATE, Effect.LOSE_CERTIFICATE))
    with pytest.raises(OrgError, match="took the new certificate of Shipping, but the app holds no certificate"):
        apps.replace_certificate("Shipping", other_pair.certificate, expecting=before)
    seen = apps.read("Shipping")
    assert seen
    assert not seen.hides_certificate
    assert shipping.live_certificate is None


def told(org: Org, app: ExternalApp) -> dict[str, str]:
    """All that the org says of an app, by type, without its certificate."""
    names = {EXTERNAL_CLIENT_APPLICATION.name: app.name} | {type_: each.name for type_, each in app.satellites.items()}
    found = {}
    for type_, name in names.items():
        component = TYPES[type_].read(org, name)
        element = etree.Element("component")
        to_xml({**(component or {}), "certificate": None}, element, LAST_API_VERSION, TYPES[type_].schema)
        found[type_] = etree.tostring(element).decode()
    return found


def test_nothing_else_of_the_app_is_changed(
    production: Org, apps: OrgApps, shipping: ExternalApp, before: Fingerprint, other_pair: Any
) -> None:
    was = told(production, shipping)
    apps.replace_certificate("Shipping", other_pair.certificate, expecting=before)
    assert len(was) == 5
    assert shipping.client_id in was[SETTINGS]
    assert told(production, shipping) == was
    assert production.calls[Kind.SOAP_UPDATE] == 1


def test_satellites_are_found_by_the_app_that_they_name(
    production: Org, apps: OrgApps, pair: Any, other_pair: Any
) -> None:
    """The names of the two are the wrong way round."""
    made = {}
    for app, own_name, held in (("One", "Two_glbloauth", pair), ("Two", "One_glbloauth", other_pair)):
        made[app] = production.add_external_app(app, certificate=held.certificate)
        made[app].satellites[SETTINGS].name = own_name
    one, two = apps.read_all(["One", "Two"])
    assert one
    assert two
    assert (one.full_name, one.client_id, one.certificate) == ("One", made["One"].client_id, pair.certificate)
    assert (two.full_name, two.client_id, two.certificate) == ("Two", made["Two"].client_id, other_pair.certificate)


def test_what_was_looked_for_once_is_read_in_one_call(production: Org, apps: OrgApps) -> None:
    for number in range(25):
        production.add_external_app(f"App_{number}").satellites[SETTINGS].name = f"settings_{-number}"
    apps.read_all(["App_3", "Billing"])
    production.calls.clear()
    apps.read_all(["App_3", "Billing"])
    assert (production.calls[Kind.SOAP_LIST], production.calls[Kind.SOAP_READ]) == (0, 2)


def test_settings_that_are_newer_than_the_list_are_found(production: Org, apps: OrgApps, shipping: ExternalApp) -> None:
    settings = shipping.satellites.pop(SETTINGS)
    seen = apps.read("Shipping")
    assert seen
    assert seen.component is None
    shipping.satellites[SETTINGS] = settings
    production.calls.clear()
    found = apps.read("Shipping")
    assert found
    assert found.client_id == shipping.client_id
    assert production.calls[Kind.SOAP_LIST] == 1


def test_a_name_that_two_apps_have_is_asked_about(production: Org, apps: OrgApps, other_pair: Any) -> None:
    production.add_external_app("Billing", certificate=other_pair.certificate)
    with pytest.raises(OrgError, match="has two apps Billing: a connected app and an external client app") as caught:
        apps.read("Billing")
    assert "{name: Billing, kind: external_client_app}" in caught.value.hint


@pytest.mark.parametrize(("kind", "type_"), [("connected_app", "ConnectedApp"), ("external_client_app", SETTINGS)])
def test_the_kind_that_the_configuration_says_decides(
    kind: str, type_: str, production: Org, open_session: Any, other_pair: Any
) -> None:
    production.add_external_app("Billing", certificate=other_pair.certificate)
    told = OrgApps(open_session(production), kinds={"billing": kind})
    found = told.read("Billing")
    assert found
    assert found.component
    assert found.component.metadata_type == type_


def test_a_certificate_that_somebody_changed_meanwhile_is_left_alone(
    production: Org, apps: OrgApps, shipping: ExternalApp, before: Fingerprint, other_pair: Any
) -> None:
    assert apps.read("Shipping")
    production.put_certificate("Shipping", other_pair.certificate)
    with pytest.raises(OrgError, match="as before: somebody changed it meanwhile"):
        apps.replace_certificate("Shipping", production.app("Billing").live_certificate, expecting=before)  # type: ignore[arg-type] # it has one
    assert shipping.live_certificate == other_pair.certificate
    assert production.calls[Kind.SOAP_UPDATE] == 0


@pytest.mark.parametrize("returned", ["always", "never"])
def test_another_field_that_changes_meanwhile_stops_the_write_whether_the_certificate_is_shown_or_not(
    production: Org, apps: OrgApps, shipping: ExternalApp, before: Fingerprint, other_pair: Any, returned: Any
) -> None:
    production.settings = replace(production.settings, external_certificate_returned=returned)
    assert apps.read("Shipping")
    shipping.satellites[SETTINGS].component["isPkceRequired"] = "false"
    with pytest.raises(OrgUnavailable, match="isPkceRequired: true -> false"):
        apps.replace_certificate("Shipping", other_pair.certificate, expecting=before if returned == "always" else None)
    assert production.calls[Kind.SOAP_UPDATE] == 0


def test_another_field_that_came_back_changed_is_told(
    production: Org, apps: OrgApps, shipping: ExternalApp, other_pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    production.settings = replace(production.settings, external_certificate_returned="never")
    put = type(shipping).put_satellite

    def meddling(app: Any, satellite: Any, component: Any, *rest: Any) -> None:
        put(app, satellite, {**component, "isPkceRequired": "false"}, *rest)

    monkeypatch.setattr(type(shipping), "put_satellite", meddling)
    with pytest.raises(OrgError, match="other fields changed: isPkceRequired: true -> false") as caught:
        apps.replace_certificate("Shipping", other_pair.certificate, expecting=None)
    assert "was taken" in caught.value.effect


def test_an_app_without_oauth_settings_has_no_place_for_a_certificate(
    apps: OrgApps, shipping: ExternalApp, pair: Any
) -> None:
    shipping.satellites.clear()
    seen = apps.read("Shipping")
    assert seen
    assert (seen.client_id, seen.certificate, seen.hides_certificate) == ("", None, False)
    with pytest.raises(OrgError, match="Shipping in the org production has no OAuth settings") as caught:
        apps.replace_certificate("Shipping", pair.certificate, expecting=None)
    assert "External Client App Manager" in caught.value.hint


def test_a_satellite_that_names_another_app_by_now_is_looked_for_again(
    production: Org, apps: OrgApps, shipping: ExternalApp, other_pair: Any
) -> None:
    assert apps.read("Shipping")
    other = production.add_external_app("Other", certificate=other_pair.certificate)
    ours, theirs = shipping.satellites[SETTINGS], other.satellites[SETTINGS]
    ours.name, theirs.name = theirs.name, ours.name
    seen = apps.read("Shipping")
    assert seen
    assert (seen.client_id, seen.certificate) == (shipping.client_id, shipping.live_certificate)


def test_a_consumer_secret_is_neither_kept_nor_sent(
    production: Org, apps: OrgApps, shipping: ExternalApp, before: Fingerprint, other_pair: Any
) -> None:
    production.settings = replace(production.settings, external_secrets_readable=True)
    assert shipping.consumer
    secret = shipping.consumer.pair.secret.reveal()
    assert secret in told(production, shipping)[SETTINGS], "the org would show it"
    seen = apps.read("Shipping")
    assert seen
    assert secret not in str(seen.fields())
    apps.replace_certificate("Shipping", other_pair.certificate, expecting=before)
    assert shipping.consumer.pair.secret.reveal() == secret


CAUSES: Final = {
    "a wrong name": (OrgSettings(), "Shiping", "", "has no app Shiping", "Did you mean `Shipping`?"),
    "another kind": (
        OrgSettings(),
        "Shipping",
        "connected_app",
        "Shipping in the org production is no connected app",
        "Change or leave out its `kind`",
    ),
    "a type that the user may not list": (
        OrgSettings(hidden_types=("ExternalClientApplication", SETTINGS)),
        "Shipping",
        "",
        "does not list external client apps to the program's user, and what `apps` names may be among them",
        "permission",
    ),
    "a type that the user may not list, which is said": (
        OrgSettings(hidden_types=("ExternalClientApplication", SETTINGS)),
        "Shipping",
        "external_client_app",
        "does not list external client apps to the program's user, and what `apps` names may be among them",
        "permission",
    ),
    "an app of Setup that the Metadata API does not know": (
        OrgSettings(external_apps_of_setup_shown=False),
        "Shipping",
        "",
        "has no app Shipping",
        "Some orgs do not show the Metadata API an external client app that was made in Setup",
    ),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_why_an_app_is_not_shown_is_said(production: Org, open_session: Any, pair: Any, cause: str) -> None:
    settings, name, kind, sentence, hint = CAUSES[cause]
    production.add_external_app("Shipping", certificate=pair.certificate)
    production.settings = settings
    told = OrgApps(open_session(production), kinds={name.casefold(): kind} if kind else {})
    assert told.read(name) is None
    error = told.absent(name)
    assert sentence in error.message
    assert hint in error.hint
    assert "shipping" not in error.message, "an org's own spelling"


def admission(apps: OrgApps, name: str) -> str:
    app = apps.read(name)
    assert app
    return str(apps.admission(app))


def test_who_may_log_in_through_an_app_of_either_kind_says_its_own_policies(
    production: Org, apps: OrgApps, shipping: ExternalApp
) -> None:
    assert admission(apps, "Shipping") == "Through Shipping users may log in by the profile Robot."
    assert admission(apps, "Rotator") == "Through Rotator users may log in by the profile Robot."
    policies = shipping.satellites[OAUTH_POLICIES.name].component
    policies |= {"commaSeparatedProfile": "", "commaSeparatedPermissionSet": "One, Two"}
    assert admission(apps, "Shipping").endswith("by the permission set One and the permission set Two.")
    policies["permittedUsersPolicyType"] = "AllSelfAuthorized"
    assert admission(apps, "Shipping") == "Through Shipping each user may log in who has approved it."
    production.settings = OrgSettings(hidden_types=(OAUTH_POLICIES.name,))
    assert admission(apps, "Shipping") == "None"
