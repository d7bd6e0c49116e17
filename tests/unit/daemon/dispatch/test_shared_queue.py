"""What a machine among several fetches, begins and hands over, without the database: tests/contract/queue has both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock, call

import pytest

from rotator.core.machines.fleet import Role
from rotator.daemon.dispatch import shared_queue as module
from rotator.daemon.dispatch.shared_queue import SharedQueue
from rotator.daemon.workers import Ending
from rotator.queue.queue_tables import Outcome
from rotator.services.schedule.jobs import OF_THE_LEADER, SHARED, Job, JobKind
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from collections.abc import Callable

ROTATION = Job(JobKind.ROTATE, "billing", Mock())


class Queue:
    """A dispatcher, and what is around it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
        self.asked, self.membership, self.worker, self.threads = Mock(), Mock(), Mock(), Mock()
        self.asked.now.return_value = MOMENT
        self.threads.slots, self.threads.under_way = {JobKind.ROTATE: 3}, frozenset()
        for name in ("AskedJobs", "Membership", "QueueWorker"):
            made = {"AskedJobs": self.asked, "Membership": self.membership, "QueueWorker": self.worker}[name]
            monkeypatch.setattr(module, name, Mock(return_value=made))
        self.surroundings = Mock(**{"is_open.return_value": True, "job.return_value": ROTATION})
        self.dispatcher = SharedQueue(self.threads, jobs=Mock(), role=role, now=Mock(), monotonic=Mock())
        self.dispatcher.start(self.surroundings)

    def begin(self, may_begin: Callable[[], bool] = lambda: True) -> Any:
        return self.dispatcher._begin("rotate", "billing", may_begin)


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> Queue:
    return Queue(monkeypatch, Role.BOTH)


@pytest.mark.parametrize("role", Role)
def test_who_only_leads_fetches_nothing_and_shows_no_room(monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
    queue = Queue(monkeypatch, role)
    assert queue.dispatcher.role is role
    assert bool(queue.dispatcher.takes_jobs) is queue.worker.start.called is role.works
    concurrency = queue.membership.start.call_args.args[1]()
    rooms = {str(kind): 3 if kind is JobKind.ROTATE else 1 for kind in SHARED}
    assert concurrency == (rooms if role.works else {})


def test_what_is_due_is_asked_for_but_for_what_is_the_leaders_own(one: Queue) -> None:
    own, again = (Job(kind, "", Mock()) for kind in sorted(OF_THE_LEADER)[:2])
    one.threads.under_way = frozenset([again.key])
    failed = replace(ROTATION, name="crm", has_failed=True)
    one.dispatcher.dispatch(lambda: [own, again, ROTATION, failed])
    assert one.threads.begin.mock_calls == [call(own)]
    assert one.asked.ask.mock_calls == [call([ROTATION.key, failed.key], MOMENT, failed={failed.key})]


def test_while_it_can_begin_nothing_it_has_no_room(one: Queue) -> None:
    one.threads.most.return_value = 2
    assert one.dispatcher._room("rotate") == 2
    one.surroundings.is_open.return_value = False
    assert one.dispatcher._room("rotate") == 0


@pytest.mark.parametrize(("is_open", "outcome"), [(True, Outcome.UNKNOWN), (False, Outcome.DROPPED)])
def test_a_job_that_it_does_not_know_is_given_back_and_one_while_it_stops_too(
    one: Queue, outcome: Outcome, *, is_open: bool
) -> None:
    one.surroundings.job.return_value, one.surroundings.is_open.return_value = None, is_open
    assert one.begin().result() is outcome


@pytest.mark.parametrize("may_begin", [True, False])
def test_a_job_is_done_unless_it_is_anothers_by_then_and_its_end_is_told(one: Queue, *, may_begin: bool) -> None:
    ROTATION.run.reset_mock()  # type: ignore[attr-defined]
    ended = one.begin(lambda: may_begin)
    job, then = one.threads.begin.call_args.args
    job.run()
    then(Ending.FAILED)
    assert ended.result() is Outcome.FAILED
    assert ROTATION.run.called is may_begin  # type: ignore[attr-defined]


def test_a_job_that_cannot_begin_now_is_nobodys(one: Queue) -> None:
    one.threads.begin.return_value = False
    assert one.begin() is None
