"""A rotation as the log tells it, and where it stands when it is asked to stop."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from rotator.core.actions import ActionKind

if TYPE_CHECKING:
    from rotator.core.actions import Action
    from rotator.core.logins import LoginAnswer, LoginOutcome

_LOG: Final = logging.getLogger(__name__)

_UNTIL: Final = {
    ActionKind.GENERATE: "ends before anything is changed in the org",
    ActionKind.RECALL: "ends before anything is changed in the org",
    ActionKind.UPLOAD: "goes on until the new key is current or the old certificate is back",
    ActionKind.RESTORE: "goes on until the old certificate is back",
    ActionKind.PROMOTE: "ends when the new key is current",
}
_AS_IT_IS: Final = "ends where nothing is half done"


class Progress:
    """Follows the run of one credential (`rotator.services.reports.Listener`)."""

    def __init__(self, credential: str) -> None:
        self.credential: Final = credential
        self._step: ActionKind | None = None
        self._sent = False
        self._answer: LoginOutcome | None = None

    @property
    def standing(self) -> str:
        """Where it is, and what it still does when it is asked to stop."""
        if self._step is None:
            return f"the rotation of {self.credential} {_AS_IT_IS}"
        is_between = self._sent and self._step is ActionKind.VERIFY
        until = _UNTIL[ActionKind.UPLOAD] if is_between else _UNTIL.get(self._step, _AS_IT_IS)
        return f"the rotation of {self.credential} is at {self._step}, and {until}"

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
        self._log(logging.WARNING, f"{action.kind if action else 'look'} failed", action, reason=why)

    def _log(self, level: int, event: str, action: Action | None, **values: Any) -> None:
        about = {"app": action.app, "version": action.version} if action else {}
        told = {"credential": self.credential, **about, **values}
        _LOG.log(level, event, extra={name: value for name, value in told.items() if value not in {None, ""}})
