"""What a run reports: its steps while it runs, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from rotator.core import words
from rotator.core.decision.actions import ActionKind

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.credentials import Fingerprint
    from rotator.core.decision.actions import Action, HaltReason
    from rotator.core.decision.policies import Strategy
    from rotator.core.logins import LoginAnswer
    from rotator.services.rotation.gap import MeasuredGap


class Outcome(StrEnum):
    """How a run ended."""

    ROTATED = "rotated"
    """Another version is current."""
    RESTORED = "restored"
    """Current's certificate is back on its app, and its key logs in."""
    NOTHING = "nothing"
    """There was nothing to do, or nothing but to retire the previous version after its grace."""
    WAITING = "waiting"
    """It cannot go on before a certain time."""
    REVERTED = "reverted"
    """The new key never logged in; the old certificate is back and proven."""
    HALTED = "halted"
    """A person is needed."""
    INTERRUPTED = "interrupted"
    """It was asked to stop."""


@dataclass(frozen=True)
class Step:
    """One kind of action, all its repetitions and the waiting between them together."""

    action: str
    seconds: float
    times: int = 1


@dataclass(frozen=True)
class Report:
    """One run for one credential."""

    credential: str
    strategy: Strategy
    outcome: Outcome
    why: str
    hint: str = ""
    """What a person does about it."""
    rerun: str = ""
    """What who typed a command does then."""
    halt: HaltReason | None = None
    rotation_id: str | None = None
    old_fingerprint: Fingerprint | None = None
    new_fingerprint: Fingerprint | None = None
    gap: MeasuredGap | None = None
    steps: tuple[Step, ...] = ()
    again_at: datetime | None = None
    """When the previous version's grace ends, or when the run can go on."""
    warnings: tuple[str, ...] = ()

    @property
    def advice(self) -> str:
        """What to do, for who typed a command."""
        return words.sentences(self.hint, self.rerun)

    @property
    def gap_seconds(self) -> float:
        """How long a consumer that knows only `current` may have been refused so far, in seconds."""
        return self.gap.length.total_seconds() if self.gap else 0.0


class Listener(Protocol):
    """Is told of every step of a run, to show it."""

    def begins(self, action: Action) -> None:
        """An action begins, or a wait."""
        ...

    def ended(self, action: Action, seconds: float, answer: LoginAnswer | None) -> None:
        """It has ended after so many seconds; a test login has an answer."""
        ...

    def failed(self, action: Action | None, why: str) -> None:
        """It raised an error; the run observes again and goes on. No action: the observation itself failed."""
        ...


class Silent:
    """A listener that shows nothing."""

    def begins(self, action: Action) -> None:
        """Nothing."""

    def ended(self, action: Action, seconds: float, answer: LoginAnswer | None) -> None:
        """Nothing."""

    def failed(self, action: Action | None, why: str) -> None:
        """Nothing."""


class StepTimings:
    """The steps of a run: repetitions of one kind, and the waiting between them, are one step."""

    def __init__(self) -> None:
        self._steps: list[Step] = []

    @property
    def steps(self) -> tuple[Step, ...]:
        """In the order in which they began."""
        return tuple(self._steps)

    def add(self, action: Action, seconds: float) -> None:
        """An action was tried, or waited for, for so many seconds."""
        # Waiting for the next test login is part of verifying.
        waits = action.kind is ActionKind.WAIT
        name, times = ("verify", 0) if waits else (action.kind.value, 1)
        if self._steps and self._steps[-1].action == name:
            last = self._steps.pop()
            seconds, times = seconds + last.seconds, times + last.times
        self._steps.append(Step(name, round(seconds, 3), times))
