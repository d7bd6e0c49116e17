"""`rotator revoke`: ends access at once, and brings it back."""

# ruff: noqa: PLC0415 - a usage mistake, and help, need click alone

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import click

from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.parameters import ask, somebody_is_there, wrong_input
from rotator.errors import HistoryError, RotatorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.application import Application
    from rotator.services.revocation.revocation_plan import RevocationPlan
    from rotator.services.revocation.revoker import RevocationRequest, Revoker

_STEPS: Final = ("certificate", "access", "tokens")


@click.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option(
    "--reason",
    default="",
    metavar="TEXT",
    help="Why, for the history and the others; it has to be given, but with --undo.",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(_STEPS),
    help="This step alone; may be given more than once. All three, if not.",
)
@click.option("--undo", is_flag=True, help="Bring it back: access as it was before, a new key, proven by a login.")
@click.option(
    "--own-login",
    is_flag=True,
    help="End the key that rotator itself logs in by; with --only certificate. The way back is by hand.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask, where a person would be asked.")
@json_option
@common_options
@pass_invocation
def revoke(
    invocation: Invocation,
    names: tuple[str, ...],
    *,
    reason: str,
    only: tuple[str, ...],
    undo: bool,
    own_login: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """End all access by the named credentials, at once.

    \b
    In three steps, each by itself, and each from what is there:
      certificate  the apps get a certificate whose key nobody has, so that no key
                   logs in; the stored ones are tried, and must be refused. Of a
                   client secret: its app takes no pair any more but one that nobody
                   has, so that whatever logs in through that app is refused
      access       the user may not log in through the apps any more: his permission
                   set, his profile or the app's policy, whichever let him in;
                   a client secret has no such step
      tokens       what the apps gave out to the user ends: refresh tokens, access
                   tokens, live sessions as far as the org shows them

    Interrupted anywhere, the same command goes on. `rotator revoke --undo NAME`, or `rotate now NAME`, brings it back.
    The app that rotator itself logs in by is refused without --own-login. It asks on a terminal; without one it needs
    --yes.

    \b
    With --json a list of
      {"credential", "outcome": "revoked" or "partly",
       "steps": [{"step", "done": bool, "what"}], "apps", "tokens", "sessions",
       "withdrawn": [{"app", "given_by", "name"}], "login_refused": the org's words,
       "warnings": [sentence], "exit_code"},
    of one that ended with an error as in `rotate now --json`; with --dry-run of
      {"credential", "org", "username", "steps": [{"step", "left": bool, "what",
       "is_known": bool}], "apps", "tokens", "sessions",
       "grants": [{"app", "given_by", "name", "others": [username],
                   "credentials": [others of that user that lose access]}]};
    with --undo as `rotate now --json`.
    """
    from rotator.cli.runs import chosen
    from rotator.core.lifecycle.revocation import steps_of
    from rotator.process import actor
    from rotator.services.revocation.revoker import RevocationRequest

    _require_sense(reason, only, undo=undo, own_login=own_login, dry_run=dry_run)
    with invocation.application() as app:
        credentials = chosen(app, names)
        if undo:
            _bring_back(invocation, app, credentials, reason, dry_run=dry_run, yes=yes)
        else:
            steps = steps_of(only or _STEPS)
            request = RevocationRequest(actor(os.environ), reason.strip(), steps, own_login)
            _end_access(invocation, app, credentials, request, dry_run=dry_run, yes=yes)


def _require_sense(reason: str, only: Sequence[str], *, undo: bool, own_login: bool, dry_run: bool) -> None:
    if undo and (only or own_login):
        given = "--only" if only else "--own-login"
        raise wrong_input(
            f"--undo and {given} were given.", f"--undo brings back whatever was revoked: leave out {given}."
        )
    if own_login and {*only} != {"certificate"}:
        raise wrong_input(
            "--own-login was given without --only certificate.",
            "Of its own login rotator can end the key alone: `--only certificate --own-login`.",
        )
    if not (reason.strip() or dry_run or undo):
        raise wrong_input(
            "--reason is missing or empty.",
            "Say why, for the history and whoever finds it revoked: `--reason 'laptop stolen'`.",
        )


def _end_access(
    invocation: Invocation,
    app: Application,
    names: Sequence[str],
    request: RevocationRequest,
    *,
    dry_run: bool,
    yes: bool,
) -> None:
    from rotator.cli.error_output import end_with, tell
    from rotator.cli.output.console import print_json, say
    from rotator.cli.output.revocation_lines import plan_as_json, print_plan
    from rotator.services.revocation.revoker import WAY_BACK

    if dry_run or (not yes and somebody_is_there()):
        plans, problems = _plans(app, names, request)
        if dry_run and invocation.json:
            print_json([plan_as_json(plan) for plan in plans])
        else:
            for plan in plans:
                print_plan(plan, err=invocation.json)
        if dry_run:
            end_with(problems.values())
            return
        for name, problem in problems.items():
            tell(problem, as_json=False, about=f"What there is to end of {name} is not known")
    if request.own_login:
        for name in names:
            _revoker(app, name).refuse(request)
        say(WAY_BACK, err=True)
    if not yes:
        _ask(f"End this for {', '.join(names)}?")
    _run(invocation, app, names, request)


def _plans(
    app: Application, names: Sequence[str], request: RevocationRequest
) -> tuple[list[RevocationPlan], dict[str, RotatorError]]:
    """What would be ended, and of which credentials that cannot be seen just now, and why."""
    from rotator.services.revocation.revocation_plan import plan_revocation

    plans: list[RevocationPlan] = []
    problems: dict[str, RotatorError] = {}
    for name in names:
        _revoker(app, name).refuse(request)
        revoked = app.journal.credential_record(name).revoked
        try:
            context, siblings = app.credential_context(name), app.settings.siblings(name)
            plans.append(plan_revocation(context, app.access(name), request.steps, revoked, siblings))
        except HistoryError:
            raise
        except RotatorError as error:
            problems[name] = error
    return plans, problems


def _run(invocation: Invocation, app: Application, names: Sequence[str], request: RevocationRequest) -> None:
    from rotator.cli.error_output import tell
    from rotator.cli.exit_codes import ExitCode, of_error, of_several
    from rotator.cli.hook_calls import hooks_called
    from rotator.cli.output.console import print_json
    from rotator.cli.output.endings import failure_as_json
    from rotator.cli.output.revocation_lines import code_of, print_report, report_as_json

    invocation.has_acted = True
    ends: list[dict[str, object]] = []
    codes: list[ExitCode] = []
    with hooks_called(invocation, app, names):
        for name in names:
            try:
                report = _revoker(app, name).run(request)
                ends.append(report_as_json(report))
                codes.append(code_of(report))
                if not invocation.json:
                    print_report(report)
            except RotatorError as error:
                ends.append(failure_as_json(name, error))
                codes.append(of_error(error))
                tell(error, as_json=False, about=name if len(names) > 1 else "")
    if invocation.json:
        print_json(ends)
    raise click.exceptions.Exit(of_several(codes))


def _revoker(app: Application, name: str) -> Revoker:
    from rotator.cli.output.console import say
    from rotator.services.revocation.revoker import Revoker

    return Revoker(
        app.credential_context(name),
        app.access(name),
        app.journal,
        app.fenced_locks,
        now=app.now,
        sleep=app.sleep,
        tell=lambda sentence: say(f"{name}: {sentence}", err=True),
        siblings=app.settings.siblings(name),
    )


def _bring_back(
    invocation: Invocation, app: Application, names: Sequence[str], reason: str, *, dry_run: bool, yes: bool
) -> None:
    """As `rotate now` does, for what was revoked."""
    from rotator.cli.commands.rotate import show_plans
    from rotator.cli.runs import run_requests
    from rotator.core.decision.options import RotationOptions
    from rotator.process import actor
    from rotator.services.rotation.requests import Request

    for name in names:
        if app.journal.credential_record(name).login_revoked is None:
            raise wrong_input(
                f"{name} is not revoked, as far as the history knows.",
                f"`rotator status {name}` tells what state it is in.",
            )
    request = Request("replace", actor(os.environ), reason.strip(), options=RotationOptions(retire_now=True))
    if dry_run:
        show_plans(invocation, app, names, request)
        return
    if not yes:
        if somebody_is_there():
            show_plans(invocation, app, names, request, ends=False)
        _ask(f"Bring {', '.join(names)} back with a new key?")
    run_requests(invocation, app, names, lambda service: service.handle(request))


def _ask(question: str) -> None:
    """Raises ConfigurationError when the answer is no, and where nobody can be asked."""
    if not somebody_is_there():
        raise wrong_input("Nobody can be asked here whether this is meant.", "Give --yes as well.")
    ask(question)
