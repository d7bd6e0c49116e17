"""Whatever an app is set to comes back from a deployment, and only its certificate is another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings

from rotator.config.settings import WriteMode
from rotator.core.credentials import Fingerprint
from rotator.salesforce.apps.org_apps import OrgApps
from rotator.simulator.org.schema.connected_app import CONNECTED_APP
from rotator.simulator.org.schema.external_client_app import GLOBAL_OAUTH_SETTINGS
from tests.tiers import of_tier
from tests.unit.salesforce.filled import groups
from tests.unit.salesforce.writing.conftest import APP, SETTINGS, World, new_world

if TYPE_CHECKING:
    from rotator.core.crypto.certificates import Certificate


def rotated(world: World, app: str, certificate: Certificate) -> None:
    """As a run replaces the certificate, by a deployment."""
    adapter = OrgApps(world.session(), world.metadata(), writer=world.writer(WriteMode.DEPLOY))
    found = adapter.read(app)
    assert found
    assert found.fingerprint == Fingerprint(world.certificates[0].fingerprint)
    after = adapter.replace_certificate(app, certificate, expecting=found.fingerprint)
    assert after.certificate == certificate
    assert after.client_id == found.client_id


def read(world: World, metadata_type: str, name: str) -> dict[str, object]:
    """All that the org tells of it, but for the certificate."""
    [component] = world.metadata().read(metadata_type, [name])
    assert component
    component.drop("oauthConfig", "certificate")
    component.drop("certificate")
    return component.fields()


@settings(max_examples=of_tier(8, thorough=25), deadline=None)
@given(groups(CONNECTED_APP))
def test_a_connected_app(component: dict[str, Any]) -> None:
    world = new_world()
    world.org.add_app("Any", certificate=world.certificates[0], component=component)
    before = read(world, APP, "Any")
    rotated(world, "Any", world.certificates[1])
    assert read(world, APP, "Any") == before
    assert world.org.app("Any").live_certificate == world.certificates[1]


@settings(max_examples=of_tier(8, thorough=25), deadline=None)
@given(groups(GLOBAL_OAUTH_SETTINGS))
def test_an_external_client_app(component: dict[str, Any]) -> None:
    world = new_world()
    app = world.org.external_app("Shipping")
    app.satellites[SETTINGS].component = {**component, "externalClientApplication": "Shipping"}
    others = {name: dict(each.component) for name, each in app.satellites.items() if name != SETTINGS}
    before = read(world, SETTINGS, "Shipping_glbloauth")
    rotated(world, "Shipping", world.certificates[1])
    assert read(world, SETTINGS, "Shipping_glbloauth") == before
    assert {name: dict(each.component) for name, each in app.satellites.items() if name != SETTINGS} == others
    assert world.live(SETTINGS) == 1
