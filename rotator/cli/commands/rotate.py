"""`rotator rotate`, `enroll` and `adopt`: what asks for a rotation."""

# ruff: noqa: PLC0415 - a usage mistake, and help, need click alone

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from rotator.cli.error_output import end_with, tell
from rotator.cli.exit_codes import ExitCode
from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.lazy import LazyGroup
from rotator.cli.output.console import NO_CREDENTIAL, console, print_json
from rotator.cli.parameters import wrong_input
from rotator.errors import RotatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from rotator.application import Application
    from rotator.core.credentials import Version
    from rotator.services.rotation.plan import Plan
    from rotator.services.rotation.requests import Request
    from rotator.services.usage.users_before import AppUse

_JSON: Final = """

    \b
    With --json a list of
      {"credential", "strategy",
       "outcome": "rotated", "restored", "nothing", "waiting", "reverted", "halted" or "interrupted",
       "why", "effect", "hint", "rotation_id", "old_fingerprint", "new_fingerprint",
       "gap_seconds", "gap_begun_at", "gap_ended_at", "gap_is_open", "gap_is_uncertain",
       "steps": [{"action", "seconds", "times"}], "again_at", "warnings": [sentence], "exit_code"},
    and of a credential that ended with an error
      {"credential", "outcome": "failed", "why", "effect", "refused_since", "org", "store", "hint", "exit_code"};
    one that was stopped at once, or not begun, is not in it;
    where nothing could be begun, {"error": {"kind", "message", "effect", "hint",
       "transient", "exit_code", "org", "store", "holder": {"pid", "host", "since"}}}.
    """


_names = click.argument("names", nargs=-1, metavar="NAME...")
_some_names = click.argument("names", nargs=-1, metavar="[NAME]...")
_all = click.option("--all", "every", is_flag=True, help="Every configured credential, one after the other.")
_reason = click.option("--reason", default="", metavar="TEXT", help="Why, for the history.")
_replace_unknown = click.option(
    "--replace-unknown",
    is_flag=True,
    help="Overwrite a certificate that nobody here knows, too; of a client secret delete a pair that people staged.",
)
_retire_now = click.option(
    "--retire-now", is_flag=True, help="End the previous version now, without waiting for its grace to end."
)
_yes = click.option("--yes", is_flag=True, help="Do not ask, where a person would be asked.")


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """What these commands have in common, and what `--json` prints in their help."""
    command.__doc__ = (command.__doc__ or "").rstrip() + _JSON
    return common_options(json_option(pass_invocation(command)))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@common_options
@json_option
def rotate() -> None:
    """Replace key pairs and client secrets without locking anybody out."""


@rotate.command()
@_names
@_all
@_reason
@click.option("--dry-run", is_flag=True, help="Only say what would be done, and change nothing.")
@click.option("--keep-key", is_flag=True, help="A new certificate over the same key: no consumer notices.")
@click.option("--compromised", is_flag=True, help="The key is in wrong hands: end it at once, keep nothing of it.")
@_retire_now
@_replace_unknown
@_yes
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
    yes: bool,
) -> None:
    """Replace the key pairs and client secrets of the named credentials.

    Returns when the new version is current. Run again after an interruption, it goes on from where things are.

    On a terminal you are shown, and asked about, what --all, --compromised, --retire-now or --replace-unknown would do,
    and a credential that is paused or frozen. Without one a credential that is paused or frozen, and --compromised of
    more than one, need --yes; all else is done unasked. --all leaves out what is paused or frozen.
    """
    if keep_key and compromised:
        raise wrong_input(
            "--keep-key and --compromised were given.", "A compromised key must not be kept: leave out --keep-key."
        )
    request = _request(
        "replace",
        reason,
        trigger="compromised" if compromised else "manual",
        keep_key=keep_key,
        retire_now=retire_now,
        replace_unknown=replace_unknown,
    )
    _carry_out(invocation, request, names, every=every, dry_run=dry_run, yes=yes)


@rotate.command()
@_names
@_reason
@_replace_unknown
@_yes
@_shared
def back(invocation: Invocation, names: tuple[str, ...], reason: str, replace_unknown: bool, yes: bool) -> None:
    """Make the previous version current again, while it is kept.

    It goes by the same rules as any rotation: its certificate must be live and its key log in before it is current.
    """
    _carry_out(invocation, _request("back", reason, replace_unknown=replace_unknown), names, yes=yes)


@rotate.command()
@_some_names
@_all
@_retire_now
@_yes
@_shared
def finish(invocation: Invocation, names: tuple[str, ...], every: bool, retire_now: bool, yes: bool) -> None:
    """Go on with what was interrupted, and retire previous versions whose grace has ended.

    Without a name it does so for every credential.
    """
    _carry_out(invocation, _request("", retire_now=retire_now), names, every=every or not names, yes=yes)


