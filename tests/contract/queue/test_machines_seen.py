"""What surfaces are shown of machines and their queue is what stands in the database; reading it loads no engine."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import event, text

from rotator.core.machines.fleet import MachineState, Role, Trouble
from rotator.errors import HistoryError
from rotator.history.engine.database import open_database
from rotator.queue.asked_jobs import AskedJobs
from rotator.queue.machines import ThisMachine
from rotator.services.machines.fleet_reader import fleet_of, shown_machines
from rotator.services.reporting.reader import HistoryReader
from rotator.services.schedule.jobs import LEADER_LOCK
from tests.contract.history.databases import NOW
from tests.contract.queue.dispatchers import now
from tests.contract.servers.postgres import ADMINISTRATOR, execute, name_of, scratch_database
from tests.statements import statements
from tests.tiers import thorough
from tests.unit.web import scene

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.history.engine.database import Database
    from rotator.queue.jobs_database import JobsDatabase
    from tests.contract.servers.postgres import PostgresServer

LATER: Final = timedelta(seconds=30)


def change(jobs: JobsDatabase, statement: str, **values: Any) -> None:
    with jobs.transaction() as connection:
        connection.execute(text(statement), values)


@pytest.fixture
def machine(jobs: JobsDatabase) -> ThisMachine:
    """This process, which leads."""
    machine = ThisMachine(jobs, Role.BOTH, now=now, monotonic=lambda: 0.0)
    machine.beat(leads=True, concurrency={"look": 4})
    return machine


def test_it_shows_machines_their_jobs_and_the_queue(
    history: Database, jobs: JobsDatabase, machine: ThisMachine
) -> None:
    with history.rotation_locks(lambda: NOW).hold(LEADER_LOCK):
        AskedJobs(jobs).ask([("look", "production"), ("look", "emea"), ("rotate", "billing")])
        begun = "UPDATE asked_job SET machine_id = :id, taken_at = now(), begun_at = now() WHERE name = 'production'"
        change(jobs, begun, id=machine.id)
        change(jobs, "UPDATE asked_job SET asked_at = asked_at - interval '30 seconds' WHERE name = 'emea'")
        change(jobs, "INSERT INTO stall VALUES ('look', 3, now()), ('deliver', 1, now())")
        fleet = fleet_of(history)

    assert fleet is not None
    [line] = fleet.lines
    assert (line.machine.id, line.state, line.leads) == (machine.id, MachineState.ALIVE, True)
    assert (line.machine.role, line.machine.concurrency) == (Role.BOTH, {"look": 4})
    assert [(job.kind, job.name, job.machine) for job in line.jobs] == [("look", "production", machine.id)]
    queue = {each.kind: each for each in fleet.queue}
    assert list(queue) == ["deliver", "look", "rotate"]
    assert (queue["look"].waiting, queue["look"].running, queue["look"].stalls) == (1, 1, 3)
    assert (queue["rotate"].waiting, queue["rotate"].running, queue["rotate"].stalls) == (1, 0, 0)
    assert (queue["deliver"].waiting, queue["deliver"].stalls) == (0, 1)
    assert queue["look"].oldest_asked_at == queue["look"].waiting_since
    since = queue["look"].waiting_since
    assert since is not None
    assert fleet.at - since >= LATER
    assert not fleet.troubles


def test_a_look_at_them_is_a_few_statements_whatever_there_is(
    history: Database, jobs: JobsDatabase, machine: ThisMachine
) -> None:
    change(jobs, "INSERT INTO stall VALUES ('look', 3, now()), ('deliver', 1, now())")
    AskedJobs(jobs).ask([("look", f"org{number}") for number in range(20)])
    with history.rotation_locks(lambda: NOW).hold(LEADER_LOCK), statements(history) as made:
        fleet = fleet_of(history)
    assert fleet is not None
    assert fleet.leader is not None
    assert [line.machine.id for line in fleet.lines if line.leads] == [machine.id]
    assert len(made) == 6, "where they are, machines, jobs, the queue, what machines do not know, and who leads"


@pytest.mark.usefixtures("machine")
def test_what_readiness_asks_is_one_transaction(history: Database) -> None:
    reader = HistoryReader(lambda: scene.settings_of(("production",)), history, lambda: NOW)
    reader.readiness()
    begun: list[object] = []
    event.listen(history._engine, "begin", begun.append)
    with statements(history) as made:
        reader.readiness()
    assert (len(begun), len(made)) == (1, 7), "what has changed, and the six of the machines"


def test_jobs_that_have_ended_are_none_that_are_shown(history: Database, jobs: JobsDatabase) -> None:
    AskedJobs(jobs).ask([("look", "production")])
    change(jobs, "UPDATE asked_job SET begun_at = now(), ended_at = now(), outcome = 'done'")
    fleet = fleet_of(history)
    assert fleet is not None
    assert (fleet.jobs, fleet.queue) == ((), ())


def test_a_machine_that_has_not_said_a_word_for_long_is_silent(
    history: Database, jobs: JobsDatabase, machine: ThisMachine
) -> None:
    change(jobs, "UPDATE machine SET seen_at = seen_at - interval '30 seconds' WHERE id = :id", id=machine.id)
    fleet = fleet_of(history)
    assert fleet is not None
    assert [line.state for line in fleet.lines] == [MachineState.SILENT]
    assert fleet.troubles == (Trouble.NO_LEADER, Trouble.NO_WORKER)


def test_what_a_machine_does_not_know_again_and_again_is_counted_for_a_while(
    history: Database, jobs: JobsDatabase, machine: ThisMachine
) -> None:
    unknown = (
        "INSERT INTO asked_job (kind, name, asked_at, machine_id, ended_at, outcome)"
        " VALUES ('look', 'new-org', now(), :id, now() - :ago * interval '1 minute', 'unknown')"
    )
    for ago in (1, 2, 3, 11):
        change(jobs, unknown, id=machine.id, ago=ago)
    fleet = fleet_of(history)
    assert fleet is not None
    [(found, job)] = fleet.outdated
    assert (found.id, job.kind, job.name, job.times) == (machine.id, "look", "new-org", 3)


def test_a_role_that_a_later_release_has_is_shown_as_one_that_does_everything(
    history: Database, jobs: JobsDatabase, machine: ThisMachine
) -> None:
    change(jobs, "UPDATE machine SET role = 'observer' WHERE id = :id", id=machine.id)
    fleet = fleet_of(history)
    assert fleet is not None
    assert [each.role for each in fleet.machines] == [Role.BOTH]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE machine SET seen_at = 'infinity'",
        "UPDATE machine SET seen_at = '-infinity'",
        "UPDATE machine SET started_at = 'infinity'",
    ],
)
def test_a_machine_of_which_no_sense_can_be_made_is_left_out_and_told_of(
    history: Database, jobs: JobsDatabase, machine: ThisMachine, damage: str
) -> None:
    change(jobs, damage)
    fleet = fleet_of(history)
    assert fleet is not None
    assert not fleet.machines
    assert [(row.table, row.key) for row in history.unreadable.take()] == [("machine", machine.id)]
    clock = count(step=5)
    another = ThisMachine(jobs, Role.BOTH, now=now, monotonic=lambda: float(next(clock)))
    assert not any(another.beat(leads=False, concurrency={}) for _ in range(4))
    assert another.may_judge


@pytest.mark.parametrize("concurrency", ["[]", '"many"', "null", '{"look": "four"}', '{"look": {}}'])
def test_what_a_machine_says_of_its_concurrency_is_shown_as_far_as_it_can_be(
    history: Database, jobs: JobsDatabase, machine: ThisMachine, concurrency: str
) -> None:
    change(jobs, "UPDATE machine SET concurrency = CAST(:said AS json)", said=concurrency)
    fleet = fleet_of(history)
    assert fleet is not None
    assert [(each.id, each.concurrency) for each in fleet.machines] == [(machine.id, {})]


def test_times_in_the_queue_of_which_no_sense_can_be_made_are_not_told(history: Database, jobs: JobsDatabase) -> None:
    AskedJobs(jobs).ask([("look", "production"), ("rotate", "billing")])
    change(jobs, "UPDATE asked_job SET asked_at = '-infinity'")
    change(jobs, "UPDATE asked_job SET begun_at = 'infinity' WHERE kind = 'rotate'")
    change(jobs, "INSERT INTO stall VALUES ('look', 3, 'infinity')")
    fleet = fleet_of(history)
    assert fleet is not None
    assert not fleet.jobs
    assert [(line.kind, line.waiting_since, line.oldest_asked_at, line.last_stall_at) for line in fleet.queue] == [
        ("look", None, None, None),
        ("rotate", None, None, None),
    ]
    assert not fleet.stalled


def test_before_the_first_machine_there_is_none_and_nothing_is_made(postgres_url: str, postgres_template: str) -> None:
    with scratch_database(postgres_url, postgres_template) as url, open_database(url) as history:
        fleet = fleet_of(history)
        assert fleet is not None
        assert (fleet.machines, fleet.queue, fleet.leader) == ((), (), None)
        assert execute(url, "SELECT count(*) FROM pg_namespace WHERE nspname = 'rotator_jobs'") == [(0,)]


def test_a_process_that_only_reads_sees_them_too(jobs_url: str, machine: ThisMachine) -> None:
    with open_database(jobs_url, only_reads=True) as reader:
        fleet = fleet_of(reader)
    assert fleet is not None
    assert [each.id for each in fleet.machines] == [machine.id]


@pytest.mark.usefixtures("machine")
def test_a_role_without_the_right_is_told_what_to_grant_and_pages_show_all_else(
    jobs_url: str, postgres_server: PostgresServer
) -> None:
    role, database = f"reader_{name_of(jobs_url)}", name_of(jobs_url)
    administrator = postgres_server.url(database, ADMINISTRATOR)
    execute(administrator, f"CREATE ROLE {role} LOGIN PASSWORD '{postgres_server.password}'")
    execute(administrator, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    with open_database(postgres_server.url(database, role), only_reads=True) as reader:
        with pytest.raises(HistoryError, match="may not read the machines") as refused:
            fleet_of(reader)
        shown = shown_machines(reader)
        assert shown is not None
        assert (shown.fleet, shown.remarks) == (None, ())
        assert "GRANT USAGE ON SCHEMA rotator_jobs" in shown.summary

        ready = HistoryReader(lambda: scene.settings_of(("production",)), reader, lambda: NOW).readiness
        for statement in re.findall(r"GRANT [^;`]+", refused.value.hint):
            # With one right, and without all of them, the rest is shown as ever.
            seen = ready()
            assert seen.machines is not None
            assert (seen.machines.fleet, [each.name for each in seen.inventories]) == (None, ["production"])
            execute(administrator, statement.replace("ROLE", role))
        fleet = fleet_of(reader)
    assert fleet is not None
    assert len(fleet.machines) == 1


def test_a_schema_that_was_made_beforehand_has_no_machines_yet(postgres_url: str, postgres_template: str) -> None:
    with scratch_database(postgres_url, postgres_template) as url, open_database(url) as history:
        execute(url, "CREATE SCHEMA rotator_jobs")
        fleet = fleet_of(history)
        assert fleet is not None
        assert fleet.machines == ()


@thorough
def test_over_a_file_there_is_nothing_to_see_and_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    program = f"""
import sys
from rotator.history.engine.database import open_database
from rotator.services.machines.fleet_reader import shown_machines
with open_database("sqlite:///{tmp_path}/rotator.db") as database:
    assert shown_machines(database.upgrade()) is None
print([name for name in sys.modules if name.startswith(("rotator.queue", "procrastinate"))])
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


@thorough
def test_machines_are_seen_without_loading_what_carries_jobs(jobs_url: str, jobs: JobsDatabase) -> None:
    program = f"""
import sys
from rotator.history.engine.database import open_database
from rotator.services.machines.fleet_reader import fleet_of
with open_database({jobs_url!r}) as database:
    assert fleet_of(database).machines == ()
print([name for name in sys.modules if name.startswith("procrastinate")])
"""
    del jobs
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
