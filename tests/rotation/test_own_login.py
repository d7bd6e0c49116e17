"""The credential that the program itself logs in by rotates itself, and never locks the program out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Final, TypeVar

import pytest

from rotator.core.decision.actions import ActionKind
from rotator.core.decision.policies import Strategy
from rotator.errors import LoginRefused, RotationHalted
from rotator.history.journal.queries import rotations
from rotator.services.rotation.adopt import version_to_adopt
from rotator.services.rotation.plan import plan_of
from rotator.services.rotation.report import Outcome, Report, Silent
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.wire.faults import Effect, Fault, Kind
from rotator.testing.versions import spare_key
from tests.rotation.crashes import POINTS, crash_everywhere
from tests.rotation.ground import ROBOT_KEY, Ground
from tests.rotation.lineups import CONNECTED, HIDDEN, HIDDEN_IN_OTHER_WORDS, MIXED, OTHER_WORDS, Lineup
from tests.rotation.scenarios import ADOPT, COMPROMISED, REPLACE, ended, replaced
from tests.rotation.watching import Scenario, Watcher, handle
from tests.tiers import rows_standard_first

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.services.rotation.requests import Request

_T = TypeVar("_T")


def one_app(ground: Ground) -> None:
    """The program logs in through one app, by what is stored."""
    ground.in_use("management", "Robot")
    ground.logs_in_by("management")


def pair(ground: Ground) -> None:
    """The program logs in through the first of two apps, by what is stored."""
    ground.in_use("managers", "Robot_A")
    if "Robot_B" in ground.lineup.external:
        ground.take_over("Robot_B")
    ground.logs_in_by("managers")


SCENARIOS: Final = (
    Scenario("in place", "management", one_app, handle("management", REPLACE), replaced, worlds=7),
    Scenario("alternating", "managers", pair, handle("managers", REPLACE), replaced, worlds=6),
    Scenario("alternating, compromised", "managers", pair, handle("managers", COMPROMISED), ended, worlds=8),
)
SPREADING: Final = {
    "at once": OrgSettings(),
    "spreading": OrgSettings(propagation_seconds=20.0),
    "flapping": OrgSettings(propagation_seconds=20.0, flap_probability=0.5),
}


class NoSessionLasts(Watcher):
    """Ends every session before each call, so that each needs a login of its own."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def call(self, _name: str, call: Callable[[], _T]) -> _T:
        self._ground.org.sessions.end_all()
        return call()


@dataclass
class NobodyLogsIn(Watcher):
    """From the first upload until the app is written again, no key at all is taken."""

    ground: Ground
    writes: int = 0

    def call(self, name: str, call: Callable[[], _T]) -> _T:
        result = call()
        if name == "org.replace_certificate":
            self.writes += 1
            self.ground.org.faults.clear()
            if self.writes == 1:
                fault = Fault(Kind.TOKEN, Effect.FAIL, times=None, answer="invalid_assertion")
                self.ground.org.faults.add(fault)
        return result


def run(ground: Ground, scenario: Scenario, watcher: Watcher | None = None) -> Report:
    """One process."""
    scenario.prepare(ground)
    with ground.program(watcher) as app:
        return scenario.handle(app)


@pytest.mark.parametrize(
    ("scenario", "lineup"),
    rows_standard_first(
        [*product(SCENARIOS[:2], (CONNECTED, MIXED)), (SCENARIOS[0], HIDDEN), (SCENARIOS[0], HIDDEN_IN_OTHER_WORDS)],
        [(SCENARIOS[1], MIXED)],
    ),
    ids=str,
)
def test_wherever_it_dies_the_next_process_logs_in_and_ends_it(
    ground: Ground, scenario: Scenario, lineup: Lineup
) -> None:
    ground.begin(lineup=lineup)
    crashes, programs = crash_everywhere(ground, scenario, then=scenario.handle)
    assert len(crashes.worlds) >= scenario.worlds
    assert crashes.points >= POINTS * programs


@pytest.mark.parametrize(
    ("scenario", "changes"),
    rows_standard_first(product(SCENARIOS, SPREADING), zip(SCENARIOS, reversed(SPREADING), strict=True)),
    ids=str,
)
def test_a_session_that_ends_at_any_moment_is_opened_by_whichever_key_is_live(
    ground: Ground, scenario: Scenario, changes: str
) -> None:
    settings = ground.org.settings = SPREADING[changes]
    try:
        report = run(ground, scenario, NoSessionLasts(ground))
    except LoginRefused:
        # While servers disagree, one may refuse the old key and the next the new one; later they agree.
        assert settings.flap_probability
        ground.clock.sleep(settings.propagation_seconds)
        with ground.program(NoSessionLasts(ground)) as app:
            report = scenario.handle(app)
    scenario.check(ground, report)


@pytest.mark.parametrize(
    ("scenario", "lineup"),
    rows_standard_first(
        product(SCENARIOS, (CONNECTED, MIXED, OTHER_WORDS)),
        zip(SCENARIOS, (CONNECTED, OTHER_WORDS, MIXED), strict=True),
    ),
    ids=str,
)
def test_an_org_that_ends_sessions_with_every_change_is_logged_in_to_again(
    ground: Ground, scenario: Scenario, lineup: Lineup
) -> None:
    ground.begin(replace(lineup.settings, sessions_end_with_change=True), lineup)
    scenario.check(ground, run(ground, scenario))


def test_a_new_key_that_nobody_takes_is_taken_back_over_the_session_that_is_open(ground: Ground) -> None:
    watcher = NobodyLogsIn(ground)
    scenario = SCENARIOS[0]
    report = run(ground, scenario, watcher)
    assert report.outcome is Outcome.REVERTED
    assert watcher.writes == 2
    assert ground.live("Robot") == ground.stages("management").current == report.old_fingerprint
    with ground.program() as app:
        scenario.check(ground, scenario.handle(app))


@pytest.mark.parametrize("request_", [REPLACE, COMPROMISED], ids=["replace", "compromised"])
def test_the_app_of_a_key_that_is_configured_is_never_rotated(ground: Ground, request_: Request) -> None:
    one_app(ground)
    ground.login = ""
    ground.put_own_key("Robot")
    before = ground.live("Robot"), ground.stages("management")
    with ground.program() as app:
        with pytest.raises(
            RotationHalted, match="would end the key that rotator itself logs in to production by"
        ) as no:
            handle("management", request_)(app)
        plan = plan_of(app.credential_context("management"), request_, app.now())
    assert "rotator adopt management" in no.value.hint
    assert (plan.forecast.steps, plan.forecast.end.kind) == ((), ActionKind.HALT)
    assert (ground.live("Robot"), ground.stages("management")) == before
    assert ground.org.calls[Kind.SOAP_UPDATE] == 0
    assert rotations(ground.database) == []


@pytest.mark.parametrize("lineup", [CONNECTED, MIXED], ids=str)
def test_a_configured_key_is_adopted_and_then_rotates_itself(ground: Ground, lineup: Lineup) -> None:
    ground.begin(lineup=lineup)
    with ground.program() as app:
        version = version_to_adopt(app.credential_context("management"), spare_key(ROBOT_KEY), app.now())
        service = app.rotation_service("management", listener=Silent(), stop_asked=lambda: False)
        assert service.adopt(ADOPT, version).outcome is Outcome.ROTATED
    ground.logs_in_by("management")
    with ground.program() as app:
        report = handle("management", REPLACE)(app)
    assert report.strategy is Strategy.IN_PLACE
    replaced(ground, report)
