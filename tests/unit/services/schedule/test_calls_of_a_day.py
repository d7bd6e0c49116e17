"""Days of the service, through all of its schedule: what an org is asked, and how often the program logs in."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Final

import pytest

from rotator.application import Application
from rotator.config.loading import parse
from rotator.core.actor import Actor
from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.services.schedule.context import ServiceContext
from rotator.services.schedule.cycle import Cycle
from rotator.services.schedule.jobs import JobKind
from rotator.simulator.org.org import Org
from rotator.simulator.wire.faults import Kind as Call
from rotator.testing.versions import spare_key
from tests.near_orgs import NearTransport
from tests.tiers import longer, thorough

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rotator.core.crypto.certificates import Certificate
    from rotator.history.engine.database import Database
    from rotator.salesforce.transport import Transport

pytestmark = longer

BEGIN: Final = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY: Final = timedelta(days=1)
LOOKS: Final = 24
FIRST_LOOKS: Final = timedelta(hours=3)
"""After these everything is known."""
TICK: Final = timedelta(minutes=30)
"""Two in the time after which a look is due: by one a service that looks too often would not be found."""
ROBOT: Final = "robot@day.example"
CONFIGURATION: Final = """
database: sqlite:///elsewhere.db
orgs: {{acme: {{login_url: '{url}', login: {{client_id: {client_id}, username: {user}, private_key: {{env: KEY}}}}}}}}
daemon: {{jitter: 0s}}
"""


class Day:
    """A service over one org in memory, and a clock that is set from tick to tick."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.time = BEGIN
        self.org: Final = Org("acme", clock=self.now, random=Random(1), number=1)
        self.org.url = "https://acme.example"
        self.org.add_user(ROBOT, may_use_metadata=True, profile="Robot")
        client_id = self.org.add_app("Robot", username=ROBOT, certificate=self.certificate("robot")).client_id
        text = CONFIGURATION.format(url=self.org.url, client_id=client_id, user=ROBOT)
        self._near: Final = NearTransport([self.org])
        environ = {"KEY": spare_key(0).pem().reveal()}
        self._app: Final = _Near(parse(text, folder / "config.yaml"), environ=environ, now=self.now)
        self._app.near = self._near
        self._app.__dict__["database"] = database
        self.jobs: Counter[JobKind] = Counter()
        self._of_audit: Counter[str] = Counter()
        self.restart()

    def close(self) -> None:
        """Gives back what is open."""
        self._near.close()

    def now(self) -> datetime:
        """The clock of everything."""
        return self.time

    def certificate(self, name: str) -> Certificate:
        """One that nobody has to care for in this week."""
        return self_signed(spare_key(0), SubjectName(name), now=BEGIN, lifetime=400 * DAY)

    def restart(self) -> None:
        """Another process begins, which knows what the history tells."""
        app = self._app.fork()
        context = ServiceContext(app.settings, app.database, app.fork, self.now, lambda: 0.5, Actor("a test"))
        self._cycle = Cycle(context)

    def add_apps(self, number: int) -> None:
        """So many, besides the program's own."""
        for each in range(number):
            self.org.add_app(f"App_{each:02}", certificate=self.certificate(f"app {each}"))

    @property
    def calls(self) -> Counter[str]:
        """What the org was asked on the last day, but for the audit, which is another subject."""
        return Counter(self.org.calls) - self._of_audit

    @property
    def logins(self) -> int:
        """How often the program logged in on the last day, for the audit, too."""
        return self.org.calls[Call.TOKEN]

    def live(self, time: timedelta = DAY, *, at_noon: Callable[[], object] = lambda: None) -> None:
        """A day, or so much of it, goes by: all that is due is done at each tick, and what is due because of that."""
        begin, self.jobs, self._of_audit = self.time, Counter(), Counter()
        self.org.calls.clear()
        for tick in range(time // TICK):
            self.time = begin + tick * TICK
            if self.time == begin + DAY / 2:
                at_noon()
            while due := self._cycle.due():
                for job in due:
                    before = Counter(self.org.calls)
                    job.run()
                    self.jobs[job.kind] += 1
                    if job.kind is JobKind.AUDIT:
                        self._of_audit += Counter(self.org.calls) - before
        self.time = begin + time


class _Near(Application):
    near: Transport

    def fork(self, **options: object) -> _Near:
        """See Application."""
        forked = super().fork(**options)  # type: ignore[arg-type] # as they come
        forked.near = self.near
        return forked

    def new_transport(self, org: str) -> Transport:  # noqa: ARG002
        """See Application."""
        return self.near


@pytest.fixture
def day(tmp_path: Path, database: Database) -> Iterator[Day]:
    with closing(Day(tmp_path, database)) as begun:
        yield begun


def test_an_org_with_things_of_three_types_is_asked_once_a_look(day: Day) -> None:
    day.add_apps(30)
    day.org.add_identity_provider("Login", day.certificate("login"))
    day.live(FIRST_LOOKS)
    assert day.logins == 1
    day.live()
    assert day.jobs[JobKind.INVENTORY] == LOOKS
    assert day.jobs[JobKind.AUDIT] == day.jobs[JobKind.MAINTENANCE] == 1
    assert day.logins == 1
    assert day.calls[Call.USERINFO] == 0
    # All of it once a day is two lists.
    assert day.calls[Call.SOAP_LIST] == LOOKS + 1
    # All of it once a day: 31 apps, ten in a call, and what a person logs in by.
    assert day.calls[Call.SOAP_READ] == 4 + 1


@thorough
def test_one_with_things_of_all_types_twice_a_look_and_with_no_more_logins(day: Day) -> None:
    day.add_apps(3)
    day.org.add_identity_provider("Login", day.certificate("login"))
    day.org.add_certificate("Signing", BEGIN + 300 * DAY)
    day.org.add_external_app("Payroll", certificate=day.certificate("payroll"))
    day.live(FIRST_LOOKS)
    day.live()
    assert day.logins == 1
    assert day.calls[Call.SOAP_LIST] == 2 * LOOKS


@thorough
def test_a_session_that_the_org_ends_and_a_service_that_starts_again_cost_a_login_each(day: Day) -> None:
    day.live(FIRST_LOOKS)
    day.live(at_noon=day.org.sessions.end_all)
    assert day.logins == 2
    day.live(at_noon=day.restart)
    assert day.logins <= 2
