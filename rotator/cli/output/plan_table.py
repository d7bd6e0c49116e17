"""What rotations would do, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.cli.output.console import away, console, day, indented, moment, short, table
from rotator.cli.output.former_names import with_former_names
from rotator.cli.output.progress import describe
from rotator.core.decision.actions import ActionKind

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.services.rotation.plan import Plan


def as_json(found: Plan) -> dict[str, Any]:
    """One line of `rotate plan --json`."""
    end = found.forecast.end
    return with_former_names(
        {
            "credential": found.credential,
            "strategy": found.strategy,
            "due_at": found.due_at,
            "due": found.due,
            "not_after": found.not_after,
            "steps": [
                {"action": step.kind, "app": step.app, "version": step.version, "why": step.why}
                for step in found.forecast.steps
            ],
            "end": end.kind,
            "why": end.why,
            "hint": end.hint,
            "again_at": end.until,
        }
    )


def print_plans(plans: list[Plan], now: datetime) -> None:
    """A table of when they are due, and the steps of each."""
    rows = table("Credential", "Strategy", "Current", "Expires", "Not after", "Due", spare=("Not after", "Current"))
    for found in plans:
        due = "now" if found.due else away(found.due_at, now)
        expires, not_after = away(found.not_after, now), day(found.not_after)
        rows.add_row(found.credential, found.strategy, short(found.current), expires, not_after, due)
    out = console()
    out.print(rows)
    for found in plans:
        steps = found.forecast.steps
        out.print(f"\n{found.credential}: {'a run now would take these steps:' if steps else 'a run now would'}")
        for number, step in enumerate(steps, 1):
            out.print(indented(f"{number}. {describe(step)}"))
        for line in _ending(found, now):
            out.print(indented(line))


def _ending(found: Plan, now: datetime) -> list[str]:
    end, more = found.forecast.end, "and " if found.forecast.steps else ""
    if end.kind is ActionKind.HALT:
        return [f"{more}stop: {end.why}", f"What to do: {end.hint}"]
    if end.kind is ActionKind.WAIT:
        return [f"{more}wait until {moment(end.until, now)}: {end.why}.", "--retire-now does not wait."]
    if end.until:
        return [f"{more}keep the previous version until {moment(end.until, now)}."]
    return [f"{more}be done."]
