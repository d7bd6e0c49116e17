"""Whatever call fails, with or without effect: the run goes on or the next one ends it, and every rule is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import pytest

from rotator.errors import RotatorError
from rotator.services.rotation.report import Outcome
from tests.rotation.lineups import CONNECTED, HIDDEN, MIXED, OTHER_WORDS, Lineup
from tests.rotation.scenarios import SCENARIOS
from tests.rotation.watching import CHANGES, Failing, Promises, Scenario
from tests.tiers import more_in_thorough, of_tier, thorough

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rotator.services.rotation.report import Report
    from tests.rotation.ground import Ground

Way: TypeAlias = tuple[int, bool, bool]
"""Which call fails, whether it takes effect, and whether it says no instead of nothing."""

NAMED: Final = {str(scenario): scenario for scenario in SCENARIOS}


@more_in_thorough
@pytest.mark.parametrize(
    ("lineup", "name", "fewest"),
    [
        (HIDDEN, "in place", 8),
        pytest.param(CONNECTED, "in place", 45, marks=thorough),
        pytest.param(CONNECTED, "alternating, compromised", 12, marks=thorough),
        pytest.param(OTHER_WORDS, "in place", 8, marks=thorough),
        pytest.param(MIXED, "alternating, compromised", 12, marks=thorough),
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
    ways = [*ways_to_fail(calls, everything=lineup is CONNECTED and name == "in place")]
    for at, with_effect, lasting in of_tier(one_of_each(ways, calls), thorough=ways):
        ground.begin()
        scenario.prepare(ground)
        promises = Promises(ground, scenario)
        promises.check()
        before = len(promises.ever)
        run(ground, scenario, Failing(promises, at, with_effect=with_effect, lasting=lasting))
        assert len(promises.ever) - before == scenario.made, f"{calls[at]} failed"
        tried += 1
    assert tried >= of_tier(fewest // 2, thorough=fewest)


def test_one_way_of_each_is_left_of_ways_that_come_again() -> None:
    calls = ["store.stages", "org.replace_certificate"] * 2
    ways = [*ways_to_fail(calls, everything=True)]
    assert len(ways) == 6
    tried = [(calls[at], *how) for at, *how in one_of_each(ways, calls)]
    assert tried == [
        ("store.stages", False, True),
        ("org.replace_certificate", False, False),
        ("org.replace_certificate", True, False),
    ]


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


def ways_to_fail(calls: list[str], *, everything: bool) -> Iterator[Way]:
    """Each of them."""
    for at, name in enumerate(calls):
        is_change, in_history = name in CHANGES, name.startswith("history")
        if everything or name == "org.prove" or (is_change and not in_history):
            yield at, False, at % 2 == 0
            if is_change:
                yield at, True, False


def one_of_each(ways: Iterable[Way], calls: list[str]) -> list[Way]:
    """Of the calls of one name the first that fails in a way; the others are repetitions."""
    found: dict[tuple[str, bool, bool], Way] = {}
    for at, with_effect, lasting in ways:
        found.setdefault((calls[at], with_effect, lasting), (at, with_effect, lasting))
    return [*found.values()]


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
