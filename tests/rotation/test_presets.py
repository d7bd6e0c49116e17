"""The program in every kind of org that the simulator offers (`--like`): rotations, the inventory, `check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.core.observed import Kind
from rotator.services.checked import Result
from rotator.services.preflight import checks
from rotator.services.rotation.report import Outcome
from rotator.simulator.serving.presets import PRESETS
from tests.rotation.scenarios import SCENARIOS

if TYPE_CHECKING:
    from tests.rotation.ground import Ground
    from tests.rotation.watching import Scenario

ROTATIONS = {each.name: each for each in SCENARIOS if each.name in {"in place", "alternating"}}


@pytest.fixture(params=sorted(PRESETS))
def like(request: pytest.FixtureRequest, ground: Ground) -> str:
    """The name of each preset in turn; the ground's org is such a one."""
    name: str = request.param
    ground.begin(PRESETS[name].settings)
    if PRESETS[name].has_external_apps:
        ground.org.add_external_app("Shipping", certificate=ground.certificate(ground.new_key()))
    return name


@pytest.mark.parametrize("scenario", ROTATIONS.values(), ids=ROTATIONS)
def test_a_credential_is_rotated(like: str, ground: Ground, scenario: Scenario) -> None:
    assert like
    scenario.prepare(ground)
    before = ground.current(scenario.credential)
    with ground.program() as app:
        report = scenario.handle(app)
    assert report.outcome is Outcome.ROTATED, report
    after = ground.current(scenario.credential)
    assert after.fingerprint != before.fingerprint
    assert ground.live(after.app) == after.fingerprint
    assert ground.history_is_closed(scenario.credential)


def test_the_inventory_finds_every_app_and_what_else_is_there(like: str, ground: Ground) -> None:
    ground.in_use("billing", "Billing")
    ground.org.add_identity_provider("Login", ground.certificate(ground.new_key()))
    with ground.program() as app:
        [scan] = app.scan(app.now())
    assert (scan.failure, like) == (None, like)
    found = {(each.type, each.app) for each in scan.seen if each.fingerprint}
    preset = PRESETS[like]
    is_shown = preset.has_external_apps and preset.settings.external_certificate_returned == "always"
    external = {(Kind.EXTERNAL_APP, "Shipping")} if is_shown else set()
    assert found == {(Kind.APP, "Billing"), (Kind.APP, "Robot"), (Kind.IDENTITY_PROVIDER, "Login")} | external
    assert any(each.is_hidden for each in scan.seen) == (preset.has_external_apps and not is_shown)


def test_the_check_finds_nothing_wrong_with_an_app_and_its_org(like: str, ground: Ground) -> None:
    ground.in_use("billing", "Billing")
    with ground.program() as app:
        # The clock that an answer names is the machine's, and not the one that stands still here.
        told = {
            line.name: line.result
            for line in checks(app)
            if ("billing" in line.name or "production" in line.name) and "clock" not in line.name
        }
    assert told == dict.fromkeys(told, Result.OK), like
    assert len(told) > 4
