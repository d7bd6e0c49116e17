"""The rotations under way: what the log tells of each, and how far it still goes when the service is asked to stop."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from rotator.core import words
from rotator.core.decision.actions import ActionKind
from rotator.core.decision.policies import Strategy
from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from rotator.config.settings import Settings
    from rotator.core.decision.actions import Action
    from rotator.core.logins import LoginAnswer, LoginOutcome
    from rotator.services.schedule.jobs import Job

_LOG: Final = logging.getLogger(__name__)


_HALF_DONE: Final = frozenset({ActionKind.UPLOAD, ActionKind.RESTORE})
"""In place, the app in use holds another certificate than current's from here on."""

_GOES_ON: Final = "goes on until the new key is current or the old certificate is back"
_ENDS: Final = "ends where nothing is half done"


class RotationLog:
    """Logs the run of one credential, step by step (`rotator.services.rotation.report.Listener`)."""

    def __init__(self, credential: str, *, in_place: bool) -> None:
        self.credential: Final = credential
        self._in_place: Final = in_place
        self._step: ActionKind | None = None
        self._sent = False
        self._answer: LoginOutcome | None = None

    @property
    def status(self) -> str:
        """At which step it is, and what it still does when it is asked to stop."""
        at = f"is at {self._step}, and " if self._step else ""
        is_between = self._sent and self._step is ActionKind.VERIFY
        goes_on = self._in_place and (is_between or self._step in _HALF_DONE)
        return f"the rotation of {self.credential} {at}{_GOES_ON if goes_on else _ENDS}"

    def begins(self, action: Action) -> None:
        """See Listener."""
        # Waiting for the next test login is part of verifying.
        step = ActionKind.VERIFY if action.kind is ActionKind.WAIT else action.kind
        if step is not self._step:
            self._step, self._answer = step, None
            self._log(logging.INFO, f"{step} begins", action, why=action.why)

    def ended(self, action: Action, seconds: float, answer: LoginAnswer | None) -> None:
        """See Listener."""
        if answer is None:
            self._sent = action.kind is ActionKind.UPLOAD or (self._sent and action.kind is not ActionKind.PROMOTE)
            self._log(logging.INFO, f"{action.kind} ended", action, seconds=round(seconds, 3))
        elif answer.outcome is not self._answer:
            self._answer = answer.outcome
            self._log(logging.INFO, f"login {answer.outcome}", action, reason=answer.reason)

    def failed(self, action: Action | None, why: str) -> None:
        """See Listener."""
        self._log(logging.WARNING, f"{action.kind if action else 'observation'} failed", action, reason=why)

    def _log(self, level: int, event: str, action: Action | None, **values: Any) -> None:
        about = {"app": action.app, "version": words.short(action.version or "")} if action else {}
        told = {"credential": self.credential, **about, **values}
        _LOG.log(level, event, extra={name: value for name, value in told.items() if value not in {None, ""}})


class RunningRotations:
    """Those that run just now, each with its log."""

    def __init__(self) -> None:
        self._logs: Final[dict[str, RotationLog]] = {}

    def follow(self, settings: Settings, credential: str) -> RotationLog:
        """The log of the run that begins now."""
        in_place = settings.credentials[credential].strategy is Strategy.IN_PLACE
        self._logs[credential] = RotationLog(credential, in_place=in_place)
        return self._logs[credential]

    def job(self, job: Job) -> Job:
        """The same job, after which its rotation runs no more. Most find that nothing is due, and begin no run."""

        def run() -> None:
            try:
                job.run()
            finally:
                self._logs.pop(job.name, None)

        return replace(job, run=run) if job.kind is JobKind.ROTATE else job

    @property
    def statuses(self) -> list[str]:
        """At which step each is, and what it still does when it is asked to stop."""
        return [log.status for log in tuple(self._logs.values())]

    @property
    def credentials(self) -> list[str]:
        """Those that are being rotated."""
        return list(self._logs)
