"""What a run has done so far, as its report shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.decision.actions import ActionKind
from rotator.services.rotation.report import Step

if TYPE_CHECKING:
    from rotator.core.decision.actions import Action


class Tally:
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
