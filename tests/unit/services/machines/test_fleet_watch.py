"""People hear of machines that are gone, and of a queue from which nobody takes: once, and when it has ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.machines.fleet import UnknownJobs
from rotator.daemon.configuration import refused
from rotator.errors import ConfigurationError
from rotator.history.alerts.alerts import AlertRecords
from rotator.services.alerting.kinds import MACHINE
from rotator.services.machines import fleet_watch
from rotator.services.machines.fleet_watch import FleetWatch
from rotator.testing.versions import MOMENT
from tests.statements import statements
from tests.unit import fleets
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.core.machines.fleet import Fleet
    from rotator.history.engine.database import Database


class Machines:
    """What the database shows of them."""

    def __init__(self) -> None:
        self.fleet: Fleet | None = fleets.well(MOMENT)

    def shown(self, _database: Database) -> Fleet | None:
        return self.fleet


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Machines:
    machines = Machines()
    monkeypatch.setattr(fleet_watch, "fleet_of", machines.shown)
    return machines


@pytest.fixture
def bench(database: Database) -> CycleBench:
    return cycle_bench(database)


def told(bench: CycleBench) -> dict[str, str]:
    """The open alerts: key and severity."""
    return {each.key: str(each.severity) for each in AlertRecords(bench.context.database).open_alerts()}


def test_what_is_wrong_is_told_once_and_its_end(bench: CycleBench, machines: Machines) -> None:
    watch = FleetWatch(bench.context)
    watch.look()
    assert told(bench) == {}

    machines.fleet = fleets.stalled(MOMENT)
    watch.look()
    wrong = {"machine:crm-3": "warning", "queue:inventory": "critical"}
    assert told(bench) == wrong
    with statements(bench.context.database) as made:
        watch.look()
    assert (told(bench), made) == (wrong, [])

    machines.fleet = fleets.well(MOMENT)
    watch.look()
    assert told(bench) == {}
    alerts = AlertRecords(bench.context.database).all()
    assert {each.key for each in alerts if each.closed_at} == wrong.keys()


def test_that_nobody_works_is_one_trouble(bench: CycleBench, machines: Machines) -> None:
    machines.fleet = fleets.in_trouble(MOMENT)
    FleetWatch(bench.context).look()
    assert told(bench) == {"machine:crm-3": "warning", "queue:workers": "critical"}


def test_the_next_leader_ends_what_the_one_before_told(bench: CycleBench, machines: Machines) -> None:
    machines.fleet = fleets.stalled(MOMENT)
    FleetWatch(bench.context).look()
    FleetWatch(bench.context).look()
    machines.fleet = fleets.well(MOMENT)
    FleetWatch(bench.context).look()
    assert told(bench) == {}
    assert len(AlertRecords(bench.context.database).all()) == 2, "each was one alert, whoever led"


def test_two_processes_that_are_gone_of_one_host_are_one_machine(bench: CycleBench, machines: Machines) -> None:
    fleet = fleets.stalled(MOMENT)
    gone = fleet.machines[-1]
    machines.fleet = replace(fleet, machines=(*fleet.machines, replace(gone, id="another", pid=978)), queue=())
    FleetWatch(bench.context).look()
    assert told(bench) == {"machine:crm-3": "warning"}


def test_what_a_machine_that_is_gone_still_holds_is_told_and_how_others_get_it(
    bench: CycleBench, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sessions were to be ended long before; where that is not allowed, a person has to see to it."""
    machines.fleet = fleets.stalled(MOMENT)
    here, gone = (fleets.holder_of(each, MOMENT) for each in (machines.fleet.machines[0], machines.fleet.machines[-1]))
    locks = {"billing": gone, "shipping": here}
    monkeypatch.setattr(type(bench.context.database), "holders", lambda _, names: {**locks} if names else {})
    FleetWatch(bench.context).look()
    (alert,) = AlertRecords(bench.context.database).open_alerts(kind=MACHINE)
    assert "still holds the locks of billing, which" in alert.meanwhile
    assert "GRANT pg_signal_backend" in alert.to_do


@pytest.mark.parametrize(("sign", "told_as"), [(1, "12 minutes ahead of"), (-1, "12 minutes behind")])
def test_that_the_clock_of_a_machine_is_wrong_is_told_until_it_is_set(
    bench: CycleBench, machines: Machines, sign: int, told_as: str
) -> None:
    right = fleets.well(MOMENT)
    leader, *others = right.machines
    machines.fleet = replace(right, machines=(replace(leader, clock_off=sign * timedelta(minutes=12)), *others))
    watch = FleetWatch(bench.context)
    watch.look()
    assert told(bench) == {"machine:crm-1 clock": "warning"}
    (alert,) = AlertRecords(bench.context.database).open_alerts(kind=MACHINE)
    assert alert.title == f"The clock of the machine crm-1 is {told_as} the database's"
    assert "timedatectl" in alert.to_do
    machines.fleet = right
    watch.look()
    assert told(bench) == {}


