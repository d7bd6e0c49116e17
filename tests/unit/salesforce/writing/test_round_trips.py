"""Whatever an app is set to comes back from a deployment, and only its certificate is another."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.config.settings import WriteMode
from rotator.core.credentials import Fingerprint
from rotator.core.secret import Secret
from rotator.salesforce.apps.org_apps import OrgApps
from rotator.simulator.org.schema.connected_app import CONNECTED_APP
from rotator.simulator.org.schema.external_client_app import (
    EXTERNAL_CLIENT_APPLICATION,
    GLOBAL_OAUTH_SETTINGS,
    OAUTH_POLICIES,
    OAUTH_SETTINGS,
    POLICIES,
)
from rotator.testing.versions import MOMENT
from tests.tiers import longer, of_tier
from tests.unit.salesforce.filled import every_field, groups
from tests.unit.salesforce.writing.conftest import APP, ROBOT, SETTINGS, World, new_world

if TYPE_CHECKING:
    from rotator.core.crypto.certificates import Certificate


UNTOUCHED: Final = (OAUTH_SETTINGS, OAUTH_POLICIES, POLICIES)
"""The satellites of an external client app beside the one that holds its certificate."""


def rotated(world: World, app: str, certificate: Certificate, mode: WriteMode = WriteMode.DEPLOY) -> None:
    """As a run replaces the certificate."""
    adapter = OrgApps(world.session(), world.metadata(), writer=world.writer(mode))
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


@longer
@settings(max_examples=of_tier(8, thorough=25), deadline=None)
@given(groups(CONNECTED_APP))
def test_a_connected_app(component: dict[str, Any]) -> None:
    world = new_world()
    world.org.add_app("Any", certificate=world.certificates[0], component=component)
    before = read(world, APP, "Any")
    rotated(world, "Any", world.certificates[1])
    assert read(world, APP, "Any") == before
    assert world.org.app("Any").live_certificate == world.certificates[1]


@longer
@settings(max_examples=of_tier(8, thorough=25), deadline=None)
@given(groups(GLOBAL_OAUTH_SETTINGS))
def test_an_external_client_app(component: dict[str, Any]) -> None:
    world = new_world()
    app = world.org.external_app("Shipping")
    app.satellites[SETTINGS].component = {**component, "externalClientApplication": "Shipping"}
    before = read(world, SETTINGS, "Shipping_glbloauth")
    rotated(world, "Shipping", world.certificates[1])
    assert read(world, SETTINGS, "Shipping_glbloauth") == before
    assert world.live(SETTINGS) == 1


@longer
@pytest.mark.parametrize("mode", [WriteMode.UPDATE, WriteMode.DEPLOY])
@settings(max_examples=of_tier(4, thorough=25), deadline=None)
@given(st.tuples(*map(every_field, (EXTERNAL_CLIENT_APPLICATION, *UNTOUCHED))))
def test_all_else_of_an_external_client_app_stays_as_it_is(mode: WriteMode, parts: tuple[dict[str, Any], ...]) -> None:
    world = new_world()
    app = world.org.external_app("Shipping")
    app.header = parts[0]
    for type_, component in zip(UNTOUCHED, parts[1:], strict=True):
        app.satellites[type_.name].component = {**component, "externalClientApplication": "Shipping"}

    def held() -> object:
        assert app.consumer
        others = [deepcopy(each) for name, each in app.satellites.items() if name != SETTINGS]
        granted = [(grant.app.id, grant.user.username, grant.created_at) for grant in world.org.grants]
        key = app.consumer.pair.key, app.consumer.pair.secret.reveal(), app.consumer.staged
        return deepcopy(app.header), others, key, [each for each in granted if each[0] == app.id]

    world.org.grants.use(app, world.org.users[ROBOT], MOMENT, Secret("any"))
    before = held()
    world.passes(timedelta(hours=1))
    rotated(world, "Shipping", world.certificates[1], mode)
    assert held() == before
    assert world.live(SETTINGS) == 1
