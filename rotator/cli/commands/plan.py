"""`rotate plan`, and `rotate now --dry-run`: what would be done, without doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rotator.cli.failures import tell
from rotator.cli.options import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import NO_CREDENTIAL, away, console, day, indented, moment, print_json, short, table
from rotator.cli.output.progress import describe
from rotator.cli.runs import actor
from rotator.core.decision.actions import ActionKind
from rotator.errors import RotatorError
from rotator.services.rotation.plan import Plan, plan_of
from rotator.services.rotation.requests import Request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rotator.application import Application


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@common_options
@json_option
@pass_invocation
def plan(invocation: Invocation, names: tuple[str, ...]) -> None:
    """When each credential is due, and what a rotation would do now. Nothing is changed and nobody logs in as it.

    \b
    With --json a list of
      {"credential", "strategy", "due_at", "due": bool, "not_after",
       "steps": [{"action", "app", "version", "why"}], "end": "done", "wait" or "halt", "why", "advice", "again_at"}.
    """
    with invocation.application() as app:
        for name in names:
            app.credential(name)
        request = Request(goal="replace", actor=actor())
        show_plans(invocation, app, names or tuple(app.settings.credentials), request)


def show_plans(invocation: Invocation, app: Application, names: Sequence[str], request: Request) -> None:
    """Shows what a request would do for each credential; exits with the code of the first that cannot be looked at."""
    plans: list[Plan] = []
    problems: list[RotatorError] = []
    for name in names:
        try:
            plans.append(plan_of(app.managed(name), request, app.now()))
        except RotatorError as error:
            problems.append(error)
    if invocation.json:
        print_json([as_json(each) for each in plans])
    elif plans or problems:
        _print(plans, app.now())
    else:
        console().print(NO_CREDENTIAL)
    for told in {str(error): error for error in problems}.values():
        tell(told, as_json=False)
    if problems:
        raise click.exceptions.Exit(problems[0].exit_code)


def as_json(found: Plan) -> dict[str, Any]:
    """One line of `rotate plan --json`."""
    end = found.forecast.end
    return {
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
        "advice": end.advice,
        "again_at": end.until,
    }


def _print(plans: list[Plan], now: datetime) -> None:
    if not plans:
        return
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
        return [f"{more}stop: {end.why}", f"What to do: {end.advice}"]
    if end.kind is ActionKind.WAIT:
        return [f"{more}wait until {moment(end.until, now)}: {end.why}.", "--retire-now does not wait."]
    if end.until:
        return [f"{more}keep the previous version until {moment(end.until, now)}."]
    return [f"{more}be done."]
