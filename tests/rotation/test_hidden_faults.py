"""What an org that shows no certificates does to a rotation: nothing tells that a write was lost but logins."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.actions import HaltReason
from rotator.core.logins import LoginOutcome
from rotator.errors import OrgError, RotatorError
from rotator.services.rotation.report import Outcome
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.rotation.lineups import HIDDEN, HIDDEN_IN_OTHER_WORDS
from tests.rotation.scenarios import OF_HIDDEN_PAIRS, RESTORE, SCENARIOS
from tests.rotation.test_org_faults import NEVER, PASSING, logs_in
from tests.rotation.watching import handle
from tests.tiers import first_standard, rows_standard_first, standard_first, thorough

if TYPE_CHECKING:
    from rotator.services.rotation.report import Report
    from tests.rotation.ground import Ground
    from tests.rotation.watching import Scenario

ONE, PAIR = SCENARIOS[0], OF_HIDDEN_PAIRS[0]
BOTH = pytest.mark.parametrize("scenario", first_standard([ONE, PAIR]), ids=str)


@pytest.fixture(params=standard_first([HIDDEN, HIDDEN_IN_OTHER_WORDS], [HIDDEN]), ids=str)
def ground(ground: Ground, request: pytest.FixtureRequest) -> Ground:
    ground.begin(lineup=request.param)
    ground.confirmations = 2
    return ground


def run(ground: Ground, scenario: Scenario) -> Report | RotatorError:
    """One process."""
    try:
        with ground.program() as app:
            return scenario.handle(app)
    except RotatorError as error:
        return error


@pytest.mark.parametrize(
    ("scenario", "what"),
    rows_standard_first(product((ONE, PAIR), PASSING), [(ONE, what) for what in [*PASSING][::2]]),
    ids=str,
)
def test_after_a_fault_the_new_key_holds_or_the_old_one_and_the_next_run_ends_well(
    ground: Ground, scenario: Scenario, what: str
) -> None:
    scenario.prepare(ground)
    ground.org.faults.add(*PASSING[what])
    end = run(ground, scenario)
    assert not isinstance(end, RotatorError)
    assert end.outcome in {Outcome.ROTATED, Outcome.REVERTED}
    assert logs_in(ground, ground.current(scenario.credential)) is LoginOutcome.ACCEPTED
    if end.outcome is Outcome.REVERTED:
        end = run(ground, scenario)
        assert not isinstance(end, RotatorError)
    scenario.check(ground, end)


@BOTH
def test_a_new_key_that_never_holds_leaves_the_old_one_in_force(ground: Ground, scenario: Scenario) -> None:
    scenario.prepare(ground)
    old = ground.current(scenario.credential)
    ground.org.settings = replace(ground.lineup.settings, **NEVER)  # type: ignore[arg-type] # seconds
    end = run(ground, scenario)
    assert not isinstance(end, RotatorError)
    assert (end.outcome, end.halt) == (Outcome.REVERTED, HaltReason.REVERTED)
    assert ground.stages(scenario.credential).current == old.fingerprint
    assert logs_in(ground, old) is LoginOutcome.ACCEPTED


@BOTH
def test_a_write_that_the_org_refuses_takes_nothing_from_what_was_proven_before(
    ground: Ground, scenario: Scenario
) -> None:
    scenario.prepare(ground)
    old = ground.current(scenario.credential)
    ground.write, ground.org.settings = "update", replace(ground.lineup.settings, external_apps_updatable=False)
    end = run(ground, scenario)
    assert isinstance(end, OrgError)
    assert end.refused_since is None, "the old key is in force as before, and nothing is to be put back"
    assert logs_in(ground, old) is LoginOutcome.ACCEPTED
    ground.write = "auto"
    end = run(ground, scenario)
    assert not isinstance(end, RotatorError)
    scenario.check(ground, end)


@BOTH
def test_a_deployment_that_the_org_refuses_takes_nothing_from_what_was_proven_before(
    ground: Ground, scenario: Scenario
) -> None:
    scenario.prepare(ground)
    old = ground.current(scenario.credential)
    ground.write, ground.org.settings = "deploy", replace(ground.lineup.settings, largest_certificate_bytes=100)
    end = run(ground, scenario)
    assert isinstance(end, OrgError)
    assert end.refused_since is None, "the old key is in force as before, and nothing is to be put back"
    assert logs_in(ground, old) is LoginOutcome.ACCEPTED
    ground.org.settings = ground.lineup.settings
    end = run(ground, scenario)
    assert not isinstance(end, RotatorError)
    scenario.check(ground, end)


@thorough
@BOTH
def test_an_app_that_never_takes_a_certificate_ends_the_run_and_the_next_one_goes_on(
    ground: Ground, scenario: Scenario
) -> None:
    scenario.prepare(ground)
    old = ground.current(scenario.credential)
    ground.org.faults.add(Fault(Kind.SOAP_UPDATE, Effect.LOSE_CERTIFICATE, times=None))
    end = run(ground, scenario)
    assert end.hint
    assert old.fingerprint in ground.kept(scenario.credential)
    ground.org.faults.clear()
    end = run(ground, scenario)
    assert not isinstance(end, RotatorError)
    if end.outcome is Outcome.HALTED:
        # No stored key is taken, and it is not known why: a person says what is to be there.
        assert "rotate restore" in end.hint
        with ground.program() as app:
            assert handle(scenario.credential, RESTORE)(app).outcome is Outcome.RESTORED
        end = run(ground, scenario)
        assert not isinstance(end, RotatorError)
    scenario.check(ground, end)
