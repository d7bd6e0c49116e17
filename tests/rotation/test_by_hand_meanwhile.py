"""A person changes an app while it is rotated, before any call to the org: the run stops there, and overwrites nothing.

The login servers have not heard of it for a while, so that test logins go on as before; what shows it is a look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import pytest

from rotator.services.rotation.report import Outcome, Report
from rotator.simulator.org.settings import OrgSettings
from rotator.testing.versions import spare_key
from tests.rotation.ground import PERSONS_KEY
from tests.rotation.installations import served
from tests.rotation.scenarios import SCENARIOS
from tests.rotation.watching import Scenario, Watcher
from tests.tiers import first_standard, more_in_thorough, of_tier

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.credentials import Stages
    from rotator.errors import RotatorError
    from tests.rotation.ground import Ground

_T = TypeVar("_T")

IN_PLACE, ALTERNATING = (next(each for each in SCENARIOS if str(each) == name) for name in ("in place", "alternating"))


@dataclass
class Person(Watcher):
    """Puts a certificate of their own on an app, just before the run calls the org for the so-manieth time."""

    ground: Ground
    app: str
    credential: str
    at: int = 0
    calls: int = 0
    stages: Stages | None = None
    """What stood in the store then."""
    certificate: str = ""

    def call(self, name: str, call: Callable[[], _T]) -> _T:
        """See Watcher."""
        if name.startswith("org."):
            self.calls += 1
            if self.calls == self.at:
                self.change()
        return call()

    def change(self) -> None:
        """What the person does."""
        self.stages = self.ground.stages(self.credential)
        certificate = self.ground.certificate(spare_key(PERSONS_KEY))
        self.certificate = certificate.fingerprint
        self.ground.org.put_certificate(self.app, certificate)


def meanwhile(ground: Ground, scenario: Scenario, person: Person) -> Report | RotatorError:
    """A rotation, from where everything begins."""
    ground.begin(OrgSettings(propagation_seconds=35.0))
    ground.confirmations, ground.hold = 5, "30s"
    scenario.prepare(ground)
    with ground.program(person) as app:
        return served(scenario, app)


@more_in_thorough
@pytest.mark.parametrize(
    ("scenario", "app"),
    first_standard([(ALTERNATING, "Warehouse_A"), (ALTERNATING, "Warehouse_B"), (IN_PLACE, "Billing")]),
    ids=["the app of current", "the other app", "in place"],
)
def test_whenever_a_person_changes_an_app_the_run_stops_and_overwrites_nothing(
    ground: Ground, scenario: Scenario, app: str
) -> None:
    nobody = Person(ground, app, scenario.credential)
    report = meanwhile(ground, scenario, nobody)
    assert isinstance(report, Report)
    assert report.outcome is Outcome.ROTATED
    assert nobody.calls > 15
    for at in range(1, nobody.calls + 1, of_tier(2 if scenario is IN_PLACE else 4, thorough=1)):
        person = Person(ground, app, scenario.credential, at)
        end = meanwhile(ground, scenario, person)
        where = f"call {at}: {end}"
        assert person.stages, where
        assert ground.live(app) == person.certificate, where
        assert ground.stages(scenario.credential).current == person.stages.current, where
        assert not isinstance(end, Report) or end.outcome is not Outcome.ROTATED or at == nobody.calls, where
