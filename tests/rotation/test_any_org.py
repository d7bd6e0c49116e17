"""Whatever an org is like of which nothing is known, a rotation ends well, or stops where nobody is locked out.

All pairs of values of what Salesforce's documents leave open, or differs between orgs, are tried with each kind of app,
in the standard tier in every second of the orgs that this takes; it is printed how many there were, and how the
rotations ended.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import fields, replace
from itertools import combinations, product
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.errors import RotatorError
from rotator.services.rotation.report import Outcome
from rotator.simulator.org.settings import OrgSettings, Refusal
from tests.pairs import all_pairs
from tests.rotation.lineups import CONNECTED, EXTERNAL, MIXED, Lineup
from tests.rotation.scenarios import OF_HIDDEN_PAIRS, REPLACE, one_app, replaced
from tests.rotation.watching import Failing, Promises, Scenario, handle
from tests.tiers import more_in_thorough, of_tier, rows_standard_first

if TYPE_CHECKING:
    from tests.rotation.ground import Ground

WRONG_KEY: Final = {"signature": Refusal("invalid_client", "invalid client credentials")}
UNKNOWN: Final[dict[str, tuple[Any, ...]]] = {
    "propagation_seconds": (0.0, 20.0),
    "flap_probability": (0.0, 0.5),
    "omitted_elements": ("clear", "keep"),
    "out_of_order_elements": ("ignore", "accept", "refuse"),
    "out_of_order_in_files": ("ignore", "accept", "refuse"),
    "deploy_seconds": (0.0, 20.0),
    "deploy_work_seconds": (0.0, 20.0),
    "deploy_without_tests": ("accept", "refuse"),
    "empty_certificate": ("clear", "keep"),
    "new_external_app_seconds": (0.0, 172_860.0),
    "limit_answer": ("fault", "errors"),
    "sessions_end_with_change": (False, True),
    "external_certificate_returned": ("always", "with_secret_access", "never"),
    "external_certificate_form": ("bare", "lines", "pem"),
    "external_secrets_readable": (False, True),
    "external_consumer_key_given": ("ignore", "refuse"),
    "external_apps_updatable": (True, False),
    "external_settings_alone": ("refuse", "accept"),
    "external_names": (
        OrgSettings().external_names,
        {name: f"AppOf{{app}}{number}" for number, name in enumerate(OrgSettings().external_names)},
    ),
    "external_apps_of_setup_shown": (True, False),
    "external_apps_on_generic_hosts": (False, True),
    "external_refusals": ({}, WRONG_KEY),
    "refusals": ({}, WRONG_KEY),
    "hidden_types": (
        (),
        ("ExternalClientApplication",),
        ("ExtlClntAppGlobalOauthSettings",),
        ("ConnectedApp",),
        ("DeployRequest",),
    ),
    "hidden_type_code": ("INVALID_TYPE", "INSUFFICIENT_ACCESS"),
    "reject_expired_certificate": (False, True),
    "longest_exp_seconds": (None, 300.0),
    "check_order": ((), ("signature", "audience", "expiry", "user")),
    "same_session_for_second_login": (False, True),
    "signature_failure_status": ("Failed: Signature Invalid", None),
    "latest_api_version": (66, 67),
    "rest_api_enabled": (True, False),
    "jwt_tokens_in_soap": (False, True),
}
"""Settings of a simulated org that are open, each with all its values, or with one of each kind."""

HIDING: Final = ("hidden_types", "external_apps_of_setup_shown")
"""With these a rotation may stop before it meets anything else: all pairs of the others are tried without them, too."""

ORGS: Final = [
    *all_pairs(UNKNOWN),
    *all_pairs({name: values for name, values in UNKNOWN.items() if name not in HIDING}),
]
ONE: Final = Scenario("one app", "billing", one_app, handle("billing", REPLACE), replaced, worlds=0)
PAIR: Final = replace(OF_HIDDEN_PAIRS[0], name="a pair")


def test_each_value_of_one_setting_meets_each_of_every_other() -> None:
    assert set(UNKNOWN) <= {field.name for field in fields(OrgSettings)}
    pairs = [*combinations(UNKNOWN, 2)]
    met = {
        (one, str(row[one]), other, str(row[other])) for row in ORGS for one, other in pairs if {one, other} <= {*row}
    }
    each = ((one, a, other, b) for one, other in pairs for a, b in product(UNKNOWN[one], UNKNOWN[other]))
    assert met == {(one, str(a), other, str(b)) for one, a, other, b in each}


@more_in_thorough
@pytest.mark.parametrize(
    ("lineup", "scenario"),
    rows_standard_first([(EXTERNAL, ONE), (MIXED, PAIR), (CONNECTED, ONE)], [(EXTERNAL, ONE)]),
    ids=str,
)
def test_a_rotation_ends_well_or_stops_where_nobody_is_locked_out(
    ground: Ground, lineup: Lineup, scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    orgs = ORGS[:: of_tier(8, thorough=1)]
    ended = Counter(rotated_in(ground, lineup, scenario, OrgSettings(**each)) for each in orgs)
    count = ", ".join(f"{ended[how]} {how}" for how in sorted(ended))
    with capsys.disabled():
        sys.stdout.write(f"\n{scenario}, {lineup}: {len(orgs)} orgs, {count}\n")
    assert ended[Outcome.ROTATED] > len(orgs) / 2
    assert ended.total() == len(orgs)


def rotated_in(ground: Ground, lineup: Lineup, scenario: Scenario, settings: OrgSettings) -> str:
    """How a rotation ended in such an org; one that did not end well is tried again, as a person would."""
    ground.begin(settings, lineup)
    ground.confirmations = 2
    scenario.prepare(ground)
    promises = Promises(ground, scenario)
    promises.check()
    how = run(ground, scenario, promises)
    return how if how == Outcome.ROTATED else run(ground, scenario, promises)


def run(ground: Ground, scenario: Scenario, promises: Promises) -> str:
    watcher = Failing(promises, at=-1, with_effect=False, lasting=False)
    try:
        with ground.program(watcher) as app:
            report = scenario.handle(app)
    except RotatorError as error:
        promises.check()
        assert error.advice, f"{error.message} says nothing of what to do"  # noqa: PT017 - it may also end well
        return type(error).__name__
    promises.check()
    if report.outcome is Outcome.ROTATED:
        scenario.check(ground, report)
    else:
        assert report.hint
    return str(report.outcome)
