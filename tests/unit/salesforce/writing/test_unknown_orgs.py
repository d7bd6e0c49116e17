"""Whatever is not known of an org, a component is written with nothing but its certificate changed, or not at all."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from itertools import combinations, product
from typing import Any, Final

import pytest

from rotator.config.settings import WriteMode
from rotator.errors import OrgError
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.pairs import all_pairs
from tests.tiers import longer, rows_standard_first
from tests.unit.salesforce.writing.conftest import APP, SETTINGS, World, new_world

pytestmark = longer

UNKNOWN: Final[dict[str, tuple[Any, ...]]] = {
    "omitted_elements": ("clear", "keep"),
    "empty_certificate": ("clear", "keep"),
    "out_of_order_elements": ("ignore", "accept", "refuse"),
    "out_of_order_in_files": ("ignore", "accept", "refuse"),
    "deploy_seconds": (0.0, 45.0),
    "deploy_work_seconds": (0.0, 45.0),
    "deploy_without_tests": ("accept", "refuse"),
    "sessions_end_with_change": (False, True),
    "creation_restricted": (True, False),
    "external_certificate_returned": ("always", "with_secret_access", "never"),
    "external_certificate_form": ("bare", "lines", "pem"),
    "external_secrets_readable": (False, True),
    "external_consumer_key_given": ("ignore", "refuse"),
    "external_apps_updatable": (True, False),
    "external_settings_alone": ("refuse", "accept"),
    "hidden_types": ((), ("DeployRequest",)),
    "latest_api_version": (66, 67),
}
"""Settings of a simulated org that have to do with how a component is written, each with all its values."""

COMBINATIONS: Final = all_pairs(UNKNOWN)
EACH: Final = [*product(range(len(COMBINATIONS)), [APP, SETTINGS], WriteMode)]


def test_each_value_of_one_setting_meets_each_of_every_other() -> None:
    assert set(UNKNOWN) <= {field.name for field in fields(OrgSettings)}
    met = {(one, row[one], other, row[other]) for row in COMBINATIONS for one, other in combinations(UNKNOWN, 2)}
    wanted = {
        (one, a, other, b) for one, other in combinations(UNKNOWN, 2) for a, b in product(UNKNOWN[one], UNKNOWN[other])
    }
    assert met == wanted
    assert len(COMBINATIONS) < 30


def whole(world: World, metadata_type: str) -> dict[str, object]:
    """All that the org has of the app, but for its certificate."""
    world.org.settings = replace(world.org.settings, external_certificate_returned="never")
    name = "Billing" if metadata_type == APP else "Shipping_glbloauth"
    [component] = world.metadata().read(metadata_type, [name])
    assert component
    component.drop("oauthConfig", "certificate")
    return component.fields()


@pytest.mark.parametrize(("number", "metadata_type", "mode"), rows_standard_first(EACH, EACH[::5]))
def test_it_ends_well_or_changes_nothing(number: int, metadata_type: str, mode: WriteMode) -> None:
    settings = COMBINATIONS[number]
    world = new_world(OrgSettings(**settings))
    component = world.component(metadata_type)
    before = whole(world, metadata_type)
    world.org.settings = OrgSettings(**settings)
    cannot = mode is WriteMode.UPDATE and metadata_type == SETTINGS and not settings["external_apps_updatable"]
    try:
        world.writer(mode).write(component)
    except OrgError:
        assert cannot
    assert world.live(metadata_type) == (0 if cannot else 1)
    assert whole(world, metadata_type) == before
    assert world.log.unended() is None


LOST: Final = {
    "to the call that begins the check": Fault(Kind.SOAP_DEPLOY, Effect.LOSE_ANSWER),
    "to the call that begins the deployment": Fault(Kind.SOAP_DEPLOY, Effect.LOSE_ANSWER, after=1),
    "to all that ask about the check": Fault(Kind.SOAP_STATUS, Effect.LOSE_ANSWER, times=8),
    "to all that ask about the deployment": Fault(Kind.SOAP_STATUS, Effect.LOSE_ANSWER, times=8, after=12),
}
TIMING: Final = ("deploy_seconds", "deploy_work_seconds", "hidden_types")
TIMINGS: Final = [dict(zip(TIMING, values, strict=True)) for values in product(*(UNKNOWN[each] for each in TIMING))]


ANSWERS: Final = [*product(range(len(TIMINGS)), LOST)]


@pytest.mark.parametrize(("number", "answers"), rows_standard_first(ANSWERS, ANSWERS[::5]))
def test_a_lost_answer_is_made_good_by_the_next_run(number: int, answers: str) -> None:
    world, metadata_type = new_world(OrgSettings(**TIMINGS[number])), (APP, SETTINGS)[number % 2]
    component = world.component(metadata_type)
    world.org.faults.add(LOST[answers])
    for _ in range(3):
        held = world.metadata().read(metadata_type, [component.full_name])
        try:
            world.writer().settle([each for each in held if each])
            if world.live(metadata_type) == 0:
                world.writer().write(component)
            break
        except OrgError:
            continue
    found = world.live(metadata_type)
    world.passes(timedelta(days=1))
    assert world.live(metadata_type) == found == 1
