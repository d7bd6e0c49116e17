"""What a run reports: its steps while it runs, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from rotator.core import words
from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import ActionKind, HaltReason
from rotator.core.decision.policies import Goal
from rotator.errors import NOTHING_CHANGED
from rotator.services.rotation.gap import MeasuredGap

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.decision.actions import Action
    from rotator.core.decision.observations import Observation
    from rotator.core.decision.policies import Strategy, Wanted
    from rotator.core.logins import LoginAnswer
    from rotator.history.records import Rotation


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


_OPEN_HALTS: Final = frozenset({HaltReason.REVERT_UNPROVEN, HaltReason.LOST})
"""Reasons to call a person in the middle of a rotation, also where nothing half done is to be seen."""


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
    has_pending: bool = False
    """Whether a version was left in the store that is yet to become current."""
    steps: tuple[Step, ...] = ()
    again_at: datetime | None = None
    """When the previous version's grace ends, or when the run can go on."""
    warnings: tuple[str, ...] = ()
    effect: str = ""
    """What a run that halted left as it was, where it changed nothing."""

    @property
    def advice(self) -> str:
        """What to do, for who typed a command."""
        return words.sentences(self.hint, self.rerun)

    @property
    def is_half_done(self) -> bool:
        """Whether another run has to go on from what this one left."""
        return self.has_pending or (self.gap is not None and self.gap.is_open)

    @property
    def stays_open(self) -> bool:
        """Whether a person is called in the middle of a rotation: then what becomes of it afterwards is its end."""
        return self.outcome is Outcome.HALTED and (self.is_half_done or self.halt in _OPEN_HALTS)

    def warned(self, *sentences: str) -> Report:
        """The same with more warnings."""
        return replace(self, warnings=(*self.warnings, *sentences))

    @property
    def gap_seconds(self) -> float:
        """How long a consumer that knows only `current` may have been refused so far, in seconds."""
        return self.gap.length.total_seconds() if self.gap else 0.0


def report_of(rotation: Rotation, strategy: Strategy) -> Report:
    """What the history has of a rotation that has ended."""
    return Report(
        rotation.credential,
        strategy,
        Outcome(rotation.outcome or ""),
        rotation.why,
        rotation_id=rotation.id,
        old_fingerprint=_fingerprint(rotation.old_fingerprint),
        new_fingerprint=_fingerprint(rotation.new_fingerprint),
        gap=MeasuredGap(length=timedelta(seconds=rotation.gap_seconds or 0.0)),
    )


def _fingerprint(text: str | None) -> Fingerprint | None:
    return Fingerprint(text) if text else None


@dataclass(frozen=True, kw_only=True)
class RunSoFar:
    """What a report tells of a run, beside how it ended."""

    credential: str
    wanted: Wanted
    rotation_id: str
    """Empty where no rotation was begun."""
    goes_on: bool
    """Whether an earlier run began the rotation, and was interrupted or halted."""
    before: Observation
    """As it was first observed."""
    gap: MeasuredGap
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]
    why_given_up: str
    """Why the new version was given up, where an upload was the reason."""

    def ended(self, action: Action, seen: Observation) -> Report:
        """The report of a run whose last action is `done`, `halt`, or to wait for what is too far off."""
        report = self._report(seen, Outcome.WAITING, action.why)
        match action.kind:
            case ActionKind.DONE:
                return replace(report, outcome=self._success(seen), again_at=action.until)
            case ActionKind.HALT:
                halted = replace(report, hint=action.hint, rerun=action.rerun, halt=action.halt)
                return self._halted(halted)
        return replace(report, rerun=_RERUN_THEN, again_at=action.until)

    def interrupted(self, seen: Observation) -> Report:
        """The report of a run that was asked to stop."""
        goes_on = f"`rotate finish {self.credential}`, or the same command, goes on from here."
        return replace(self._report(seen, Outcome.INTERRUPTED, "It was asked to stop."), rerun=goes_on)

    def _halted(self, report: Report) -> Report:
        if report.halt is not HaltReason.REVERTED:
            effect = NOTHING_CHANGED if self._has_changed_nothing else ""
            return replace(report, outcome=Outcome.HALTED, effect=effect)
        why = f"{self.why_given_up} The old certificate is back." if self.why_given_up else report.why
        return replace(report, outcome=Outcome.REVERTED, why=why)

    @property
    def _has_changed_nothing(self) -> bool:
        """Whether neither this run nor one before it that was interrupted did. Waiting is part of verifying."""
        is_left_over = self.goes_on or self.gap.is_open or self.before.pending is not None
        return not is_left_over and all(step.action == ActionKind.VERIFY for step in self.steps)

    def _success(self, seen: Observation) -> Outcome:
        if self.wanted.goal is Goal.RESTORE:
            return Outcome.RESTORED
        if seen.current != self.before.current or (self.wanted.goal is not Goal.FINISH and self.rotation_id):
            return Outcome.ROTATED
        return Outcome.NOTHING

    def _report(self, seen: Observation, outcome: Outcome, why: str) -> Report:
        return Report(
            credential=self.credential,
            strategy=seen.strategy,
            outcome=outcome,
            why=why,
            rotation_id=self.rotation_id or None,
            old_fingerprint=self._old(seen),
            new_fingerprint=seen.current.fingerprint if seen.current else None,
            gap=self.gap,
            has_pending=seen.pending is not None,
            steps=self.steps,
            warnings=self.warnings,
        )

    def _old(self, seen: Observation) -> Fingerprint | None:
        """The version that was to be replaced, also where an interrupted run has replaced it already."""
        if self.wanted.goal is Goal.REPLACE:
            return self.wanted.version
        before = self.before.current
        if before and before != seen.current:
            return before.fingerprint
        return seen.previous.fingerprint if seen.previous else None


_RERUN_THEN: Final = "Run it again then, or with --retire-now, which ends the previous version at once."


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
