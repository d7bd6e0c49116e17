"""A rotation as it happens: one line a step, and on a terminal what is being waited for and how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rotator.cli.console import clean, short
from rotator.core.actions import Action, ActionKind
from rotator.core.forecast import NEW_VERSION
from rotator.core.logins import LoginAnswer, LoginOutcome

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rotator.core.credentials import Fingerprint

_DOING: Final = {
    ActionKind.GENERATE: "generating a key pair for {app} into the store",
    ActionKind.RECALL: "making {version} pending again",
    ActionKind.UPLOAD: "uploading the certificate of {version} to {app}",
    ActionKind.VERIFY: "testing the login with {version} through {app}",
    ActionKind.PROMOTE: "making {version} current",
    ActionKind.RESTORE: "putting the certificate of {version} back to {app}",
    ActionKind.DISABLE: "ending the previous key's logins through {app}",
    ActionKind.DISCARD: "discarding the pending {version}",
    ActionKind.RETIRE: "retiring the previous {version}",
}


def describe(action: Action) -> str:
    """What an action does, for people."""
    if action.kind is ActionKind.WAIT:
        return f"waiting: {action.why}"
    return _DOING[action.kind].format(app=clean(action.app), version=_name(action.version))


def _name(version: Fingerprint | None) -> str:
    return "the new version" if version == NEW_VERSION else short(version)


class LiveProgress:
    """Shows the steps of a run on standard error. Use it in a `with` statement."""

    def __init__(self, credential: str, *, quiet: bool = False) -> None:
        self._credential: Final = credential
        self._console: Final = Console(stderr=True, quiet=quiet, highlight=False, markup=False, emoji=False)
        self._progress: Final = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task(f"{credential}: looking", total=None)
        self._logins = 0
        self._verifying = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begins(self, action: Action) -> None:
        """See rotator.services.reports.Listener."""
        if action.kind is ActionKind.WAIT and self._verifying:
            return
        self._progress.update(self._task, description=f"{self._credential}: {describe(action)}")

    def ended(self, action: Action, seconds: float, answer: LoginAnswer | None) -> None:
        """See rotator.services.reports.Listener."""
        if answer is not None:
            self._login(action, answer)
            return
        self._verifying, self._logins = "", 0
        self._say(f"{describe(action)} ({seconds:.1f} s)")

    def failed(self, action: Action | None, why: str) -> None:
        """See rotator.services.reports.Listener."""
        doing = describe(action) if action else "looking"
        self._say(f"{doing}: did not succeed, looking again. {clean(why)}")

    def _login(self, action: Action, answer: LoginAnswer) -> None:
        """A line when the answer changes; until then the count goes on in the line that moves."""
        state = f"{action.version}{answer.outcome}"
        self._logins = self._logins + 1 if state == self._verifying else 1
        if state != self._verifying:
            reason = "" if answer.outcome is LoginOutcome.ACCEPTED else f" ({clean(answer.reason)})"
            self._say(f"{describe(action)}: {answer.outcome}{reason}")
        self._verifying = state
        counted = f"{self._credential}: {describe(action)}: {answer.outcome}, {self._logins} in a row"
        self._progress.update(self._task, description=counted)

    def _say(self, text: str) -> None:
        self._console.print(f"{self._credential}: {text}", soft_wrap=True)
