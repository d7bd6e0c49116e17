"""How a run's end is told: to a person, and to a program."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rotator.cli.exit_codes import of_end, of_error
from rotator.cli.output.console import console, moment, print_json, short, state
from rotator.cli.output.former_names import with_former_names
from rotator.cli.output.streams.marked import Indented
from rotator.core import words
from rotator.core.decision.actions import ActionKind
from rotator.core.decision.policies import Strategy
from rotator.services.rotation.report import Outcome, Report

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rotator.errors import RotatorError


def print_report(report: Report, now: datetime, *, revoked_since: datetime | None = None) -> None:
    """A run's end, for a person; `revoked_since`: nobody was to log in with the credential until then."""
    out = console()
    out.print(f"{report.credential}: ", state(report.outcome), _sentence(report), sep="")
    for line in _details(report, now, revoked_since):
        out.print(Indented(line))


def _sentence(report: Report) -> str:
    new = short(report.new_fingerprint)
    match report.outcome:
        case Outcome.ROTATED if report.old_fingerprint:
            return f" {short(report.old_fingerprint)} -> {new} ({report.strategy})"
        case Outcome.ROTATED:
            return f": {new} is current ({report.strategy})"
        case Outcome.RESTORED:
            return _restored(report)
        case Outcome.NOTHING:
            return _nothing(report)
    return f": {report.why}"


def _nothing(report: Report) -> str:
    done = {step.action for step in report.steps}
    current = f"{short(report.new_fingerprint) if report.new_fingerprint else 'nothing'} is current"
    if ActionKind.RETIRE in done:
        return f" is left to do: {current}, and the previous version was retired"
    if ActionKind.DISCARD in done:
        return f" is left to do: {current}, and the pending version was discarded"
    return f" to do: {current}" if report.new_fingerprint else " to do"


def _restored(report: Report) -> str:
    new = short(report.new_fingerprint)
    if report.strategy is Strategy.STAGED:
        return f": {new} is the consumer key and secret that its app takes, and logs in"
    return f": the certificate of {new} is on its app, and its key logs in"


def _details(report: Report, now: datetime, revoked_since: datetime | None) -> list[str]:
    lines = [report.effect] if report.effect else []
    if report.steps:
        steps = ", ".join(f"{step.action} {words.measured(step.seconds)}" for step in report.steps)
        lines.append(f"Steps: {steps}.")
    # Who used a key that was never in the store is not known here, so nothing is promised about them.
    if report.gap and report.gap.is_open and report.gap.begun_at:
        lines.append(words.refused(report.gap.begun_at, now))
    elif report.gap_seconds or (report.outcome in {Outcome.ROTATED, Outcome.REVERTED} and report.old_fingerprint):
        lines.append(_gap(report, revoked_since))
    if report.again_at:
        lines.append(_what_is_left(report, report.again_at, now))
    lines += [f"Warning: {warning}" for warning in report.warnings]
    if report.advice:
        lines.append(f"What to do: {report.advice}")
    return lines


def _what_is_left(report: Report, again_at: datetime, now: datetime) -> str:
    if report.outcome is Outcome.WAITING:
        return f"It can go on at {moment(again_at, now)}."
    name = report.credential
    return (
        f"The previous version is kept until {moment(again_at, now)}. Until then `rotate back {name}` makes it current "
        f"again; after it `rotate finish {name}`, or the next rotation, retires it."
    )


def _gap(report: Report, revoked_since: datetime | None) -> str:
    if not report.gap_seconds and revoked_since:
        return f"Gap: none of its own; since {words.moment(revoked_since)} consumers were refused on purpose."
    if not report.gap_seconds:
        return "Gap: none; no consumer can have been refused."
    length = words.measured(report.gap_seconds)
    if report.gap and report.gap.is_uncertain:
        length = f"about {length}; the clock was set meanwhile"
    return f"Gap: consumers that try `current` only may have been refused for {length}."


def print_endings(ends: Iterable[tuple[str, Report | RotatorError]]) -> None:
    """The ends of all runs of a command, as JSON."""
    print_json([report_as_json(end) if isinstance(end, Report) else failure_as_json(name, end) for name, end in ends])


def report_as_json(report: Report) -> dict[str, Any]:
    """A run's end, for a program."""
    gap = report.gap
    return with_former_names(
        {
            "credential": report.credential,
            "strategy": report.strategy,
            "outcome": report.outcome,
            "why": report.why,
            "effect": report.effect,
            "hint": report.advice,
            "rotation_id": report.rotation_id,
            "old_fingerprint": report.old_fingerprint,
            "new_fingerprint": report.new_fingerprint,
            "gap_seconds": report.gap_seconds,
            "gap_begun_at": gap.begun_at if gap else None,
            "gap_ended_at": gap.ended_at if gap else None,
            "gap_is_open": gap.is_open if gap else False,
            "gap_is_uncertain": gap.is_uncertain if gap else False,
            "steps": [asdict(step) for step in report.steps],
            "again_at": report.again_at,
            "warnings": list(report.warnings),
            "exit_code": of_end(report.outcome),
        }
    )


def failure_as_json(name: str, error: RotatorError) -> dict[str, Any]:
    """The end of a run that raised an error, for a program."""
    return with_former_names(
        {
            "credential": name,
            "outcome": "failed",
            "why": error.message,
            "effect": error.effect,
            "refused_since": error.refused_since,
            "org": error.org,
            "store": error.store,
            "hint": error.advice,
            "exit_code": of_error(error),
        }
    )