@rotate.command()
@_names
@_reason
@_shared
def restore(invocation: Invocation, names: tuple[str, ...], reason: str) -> None:
    """Put the certificate of the current version back to its app, after somebody changed the app by hand.

    A rotation that was begun is given up.
    """
    _carry_out(invocation, _request("restore", reason), names)


@rotate.command(short_help="What is due when, and what a run would do now.")
@_some_names
@click.option(
    "--validate",
    is_flag=True,
    help="Have the orgs check a deployment of the apps with a certificate, which changes nothing.",
)
@common_options
@json_option
@pass_invocation
def plan(invocation: Invocation, names: tuple[str, ...], *, validate: bool) -> None:
    """When each credential is due, and what a rotation would do now. Nothing is changed and nobody logs in as it.

    With --validate exit code 1 when an org would refuse a certificate.

    \b
    With --json a list of
      {"credential", "state", "urgency", "strategy", "due_at", "due": bool, "not_after",
       "mode": "automatic" or "manual", "begins_at": when `rotator run` begins it, or null,
       "standstills": as in `rotator status --json`,
       "steps": [{"action", "app", "version", "why"}], "end": "done", "wait" or "halt", "why", "hint", "again_at",
       "validation": [{"app", "result": "accepted", "refused" or "untried", "sentence", "hint"}]: with --validate,
       "usage": {"username", "why_not": sentence or null, "hint", "cut": bool,
                 "sources": [{"address", "client", "accepted", "refused", "last_at"}]: the logins of 30 days,
                 "tokens": [{"app", "last_used_at"}]} or null}.
    """
    request = _request("replace")
    with invocation.application() as app:
        for name in names:
            app.credential(name)
        credentials = names or tuple(app.settings.credentials)
        show_plans(invocation, app, credentials, request, validates=validate, asks_who=True)


@click.command()
@_names
@_reason
@_replace_unknown
@_yes
@_shared
def enroll(invocation: Invocation, names: tuple[str, ...], reason: str, replace_unknown: bool, yes: bool) -> None:
    """Make the first key pair for an app that holds no certificate, or take the client secret that is in use.

    A key pair is uploaded, tried, and then current in the store. An app that holds a certificate already is left alone:
    its key pair is taken over with `rotator adopt`. Of a client secret the consumer key and secret that the org shows
    are tried, and stored; nothing is changed in the org.
    """
    _carry_out(invocation, _request("enroll", reason, replace_unknown=replace_unknown), names, yes=yes)


@click.command()
@click.argument("name")
@click.option(
    "--key",
    "key_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Private RSA key: PEM, DER, PKCS#12 or OpenSSH; a pipe, too. Not for a client secret.",
)
@click.option("--password-env", metavar="VARIABLE", help="Environment variable that holds the key's password.")
@click.option(
    "--certificate",
    "certificate_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Its certificate, PEM or DER: where the org does not show it.",
)
@_reason
@_shared
def adopt(
    invocation: Invocation,
    name: str,
    key_file: Path | None,
    password_env: str | None,
    certificate_file: Path | None,
    reason: str,
) -> None:
    """Take a key pair that consumers use already into the store, as the current version of NAME.

    Only if its certificate is live on one of the credential's apps, and a login with the key succeeds. FILE is read
    and left as it is: delete it once consumers read the store.

    Of a client secret nothing is given: the org shows the consumer key and secret that are in use.
    """
    from rotator.cli.runs import run_requests

    request = _request("adopt", reason)
    with invocation.application() as app:
        if app.credential(name).has_secret:
            version = _secret_in_use(app, name, (key_file, password_env, certificate_file))
        else:
            version = _given_key_pair(app, name, key_file, password_env, certificate_file)
        run_requests(invocation, app, (name,), lambda service: service.adopt(request, version))


def _given_key_pair(
    app: Application, name: str, key_file: Path | None, password_env: str | None, certificate_file: Path | None
) -> Version:
    from rotator.cli.parameters import password_in
    from rotator.config.secrets import KeyReference, read_certificate
    from rotator.core.lifecycle.revocation import to_give_back
    from rotator.services.rotation.adopt import version_to_adopt

    if key_file is None:
        raise wrong_input(f"{name} is a key pair, and no key was given.", f"`rotator adopt {name} --key FILE`.")
    password = password_in(password_env) if password_env else None
    key = KeyReference(file=key_file.absolute(), password=password).load(os.environ)
    certificate = read_certificate(certificate_file) if certificate_file else None
    is_shut_out = bool(to_give_back(app.journal.revocations(), name))
    return version_to_adopt(app.credential_context(name), key, app.now(), certificate, is_shut_out=is_shut_out)


