"""The service keeps a client secret young, and says in time when it cannot."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.actor import Actor
from rotator.history.journal.queries import rotations
from rotator.history.journal.verification import verify
from rotator.salesforce.client_secrets import State
from rotator.services.alerting.kinds import POSTURE
from rotator.services.alerting.rules import open_alerts
from rotator.services.schedule.context import ServiceContext
from rotator.services.schedule.cycle import Cycle
from tests.rotation.secret_ground import NAME, SecretGround
from tests.tiers import more_in_thorough, of_tier, thorough

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.application import Application
    from rotator.core.alert import Alert

DAY = timedelta(days=1)


@dataclass
class Service:
    """The service, a tick in some days."""

    ground: SecretGround
    cycle: Cycle = field(init=False)

    def __post_init__(self) -> None:
        with self.ground.program() as app:
            settings, database = app.settings, app.database
        self.cycle = Cycle(
            ServiceContext(
                settings=settings,
                database=database,
                open_adapters=self._adapters,
                now=self.ground.clock.now,
                random=lambda: 0.5,
                actor=Actor("rotator on a test"),
            )
        )

    @contextmanager
    def _adapters(self, *, limited: bool = False) -> Iterator[Application]:  # noqa: ARG002 - nothing is limited here
        with self.ground.program() as app:
            yield app

    def lives(self, days: int, *, tick: int = 5) -> None:
        """At each tick whatever is due is done, and consumers of `current` log in."""
        for _ in range(days // tick):
            self.ground.clock.time += tick * DAY
            for _ in range(5):
                jobs = self.cycle.due()
                for job in jobs:
                    job.run()
                if not jobs:
                    break
            assert self.ground.logs_in(self.ground.version("current"))

    @property
    def alerts(self) -> list[Alert]:
        """What people should know of, beside what the audit of the org finds."""
        with self.ground.program() as app:
            return [each for each in open_alerts(app.database, app.settings) if each.kind != POSTURE]


@pytest.fixture
def service(enrolled: SecretGround) -> Service:
    return Service(enrolled)


@more_in_thorough
def test_it_is_rotated_in_time_and_nobody_is_refused_or_called(service: Service) -> None:
    ground = service.ground
    months = of_tier(2, thorough=6)
    for _ in range(months):
        service.lives(30, tick=10)
        assert ground.clock.now() - ground.version("current").created_at <= 70 * DAY
        assert not [each for each in service.alerts if each.credential == NAME]
    outcomes = [each.outcome for each in rotations(ground.history.database, NAME)]
    assert outcomes.count("rotated") == 1 + months // 2, "the first version, and one every sixty days"
    assert verify(ground.history.database).intact
    assert ground.stages().previous in {None, ground.second(State.ROTATED)}


@thorough
def test_an_org_that_shows_no_secrets_any_more_is_told_and_its_secret_is_rotated_once_it_does(service: Service) -> None:
    ground = service.ground
    before = ground.stages().current
    service.lives(20)
    ground.org.features["ExternalClientAppSettings"] = {"enableClientSecretInRestApiAccess": "false"}
    service.lives(75)
    told = [each for each in service.alerts if each.credential == NAME]
    assert told
    assert any("enableClientSecretInRestApiAccess" in f"{each.text} {each.to_do}" for each in told)
    assert ground.stages().current == before
    ground.org.features.clear()
    service.lives(10)
    assert ground.stages().current != before
    assert not [each for each in service.alerts if each.credential == NAME]


@thorough
def test_what_a_person_rotates_by_hand_is_told_and_left_alone(service: Service) -> None:
    ground = service.ground
    service.lives(10)
    with ground.program() as app:
        app.client_secrets("production").stage("Shipping")
    ground.consumer.rotate(ground.clock.now())
    in_use = ground.in_use
    service.lives(10)
    [alert] = [each for each in service.alerts if each.credential == NAME]
    assert "Somebody changed the client secret of Shipping" in alert.title
    assert "certificate" not in f"{alert.title} {alert.text} {alert.to_do} {alert.meanwhile}"
    assert ground.in_use == in_use
    ground.handle("adopt")
    service.lives(10)
    assert not [each for each in service.alerts if each.credential == NAME]
    assert ground.stages().current == in_use
