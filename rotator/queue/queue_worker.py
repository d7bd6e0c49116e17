"""Procrastinate's workers of this machine, in one thread: they fetch what was asked for, and have it carried out.

There is one for each queue, which is a kind of job, so that no more of a kind is fetched than is carried out at once. A
job is carried out elsewhere (`Begin`), in a thread of its own; here it is only waited for, so that the loop stays free
to ask for more. A worker of Procrastinate's ends when a query of its fails, or by itself as if that had been wanted: so
all of them are begun anew then, over new connections, until this is asked to stop. What they had fetched goes on
meanwhile, and nobody else begins it (`rotator.queue.sweep`).

They ask often, and listen for nothing: each would need one more connection for that, and when it breaks they do not
notice. Nothing is retried, and nothing is asked for by cron lines: what is due is the leader's to say.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.manager import JobManager
from procrastinate.worker import Worker
from psycopg_pool import AsyncConnectionPool

from rotator.core.machines.fleet import HEARTBEAT, SILENT_AFTER
from rotator.errors import RotatorError
from rotator.queue.asked_jobs import TASK
from rotator.queue.first_call import own_queue
from rotator.queue.queue_tables import Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from procrastinate.connector import BaseConnector
    from procrastinate.jobs import Job

    from rotator.queue.asked_jobs import AskedJobs

LOG: Final = logging.getLogger(__name__)

POLL: Final = timedelta(seconds=1)
"""How often each worker asks for a job, while it has not as many as it may; so soon is a lock seen that was freed."""

PAUSES: Final = (timedelta(seconds=0.5), timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=5))
"""Before the workers are begun anew, one after the other; the last counts until they have worked again for a while."""

CONNECT_WITHIN: Final = timedelta(seconds=5)

THREADS: Final = 130
"""More than may be carried out at once of everything (64 of a kind, at the most); they are made as they are needed."""

# What Procrastinate's own function says of a job that a sweep has failed meanwhile.
_NOT_ITS_OWN: Final = "was not found or not in"
_ASKED_AGAIN_AFTER: Final = timedelta(seconds=0.1)


class _Fetching(JobManager):
    """Fetches a job where there is room for one."""

    def __init__(
        self,
        connector: BaseConnector,
        machine: str,
        has_room: Callable[[str], Awaitable[bool]],
        in_hand: Counter[str],
    ) -> None:
        super().__init__(connector)
        self._machine: Final = machine
        self._has_room: Final = has_room
        self._in_hand: Final = in_hand

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """See JobManager. A worker asks for its own queue, which is the kind, and for what its machine has first."""
        (kind,) = queues or ()
        both = [kind, own_queue(kind, self._machine)]
        job = await super().fetch_job(both, worker_id) if await self._has_room(kind) else None
        self._in_hand[kind] += job is not None
        return job


class Begin(Protocol):
    """Begins a job on this machine, in a thread of its own."""

    def __call__(self, kind: str, name: str, may_begin: Callable[[], bool]) -> Future[Outcome] | None:
        """Gives how it has ended, once it has; None where it is not begun.

        `may_begin` is asked just before it begins, and notes that it does: it may have waited for others of its kind,
        and have been taken from this machine meanwhile. It raises HistoryError.
        """
        ...


class QueueWorker:
    """Fetches jobs of some kinds, so many at once of each. Its methods are for one other thread."""

    def __init__(
        self,
        asked: AskedJobs,
        machine: str,
        concurrency: Mapping[str, int],
        begin: Begin,
        at_once: Callable[[str], int],
    ) -> None:
        """`machine` is the id under which this process is known to the others.

        `at_once` says how many of a kind it would carry out just now: never more than `concurrency` says.
        """
        self._asked: Final = asked
        self._machine: Final = machine
        self._begin: Final = begin
        self._at_once: Final = at_once
        self._in_hand: Final[Counter[str]] = Counter()
        self._freed: Final = asyncio.Event()
        self._thread: Final = threading.Thread(target=self._run, name="queue worker", daemon=True)
        self._lock: Final = threading.Lock()
        self._concurrency = dict(concurrency)
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed: Final = asyncio.Event()
        self._under_way: Final[dict[asyncio.Task[None], str]] = {}
        """What has not ended, with its kind."""
        self.is_connected = False
        """Whether it fetches jobs."""

    def start(self) -> None:
        """Begins to fetch jobs."""
        self._thread.start()

    def change(self, concurrency: Mapping[str, int]) -> None:
        """Fetches so many at once from now on; what is under way goes on."""
        with self._lock:
            if self._concurrency == concurrency:
                return
            self._concurrency = dict(concurrency)
        self._tell()

    def stop(self) -> None:
        """Fetches no more; what is under way goes on. Returns at once."""
        with self._lock:
            self._stopping = True
        self._tell()

    def join(self, timeout: timedelta) -> None:
        """Waits until what was under way has ended, after `stop`."""
        self._thread.join(timeout.total_seconds())

    def _tell(self) -> None:
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._changed.set)

    def _run(self) -> None:
        asyncio.run(self._work())

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._tell_of_failed_end)
        # What blocks is handed to it, by Procrastinate and here: no job is to wait for another.
        loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="queue"))
        with self._lock:
            self._loop = loop
        failed = 0
        while not self._stopping:
            began = loop.time()
            try:
                await self._fetch()
                why = "the connection was lost"
            except RotatorError as error:
                why = error.message
            except ConnectorException as error:
                why = f"the history is away: {type(error.__cause__).__name__}"
            except Exception as error:  # whatever ends it, what is asked for has to be fetched again
                why = type(error).__name__
            if self._changed.is_set():
                continue
            LOG.warning("no jobs are fetched for a moment", extra={"why": why})
            failed = 0 if loop.time() - began > SILENT_AFTER.total_seconds() else min(failed + 1, len(PAUSES) - 1)
            await _wait([self._changed.wait()], PAUSES[failed])
        with self._lock:
            self._loop = None
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _fetch(self) -> None:
        """Fetches until something was changed, or the first of the workers ends by itself."""
        self._changed.clear()
        with self._lock:
            concurrency = dict(self._concurrency)
        # What the workers before had fetched, and not handed over as they ended, is in nobody's hand.
        self._in_hand.clear()
        self._in_hand.update(self._under_way.values())
        connect_args = await asyncio.to_thread(self._asked.database.connect_args)
        async with AsyncConnectionPool(**pool_options(connect_args)) as pool:
            await pool.wait(CONNECT_WITHIN.total_seconds())
            app = new_app(self._take)
            app.job_manager = _Fetching(app.connector, self._machine, self._has_room, self._in_hand)
            async with app.open_async(pool):
                await self._until_one_ends(app, concurrency)

    async def _until_one_ends(self, app: App, concurrency: Mapping[str, int]) -> None:
        workers = [Worker(app, **worker_options(kind, at_once)) for kind, at_once in concurrency.items()]
        running = [asyncio.create_task(each.run()) for each in workers]  # type: ignore[no-untyped-call] # it has none
        self.is_connected = True
        try:
            await _wait([*running, self._changed.wait()])
        finally:
            self.is_connected = False
            await _stopped(workers, running)
        for each in running:
            if not each.cancelled():
                each.result()

    async def _has_room(self, kind: str) -> bool:
        """Waits until one more of a kind would be begun, so that none is fetched that another machine could begin."""
        while self._in_hand[kind] >= self._at_once(kind):
            if self._changed.is_set():
                return False
            self._freed.clear()
            await _wait([self._freed.wait(), self._changed.wait()], POLL)
        return True

    async def _take(self, asked: int, kind: str, name: str) -> None:
        """What Procrastinate waits for. It may end before the job has: that goes on then, and is noted all the same."""
        carrying_out = asyncio.create_task(self._carry_out(asked, kind, name))
        self._under_way[carrying_out] = kind
        carrying_out.add_done_callback(self._ended)
        await asyncio.shield(carrying_out)

    async def _carry_out(self, asked: int, kind: str, name: str) -> None:
        outcome = Outcome.DROPPED
        try:
            if await asyncio.to_thread(self._asked.take, asked, self._machine):
                may_begin = partial(self._asked.begin, asked, self._machine)
                ended = await asyncio.to_thread(self._begin, kind, name, may_begin)
                outcome = await asyncio.wrap_future(ended) if ended else outcome
        finally:
            await self._note(asked, outcome)

    def _ended(self, carried_out: asyncio.Task[None]) -> None:
        self._in_hand[self._under_way.pop(carried_out)] -= 1
        self._freed.set()

    async def _note(self, asked: int, outcome: Outcome) -> None:
        """Until it is noted, or this machine takes its leave, nobody begins it again: so it is tried for as long."""
        while True:
            try:
                await asyncio.to_thread(self._asked.end, asked, self._machine, outcome)
            except Exception as error:  # a fault, too, must not keep the job from ever being done again
                why = error.message if isinstance(error, RotatorError) else type(error).__name__
                LOG.warning("how a job ended is not noted yet: %s", why)
                await asyncio.sleep(HEARTBEAT.total_seconds())
            else:
                return

    def _tell_of_failed_end(self, _loop: asyncio.AbstractEventLoop, about: dict[str, Any]) -> None:
        """Procrastinate could not write down that a job has ended, which it tries once."""
        error = about.get("exception")
        if isinstance(error, ConnectorException) and _NOT_ITS_OWN in str(error.__cause__):
            LOG.info("a job has ended here that was another's by then, as this machine was taken for lost")
            return
        LOG.warning("what fetches jobs begins anew, as the end of one could not be told: %s", type(error).__name__)
        self._changed.set()


async def _wait(for_one_of: Sequence[Awaitable[Any]], timeout: timedelta | None = None) -> None:
    """Until the first of them is done, or the time is over; only those that are no tasks yet are cancelled then."""
    waiting = [asyncio.ensure_future(each) for each in for_one_of]
    seconds = timeout.total_seconds() if timeout else None
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each, given in zip(waiting, for_one_of, strict=True):
            if each is not given:
                each.cancel()


async def _stopped(workers: Sequence[Worker], running: Sequence[asyncio.Task[None]]) -> None:
    """Has them end, and cancels those that do not, as their connections hang.

    One that has not quite begun forgets that it was asked, so it is asked again; a cancellation may get lost.
    """
    for _ in range(round(CONNECT_WITHIN / _ASKED_AGAIN_AFTER)):
        for each in workers:
            each.stop()  # type: ignore[no-untyped-call] # it has none
        _, pending = await asyncio.wait(running, timeout=_ASKED_AGAIN_AFTER.total_seconds())
        if not pending:
            return
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def pool_options(connect_args: Mapping[str, Any]) -> dict[str, Any]:
    """What the pool of connections is made by, which all workers share: each of their queries takes milliseconds."""
    return {
        "kwargs": dict(connect_args),
        "min_size": 1,
        "max_size": 2,
        "timeout": CONNECT_WITHIN.total_seconds(),
        "check": AsyncConnectionPool.check_connection,
        "open": False,
    }


def new_app(task: Callable[..., Any]) -> App:
    """Procrastinate's app with the one task that there is."""
    app = App(connector=PsycopgConnector())
    app.task(name=TASK, retry=False)(task)
    return app


def worker_options(kind: str, at_once: int) -> dict[str, Any]:
    """What a worker of Procrastinate's is run by."""
    return {
        "queues": [kind],
        "name": kind,
        "concurrency": at_once,
        "fetch_job_polling_interval": POLL.total_seconds(),
        "listen_notify": False,
        "update_heartbeat_interval": HEARTBEAT.total_seconds(),
        "stalled_worker_timeout": SILENT_AFTER.total_seconds(),
        # What is under way is waited for by whoever carries it out.
        "shutdown_graceful_timeout": 0,
        "delete_jobs": "successful",
        "install_signal_handlers": False,
    }
