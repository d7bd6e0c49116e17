"""What a run writes down: events in the history, lines in the log, warnings for its report."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

from rotator.errors import HistoryError

if TYPE_CHECKING:
    from rotator.core.credentials import Fingerprint
    from rotator.core.decision.actions import Action

_LOG: Final = logging.getLogger(__name__)


class RecordEvent(Protocol):
    """Writes down what a run does (`rotator.history.journal.journal.Journal.record`). Raises HistoryError."""

    def __call__(self, kind: str, **details: str | float | bool | None) -> None:
        """Appends an event of this kind to the journal."""
        ...


class RunRecorder:
    """Writes down one run of one credential."""

    def __init__(self, credential: str, record: RecordEvent) -> None:
        self._credential: Final = credential
        self._record: Final = record
        self._warnings: list[str] = []

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know although the run went on, each once."""
        return tuple(dict.fromkeys(self._warnings))

    def warn(self, text: str) -> None:
        """Adds a warning."""
        self._warnings.append(text)

    def record(
        self, action: Action, version: Fingerprint | None, *, kind: str = "", **details: str | float | bool | None
    ) -> None:
        """An event for the history; details that are None are left out."""
        known = {name: value for name, value in details.items() if value is not None}
        self.record_event(kind or action.kind, why=action.why, version=version, app=action.app, **known)

    def record_event(self, kind: str, **details: str | float | bool | None) -> None:
        """An event for the history that is no action."""
        try:
            self._record(kind, **details)
        except HistoryError as error:
            # A rotation that has begun is ended whether or not it can be written down.
            self.warn(f"The history could not be written: {error.message}")

    def log(self, action: Action, version: Fingerprint | None, **details: Any) -> None:
        """A line for `--verbose`."""
        about = {"credential": self._credential, "app": action.app, "version": version, "why": action.why, **details}
        _LOG.debug(action.kind, extra={name: value for name, value in about.items() if value is not None})
