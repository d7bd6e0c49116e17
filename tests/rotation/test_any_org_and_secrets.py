"""Whatever an org is like of which nothing is known, a client secret is rotated, or that stops with nobody locked out.

All pairs of values of what Salesforce's documents leave open, as in test_any_org.py, and of what they leave open of
staged credentials; it is printed how many orgs there were, and how the rotations ended.
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.core.decision.actions import HaltReason
from rotator.errors import RotatorError
from rotator.services.rotation.report import Outcome
from rotator.simulator.org.external_apps import StagedCredentials
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.wire.answers import json_answer
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.pairs import all_pairs
from tests.rotation.lineups import EXTERNAL
from tests.rotation.scenarios import REPLACE, one_app
from tests.rotation.secret_ground import Crash, promises
from tests.rotation.test_any_org import HIDING, UNKNOWN
from tests.rotation.watching import handle
from tests.tiers import more_in_thorough, of_tier

if TYPE_CHECKING:
    from tests.rotation.ground import Ground
    from tests.rotation.secret_ground import SecretGround

OF_SECRETS: Final[dict[str, tuple[Any, ...]]] = {
    **UNKNOWN,
    "external_staged_pairs_log_in": (False, True),
    "external_ended_pairs_shown": (False, True),
    "external_no_second_pair": ("empty_list", "not_found"),
    "external_rotated_pairs_seconds": (0.0, 60.0),
    "external_rotated_keys_sign": (False, True),
}
UNKNOWN_CLIENT: Final = json_answer(
    400, {"error": "invalid_client_id", "error_description": "client identifier invalid"}
)
SHUTS: Final = (*HIDING, "rest_api_enabled")
"""With these an org may have none of its secrets shown: all pairs of the others are tried without them, too."""
ORGS: Final = [
    *all_pairs(OF_SECRETS),
    *all_pairs({name: values for name, values in OF_SECRETS.items() if name not in SHUTS}),
]


@more_in_thorough
def test_a_rotation_ends_well_or_stops_where_nobody_is_locked_out(
    secret_ground: SecretGround, capsys: pytest.CaptureFixture[str]
) -> None:
    orgs = ORGS[:: of_tier(16, thorough=1)]
    ended = Counter(rotated_in(secret_ground, OrgSettings(**each)) for each in orgs)
    count = ", ".join(f"{ended[how]} {how}" for how in sorted(ended))
    with capsys.disabled():
        sys.stdout.write(f"\na client secret: {len(orgs)} orgs, {count}\n")
    assert ended[Outcome.ROTATED] > len(orgs) / 2
    assert ended.total() == len(orgs)


def rotated_in(ground: SecretGround, settings: OrgSettings) -> str:
    """How a rotation ended in such an org; one that did not end well is tried again, as a person would."""
    ground.begin(settings)
    for goal in ("enroll", "replace"):
        ended = asked(ground, goal)
        if ended != Outcome.ROTATED:
            ended = asked(ground, goal)
        if ended != Outcome.ROTATED:
            return ended
    assert ground.stages().pending is None
    assert ground.stages().current == ground.in_use
    return ended


def asked(ground: SecretGround, goal: str) -> str:
    """How a request ended."""
    try:
        report = ground.handle(goal, crash=Crash(check=promises(ground)))
    except RotatorError as error:
        assert error.advice, f"{error.message} says nothing of what to do"  # noqa: PT017 - it may also end well
        return type(error).__name__
    assert report.outcome is Outcome.ROTATED or report.hint
    return str(report.outcome)


@pytest.mark.parametrize(("sign", "days"), [(True, 1), (False, 1), (True, 31)])
def test_a_key_pair_whose_apps_consumer_key_somebody_rotates_gets_the_new_one(
    ground: Ground, *, sign: bool, days: int
) -> None:
    """Also where the org takes the old one no more: then nobody logs in with what is current, and nothing is lost."""
    ground.begin(OrgSettings(external_rotated_keys_sign=sign), EXTERNAL)
    one_app(ground)
    consumer = ground.org.external_app("Billing").consumer
    assert consumer
    pair, now = ground.org.new_key_pair(), ground.clock.now()
    consumer.staged = StagedCredentials(ground.org.next_id("888"), pair, "staged", now)
    consumer.rotate(now)
    ground.clock.time += timedelta(days=days)
    with ground.program() as app:
        report = handle("billing", REPLACE)(app)
    assert report.outcome is Outcome.ROTATED, report
    current = ground.store.stages("billing").current
    assert current
    assert ground.store.read("billing", current).client_id == pair.key


def test_a_consumer_key_that_the_org_does_not_know_is_no_reason_to_go_on_where_it_is_the_apps(ground: Ground) -> None:
    ground.begin(lineup=EXTERNAL)
    one_app(ground)
    before = ground.store.stages("billing")
    ground.org.faults.add(Fault(Kind.TOKEN, Effect.FAIL, times=None, app="Billing", answer=UNKNOWN_CLIENT))
    with ground.program() as app:
        report = handle("billing", REPLACE)(app)
    assert (report.outcome, report.halt) == (Outcome.HALTED, HaltReason.LOGIN_NOT_SET_UP)
    assert ground.store.stages("billing") == before
