"""What the service remembers between jobs: when credentials are next due, and which orgs were asked for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from rotator.core.schedule import NextDue
from rotator.services.inventory.scan import configured_places
from rotator.services.inventory.shared_looks import FULL_LOOK
from rotator.services.schedule.memory.notes import OwnNotes, SharedNotes

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.config.settings import Settings
    from rotator.queue.configurations import Configurations
    from rotator.queue.remembered import JSON, Remembered
    from rotator.services.schedule.memory.notes import Notes

_NEXT_DUE: Final = "next_due"
_ASKED_LOOK: Final = "asked_look"
_MET_DAMAGE: Final = "met_damage"
_TIMES: Final = ("expires_at", "due_at", "retires_at")


def _nobody_else(_settings: Settings) -> None:
    """What one process remembers ends with it."""


@dataclass(frozen=True)
class ServiceMemory:
    """Notes that jobs leave for whoever asks next what is due. Threads may share it."""

    next_dues: Notes[NextDue] = field(default_factory=OwnNotes)
    """By credential; there is none where it has to be observed for that."""
    asked: Notes[bool] = field(default_factory=OwnNotes)
    """By org: something was changed there, so it is to be looked at whether or not it is due."""
    met_damage: Notes[bool] = field(default_factory=OwnNotes)
    """Whether a job has met a row of the history that cannot be read."""
    forget_unconfigured: Callable[[Settings], None] = _nobody_else
    """Forgets what is of orgs and credentials that a configuration does not have. Raises HistoryError."""
    note_configuration: Callable[[], None] = lambda: None
    """Says to others what the configuration of this process has. Raises HistoryError."""
    is_configured_alike: Callable[[], bool] = lambda: True
    """Whether no other machine's configuration has what this one's lacks. Raises HistoryError."""

    def begin_anew(self) -> None:
        """Who leads from now on goes by what is there, and by nothing that it read before."""
        self.next_dues.begin_anew()
        self.asked.begin_anew()


def shared_memory(
    remembered: Remembered, settings: Settings, configurations: Configurations, *, pid: int, host: str
) -> ServiceMemory:
    """That of all machines that share a database, in which `settings` say what a credential's next due follows from.

    What was noted before by other settings does not count: it is observed anew, once. `pid` and `host` are of the
    machine that has them.
    """
    names = _configured_names(settings)

    @cache
    def rules(credential: str) -> str:
        configured = settings.credentials.get(credential)
        text = configured.model_dump_json(exclude={"owner", "notify"}) if configured else ""
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def encode(credential: str, next_due: NextDue) -> JSON:
        times = {name: getattr(next_due, name) for name in _TIMES}
        told = {name: value.isoformat() for name, value in times.items() if value}
        return {"rules": rules(credential), "is_half_done": next_due.is_half_done, **told}

    def forget_unconfigured(settings: Settings) -> None:
        remembered.keep_only(_NEXT_DUE, settings.credentials)
        for kind in (_ASKED_LOOK, FULL_LOOK):
            remembered.keep_only(kind, settings.orgs)
        configurations.forget_gone()

    next_dues = SharedNotes(
        remembered,
        _NEXT_DUE,
        encode=encode,
        decode=_next_due,
        still_counts=lambda name, value: isinstance(value, dict) and value.get("rules") == rules(name),
    )
    return ServiceMemory(
        next_dues,
        _flags(remembered, _ASKED_LOOK),
        _flags(remembered, _MET_DAMAGE),
        forget_unconfigured,
        note_configuration=lambda: configurations.note(pid, host, names),
        is_configured_alike=lambda: configurations.are_all(names),
    )


def _configured_names(settings: Settings) -> str:
    """A digest, the same for two configurations by which maintenance would forget the same."""
    told = (
        sorted(settings.stores),
        sorted(settings.alerts.channels),
        sorted(settings.hooks.after_rotation),
        sorted(call.name for call in settings.hook_calls),
        sorted(settings.credentials),
        [(org, sorted(configured_places(settings, org))) for org in sorted(settings.orgs)],
    )
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _flags(remembered: Remembered, kind: str) -> SharedNotes[bool]:
    return SharedNotes(remembered, kind, encode=lambda _name, value: value, decode=lambda _name, value: bool(value))


def _next_due(_credential: str, value: Any) -> NextDue:
    times = {name: datetime.fromisoformat(value[name]) for name in _TIMES if name in value}
    return NextDue(is_half_done=bool(value["is_half_done"]), **times)