def _secret_in_use(app: Application, name: str, given: Sequence[object]) -> Version:
    from rotator.services.rotation.client_secrets.pair_adoption import its_secrets, secret_to_adopt

    if any(given):
        raise wrong_input(
            f"{name} is a client secret, of which no key and no certificate is given.",
            f"`rotator adopt {name}` alone: the org shows the consumer key and secret that are in use.",
        )
    credential = app.credential_context(name)
    return secret_to_adopt(credential, its_secrets(credential), app.now())


def _request(goal: str, reason: str = "", *, trigger: str = "manual", **options: bool) -> Request:
    from rotator.core.decision.options import RotationOptions
    from rotator.process import actor
    from rotator.services.rotation.requests import Request

    return Request(goal, actor(os.environ), reason, trigger, RotationOptions(**options))


def _carry_out(
    invocation: Invocation,
    request: Request,
    names: Sequence[str],
    *,
    every: bool | None = None,
    dry_run: bool = False,
    yes: bool = True,
) -> None:
    """Runs a request for each credential that the command line names, or shows what it would do."""
    from rotator.cli.confirmation import confirm, is_to_be_confirmed, of_all, standing_still
    from rotator.cli.runs import chosen, run_requests

    with invocation.application() as app:
        credentials = chosen(app, names, every=every)
        if every:
            credentials = of_all(app, request, credentials)
        if dry_run:
            show_plans(invocation, app, credentials, request)
            return
        held = {} if every else standing_still(app, request, credentials)
        if not yes and (held or is_to_be_confirmed(request, is_for_many=bool(every and request.goal))):

            def show() -> None:
                show_plans(invocation, app, credentials, request, ends=False)

            confirm(show, request, credentials, held, is_for_all=bool(every))
        run_requests(invocation, app, credentials, lambda service: service.handle(request))


def show_plans(
    invocation: Invocation,
    app: Application,
    names: Sequence[str],
    request: Request,
    *,
    ends: bool = True,
    validates: bool = False,
    asks_who: bool = False,
) -> None:
    """Shows what a request would do for each credential; `asks_who`: and who logs in with it.

    `ends`: exits with the code of the first that cannot be observed, and where JSON is asked for it is that. If not, a
    person is asked next, and is told of which credential nothing is known.
    """
    from rotator.cli.output.plan_table import as_json, print_plans
    from rotator.core.lifecycle.revocation import to_give_back
    from rotator.services.inventory.ownership import revoked_logins
    from rotator.services.inventory.side_by_side import side_by_side
    from rotator.services.inventory.status import status_of
    from rotator.services.rotation.plan import plans_of

    # Before threads need the history.
    known = app.histories()
    revoked = revoked_logins({name: known[name].record for name in names})
    every = app.journal.revocations() if revoked else {}
    taken = {name: [grant for _, grant in to_give_back(every, name)] for name in revoked}
    orgs: dict[str, list[str]] = {}
    used: dict[str, AppUse] = {}
    for name in names:
        orgs.setdefault(app.credential(name).org, []).append(name)

    def planned(org: str) -> dict[str, Plan | RotatorError]:
        with app.beside(orgs)() as program:
            accept = program.apps(org).acceptances if validates else None
            asked = _asked_beside(program, org, orgs[org]) if asks_who else None
            plans = plans_of(orgs[org], program.credential_context, request, app.now(), accept, revoked, taken)
            used.update(asked.result() if asked else {})
            return plans

    found = {name: end for ends in side_by_side(planned, [*orgs]) for name, end in ends.items()}
    ends_of_all = [found[name] for name in names]
    plans = [each for each in ends_of_all if not isinstance(each, RotatorError)]
    problems = [each for each in ends_of_all if isinstance(each, RotatorError)]
    now = app.now()
    statuses = {
        each.credential: status_of(app.settings, each.credential, known[each.credential], each.seen, now)
        for each in plans
    }
    if invocation.json and ends:
        print_json([as_json(each, statuses[each.credential], now, used.get(each.credential)) for each in plans])
    elif plans:
        print_plans(plans, statuses, now, used, err=invocation.json)
    elif not problems:
        console().print(NO_CREDENTIAL)
    if ends:
        end_with(problems)
    for name, end in found.items():
        if isinstance(end, RotatorError):
            tell(end, as_json=False, about=f"What a run would do for {name} is not known")
    if any(each.refused for plan in plans for each in plan.acceptances):
        raise click.exceptions.Exit(ExitCode.PERSON_NEEDED)


def _asked_beside(program: Application, org: str, names: Sequence[str]) -> Future[dict[str, AppUse]] | None:
    """Who uses credentials of an org, asked beside everything else; None where there is no login to it."""
    from rotator.services.inventory.side_by_side import begun

    try:
        # Before there are two who would log in.
        program.open_session(org)
    except RotatorError:
        return None
    return begun(lambda: program.users_before(org, names))
