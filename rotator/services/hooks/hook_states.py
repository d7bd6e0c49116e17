"""How each hook stands: what is yet to be called, and what became of the newest call."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rotator.core import words
from rotator.core.attempts import HOOK
from rotator.core.hook import Calls
from rotator.core.thresholds import has_come
from rotator.history.attempt_records import AttemptRecords
from rotator.history.hooks import HookCalls

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.history.engine.database import Database
    from rotator.history.records import Event


@dataclass(frozen=True)
class PendingCall:
    """A call that is yet to be made."""

    credential: str
    after: int
    """Number of the event."""
    failures: int
    next_at: datetime | None
    problem: str

    def next_try(self, now: datetime) -> str:
        """When it is made again, in a sentence; the moment may be past, where nobody was there to do it."""
        is_ahead = self.next_at is not None and not has_come(self.next_at, now)
        when = words.distance(self.next_at, now) if self.next_at and is_ahead else "at the next run"
        return f"It is tried again {when}."


@dataclass(frozen=True)
class LastCall:
    """What became of a call."""

    at: datetime
    credential: str
    event: str
    result: str
    """`done`, `failed` or `given up`."""
    seconds: float | None
    output: str
    problem: str

    def sentence(self, now: datetime) -> str:
        """In words."""
        return f"{self.result} {words.distance(self.at, now)}, {self.credential} {self.event}"


@dataclass(frozen=True)
class HookState:
    """A hook of the configuration, with what has become of its calls."""

    hook: str
    type: str
    on: tuple[str, ...]
    credentials: tuple[str, ...] | None
    pending: tuple[PendingCall, ...]
    last: LastCall | None

    def as_json(self) -> dict[str, Any]:
        """As `rotator hooks list --json` shows it."""
        return asdict(self)


def hook_states(settings: Settings, database: Database) -> list[HookState]:
    """The configured hooks. Raises HistoryError."""
    calls, attempts = HookCalls(database), AttemptRecords(database)
    pending: dict[str, list[PendingCall]] = {}
    for due in calls.due():
        attempt = attempts.get(HOOK, Calls(due.hook, due.credential).name)
        told = PendingCall(due.credential, due.sequence, attempt.failures, attempt.next_at, attempt.problem)
        pending.setdefault(due.hook, []).append(told)
    newest = calls.newest_of(settings.hooks.after_rotation)
    return [
        HookState(
            name,
            hook.type,
            tuple(map(str, hook.on)),
            hook.credentials,
            tuple(pending.get(name, ())),
            _last(newest[name]) if name in newest else None,
        )
        for name, hook in settings.hooks.after_rotation.items()
    ]


def _last(event: Event) -> LastCall:
    told = {name: str(event.details.get(name) or "") for name in ("event", "result", "output", "problem")}
    seconds = event.details.get("seconds")
    return LastCall(
        at=event.time,
        credential=event.credential or "",
        seconds=seconds if isinstance(seconds, float) else None,
        **told,
    )
