"""A rotation as it happens: one line a step, and on a terminal what is being waited for and how long."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rotator.cli.output.console import short, terminal
from rotator.core import words
from rotator.core.decision.actions import Action, ActionKind
from rotator.core.decision.forecast import NEW_VERSION
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.plain_text import flat

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rotator.core.credentials import Fingerprint

_DOING: Final = {
    ActionKind.GENERATE: "generating a key pair for {app} into the store",
    ActionKind.TAKE: "taking the consumer key and secret of {app} into the store",
    ActionKind.STAGE: "staging a consumer key and secret of {app}, and storing them",
    ActionKind.ROTATE: "putting {version} in force on {app}",
    ActionKind.UNSTAGE: "deleting {version} on {app}",
    ActionKind.RECALL: "making {version} pending again",
    ActionKind.UPLOAD: "uploading the certificate of {version} to {app}",
    ActionKind.VERIFY: "testing the login with {version} through {app}",
    ActionKind.PROMOTE: "making {version} current",
    ActionKind.RESTORE: "putting the certificate of {version} back to {app}",
    ActionKind.DISABLE: "ending the previous key's logins through {app}",
    ActionKind.DISCARD: "discarding the pending {version}",
    ActionKind.RETIRE: "retiring the previous {version}",
}

_MUST_REFUSE: Final = "making sure that {app} refuses the key of {version} before its certificate is there"

_NOT_YET: Final = "; the change takes its time to reach every login server, trying again"


def describe(action: Action) -> str:
    """What an action does, for people."""
    if action.kind is ActionKind.WAIT:
        until = f" until {words.clock(action.until)}" if action.until else ""
        return f"waiting{until}: {action.why}"
    doing = _MUST_REFUSE if action.before_upload else _DOING[action.kind]
    return doing.format(app=action.app, version=_name(action.version))


def _name(version: Fingerprint | None) -> str:
    return "the new version" if version == NEW_VERSION else short(version)


class LiveProgress:
    """Shows the steps of a run on standard error. Use it in a `with` statement."""

    def __init__(self, credential: str, *, quiet: bool = False) -> None:
        self._credential: Final = credential
        self._console: Final = terminal(sys.stderr, quiet=quiet)
        self._progress: Final = Progress(
            SpinnerColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task(f"{credential}: looking", total=None)
        self._logins = 0
        self._verifying = ""
        self._sent: set[Fingerprint | None] = set()

    def __enter__(self) -> Self:
        # Where nothing can move, Rich would end with an empty line.
        if self._console.is_interactive:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_interactive:
            self._progress.stop()

    def begins(self, action: Action) -> None:
        """See rotator.services.rotation.report.Listener."""
        if action.kind in {ActionKind.WAIT, ActionKind.VERIFY} and self._verifying:
            return
        self._show(describe(action), anew=True)

    def ended(self, action: Action, seconds: float, answer: LoginAnswer | None) -> None:
        """See rotator.services.rotation.report.Listener."""
        if answer is not None:
            self._login(action, answer)
            return
        self._verifying, self._logins = "", 0
        if action.kind in {ActionKind.UPLOAD, ActionKind.RESTORE}:
            self._sent.add(action.version)
        self._say(f"{describe(action)} ({seconds:.1f} s)")

    def failed(self, action: Action | None, why: str) -> None:
        """See rotator.services.rotation.report.Listener."""
        doing = describe(action) if action else "looking"
        self._say(f"{doing}: did not succeed, looking again. {why}")

    def _login(self, action: Action, answer: LoginAnswer) -> None:
        """A line when the answer changes; until then the count goes on in the line that moves."""
        state = f"{action.version}{answer.outcome}"
        is_news = state != self._verifying
        self._logins = 1 if is_news else self._logins + 1
        self._verifying = state
        if is_news and action.before_upload and answer.may_speak_of_the_key:
            self._say(f"{describe(action)}: it does")
        elif is_news:
            self._say(f"{describe(action)}: {answer.outcome}{self._reason(action, answer)}")
        waiting = f"waiting for logins with {_name(action.version)}: {answer.outcome}, {self._logins} in a row"
        self._show(waiting, anew=is_news)

    def _reason(self, action: Action, answer: LoginAnswer) -> str:
        if answer.outcome is LoginOutcome.ACCEPTED:
            return ""
        is_new = answer.outcome is LoginOutcome.MISMATCH and action.version in self._sent
        return f" ({answer.reason}){_NOT_YET if is_new else ''}"

    def _show(self, text: str, *, anew: bool) -> None:
        """The line that moves; `anew` sets its clock to zero."""
        if anew:
            self._progress.reset(self._task)
        self._progress.update(self._task, description=flat(f"{self._credential}: {text}"))

    def _say(self, text: str) -> None:
        # What is piped on is not folded; a terminal wraps between words.
        self._console.print(f"{self._credential}: {text}", soft_wrap=not self._console.is_terminal)
