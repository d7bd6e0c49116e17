"""`rotator verify`: test logins with what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rotator.cli.error_output import end_with
from rotator.cli.exit_codes import ExitCode
from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import console, print_json, say, short, state, table
from rotator.cli.output.former_names import with_former_names
from rotator.core.logins import LoginOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.services.stored_logins import StoredLogin


@click.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@common_options
@json_option
@pass_invocation
def verify(invocation: Invocation, names: tuple[str, ...]) -> None:
    """Log in once with every stored version of the named credentials, and change nothing.

    What `current` proved is written down, and shown by `rotator status --json`.

    Exits 0 when every current version logs in and none of what was revoked, 3 when an org could not tell, else 1.

    \b
    With --json a list of {"credential", "stage", "fingerprint", "app", "outcome", "reason", "hint"}.
    """
    from rotator.cli.runs import chosen  # noqa: PLC0415 - not for a usage mistake
    from rotator.services.rotation.requests import nothing_stored  # noqa: PLC0415
    from rotator.services.stored_logins import try_stored  # noqa: PLC0415

    with invocation.application() as app:
        asked = chosen(app, names)
        found, warnings = try_stored(app, asked)
        tried = {login.credential for login in found if login.is_current}
        missing = [
            nothing_stored(
                name,
                was_stored=app.journal.credential_record(name).was_stored,
                has_secret=app.credential(name).has_secret,
            )
            for name in asked
            if name not in tried
        ]
    for warning in warnings:
        say(f"Warning: {warning}", err=True)
    if invocation.json:
        print_json([as_json(login) for login in found])
    else:
        _print(found)
    end_with(missing)
    raise click.exceptions.Exit(_exit_code(found))


def as_json(login: StoredLogin) -> dict[str, Any]:
    """One line of `verify --json`."""
    return with_former_names(
        {
            "credential": login.credential,
            "stage": login.stage,
            "fingerprint": login.version.fingerprint,
            "app": login.version.app,
            "outcome": login.answer.outcome,
            "reason": login.answer.reason,
            "hint": login.hint,
        }
    )


def _print(found: Sequence[StoredLogin]) -> None:
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
    for name, hint in dict.fromkeys(filter(None, map(_hint, found))):
        console().print(f"{name}: {hint}")


def _hint(login: StoredLogin) -> tuple[str, str] | None:
    """What is said beside the table, and of which credential."""
    if login.revoked:
        return login.credential, login.hint
    return (login.credential, f"{login.hint} `rotator status` tells more.") if login.is_current and login.hint else None


def _exit_code(found: Sequence[StoredLogin]) -> ExitCode:
    wrong = {login.answer.outcome for login in found if not login.is_as_it_should_be}
    if not wrong:
        return ExitCode.DONE
    return ExitCode.AWAY if wrong <= {LoginOutcome.TRANSIENT, LoginOutcome.RATE} else ExitCode.PERSON_NEEDED
