"""`rotator rotate` and `rotate`: now, back, plan, finish, restore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rotator.cli.failures import tell
from rotator.cli.lazy import Lazy, LazyGroup
from rotator.cli.options import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import NO_CREDENTIAL, away, console, day, indented, moment, print_json, short, table
from rotator.cli.output.endings import documented
from rotator.cli.output.former_names import with_former_names
from rotator.cli.output.progress import describe
from rotator.cli.runs import actor, chosen, run_requests
from rotator.core.decision.actions import ActionKind
from rotator.core.decision.options import RotationOptions
from rotator.errors import ConfigurationError, RotatorError
from rotator.services.rotation.plan import Plan, plan_of
from rotator.services.rotation.requests import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import Any

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
       "steps": [{"action", "app", "version", "why"}], "end": "done", "wait" or "halt", "why", "hint", "again_at"}.
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
            plans.append(plan_of(app.credential_context(name), request, app.now()))
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
        return [f"{more}stop: {end.why}", f"What to do: {end.hint}"]
    if end.kind is ActionKind.WAIT:
        return [f"{more}wait until {moment(end.until, now)}: {end.why}.", "--retire-now does not wait."]
    if end.until:
        return [f"{more}keep the previous version until {moment(end.until, now)}."]
    return [f"{more}be done."]


@click.group(
    cls=LazyGroup,
    lazy={"plan": Lazy("rotator.cli.commands.rotate", "plan", "What is due when, and what a run would do now.")},
    context_settings={"help_option_names": ["-h", "--help"]},
)
@common_options
@json_option
def rotate() -> None:
    """Replace key pairs without locking anybody out."""


_names = click.argument("names", nargs=-1, metavar="NAME...")
_all = click.option("--all", "every", is_flag=True, help="Every configured credential, one after the other.")
_reason = click.option("--reason", default="", metavar="TEXT", help="Why, for the history.")
_replace_unknown = click.option(
    "--replace-unknown", is_flag=True, help="Overwrite a certificate that nobody here knows, too."
)
_retire_now = click.option(
    "--retire-now", is_flag=True, help="End the previous version now, without waiting for its grace to end."
)


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    return common_options(json_option(pass_invocation(documented(command))))


@rotate.command()
@_names
@_all
@_reason
@click.option("--dry-run", is_flag=True, help="Only say what would be done, and change nothing.")
@click.option("--keep-key", is_flag=True, help="A new certificate over the same key: no consumer notices.")
@click.option("--compromised", is_flag=True, help="The key is in wrong hands: end it at once, keep nothing of it.")
@_retire_now
@_replace_unknown
@_shared
def now(  # noqa: PLR0913, PLR0917 - click gives each option as a parameter
    invocation: Invocation,
    names: tuple[str, ...],
    every: bool,
    reason: str,
    dry_run: bool,
    keep_key: bool,
    compromised: bool,
    retire_now: bool,
    replace_unknown: bool,
) -> None:
    """Replace the key pairs of the named credentials.

    Returns when the new version is current. Run again after an interruption, it goes on from where things are.
    """
    if keep_key and compromised:
        raise ConfigurationError(
            "--keep-key and --compromised were given.",
            effect="Nothing was touched.",
            hint="A compromised key must not be kept: leave out --keep-key.",
        )
    request = Request(
        goal="replace",
        actor=actor(),
        reason=reason,
        trigger="compromised" if compromised else "manual",
        options=RotationOptions(keep_key=keep_key, retire_now=retire_now, replace_unknown=replace_unknown),
    )
    with invocation.application() as app:
        credentials = chosen(app, names, every=every)
        if dry_run:
            from rotator.cli.commands.rotate import show_plans  # noqa: PLC0415 - only for --dry-run

            show_plans(invocation, app, credentials, request)
        else:
            run_requests(invocation, app, credentials, lambda service: service.handle(request))


@rotate.command()
@_names
@_reason
@_replace_unknown
@_shared
def back(invocation: Invocation, names: tuple[str, ...], reason: str, replace_unknown: bool) -> None:
    """Make the previous version current again, while it is kept.

    It goes by the same rules as any rotation: its certificate must be live and its key log in before it is current.
    """
    options = RotationOptions(replace_unknown=replace_unknown)
    request = Request(goal="back", actor=actor(), reason=reason, options=options)
    with invocation.application() as app:
        run_requests(invocation, app, chosen(app, names, every=False), lambda service: service.handle(request))


@rotate.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_all
@_retire_now
@_shared
def finish(invocation: Invocation, names: tuple[str, ...], every: bool, retire_now: bool) -> None:
    """Go on with what was interrupted, and retire previous versions whose grace has ended.

    Without a name it does so for every credential.
    """
    request = Request(goal="", actor=actor(), options=RotationOptions(retire_now=retire_now))
    with invocation.application() as app:
        credentials = chosen(app, names, every=every or not names)
        run_requests(invocation, app, credentials, lambda service: service.handle(request))


@rotate.command()
@_names
@_reason
@_shared
def restore(invocation: Invocation, names: tuple[str, ...], reason: str) -> None:
    """Put the certificate of the current version back to its app, after somebody changed the app by hand.

    A rotation that was begun is given up.
    """
    request = Request(goal="restore", actor=actor(), reason=reason)
    with invocation.application() as app:
        run_requests(invocation, app, chosen(app, names, every=False), lambda service: service.handle(request))
