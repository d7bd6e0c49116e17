"""A rotation by deployments: wherever a process dies, nothing that it began takes effect unnoticed later.

A deployment is executed some time after it was begun. So a process is killed before each of its calls to the org in
turn, time passes in which the org works on, and another process goes on or wants the opposite.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count, product
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.errors import RotatorError
from rotator.history.journal.journal import Journal
from rotator.services.rotation.report import Outcome
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.near_orgs import NearTransport
from tests.rotation.installations import second_installation
from tests.rotation.lineups import CONNECTED, EXTERNAL, MIXED, Lineup
from tests.rotation.scenarios import BACK, FINISH, RESTORE, SCENARIOS
from tests.rotation.watching import Promises, Scenario, handle
from tests.tiers import first_standard, more_in_thorough, of_tier, rows_standard_first, standard_first, thorough

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.services.rotation.report import Report
    from rotator.simulator.org.jobs import Job, Status
    from tests.rotation.ground import Ground
    from tests.rotation.moments import Moment

QUEUED: Final = OrgSettings(deploy_seconds=20.0, deploy_work_seconds=30.0)
"""A deployment waits, is at work when nobody takes it back any more, and takes effect at the end of that."""
UNLISTED: Final = replace(QUEUED, hidden_types=("DeployRequest",))
HIDING: Final = Lineup(
    "external client apps that hide their certificate",
    EXTERNAL.external,
    OrgSettings(external_certificate_returned="never", external_apps_updatable=False),
)
BY_NAME: Final = {str(scenario): scenario for scenario in SCENARIOS}


class Killed(BaseException):
    """The process is gone."""


class Dying(NearTransport):
    """Kills its process before a call: it is asked with the number of the call to the Metadata or the Tooling API."""

    def __init__(self, ground: Ground, dies: Callable[[int], bool]) -> None:
        super().__init__([ground.org], before=self._count)
        self.dies, self.calls = dies, 0

    def _count(self, url: str) -> None:
        self.calls += "/Soap/m/" in url or "/tooling/" in url
        if self.dies(self.calls):
            raise Killed


def begin(ground: Ground, scenario: Scenario, settings: OrgSettings, lineup: Lineup = CONNECTED) -> Promises:
    """The world before."""
    ground.begin(lineup=lineup)
    scenario.prepare(ground)
    ground.org.settings, ground.write = replace(lineup.settings, **_changes(settings)), "deploy"
    promises = Promises(ground, scenario)
    promises.check()
    return promises


def _changes(settings: OrgSettings) -> dict[str, Any]:
    names = ("deploy_seconds", "deploy_work_seconds", "hidden_types", "external_apps_updatable")
    return {name: getattr(settings, name) for name in names}


def killed(ground: Ground, scenario: Scenario, dies: Callable[[int], bool]) -> bool:
    """Runs one process that dies before a call; whether it died."""
    near, ground.transport = ground.transport, Dying(ground, dies)
    try:
        with ground.program() as app:
            scenario.handle(app)
    except Killed:
        return True
    finally:
        ground.transport = near
    return False


def run(ground: Ground, handle: Callable[..., Report]) -> Report:
    """A process that nobody kills."""
    with ground.program() as app:
        return handle(app)


def much_later(ground: Ground) -> None:
    """Whatever the org still had to do has been done."""
    ground.clock.sleep(timedelta(hours=1).total_seconds())
    ground.org.jobs.settle(ground.clock.now())


def stays(ground: Ground, scenario: Scenario, promises: Promises) -> None:
    """Every promise holds, and nothing changes any more that nobody wants."""
    held = {name: app.live_certificate for name, app in ground.apps.items()}
    promises.check()
    much_later(ground)
    promises.check()
    assert {name: app.live_certificate for name, app in ground.apps.items()} == held
    current = ground.current(scenario.credential)
    assert ground.live(current.app) == current.fingerprint


@dataclass(frozen=True)
class Death:
    """The world as a process leaves it that is killed."""

    moment: Moment
    jobs: tuple[tuple[Job, Status], ...]
    settings: OrgSettings
    is_noted: bool
    """Whether the history knows of a deployment that has not ended."""

    @property
    def may_come(self) -> bool:
        """Whether a deployment is still to change something, or may be."""
        waits = any(status in {"Pending", "InProgress"} and not job.options["checkOnly"] for job, status in self.jobs)
        return waits or self.is_noted

    def go_back(self, ground: Ground) -> None:
        """Makes the world what it was then."""
        ground.go_back(self.moment)
        ground.org.settings, ground.write = self.settings, "deploy"
        ground.org.jobs.clear()
        for job, status in self.jobs:
            job.status, job.canceled_by = status, None
            ground.org.jobs.put(job)


def deaths(ground: Ground, scenario: Scenario, lineup: Lineup) -> list[Death]:
    """One for each kind of world in which a process leaves store, history and org that dies before one of its calls."""
    ever = begin(ground, scenario, QUEUED, lineup).ever
    start = Death(ground.keep((), 0, ever), (), ground.org.settings, is_noted=False)
    found: dict[object, Death] = {}
    for at in count(1):
        start.go_back(ground)
        ground.org.settings = replace(start.settings, hidden_types=UNLISTED.hidden_types if at % 2 else ())
        if not killed(ground, scenario, at.__eq__):
            return [*found.values()]
        jobs = tuple((job, job.status) for job in ground.org.jobs)
        is_noted = Journal(ground.database).unended_deployment(scenario.credential) is not None
        kinds = tuple((status, job.options["checkOnly"]) for job, status in jobs)
        key = (ground.kind_of_world(scenario.credential, ever), kinds, is_noted)
        if key not in found:
            moment = ground.keep(key, len(found) + 1, ever)
            found[key] = Death(moment, jobs, ground.org.settings, is_noted)
    raise AssertionError("a process ends some time")


PAUSES: Final = (0.0, 30.0, 300.0)
"""How long nobody works after a process was killed: the deployment waits, is at work, or has ended by then."""
WANTED: Final = (None, RESTORE, FINISH)
"""What is asked for next: the same, the opposite, or whatever is needed to end it."""


@more_in_thorough
@pytest.mark.parametrize(
    ("lineup", "name"),
    [
        (EXTERNAL, "in place"),
        pytest.param(CONNECTED, "in place", marks=thorough),
        pytest.param(HIDING, "in place", marks=thorough),
        pytest.param(CONNECTED, "alternating, compromised", marks=thorough),
    ],
    ids=str,
)
def test_wherever_it_dies_nothing_comes_later_that_nobody_wants(ground: Ground, lineup: Lineup, name: str) -> None:
    """The race: the old certificate is put back while the deployment of the new one is still to come."""
    scenario = BY_NAME[name]
    worlds = deaths(ground, scenario, lineup)
    assert len(worlds) >= FEWEST_WORLDS
    assert sum(world.may_come for world in worlds) > 1
    lives = 0
    for number, world in enumerate(worlds):
        # Each of them where a deployment may be under way, and of the others and in other cases one after the other.
        turns = [*product(PAUSES, WANTED if name == "in place" else (None, FINISH))]
        every = 9 if not world.may_come else of_tier(12, 1) if name == "in place" else 3
        for pause, wanted in turns[number % every :: every]:
            world.go_back(ground)
            promises = Promises(ground, scenario, world.moment.ever)
            ground.clock.sleep(pause)
            # Another process may be configured to update.
            ground.write = "update" if wanted is RESTORE and number % 2 else "deploy"
            report = run(ground, handle(scenario.credential, wanted) if wanted else scenario.handle)
            if wanted is None:
                scenario.check(ground, report)
            assert report.outcome in {Outcome.RESTORED, Outcome.ROTATED, Outcome.NOTHING}
            stays(ground, scenario, promises)
            lives += 1
    assert lives >= len(worlds) - 3


FEWEST_WORLDS: Final = 7
"""Of eight to ten: how far a deployment is at a call depends on the moment."""


ORGS: Final = {"at once": OrgSettings(), "queued": QUEUED, "unlisted": UNLISTED}
WAYS: Final = [*product(("in place", "alternating, compromised"), (CONNECTED, EXTERNAL, MIXED), ORGS)]
SOME_WAYS: Final = [
    ("in place", CONNECTED, "queued"),
    ("in place", EXTERNAL, "unlisted"),
    ("alternating, compromised", CONNECTED, "unlisted"),
    ("alternating, compromised", MIXED, "queued"),
    ("alternating, compromised", EXTERNAL, "at once"),
]


@pytest.mark.parametrize(("name", "lineup", "org"), rows_standard_first(WAYS, SOME_WAYS), ids=str)
def test_every_rotation_goes_by_deployments_too(ground: Ground, name: str, lineup: Lineup, org: str) -> None:
    scenario = BY_NAME[name]
    promises = begin(ground, scenario, ORGS[org], lineup)
    scenario.check(ground, run(ground, scenario.handle))
    assert ground.org.calls[Kind.SOAP_UPDATE] == 0
    assert ground.org.calls[Kind.SOAP_DEPLOY] >= 2
    stays(ground, scenario, promises)


@pytest.mark.parametrize("lineup", [EXTERNAL, MIXED], ids=str)
def test_an_org_that_takes_no_updates_of_a_kind_gets_deployments_of_that_kind_alone(
    ground: Ground, lineup: Lineup
) -> None:
    scenario = BY_NAME["alternating, compromised"]
    promises = begin(ground, scenario, replace(QUEUED, external_apps_updatable=False), lineup)
    ground.write = "auto"
    scenario.check(ground, run(ground, scenario.handle))
    assert ground.org.calls[Kind.SOAP_UPDATE] == (1 if lineup is EXTERNAL else 2)
    stays(ground, scenario, promises)


@pytest.mark.parametrize("write", ["auto", "deploy"])
def test_the_gap_begins_with_the_deployment_and_not_with_its_check(ground: Ground, write: str) -> None:
    """Nor with an update that the org refuses."""
    scenario = BY_NAME["in place"]
    begin(ground, scenario, replace(QUEUED, external_apps_updatable=False), EXTERNAL)
    ground.write = write
    report = run(ground, scenario.handle)
    check, deployment = sorted(ground.org.jobs, key=lambda job: job.created_at)
    assert (check.options["checkOnly"], deployment.options["checkOnly"]) == (True, False)
    assert report.gap
    assert report.gap.begun_at == deployment.created_at
    assert deployment.created_at - check.created_at >= timedelta(seconds=QUEUED.deploy_seconds)


def test_a_gap_is_written_down_before_what_opens_it(ground: Ground) -> None:
    """A process that dies as it sends the deployment has said since when consumers may be refused."""
    begin(ground, BY_NAME["in place"], QUEUED)

    def is_sent(_call: int) -> bool:
        return Journal(ground.database).unended_deployment("billing") is not None

    assert killed(ground, BY_NAME["in place"], is_sent)
    assert [job for job in ground.org.jobs if not job.options["checkOnly"]] == []
    record = Journal(ground.database).credential_record("billing")
    assert record.refused_since == ground.clock.now()
    assert not record.is_refusal_certain


@pytest.mark.parametrize("fault", ["begin", "status", "cancel"])
@pytest.mark.parametrize("name", standard_first(["in place", "alternating", "alternating, compromised"], ["in place"]))
def test_answers_that_are_lost_on_the_way_are_made_good_within_the_run(ground: Ground, name: str, fault: str) -> None:
    scenario = BY_NAME[name]
    promises = begin(ground, scenario, QUEUED)
    ground.org.faults.add(
        {
            "begin": Fault(Kind.SOAP_DEPLOY, Effect.LOSE_ANSWER, after=1),
            "status": Fault(Kind.SOAP_STATUS, Effect.LOSE_ANSWER, times=8, after=10),
            "cancel": Fault(Kind.SOAP_STATUS, Effect.HANG, times=3, after=12),
        }[fault]
    )
    scenario.check(ground, run(ground, scenario.handle))
    stays(ground, scenario, promises)


def test_a_deployment_whose_turn_does_not_come_leaves_everything_as_it_was(ground: Ground) -> None:
    scenario = BY_NAME["in place"]
    begin(ground, scenario, OrgSettings(deploy_seconds=7200.0))
    old = ground.current("billing")
    with suppress(RotatorError):
        run(ground, scenario.handle)
    much_later(ground)
    assert ground.live("Billing") == old.fingerprint
    ground.org.settings = OrgSettings()
    much_later(ground)
    scenario.check(ground, run(ground, scenario.handle))


def dies_with_a_deployment(ground: Ground, world: Scenario, lineup: Lineup = CONNECTED) -> Promises:
    """In that world a process begins a rotation in place, and dies when its deployment has just been begun."""

    def is_begun(_call: int) -> bool:
        return any(not job.options["checkOnly"] for job in ground.org.jobs)

    promises = begin(ground, world, QUEUED, lineup)
    assert killed(ground, BY_NAME["in place"], is_begun)
    assert [job.status for job in ground.org.jobs if not job.options["checkOnly"]] == ["Pending"]
    return promises


def test_going_back_takes_back_what_was_begun(ground: Ground) -> None:
    promises = dies_with_a_deployment(ground, BY_NAME["in place, back"])
    previous = ground.stages("billing").previous
    report = run(ground, handle("billing", BACK))
    assert report.outcome is Outcome.ROTATED
    assert ground.stages("billing").current == previous
    stays(ground, BY_NAME["in place, back"], promises)


@pytest.mark.parametrize("write", first_standard(["auto", "deploy"]))
@pytest.mark.parametrize("name", ["in place", "alternating, retire now"])
def test_apps_that_hide_their_certificate_are_rotated_by_deployments(ground: Ground, name: str, write: str) -> None:
    scenario = BY_NAME[name]
    promises = begin(ground, scenario, replace(QUEUED, external_apps_updatable=False), HIDING)
    ground.write = write
    scenario.check(ground, run(ground, scenario.handle))
    stays(ground, scenario, promises)


def test_of_one_that_hides_its_certificate_a_login_tells_what_a_dead_process_left(ground: Ground) -> None:
    """What was begun is taken back or has been done; which of them, the next run learns from what logs in."""
    scenario = BY_NAME["in place"]
    for pause in PAUSES:
        promises = dies_with_a_deployment(ground, scenario, HIDING)
        ground.clock.sleep(pause)
        scenario.check(ground, run(ground, scenario.handle))
        stays(ground, scenario, promises)


@pytest.mark.parametrize("lineup", [CONNECTED, EXTERNAL], ids=str)
def test_another_installation_whose_history_knows_nothing_of_it_waits_for_it(ground: Ground, lineup: Lineup) -> None:
    scenario = BY_NAME["in place"]
    with second_installation(ground) as second:
        promises = dies_with_a_deployment(ground, scenario, lineup)
        with second.program() as app:
            report = handle("billing", RESTORE)(app)
        assert report.outcome is Outcome.RESTORED
        stays(ground, scenario, promises)