def test_what_a_machine_told_of_itself_ends_when_it_is_forgotten(bench: CycleBench, machines: Machines) -> None:
    error = ConfigurationError("It is wrong.", hint="Correct it.")
    for host in ("crm-2", "crm-3", ""):
        bench.context.alerting.problem(refused(error, host), MOMENT)
    machines.fleet = fleets.stalled(MOMENT)
    watch = FleetWatch(bench.context)
    watch.look()
    of_configurations = {each for each in told(bench) if each.startswith("configuration")}
    assert of_configurations == {"configuration:crm-2", "configuration:crm-3"}, "an earlier release told of the other"

    machines.fleet = replace(machines.fleet, machines=machines.fleet.machines[:2], queue=())
    watch.look()
    assert set(told(bench)) == {"configuration:crm-2"}


def test_machines_that_sign_by_keys_of_their_own_are_warned_of_once(
    bench: CycleBench, machines: Machines, caplog: pytest.LogCaptureFixture
) -> None:
    watch, fleet = FleetWatch(bench.context), fleets.well(MOMENT)
    machines.fleet = replace(fleet, machines=fleet.machines[:1], jobs=(), queue=())
    watch.look()
    assert "key of its own" not in caplog.text
    machines.fleet = replace(fleet, machines=fleet.machines[:2], jobs=(), queue=())
    watch.look()
    watch.look()
    [warned] = [each for each in caplog.records if "key of its own" in each.getMessage()]
    assert "`history.signing_key`" in vars(warned)["hint"]


def test_machines_that_believe_each_other_are_not_warned_of(
    bench: CycleBench, machines: Machines, caplog: pytest.LogCaptureFixture
) -> None:
    settings = bench.context.settings
    believing = settings.history.model_copy(update={"trusted_keys": ("ed25519:A",)})
    context = replace(bench.context, settings=settings.model_copy(update={"history": believing}))
    machines.fleet = fleets.well(MOMENT)
    FleetWatch(context).look()
    assert "key of its own" not in caplog.text


def test_what_a_machine_told_of_itself_ends_also_where_it_took_its_leave(bench: CycleBench, machines: Machines) -> None:
    watch, fleet = FleetWatch(bench.context), fleets.well(MOMENT)
    watch.look()
    bench.context.alerting.problem(refused(ConfigurationError("It is wrong.", hint="Correct it."), "crm-3"), MOMENT)
    watch.look()
    assert set(told(bench)) == {"configuration:crm-3"}
    machines.fleet = replace(fleet, machines=fleet.machines[:2], jobs=(), queue=())
    watch.look()
    assert told(bench) == {}


def test_a_machine_whose_configuration_lacks_what_it_is_asked_for_is_told_of_when_it_is_so_again_and_again(
    bench: CycleBench, machines: Machines
) -> None:
    watch, fleet = FleetWatch(bench.context), fleets.well(MOMENT)
    met = UnknownJobs(machine="crm-2-1240", kind="look", name="new-org", times=2)
    machines.fleet = replace(fleet, unknown=(met,))
    watch.look()
    assert told(bench) == {}
    machines.fleet = replace(fleet, unknown=(replace(met, times=3),))
    watch.look()
    assert told(bench) == {"machine:crm-2 configuration": "warning"}
    [alert] = AlertRecords(bench.context.database).open_alerts()
    assert "`inventory new-org` 3 times" in alert.text
    machines.fleet = fleet
    watch.look()
    assert told(bench) == {}


def test_over_a_file_there_is_nothing_to_look_at(bench: CycleBench, machines: Machines) -> None:
    machines.fleet = None
    with statements(bench.context.database) as made:
        FleetWatch(bench.context).look()
    assert made == []


def test_two_that_are_called_the_same_are_warned_of_once(
    bench: CycleBench, machines: Machines, caplog: pytest.LogCaptureFixture
) -> None:
    """The first process of each container has the number 1; what sets them apart is the name of the host."""
    fleet, watch = fleets.well(MOMENT), FleetWatch(bench.context)
    twin = replace(fleet.machines[0], id="twin")
    machines.fleet = replace(fleet, machines=(*fleet.machines, twin))
    for _ in range(2):
        watch.look()
    [warned] = [each for each in caplog.records if "called the same" in each.getMessage()]
    assert warned.getMessage() == f"two machines are called the same: {twin.name}"
    assert "a name of its own" in vars(warned)["hint"]
    machines.fleet = fleet
    watch.look()
    machines.fleet = replace(fleet, machines=(*fleet.machines, replace(twin, seen_at=MOMENT - timedelta(hours=1))))
    watch.look()
    told = [each.getMessage() for each in caplog.records if "called the same" in each.getMessage()]
    assert len(told) == 1, "one of them is silent"
