"""What lost machines leave behind: their jobs are ended, so that they can be asked for anew; none is repeated blindly.

A job is lost when nothing says any more that it is being done: neither the machine that took it, nor the worker of
Procrastinate's that fetched it a moment ago and has not come to say so. It is ended as failed and never put back, so
that a machine that wakes up again can end no other than its own. The sweep is no job itself: one that stalls would wait
for itself.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from rotator.core.machines.fleet import SILENT_AFTER
from rotator.queue.queue_tables import Outcome

if TYPE_CHECKING:
    from rotator.queue.jobs_database import JobsDatabase

KEPT: Final = timedelta(hours=1)
"""How long a job is kept that has ended."""

CALLS_KEPT: Final = timedelta(hours=2)
"""How long it is known how often an org was asked: an hour of it counts."""

MACHINES_KEPT: Final = timedelta(days=1)
"""How long a machine is shown that went without taking its leave."""

# It is done by a machine that lives, or has just been fetched by a worker that does, or has just ended there: to tell
# so of it takes no longer. One whose end could not be told would keep its key from being done again.
_FAIL_LOST_JOBS: Final = text("""
    UPDATE procrastinate_jobs AS job SET status = 'failed'
    WHERE status = 'doing'
    AND NOT EXISTS (
        SELECT FROM procrastinate_workers AS worker JOIN procrastinate_events AS event ON event.job_id = job.id
        WHERE worker.id = job.worker_id AND last_heartbeat >= clock_timestamp() - :silent_after
        AND event.type = 'started' AND event.at >= clock_timestamp() - :silent_after)
    AND NOT EXISTS (
        SELECT FROM asked_job LEFT JOIN machine ON machine.id = asked_job.machine_id
        WHERE asked_job.job_id = job.id AND (
            ended_at >= clock_timestamp() - :silent_after
            OR ended_at IS NULL AND seen_at >= clock_timestamp() - :silent_after))
""").bindparams(silent_after=SILENT_AFTER)

# What was not begun is not what the machine was lost by. A machine goes on with what it has when its workers are begun
# anew, and the jobs of Procrastinate's with them are over then.
_END_WHAT_NOBODY_DOES: Final = text("""
    UPDATE asked_job
    SET ended_at = clock_timestamp(), outcome = CASE WHEN begun_at IS NULL THEN 'dropped' ELSE 'stalled' END
    WHERE ended_at IS NULL
    AND NOT EXISTS (
        SELECT FROM procrastinate_jobs WHERE id = asked_job.job_id AND status IN ('todo', 'doing'))
    AND NOT EXISTS (
        SELECT FROM machine WHERE id = asked_job.machine_id AND seen_at >= clock_timestamp() - :silent_after)
    RETURNING kind, name, outcome
""").bindparams(silent_after=SILENT_AFTER)

_COUNT: Final = text("""
    INSERT INTO stall (kind, number, last_at) VALUES (:kind, 1, clock_timestamp())
    ON CONFLICT (kind) DO UPDATE SET number = stall.number + 1, last_at = excluded.last_at
""")

_FORGET: Final = (
    text("DELETE FROM asked_job WHERE ended_at < clock_timestamp() - :kept").bindparams(kept=KEPT),
    # Those that have succeeded are deleted as they end.
    text("""
        DELETE FROM procrastinate_jobs WHERE status NOT IN ('todo', 'doing')
        AND NOT EXISTS (SELECT FROM asked_job WHERE job_id = procrastinate_jobs.id)
    """),
    text("DELETE FROM org_call WHERE minute < now() - :kept").bindparams(kept=CALLS_KEPT),
    text("DELETE FROM machine WHERE seen_at < clock_timestamp() - :kept").bindparams(kept=MACHINES_KEPT),
    text("DELETE FROM procrastinate_workers WHERE last_heartbeat < clock_timestamp() - :kept").bindparams(
        kept=MACHINES_KEPT
    ),
)


def sweep(database: JobsDatabase) -> list[tuple[str, str]]:
    """Ends the jobs of lost machines; gives their kinds and names. Raises HistoryError.

    For a machine that may judge of others (`ThisMachine.may_judge`). Several may do so at once.
    """
    with database.transaction() as connection:
        connection.execute(_FAIL_LOST_JOBS)
        lost = connection.execute(_END_WHAT_NOBODY_DOES).all()
        for row in lost:
            if row.outcome == Outcome.STALLED:
                connection.execute(_COUNT, {"kind": row.kind})
    return [(row.kind, row.name) for row in lost]


def forget(database: JobsDatabase) -> None:
    """Deletes what has ended long ago. Raises HistoryError."""
    with database.transaction() as connection:
        for statement in _FORGET:
            connection.execute(statement)
