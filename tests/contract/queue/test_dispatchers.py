"""What is due comes to be done once at a time, and no more of it than is wanted, by threads and by a queue alike."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from rotator.services.schedule.jobs import JobKind
from tests.contract.queue.dispatchers import Carried, Machine, come, keys, machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotator.queue.jobs_database import JobsDatabase
    from rotator.services.schedule.jobs import Job

pytestmark = pytest.mark.usefixtures("_asks_at_once")

LOOK = JobKind.INVENTORY, "production"
ROTATION = JobKind.ROTATE, "billing"
MAIL = JobKind.DELIVER, "crm-team"

Opened = AbstractContextManager[Machine]


@pytest.fixture
def carried() -> Iterator[Carried]:
    carried = Carried()
    yield carried
    carried.let_go()


@pytest.fixture(params=["threads", "queue"])
def opened(request: pytest.FixtureRequest, carried: Carried) -> Callable[..., Opened]:
    shared: JobsDatabase | None = request.getfixturevalue("jobs") if request.param == "queue" else None
    return partial(machine, carried, jobs=shared)


def test_what_is_due_is_done_once_however_often_it_is_handed_over(
    opened: Callable[..., Opened], carried: Carried
) -> None:
    with opened(slots={}) as one:
        for _ in range(3):
            one.dispatch(LOOK, ROTATION, MAIL)
        come(lambda: len(carried.running) == 3)
        one.dispatch(LOOK, ROTATION, MAIL)
        assert sorted(carried.begun) == sorted([LOOK, ROTATION, MAIL])


def test_what_has_ended_is_done_again_when_it_is_due_again(opened: Callable[..., Opened], carried: Carried) -> None:
    carried.lasts = False
    with opened(slots={}) as one:
        come(lambda: one.dispatch(LOOK) and len(carried.begun) == 3)
        assert carried.most_of_a_key == 1


def test_what_ends_while_it_is_found_out_what_is_due_is_not_done_once_more(
    opened: Callable[..., Opened], carried: Carried
) -> None:
    """It was due by what had been read a moment before it wrote down that it was done."""
    audit = JobKind.AUDIT, ""
    of_the_leader = JobKind.MAINTENANCE, ""
    with opened(slots={}) as one:
        one.dispatch(audit, of_the_leader)
        come(lambda: len(carried.running) == 2)

        def due() -> list[Job]:
            found = [carried.job(*key) for key in (audit, of_the_leader, LOOK)]
            carried.let_go()
            come(one.has_done_all)
            return found

        one.dispatcher.dispatch(due)
        come(lambda: LOOK in carried.begun and one.has_done_all())
        assert sorted(carried.begun) == sorted([audit, of_the_leader, LOOK])
        one.dispatch(audit, of_the_leader)
        come(lambda: len(carried.begun) == 5)


def test_so_many_of_a_kind_run_at_once_as_are_wanted_and_no_more(
    opened: Callable[..., Opened], carried: Carried
) -> None:
    """Twelve at once on a machine with few processors: no pool of threads is smaller than what is wanted."""
    with opened(slots={JobKind.DELIVER: 12, JobKind.ROTATE: 2}) as one:
        one.dispatch(*keys(JobKind.DELIVER, 15), *keys(JobKind.ROTATE, 5))
        come(lambda: len(carried.running) == 14)
        assert sorted({kind for kind, _ in carried.running}) == [JobKind.DELIVER, JobKind.ROTATE]
        assert sum(kind is JobKind.DELIVER for kind, _ in carried.running) == 12
        carried.let_go()
        come(lambda: len(carried.begun) == 20)
        assert carried.most_of_a_key == 1


def test_no_kind_waits_for_another(opened: Callable[..., Opened], carried: Carried) -> None:
    with opened(slots={JobKind.INVENTORY: 4}) as one:
        one.dispatch(*keys(JobKind.INVENTORY, 9))
        come(lambda: len(carried.running) == 4)
        one.dispatch((JobKind.AUDIT, ""), (JobKind.EVALUATE, ""), (JobKind.HEARTBEAT, ""), (JobKind.MAINTENANCE, ""))
        come(lambda: len(carried.running) == 8)


def test_more_run_at_once_as_soon_as_the_configuration_says_so(opened: Callable[..., Opened], carried: Carried) -> None:
    with opened(slots={JobKind.DELIVER: 1}) as one:
        one.dispatch(*keys(JobKind.DELIVER, 3))
        come(lambda: len(carried.running) == 1)
        one.dispatcher.change({JobKind.DELIVER: 3})
        come(lambda: one.dispatch(*keys(JobKind.DELIVER, 3)) and len(carried.running) == 3)
        assert carried.most_of_a_key == 1


def test_after_a_fault_it_is_left_alone_for_a_while(opened: Callable[..., Opened], carried: Carried) -> None:
    carried.faulty.add(LOOK)
    carried.lasts = False
    with opened(slots={}) as one:
        one.dispatch(LOOK)
        come(lambda: carried.begun == [LOOK] and one.is_idle())
        for _ in range(5):
            one.dispatch(LOOK, ROTATION)
        come(lambda: ROTATION in carried.begun and one.is_idle())
        assert carried.begun.count(LOOK) == 1


def test_who_stops_begins_nothing_more_and_what_is_under_way_goes_on(
    opened: Callable[..., Opened], carried: Carried
) -> None:
    with opened(slots={JobKind.ROTATE: 1}) as one:
        one.dispatch(*keys(JobKind.ROTATE, 3))
        come(lambda: len(carried.running) == 1)
        one.dispatcher.stop()
        one.dispatch(LOOK)
        assert len(carried.running) == 1
        carried.let_go()
        come(one.is_idle)
        assert len(carried.begun) == 1


def rows(jobs: JobsDatabase, statement: str) -> list[tuple[object, ...]]:
    with jobs.transaction() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def test_what_one_machine_gives_back_another_does(jobs: JobsDatabase) -> None:
    theirs, ours = Carried(), Carried()
    with ExitStack() as stack:
        first = stack.enter_context(machine(theirs, {JobKind.ROTATE: 1}, jobs))
        first.dispatch(ROTATION)
        come(lambda: theirs.running == [ROTATION])
        second = stack.enter_context(machine(ours, {JobKind.ROTATE: 2}, jobs))
        second.dispatch(ROTATION, *keys(JobKind.ROTATE, 2))
        come(lambda: len(ours.running) == 2)
        first.dispatcher.stop()
        theirs.let_go()
        come(first.is_idle)
        assert ROTATION not in ours.begun, "what is under way there is no other's"
        ours.let_go()
        come(lambda: second.dispatch(ROTATION) and ROTATION in ours.begun)


def test_several_machines_share_what_is_due_and_none_of_it_is_done_twice(jobs: JobsDatabase) -> None:
    carried = Carried()
    with ExitStack() as stack:
        machines = [stack.enter_context(machine(carried, {JobKind.DELIVER: 3}, jobs)) for _ in range(3)]
        for each in machines:
            each.dispatch(*keys(JobKind.DELIVER, 9))
        come(lambda: len(carried.running) == 9)
        assert [len(each.workers.running) for each in machines] == [3, 3, 3]
        assert len(carried.begun) == 9
        assert carried.most_of_a_key == 1
    assert rows(jobs, "SELECT DISTINCT outcome FROM asked_job") == [("done",)]
    assert rows(jobs, "SELECT * FROM machine") == []
