"""Which machine is asked first for the look at an org: always the same one, as it has a session with it by then.

Sessions are secrets, and stay with their process. So a look that goes to whichever machine comes first costs a login
on each of them, again and again. Each org has one that is asked first, by its name and theirs alone (rendezvous
hashing): nothing has to be kept for it, and where one comes or goes the orgs of the others stay where they are. It is
first for a moment, by a queue of its own; what it has not taken by then is for all.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import text

from rotator.core.attempts import INVENTORY
from rotator.core.machines.fleet import SILENT_AFTER, Role

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

OWN_FOR: Final = timedelta(seconds=2)
"""So long a look waits for its machine, and up to a heartbeat of the leader's more."""

_WORKING: Final = text("""
    SELECT id, host FROM machine WHERE role = ANY (:roles) AND seen_at >= clock_timestamp() - :silent_after
""").bindparams(roles=[str(role) for role in Role if role.works], silent_after=SILENT_AFTER)

_OFFER: Final = text("""
    UPDATE procrastinate_jobs SET queue_name = split_part(queue_name, '@', 1)
    WHERE status = 'todo' AND queue_name LIKE '%@%' AND NOT EXISTS (
        SELECT FROM asked_job WHERE job_id = procrastinate_jobs.id AND asked_at >= clock_timestamp() - :own_for)
""")


class Working(NamedTuple):
    """A machine that carries out jobs."""

    id: str
    host: str


def working(connection: Connection) -> list[Working]:
    """The machines that are there, and carry out jobs."""
    return [Working(*row) for row in connection.execute(_WORKING)]


def own_queue(kind: str, machine: str) -> str:
    """The queue of what a machine is asked for first."""
    return f"{kind}@{machine}"


def queue_of(kind: str, name: str, machines: Collection[Working]) -> str:
    """The queue for a job: its machine's own, or that of all, where it makes no difference who does it."""
    if kind != INVENTORY or len(machines) < 2:
        return kind
    # By host: a process that was started anew has the same orgs again.
    first = max(machines, key=lambda each: (_weight(each.host, name), _weight(each.id, name)))
    return own_queue(kind, first.id)


def offer(connection: Connection) -> None:
    """Offers to all what the machines that were asked first have not taken."""
    connection.execute(_OFFER, {"own_for": OWN_FOR})


def _weight(machine: str, name: str) -> bytes:
    return hashlib.sha256(f"{machine} {name}".encode()).digest()
