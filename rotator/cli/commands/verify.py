"""`rotator verify`: test logins with what is stored."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from rotator.cli.exit_codes import ExitCode
from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import console, print_json, say, short, state, table
from rotator.cli.output.former_names import with_former_names
from rotator.core.logins import LoginOutcome
from rotator.errors import RotatorError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rotator.application import Application
    from rotator.core.credentials import Fingerprint, Stage, Version
    from rotator.services.rotation.observer import CredentialContext, TestLogin

    Tried = list[tuple[TestLogin, Mapping[str, Fingerprint | None]]]
    """Logins of a credential, and what the apps of its org hold."""


@click.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@common_options
@json_option
@pass_invocation
def verify(invocation: Invocation, names: tuple[str, ...]) -> None:
    """Log in once with every stored version of the named credentials, and change nothing.

    What `current` proved is written down, and shown by `rotator status --json`.

    Exits 0 when every current version logs in, 3 when an org could not tell, else 1.

    \b
    With --json a list of {"credential", "stage", "fingerprint", "app", "outcome", "reason", "hint"}.
    """
    from rotator.cli.runs import chosen  # noqa: PLC0415 - not for a usage mistake
    from rotator.services.rotation.observer import note_login  # noqa: PLC0415
    from rotator.services.rotation.recorder import RunRecorder  # noqa: PLC0415

    with invocation.application() as app:
        recorders = {name: RunRecorder(name, partial(_record, app, name)) for name in chosen(app, names, every=False)}
        ends = _tried(app, [*recorders])
        found: list[TestLogin] = []
        for name, recorder in recorders.items():
            end = ends[name]
            if isinstance(end, RotatorError):
                raise end
            for login, live in end:
                note_login(login, live, recorder)
                found.append(login)
    for warning in {each: None for recorder in recorders.values() for each in recorder.warnings}:
        say(f"Warning: {warning}", err=True)
    if invocation.json:
        print_json([as_json(login) for login in found])
    else:
        _print(found)
    raise click.exceptions.Exit(_exit_code(found, names))


def _tried(app: Application, names: Sequence[str]) -> dict[str, Tried | RotatorError]:
    """The logins of each credential, or why there are none: the orgs side by side, and of each all logins at once."""
    from rotator.services.inventory.side_by_side import made_at_once, side_by_side  # noqa: PLC0415
    from rotator.services.rotation.observer import TestLogin, live_certificates, stored_versions  # noqa: PLC0415

    orgs: dict[str, list[str]] = {}
    for name in names:
        orgs.setdefault(app.credential(name).org, []).append(name)

    def of_org(org: str) -> dict[str, Tried | RotatorError]:
        ends: dict[str, Tried | RotatorError] = {}
        with app.beside(orgs)() as program:
            contexts: dict[str, CredentialContext] = {}
            logins: list[Callable[[], TestLogin]] = []
            for name in orgs[org]:
                try:
                    contexts[name] = program.credential_context(name)
                    for stage, version in stored_versions(contexts[name]):
                        logins.append(partial(_log_in, contexts[name], stage, version))
                    ends[name] = []
                except RotatorError as error:
                    ends[name] = error
            made = made_at_once(logins)
            live = live_certificates(next(iter(contexts.values())).apps, made) if made else {}
        for login in made:
            end = ends[login.credential]
            if not isinstance(end, RotatorError):
                end.append((login, live))
        return ends

    def _log_in(context: CredentialContext, stage: Stage, version: Version) -> TestLogin:
        return TestLogin(context.name, stage, version, context.prove(version))

    return {name: end for ends in side_by_side(of_org, [*orgs]) for name, end in ends.items()}


def _record(app: Application, name: str, kind: str, /, **details: Any) -> None:
    app.journal.record(kind, now=app.now(), credential=name, **details)


def as_json(login: TestLogin) -> dict[str, Any]:
    """One line of `verify --json`."""
    return with_former_names(
        {
            "credential": login.credential,
            "stage": login.stage,
            "fingerprint": login.version.fingerprint,
            "app": login.version.app,
            "outcome": login.answer.outcome,
            "reason": login.answer.reason,
            "hint": login.answer.hint,
        }
    )


def _print(found: Sequence[TestLogin]) -> None:
    words = "The org's words"
    rows = table("Credential", "Stage", "Version", "App", "Login", words, prose=[words], spare=["Version"])
    for login in found:
        version, answer = login.version, login.answer
        rows.add_row(
            login.credential,
            login.stage,
            short(version.fingerprint),
            version.app,
            state(answer.outcome),
            answer.reason,
        )
    if found:
        console().print(rows)
    for login in found:
        if login.is_current and login.answer.hint:
            console().print(f"{login.credential}: {login.answer.hint} `rotator status` tells more.")


def _exit_code(found: Sequence[TestLogin], names: Sequence[str]) -> ExitCode:
    current = {login.credential: login.answer.outcome for login in found if login.is_current}
    missing = [name for name in names if name not in current]
    if missing:
        raise StoreError(
            f"The store holds no current version of {', '.join(missing)}.",
            effect="Nothing was changed.",
            hint="`rotator adopt` takes a key pair that consumers use already, `rotator enroll` makes the first one.",
        )
    refused = {outcome for outcome in current.values() if outcome is not LoginOutcome.ACCEPTED}
    if not refused:
        return ExitCode.DONE
    return ExitCode.AWAY if refused <= {LoginOutcome.TRANSIENT, LoginOutcome.RATE} else ExitCode.PERSON_NEEDED
