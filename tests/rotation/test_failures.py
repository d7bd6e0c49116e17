"""Whatever call fails, with or without effect: the run goes on or the next one ends it, and every rule is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from rotator.errors import RotatorError
from rotator.services.rotation.report import Outcome
from tests.rotation.lineups import CONNECTED, HIDDEN, MIXED, OTHER_WORDS, Lineup
from tests.rotation.scenarios import SCENARIOS
from tests.rotation.watching import CHANGES, Failing, Promises, Scenario
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.services.rotation.report import Report
    from tests.rotation.ground import Ground

NAMED: Final = {str(scenario): scenario for scenario in SCENARIOS}


@pytest.mark.parametrize(
    ("lineup", "name", "fewest"),
    [
        (CONNECTED, "in place", 45),
        (CONNECTED, "alternating, compromised", 12),
        (OTHER_WORDS, "in place", 8),
        (MIXED, "alternating, compromised", 12),
        (HIDDEN, "in place", 8),
        pytest.param(HIDDEN, "alternating, back", 8, marks=thorough),
    ],
    ids=str,
)
def test_whatever_call_fails_the_request_ends_at_once_or_when_it_is_repeated(
    ground: Ground, lineup: Lineup, name: str, fewest: int
) -> None:
    scenario = NAMED[name]
    ground.begin(lineup=lineup)
    calls = calls_of(ground, scenario)
    tried = 0
    # Looks and history are the same for every request: one of them tries them all.
    for at, with_effect, lasting in ways_to_fail(calls, everything=lineup is CONNECTED and name == "in place"):
        ground.begin()
        scenario.prepare(ground)
        promises = Promises(ground, scenario)
        promises.check()
        before = len(promises.ever)
        run(ground, scenario, Failing(promises, at, with_effect=with_effect, lasting=lasting))
        assert len(promises.ever) - before == scenario.made, f"{calls[at]} failed"
        tried += 1
    assert tried >= fewest


def calls_of(ground: Ground, scenario: Scenario) -> list[str]:
    """The calls that a run makes which nothing disturbs."""
    scenario.prepare(ground)
    watcher = undisturbed(Promises(ground, scenario))
    with ground.over_https(), ground.program(watcher) as app:
        scenario.handle(app)
    return watcher.calls


def undisturbed(promises: Promises) -> Failing:
    """Lets no call fail."""
    return Failing(promises, at=-1, with_effect=False, lasting=False)


def ways_to_fail(calls: list[str], *, everything: bool) -> Iterator[tuple[int, bool, bool]]:
    """Which call fails, whether it takes effect, and whether it says no instead of nothing."""
    for at, name in enumerate(calls):
        is_change, in_history = name in CHANGES, name.startswith("history")
        if everything or name == "org.prove" or (is_change and not in_history):
            yield at, False, at % 2 == 0
            if is_change:
                yield at, True, False


def run(ground: Ground, scenario: Scenario, failing: Failing) -> None:
    """Runs the request with a failure, and once more if that did not end it."""
    report: Report | None = None
    try:
        with ground.program(failing) as app:
            report = scenario.handle(app)
    except RotatorError as error:
        assert error.advice  # noqa: PT017 - it may also end well
    if report is None or report.outcome is Outcome.HALTED or not ground.history_is_closed(scenario.credential):
        with ground.program(undisturbed(failing.promises)) as app:
            report = scenario.handle(app)
    scenario.check(ground, report)
