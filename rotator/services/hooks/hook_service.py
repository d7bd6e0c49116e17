"""Calling hooks: what has happened becomes calls, and each is made until its hook has done its work.

Hooks stand apart from rotations. A rotation ends as it ends, and writes that into the journal; the calls follow from
the journal, in whatever process finds them first: the command that rotated, or the service. So a rotation does not wait
for a hook and does not fail by one, and a crash anywhere loses no call.

Whoever makes the calls of one hook for one credential holds their lock, which dies with its process, and makes them in
the order of what has happened. What may fail, and what follows:

- the hook fails: it is tried again, later after each failure, and people are told;
- it fails for a day: it is given up, with an event, so that a hook that comes back is not told of what is long over;
- the process dies after the hook did its work, and before that was noted: the call is made again under the same id;
- a fault of ours: it is that call's failure.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from rotator.core import words
from rotator.core.attempts import HOOK, AttemptBackOff
from rotator.core.hook import Calls, HookCall, HookEvent, hook_event
from rotator.core.thresholds import has_come, later
from rotator.errors import HistoryError, RotationRunning, RotatorError
from rotator.history.attempt_records import AttemptRecords
from rotator.history.hooks import HookCalls, calling
from rotator.history.journal.chain import refuse_secrets, storable
from rotator.hooks.base import HookFailed
from rotator.services.alerting.rules import AlertRules
from rotator.services.hooks.hook_alerts import TOLD_FOR, hook_failed, hook_trouble
from rotator.services.own_faults import without_own_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime

    from rotator.config.rotation.hooks import HookSettings
    from rotator.config.settings import Settings
    from rotator.core.alert import Alert
    from rotator.history.engine.database import Database
    from rotator.history.hooks import DueCall
    from rotator.history.locks.locks import RotationLocks
    from rotator.history.records import Event
    from rotator.hooks.base import Hook

BACK_OFF: Final = AttemptBackOff(first=timedelta(minutes=1), ceiling=timedelta(minutes=30), attention_after=3)

GIVEN_UP_AFTER: Final = timedelta(days=1)
"""What happened so long ago is told to no hook any more."""

_LONG_OVER: Final = f"It was given up {words.length(TOLD_FOR)} ago: what it was to be told is long over."

LEFT_OUT: Final = "(left out: it looks as if a secret were in it)"


class Made(NamedTuple):
    """What became of one call."""

    hook: str
    call: HookCall
    output: str = ""
    problem: HookFailed | None = None
    """Why it failed."""
    again_at: datetime | None = None
    """When it is tried again; None where it did its work, or is given up."""


class HookService:
    """Threads may share it. Every method raises HistoryError; nothing that a hook does is raised."""

    def __init__(
        self,
        settings: Settings,
        calls: HookCalls,
        attempts: AttemptRecords,
        alerting: AlertRules,
        locks: RotationLocks,
        *,
        now: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        """`random` gives a number from 0 to 1, for the pauses after failures."""
        self._settings: Final = settings
        self._hooks: Final = settings.hooks.after_rotation
        self._calls: Final = calls
        self._attempts: Final = attempts
        self._alerting: Final = alerting
        self._locks: Final = locks
        self._now: Final = now
        self._random: Final = random
        self._noted: int | None = None

    @classmethod
    def of(
        cls, settings: Settings, database: Database, *, now: Callable[[], datetime], random: Callable[[], float]
    ) -> Self:
        """Over one history."""
        return cls(
            settings,
            HookCalls(database),
            AttemptRecords(database),
            AlertRules(settings, database),
            database.rotation_locks(now),
            now=now,
            random=random,
        )

    def note(self) -> None:
        """Makes calls of what has happened since the last time. Before a rotation, its hooks are known by this."""
        newest = self._calls.newest()
        if newest != self._noted:
            wanted = {name: partial(_wants, hook) for name, hook in self._hooks.items()}
            self._calls.note(wanted, since=self._now() - GIVEN_UP_AFTER)
            self._noted = newest

    def due(self, credentials: Collection[str] | None = None) -> list[Calls]:
        """Whose calls, after events of these credentials or of any, are to be made now."""
        if not self._hooks:
            return []
        self.note()
        these = dict.fromkeys(map(_of, self._calls.due(credentials)))
        now, configured = self._now(), set(self._settings.hook_calls)
        return [each for each in these if each in configured and self._attempts.get(HOOK, each.name).is_due(now)]

    def make(self, these: Calls, open_hook: Callable[[str], Hook]) -> list[Made]:
        """Makes these calls, up to the first that fails; none where another process is making them."""
        made: list[Made] = []
        with suppress(RotationRunning), self._locks.hold(calling(*these)) as hold:
            for due in self._calls.due([these.credential]):
                if due.hook != these.hook:
                    continue
                if not hold.still_held():
                    break
                event = self._calls.event(due)
                if event is None:
                    continue
                made.append(self._make(due, self._call_after(event, due), open_hook))
                if made[-1].again_at:
                    break
        return made

    def tried(self, these: Calls) -> None:
        """The hook did its work when a person tried it: that calls were given up is over, and what is due stays so."""
        if not any(_of(due) == these for due in self._calls.due([these.credential])):
            self._alerting.solved(hook_trouble(these), "The hook did its work when it was tried by hand.", self._now())

    def end_what_is_over(self, alerts: Iterable[Alert]) -> None:
        """Of these open ones, those of calls that were given up so long ago that nothing rests on them any more."""
        now, due = self._now(), set(map(_of, self._calls.due()))
        over = {hook_trouble(each): each for each in self._settings.hook_calls if each not in due}
        for alert in alerts:
            these = over.get(alert.key)
            given_up_at = self._attempts.get(HOOK, these.name).last_good_at if these else None
            if given_up_at and has_come(later(given_up_at, TOLD_FOR), now):
                self._alerting.solved(alert.key, _LONG_OVER, now)

    def _call_after(self, event: Event, due: DueCall) -> HookCall:
        told = {name: str(value) for name, value in event.details.items() if value is not None}
        configured = self._settings.credentials.get(due.credential)
        return HookCall(
            id=f"{due.hook}-{event.sequence}-{event.hash[:12]}",
            event=hook_event(event.kind, event.details) or HookEvent.ROTATED,
            credential=due.credential,
            org=configured.org if configured else "",
            at=event.time,
            rotation_id=event.rotation_id or "",
            why=next((told[name] for name in ("why", "error", "reason") if name in told), ""),
            old_fingerprint=told.get("old_fingerprint", ""),
            new_fingerprint=told.get("new_fingerprint", ""),
        )

    def _make(self, due: DueCall, call: HookCall, open_hook: Callable[[str], Hook]) -> Made:
        began = self._now()
        try:
            output = presentable(as_failure(due.hook, lambda: open_hook(due.hook).call(call)))
        except HookFailed as error:
            return self._failed(due, call, error)
        known = self._attempts.get(HOOK, _of(due).name)
        seconds = max(0.0, round((self._now() - began).total_seconds(), 3))
        self._end(due, call, "done", seconds=seconds, output=output)
        self._attempts.put(known.succeeded(self._now()))
        self._alerting.solved(hook_trouble(_of(due)), "", self._now())
        return Made(due.hook, call, output)

    def _failed(self, due: DueCall, call: HookCall, error: HookFailed) -> Made:
        now, said = self._now(), presentable(error.output)
        known = self._attempts.get(HOOK, _of(due).name)
        attempt = known.failed(
            now,
            BACK_OFF,
            problem=error.message,
            hint=error.hint,
            lasting=not error.transient,
            jitter=self._random(),
        )
        is_given_up = now - call.at >= GIVEN_UP_AFTER
        again_at = None if is_given_up else attempt.next_at
        if is_given_up:
            self._end(due, call, "given up", problem=presentable(error.message), output=said)
            attempt = known.succeeded(now)
        elif not known.failures:
            told = {"event": str(call.event), "result": "failed", "problem": presentable(error.message)}
            self._calls.failed(due, self._now(), **told, **({"output": said} if said else {}))
        self._attempts.put(attempt)
        self._alerting.problem(hook_failed(due.hook, call, error, said, again_at=again_at), now)
        return Made(due.hook, call, said, error, again_at)

    def _end(self, due: DueCall, call: HookCall, result: str, **details: str | float) -> None:
        told = {name: value for name, value in details.items() if value != ""}
        self._calls.ended(due, self._now(), event=str(call.event), result=result, **told)


def presentable(output: str) -> str:
    """What a hook said, as it may be kept and shown."""
    try:
        refuse_secrets(output)
    except HistoryError:
        return LEFT_OUT
    return storable(output)


def as_failure(hook: str, call: Callable[[], str]) -> str:
    """What is wrong with a hook's settings, and a fault of ours in it, is that hook's failure. Raises HookFailed."""
    try:
        return without_own_faults(call, f"Hook {hook} could not be called", HookFailed)
    except HookFailed:
        raise
    except RotatorError as error:
        message = f"Hook {hook} cannot be used: {error.message}"
        raise HookFailed(message, hint=error.hint, transient=error.transient) from None


def _wants(hook: HookSettings, event: Event) -> bool:
    word = hook_event(event.kind, event.details)
    return word is not None and hook.wants(word, event.credential or "")


def _of(due: DueCall) -> Calls:
    return Calls(due.hook, due.credential)
