"""Whatever an org answers, at any call: nothing is raised that is not ours, no key is lost, no consumer is refused.

Each play is a program that rotates, takes the inventory, looks or logs in, over a wire on which some of the answers are
others (tests.hostile.answers), with a consumer beside it, over a wire of its own. ROTATOR_ANSWERS says how many such
answers there are to be: `ROTATOR_ANSWERS=50000 pytest tests/rotation/test_hostile_org.py --timeout 0 -s`, which prints
how many there were so far.
"""

from __future__ import annotations

import os
from contextlib import closing, suppress
from random import Random
from typing import TYPE_CHECKING, Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from rotator.consumer.dual_key import DualKeyLogin
from rotator.core.retry import Waiting
from rotator.errors import RotatorError
from rotator.stores.base import StoredVersions
from tests.hostile.answers import HostileTransport
from tests.rotation.lineups import CONNECTED, HIDDEN, MIXED, OTHER_WORDS, Lineup
from tests.rotation.scenarios import OF_HIDDEN_PAIRS, SCENARIOS
from tests.tiers import more_in_thorough, of_tier

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.application import Application
    from tests.rotation.ground import Ground
    from tests.rotation.watching import Scenario

WANTED: Final = int(os.environ.get("ROTATOR_ANSWERS", of_tier(30, thorough=2000)))
PLAYS: Final = of_tier(2, thorough=5)
"""In one go of Hypothesis."""

ROTATED: Final = {scenario.name: scenario for scenario in SCENARIOS if scenario.name in {"in place", "alternating"}}


def rotates(app: Application, scenario: Scenario) -> object:
    return scenario.handle(app)


def scans(app: Application, _scenario: Scenario) -> object:
    found = app.scan(app.now())
    assert [each.org for each in found] == ["production"]
    return found


def looks(app: Application, _scenario: Scenario) -> object:
    return app.statuses([], app.now())


def asks(app: Application, scenario: Scenario) -> object:
    return app.credential_context(scenario.credential).apps.read("Billing")


ACTS: Final[dict[str, Any]] = {"rotates": rotates, "scans": scans, "looks": looks, "asks": asks}


class Play:
    """One world with a consumer in it, and the wire of the program."""

    def __init__(self, ground: Ground, scenario: Scenario, random: Random, share: int, lineup: Lineup) -> None:
        ground.begin(lineup=lineup)
        scenario.prepare(ground)
        self._ground: Final = ground
        self._scenario: Final = scenario
        self._honest: Final = ground.transport
        self.wire: Final = HostileTransport(ground.org, random, share, self.log_in)
        self._consumer: Final = self._login(self._honest)
        self._misled: Final = self._login(self.wire)
        self._is_asked = False

    def log_in(self) -> None:
        """A consumer beside the program logs in; one that is answered like the program gets errors of ours."""
        if self._is_asked:
            return
        self._is_asked = True
        self._consumer.token()
        with suppress(RotatorError):
            self._misled.token()
        self._is_asked = False

    def run(self, act: Any) -> None:
        """A program that does this over the wire."""
        self._ground.transport = self.wire
        try:
            with suppress(RotatorError), self._ground.program() as app:
                act(app, self._scenario)
        finally:
            self._ground.transport = self._honest
        self.log_in()

    def end(self) -> None:
        """With an org that answers as it should, a rotation that began goes on or ends, and nobody is refused."""
        self.run_honestly()
        kept = self._ground.kept(self._scenario.credential)
        current = self._ground.current(self._scenario.credential)
        assert self._ground.live(current.app) in kept, self._ground.describe(self._scenario.credential)
        self._consumer.token()

    def run_honestly(self) -> None:
        with self._ground.program() as app:
            self._scenario.handle(app)

    def _login(self, transport: Any) -> DualKeyLogin:
        ground = self._ground
        waiting = Waiting(0.0, now=ground.clock.now, elapsed=ground.clock.elapsed, sleep=ground.clock.sleep)
        return DualKeyLogin(StoredVersions(ground.store, self._scenario.credential), transport, waiting)


@more_in_thorough
def test_no_answer_of_an_org_ends_the_program_loses_a_key_or_refuses_a_consumer(ground: Ground) -> None:
    met = 0
    batch = 0

    def plays() -> Callable[[], None]:
        @seed(batch)
        @settings(
            max_examples=PLAYS,
            deadline=None,
            database=None,
            # A play that fails is told by its number; a shorter one is no nearer to the answer that did it.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(
            name=st.sampled_from(sorted(ROTATED)),
            acts=st.lists(st.sampled_from(sorted(ACTS)), min_size=20, max_size=30),
            number=st.integers(0, 2**32),
            share=st.sampled_from([10, 30, 60, 90]),
            lineup=st.sampled_from([CONNECTED, MIXED, HIDDEN, OTHER_WORDS]),
            write=st.sampled_from(["auto", "deploy"]),
        )
        def play(name: str, acts: list[str], number: int, share: int, lineup: Lineup, write: str) -> None:
            nonlocal met
            scenario = OF_HIDDEN_PAIRS[0] if lineup.hides and name == "alternating" else ROTATED[name]
            here = Play(ground, scenario, Random(number), share, lineup)
            ground.write = write
            with closing(here.wire):
                for act in acts:
                    here.run(ACTS[act])
                here.end()
            met += here.wire.answers

        return play

    while met < WANTED:
        plays()()
        batch += 1
        print(f"{met} of {WANTED} answers after {batch * PLAYS} plays", flush=True)  # noqa: T201 - for who waits for many
    assert met >= WANTED
