"""An org says whether it would take other certificates for apps of both kinds, and is afterwards what it was."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.observed import Kind as Held
from rotator.errors import OrgUnavailable
from rotator.salesforce.apps.app import App
from rotator.salesforce.apps.org_apps import OrgApps
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.unit.salesforce.writing.conftest import World, new_world

if TYPE_CHECKING:
    from rotator.core.crypto.certificates import Certificate

NAMES = ("Billing", "Shipping")


@pytest.fixture
def world() -> World:
    return new_world()


def apps_of(world: World) -> tuple[OrgApps, list[App]]:
    """The apps of the org as a process reads them that starts now."""
    adapter = OrgApps(world.session(), world.metadata())
    return adapter, [app for app in adapter.read_all(NAMES) if app]


def answers(world: World) -> dict[str, str]:
    """What the org says of both apps, in a word."""
    adapter, apps = apps_of(world)
    return {name: each.result for name, each in adapter.acceptances(apps, world.time.now()).items()}


def everything(world: World) -> list[Any]:
    """All that the org has of its apps: components, consumers, certificates, dates."""
    found: list[Any] = []
    for app in (*world.org.apps.values(), *world.org.external_apps.values()):
        slots: list[tuple[Any, Certificate | None]] = [(each.at, each.certificate) for each in app.slot.changes]
        found.append((app.name, app.client_id, app.modified_at, app.modified_by, slots))
    whole = {app.name: deepcopy(app.whole_component()) for app in world.org.apps.values()}
    satellites = {app.name: deepcopy(app.satellites) for app in world.org.external_apps.values()}
    headers = {app.name: deepcopy(app.header) for app in world.org.external_apps.values()}
    return [found, whole, satellites, headers, dict(world.org.features), [*world.org.users]]


@pytest.mark.parametrize("returned", ["always", "never"])
@pytest.mark.parametrize("seconds", [0.0, 10.0])
def test_an_org_that_takes_them_is_what_it_was(world: World, seconds: float, returned: Any) -> None:
    world.org.settings = OrgSettings(deploy_seconds=seconds, external_certificate_returned=returned)
    before = everything(world)
    assert answers(world) == dict.fromkeys(NAMES, "accepted")
    world.passes(timedelta(days=1))
    assert everything(world) == before
    assert [job.options["checkOnly"] for job in world.org.jobs] == [True]
    assert world.org.calls[Kind.SOAP_UPDATE] == 0


def test_the_component_that_is_checked_is_the_one_that_would_be_sent(world: World) -> None:
    adapter, apps = apps_of(world)
    adapter.acceptances(apps, world.time.now())
    [validation] = world.org.jobs
    world.org.put_certificate("Billing", None)
    world.org.put_certificate("Shipping", None)
    validation.result.options = replace(validation.result.options, checkOnly=False)
    validation.result.messages.clear()
    validation.result.perform(validation)
    assert (world.live("ConnectedApp"), world.live("ExtlClntAppGlobalOauthSettings")) == (0, 0)


def test_an_app_without_a_certificate_is_checked_with_one_whose_key_nobody_has(world: World) -> None:
    world.org.put_certificate("Billing", None)
    assert answers(world) == dict.fromkeys(NAMES, "accepted")
    assert world.live("ConnectedApp") is None


def test_one_that_is_refused_is_told_and_the_other_is_not(world: World) -> None:
    adapter, apps = apps_of(world)
    component = apps[0].component
    assert component
    component.put("not a country's address", "contactEmail", after=("contactEmail",))
    component.put("nonsense", "oauthPolicy", "ipRelaxation", after=())
    component.drop("oauthConfig", "callbackUrl")
    component.put(" ", "oauthConfig", "callbackUrl", after=("assetTokenConfig",))
    found = adapter.acceptances(apps, world.time.now())
    assert {name: each.result for name, each in found.items()} == {"Billing": "refused", "Shipping": "accepted"}
    assert found["Billing"].sentence.startswith("The org production refuses Billing as it is deployed: ")


def test_what_cannot_even_be_sent_is_told_without_asking(world: World) -> None:
    adapter, [billing, shipping] = apps_of(world)
    none = App(Held.EXTERNAL_APP, "Empty", "", None, None)
    found = adapter.acceptances([billing, shipping, none], world.time.now())
    assert found["Empty"].result == "refused"
    assert "no place for a certificate" in found["Empty"].sentence
    assert found["Billing"].result == found["Shipping"].result == "accepted"


def test_an_org_that_does_not_come_to_it_is_not_waited_for(world: World) -> None:
    world.org.settings = OrgSettings(deploy_seconds=3600.0)
    adapter, apps = apps_of(world)
    found = adapter.acceptances(apps, world.time.now())
    assert {each.result for each in found.values()} == {"untried"}
    assert isinstance(found["Billing"].untried, OrgUnavailable)
    assert "is not known. The org production did not come to check" in found["Billing"].sentence
    assert world.time.seconds < 45
    assert [job.status for job in world.org.jobs] == ["Canceled"]


@pytest.mark.parametrize("answer", ["http_503", "request_limit_exceeded", "unknown_exception"])
def test_an_org_that_cannot_be_asked_says_nothing_of_its_apps(world: World, answer: str) -> None:
    adapter, apps = apps_of(world)
    world.org.faults.add(Fault(Kind.SOAP_DEPLOY, Effect.FAIL, times=None, answer=answer))
    found = adapter.acceptances(apps, world.time.now())
    assert {each.result for each in found.values()} == {"untried"}


def test_no_app_is_no_deployment(world: World) -> None:
    adapter, _ = apps_of(world)
    assert adapter.acceptances([], world.time.now()) == {}
    assert world.org.calls[Kind.SOAP_DEPLOY] == 0
