"""A person gives an app another consumer key while it is rotated, before any call to the org.

Where the org takes the one before no more nobody logs in with what is stored, whatever certificate the app holds. So
the rotation has to end with a version that has the new one, and no key may be lost on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Final, TypeVar

import pytest

from rotator.core.decision.actions import HaltReason
from rotator.services.rotation.report import Outcome
from rotator.simulator.org.apps import App
from rotator.simulator.org.external_apps import ExternalApp, StagedCredentials
from tests.rotation.lineups import CONNECTED, EXTERNAL, HIDDEN, OTHER_WORDS
from tests.rotation.scenarios import BACK, REPLACE, REPLACE_UNKNOWN, RESTORE, one_app, pair
from tests.rotation.watching import Watcher, handle
from tests.tiers import more_in_thorough, of_tier, rows_standard_first, thorough

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.logins import LoginAnswer
    from rotator.services.rotation.report import Report
    from tests.rotation.ground import Ground
    from tests.rotation.lineups import Lineup

_T = TypeVar("_T")

ONE: Final = ("billing", "Billing")
PAIR: Final = ("warehouse", "Warehouse_B")


def gets_another_consumer_key(ground: Ground, name: str) -> None:
    """What people do in Setup; a connected app they make anew, as another of the same name with the same settings."""
    app = ground.apps[name]
    if isinstance(app, ExternalApp):
        consumer, now = app.consumer, ground.clock.now()
        assert consumer
        consumer.staged = StagedCredentials(ground.org.next_id("888"), ground.org.new_key_pair(), "staged", now)
        consumer.rotate(now)
    else:
        assert isinstance(app, App)
        app.oauth["consumerKey"] = f"{app.client_id}2"


@dataclass
class Person(Watcher):
    """Does so just before the run calls the org for the so-manieth time, and sees what is live from then on."""

    ground: Ground
    credential: str
    app: str
    at: int = 0
    calls: int = 0
    tried_at: int = 0
    """Call at which a key was tried last."""

    def try_login(self, call: Callable[[], LoginAnswer]) -> LoginAnswer:
        """See Watcher."""
        self.tried_at = self.calls + 1
        return super().try_login(call)

    def call(self, name: str, call: Callable[[], _T]) -> _T:
        """See Watcher."""
        if name.startswith("org."):
            self.calls += 1
            if self.calls == self.at:
                gets_another_consumer_key(self.ground, self.app)
        result = call()
        live, stored = self.ground.live(self.in_use), self.ground.stages(self.credential).fingerprints
        assert live in stored, f"{name}: what {self.in_use} holds is not stored any more"
        return result

    @property
    def in_use(self) -> str:
        """The app that current logs in through."""
        current = self.ground.stages(self.credential).current
        assert current
        return self.ground.store.read(self.credential, current).app


def rotated(ground: Ground, person: Person) -> Report:
    """How a rotation ends that people may get in the way of.

    Where an app does not show what it holds, no login tells that of one whose consumer key nobody has stored: a person
    says that it may be overwritten.
    """
    request = REPLACE if not ground.lineup.hides or person.app == "Billing" else REPLACE_UNKNOWN
    with ground.program(person) as app:
        report = handle(person.credential, request)(app)
    if not (ground.lineup.hides and report.halt):
        return report
    assert report.halt is HaltReason.DRIFT, report
    assert "has another consumer key by now" in report.why
    assert "`rotate now billing --replace-unknown`" in report.hint
    with ground.program(person) as app:
        return handle(person.credential, REPLACE_UNKNOWN)(app)


@more_in_thorough
@pytest.mark.parametrize(
    ("credential", "app"), [ONE, pytest.param(*PAIR, marks=thorough)], ids=["in place", "the standby app"]
)
@pytest.mark.parametrize(
    ("lineup", "is_taken"),
    rows_standard_first(
        [(CONNECTED, False), *product((EXTERNAL, OTHER_WORDS, HIDDEN), (False, True))],
        [(HIDDEN, False)],
    ),
    ids=str,
)
def test_the_rotation_ends_with_the_new_one(
    ground: Ground, lineup: Lineup, credential: str, app: str, *, is_taken: bool
) -> None:
    nobody = meanwhile(ground, lineup, credential, app, is_taken=is_taken)
    assert rotated(ground, nobody).outcome is Outcome.ROTATED
    assert nobody.calls > 10
    for at in range(1, nobody.tried_at + 1, of_tier(4, thorough=1)):
        person = meanwhile(ground, lineup, credential, app, is_taken=is_taken, at=at)
        report = rotated(ground, person)
        assert report.outcome is Outcome.ROTATED, f"call {at}: {report}"
        current = ground.stages(credential).current
        assert current, at
        version = ground.store.read(credential, current)
        assert is_taken or version.client_id == ground.apps[version.app].client_id, at


def test_a_version_with_a_consumer_key_that_is_gone_is_not_brought_back(ground: Ground) -> None:
    """With one app its consumers would be refused until it was given up."""
    ground.begin(replace(EXTERNAL.settings, external_rotated_keys_sign=False), EXTERNAL)
    one_app(ground)
    gets_another_consumer_key(ground, "Billing")
    with ground.program() as app:
        assert handle("billing", REPLACE)(app).outcome is Outcome.ROTATED
    before, live = ground.stages("billing"), ground.live("Billing")
    with ground.program() as app:
        report = handle("billing", BACK)(app)
    assert (report.outcome, report.halt) == (Outcome.HALTED, HaltReason.LOGIN_NOT_SET_UP), report
    assert "has another consumer key by now" in report.why
    assert (ground.live("Billing"), ground.stages("billing").current) == (live, before.current)
    assert {step.action for step in report.steps} == {"verify", "recall"}
    with ground.program() as app:
        assert handle("billing", RESTORE)(app).outcome is Outcome.RESTORED
    assert ground.stages("billing") == before


def meanwhile(ground: Ground, lineup: Lineup, credential: str, app: str, *, is_taken: bool, at: int = 0) -> Person:
    """A person who does so before that call, in an org that takes the consumer key of before, or does not."""
    ground.begin(replace(lineup.settings, external_rotated_keys_sign=is_taken), lineup)
    ground.confirmations, ground.hold = 2, "10s"
    (one_app if credential == "billing" else pair)(ground)
    return Person(ground, credential, app, at)
