"""What is counted of an hour that has come to its end, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from rotator.alerts.mail.text import message_id
from rotator.history.alerts.outbox import CLOSED
from rotator.history.engine.tables import ALERT, NOTIFICATION
from rotator.history.journal.queries import rotations
from rotator.queue.asked_jobs import MOST_STALLS
from rotator.queue.queue_tables import Outcome
from rotator.services.alerting.kinds import EXPIRY, ROTATED
from rotator.services.schedule.jobs import LEADER_LOCK, JobKind
from rotator.services.schedule.rotation_job import alerts_that_success_ends
from tests.end_to_end.processes import start
from tests.several_machines.asked import asked_jobs
from tests.several_machines.mishaps import What
from tests.several_machines.place import SENDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from rotator.history.engine.database import Database
    from rotator.history.records import Rotation
    from tests.several_machines.asked import Asked
    from tests.several_machines.hours import Death, Hour
    from tests.several_machines.place import Managed
    from tests.several_machines.watch import Watch

TAKEN_UP_WITHIN: Final = 30.0
"""Seconds from the death of a worker until another is at its jobs."""
LEADS_WITHIN: Final = 20.0
"""Seconds from the death of the leader until another leads; of one that is stopped, ten of them are silence."""


@dataclass(frozen=True)
class Counts:
    """All of it."""

    lines: tuple[tuple[str, str], ...]
    """What, and how many."""
    wrong: tuple[str, ...]
    late: tuple[str, ...]
    """What took longer than is promised, which proves something where nothing else is at work."""

    def table(self) -> str:
        """For people."""
        width = max(len(name) for name, _ in self.lines)
        return "\n".join([*(f"{name:<{width}}  {value}" for name, value in self.lines), *self.wrong, *self.late])


def counted(hour: Hour, exit_codes: Mapping[str, int | None]) -> Counts:
    """Of an hour whose machines have ended."""
    all_rotations, took = rotations(hour.database, limit=10_000), hour.ended - hour.began
    mails, logins = Mails.of(hour), hour.consumers.logins
    taken_up = [*_taken_up(hour, all_rotations)]
    failed_over = {what: [*_failed_over(hour, what)] for what in (What.KILL_LEADER, What.STOP_LEADER)}
    uploads = Counter(sum(each.uploads().values()) for each in hour.place.credentials)
    lines = (
        (
            "orgs, apps, credentials",
            f"{len(hour.place.orgs)}, {hour.place.size.apps} each, {len(hour.place.credentials)}",
        ),
        ("seconds until all was done", f"{took:.0f}"),
        ("of that time processors were wanting", f"{hour.watch.wanting(hour.began, took) / took:.0%}"),
        *((what.value, str(count)) for what, count in _befell(hour)),
        ("processes", str(sum(len(machine.pids) for machine in hour.machines))),
        ("rotations by outcome", _listed(Counter(each.outcome or "none" for each in all_rotations))),
        ("credentials by uploads to their apps", _listed(uploads)),
        ("logins of consumers", f"{sum(logins.accepted.values())}, {len(logins.failed)} refused"),
        ("rounds in which no key fitted", str(logins.pauses)),
        ("mails", f"{len(mails.told)} of {mails.expected}, {mails.sent_again} sent again under the same Message-ID"),
        ("jobs of the dead taken up", _latest(taken_up)),
        (f"jobs left alone for a while, as {MOST_STALLS} machines were lost with them", str(_left_alone(hour))),
        *((f"another leads after {what.value}", _latest(some)) for what, some in failed_over.items()),
    )
    wrong = (
        *(sentence for each in hour.place.credentials for sentence in _wrong_with(hour, each, all_rotations)),
        *mails.wrong,
        *(f"a consumer was refused: {each}" for each in logins.failed),
        *(f"nobody logs in with {each.name}" for each in hour.place.credentials if not logins.accepted[each.name]),
        *(f"{name} ended with {code}" for name, code in exit_codes.items() if code),
        *_faults(hour),
        *_history(hour),
    )
    late = (
        *(f"late: {each}" for each in taken_up if each.is_late(hour.watch, TAKEN_UP_WITHIN)),
        *(f"late: {each}" for some in failed_over.values() for each in some if each.is_late(hour.watch, LEADS_WITHIN)),
    )
    return Counts(lines, wrong, late)


def _befell(hour: Hour) -> Iterator[tuple[What, int]]:
    for what in What:
        yield what, sum(f"  {what.value}" in line for line in hour.befell)


def _listed(counter: Counter[int] | Counter[str]) -> str:
    return ", ".join(f"{key}: {count}" for key, count in sorted(counter.items(), key=str))


def _latest(of: list[Recovery]) -> str:
    return f"{len(of)}, the latest: {max(of, key=lambda each: each.seconds)}" if of else "none"


def _wrong_with(hour: Hour, each: Managed, all_rotations: list[Rotation]) -> Iterator[str]:
    its = [rotation for rotation in all_rotations if rotation.credential == each.name]
    if [rotation.outcome for rotation in its] != ["rotated"]:
        yield f"{each.name} was rotated thus: {[rotation.outcome for rotation in its]}"
    expected = dict.fromkeys(each.apps, 0) | {each.apps[-1]: 1}
    if each.uploads() != expected:
        yield f"the apps of {each.name} were given {each.uploads()} certificates"
    stages = hour.place.store.stages(each.name)
    live = each.target.live_certificate
    if not (live and stages.current == live.fingerprint and stages.previous == each.old.fingerprint):
        yield f"the store has {stages} of {each.name}, the app {live.fingerprint if live else None}"
    if stages.pending is not None:
        yield f"a version of {each.name} is pending"
    kept = {path.name for path in (hour.place.store_folder / each.name / "versions").iterdir()}
    if len(kept) != 2:
        yield f"the store keeps {len(kept)} versions of {each.name}"


@dataclass(frozen=True)
class Recovery:
    """What the death of a machine was followed by."""

    what: str
    since: float
    """By the monotonic clock."""
    seconds: float

    def is_late(self, watch: Watch, within: float) -> bool:
        """Whether it took longer; on a machine that is never idle everything may take four times as long."""
        wanting = min(1.0, watch.wanting(self.since, self.seconds) / max(self.seconds, 1.0))
        return self.seconds > within * (1 + 3 * wanting)

    def __str__(self) -> str:
        return f"{self.what} after {self.seconds:.1f} s"


def _taken_up(hour: Hour, all_rotations: list[Rotation]) -> Iterator[Recovery]:
    """Of each kill the jobs that the dead had taken and not ended, until another machine took them.

    What had come to its end but for the note of it is not due again.
    """
    asked = asked_jobs(hour.jobs)
    for death in hour.deaths:
        for kind, name in sorted(death.jobs) if death.what in {What.KILL, What.KILL_LEADER} else ():
            its = [each for each in asked if each.key == (kind, name)]
            again = min((each.taken_at for each in its if each.taken_at and each.taken_at > death.wall), default=None)
            if _is_left_alone(its, again):
                continue
            if again or (kind == JobKind.ROTATE and not _had_ended(name, death, all_rotations)):
                seconds = (again - death.wall).total_seconds() if again else float("inf")
                yield Recovery(f"{kind} {name}".rstrip(), death.at, seconds)


def _is_left_alone(its: list[Asked], again: datetime | None) -> bool:
    """Whether machines were lost with a job so often that it is not begun anew for a while."""
    lost = [each for each in its if each.outcome == Outcome.STALLED and each.ended_at]
    return sum(again is None or each.ended_at < again for each in lost if each.ended_at) >= MOST_STALLS


def _left_alone(hour: Hour) -> int:
    lost = Counter(each.key for each in asked_jobs(hour.jobs) if each.outcome == Outcome.STALLED)
    return sum(times >= MOST_STALLS for times in lost.values())


def _had_ended(name: str, death: Death, all_rotations: list[Rotation]) -> bool:
    ends = [each.finished_at for each in all_rotations if each.credential == name and each.outcome == "rotated"]
    return any(end and end <= death.wall for end in ends)


def _failed_over(hour: Hour, what: What) -> Iterator[Recovery]:
    """Until another led; not where the one that was stopped went on before anybody had to notice."""
    for death in hour.deaths:
        taken = hour.watch.next_taken(LEADER_LOCK, death.at, by_another_than=death.pid)
        seconds = taken.at - death.at if taken else float("inf")
        if death.what is what and (what is What.KILL_LEADER or min(seconds, LEADS_WITHIN) < death.lasts):
            yield Recovery("another leads", death.at, seconds)


def _faults(hour: Hour) -> Iterator[str]:
    for machine in hour.machines:
        for each in [*machine.logged("a fault"), *machine.logged("Traceback")]:
            yield f"{machine.name} has logged {each}"


def _history(hour: Hour) -> Iterator[str]:
    machine = hour.machines[0]
    verified = start("rotator", "history", "verify", environ=machine.environ).ran()
    if verified.code:
        yield f"the history is not intact: {verified.out}{verified.err}"


@dataclass(frozen=True)
class Mails:
    """What people were sent, against what the outbox has as delivered."""

    told: frozenset[str]
    """Message-IDs."""
    expected: int
    sent_again: int
    wrong: tuple[str, ...]

    @classmethod
    def of(cls, hour: Hour) -> Mails:
        """Of an hour whose machines have ended."""
        arrived = Counter(str(mail["Message-ID"]) for mail in hour.mail.arrived)
        delivered = {message_id(key, SENDER): key for key in _delivered(hour.database)}
        wrong = [f"no mail arrived of {key}" for id_, key in delivered.items() if id_ not in arrived]
        unknown = [mail["Subject"] for mail in hour.mail.arrived if mail["Message-ID"] not in delivered]
        if len(unknown) > len(hour.deaths):
            # One may be withdrawn that its sender could not note any more, as it died.
            wrong += [f"a mail is none of the outbox's: {subject}" for subject in unknown]
        wrong += [*_wrongly_told(hour)]
        again = sum(count - 1 for count in arrived.values())
        return cls(frozenset(arrived), len(delivered), again, tuple(wrong))


def _delivered(database: Database) -> Iterator[str]:
    """The keys of all messages that the channel has accepted: what was sent at one time of an alert is one."""
    columns = (NOTIFICATION.c.alert_id, NOTIFICATION.c.channel, NOTIFICATION.c.delivered_at, NOTIFICATION.c.step)
    query = select(*columns).where(NOTIFICATION.c.delivered_at.is_not(None))
    query = query.order_by(NOTIFICATION.c.alert_id, NOTIFICATION.c.channel, NOTIFICATION.c.delivered_at)
    with database.reading() as connection:
        rows = connection.execute(query.order_by(NOTIFICATION.c.id)).all()
    for (alert, channel, _), steps in groupby(rows, key=lambda row: tuple(row[:3])):
        yield "/".join([alert, *(row.step for row in steps), channel])


def pending(database: Database) -> list[str]:
    """The alerts of which something is still to be sent."""
    with database.reading() as connection:
        return list(
            connection.scalars(select(NOTIFICATION.c.alert_id).where(NOTIFICATION.c.delivered_at.is_(None))).all()
        )


def told_of_rotations(database: Database) -> Counter[str]:
    """By credential how many messages that a channel has accepted tell of its rotation.

    Where people were told before that it had stopped, the end of that alert tells of it.
    """
    columns = (
        ALERT.c.id,
        ALERT.c.credential,
        ALERT.c.kind,
        ALERT.c.key,
        NOTIFICATION.c.step,
        NOTIFICATION.c.delivered_at,
    )
    query = (
        select(*columns).join(NOTIFICATION).where(NOTIFICATION.c.delivered_at.is_not(None), ALERT.c.credential != "")
    )
    with database.reading() as connection:
        rows = connection.execute(query).all()
    telling = {
        (row.id, row.delivered_at, row.credential)
        for row in rows
        if row.kind == ROTATED or (row.step == CLOSED and row.key in alerts_that_success_ends(row.credential))
    }
    return Counter(credential for _, _, credential in telling)


def _wrongly_told(hour: Hour) -> Iterator[str]:
    """One message of each rotation, and one of each certificate that people have to see to."""
    columns = (ALERT.c.id, ALERT.c.kind, ALERT.c.credential, ALERT.c.org, ALERT.c.app, NOTIFICATION.c.delivered_at)
    query = select(*columns).join(NOTIFICATION).where(NOTIFICATION.c.delivered_at.is_not(None)).distinct()
    with hour.database.reading() as connection:
        messages = connection.execute(query).all()
    rotated = told_of_rotations(hour.database)
    expiring = Counter((each.org, each.app) for each in messages if each.kind == EXPIRY and not each.credential)
    for each in hour.place.credentials:
        if rotated[each.name] != 1:
            yield f"{rotated[each.name]} messages tell of the rotation of {each.name}"
    for org, app in hour.place.foreign_apps():
        if expiring[org, app] != 1:
            yield f"{expiring[org, app]} messages tell of {app} in {org}"
