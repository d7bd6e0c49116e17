"""Runs requests for credentials from the command line: followed live, told at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rotator.cli.error_output import tell
from rotator.cli.exit_codes import ExitCode, of_end, of_error, of_several
from rotator.cli.hook_calls import hooks_called
from rotator.cli.output.console import say
from rotator.cli.output.endings import print_endings, print_report
from rotator.cli.output.progress import LiveProgress
from rotator.cli.parameters import wrong_input
from rotator.cli.stopping import StopRequest
from rotator.core import words
from rotator.errors import RotatorError
from rotator.resources import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from rotator.application import Application
    from rotator.cli.invocation import Invocation
    from rotator.services.rotation.report import Report
    from rotator.services.rotation.rotation_service import RotationService


def chosen(app: Application, names: Sequence[str], *, every: bool | None = None) -> tuple[str, ...]:
    """The credentials that a command line names; `every` is None where it cannot name all.

    Raises ConfigurationError for none, both, or an unknown one.
    """
    if every and names:
        raise wrong_input("Names and --all were given.", "Give one or the other.")
    if not every and not names:
        some = ", ".join(words.choice(app.settings.credentials)) or "those you configure"
        raise wrong_input(
            "No credential was named.", f"Name one of {some}{'.' if every is None else ', or give --all.'}"
        )
    if not app.settings.credentials:
        raise wrong_input(
            "No credential is configured.", f"Add one under `credentials` in config.yaml; {EXAMPLE} shows how."
        )
    for name in names:
        app.credential(name)
    return tuple(dict.fromkeys(names)) or tuple(app.settings.credentials)


def run_requests(
    invocation: Invocation, app: Application, names: Sequence[str], handle: Callable[[RotationService], Report]
) -> None:
    """Serves a request for each of the credentials, one after the other, and exits with the first bad one's code.

    One that fails does not keep the others from being handled; a request to stop does, and the code says so.
    """
    invocation.has_acted = True
    ends: list[tuple[str, Report | RotatorError]] = []
    codes: list[ExitCode] = []
    with StopRequest().listening() as stop, hooks_called(invocation, app, names, unless=lambda: stop.asked):
        client_ids = _client_ids(app, names) if len(names) > 1 else {}
        for index, name in enumerate(names):
            if stop.asked:
                say(f"Not begun: {', '.join(names[index:])}.", err=True)
                break
            try:
                revoked = app.journal.credential_record(name).login_revoked
                with LiveProgress(name) as progress:
                    its_apps = client_ids.get(name)
                    service = app.rotation_service(name, listener=progress, stop_asked=stop, client_ids=its_apps)
                    report = handle(service)
                if not invocation.json:
                    print_report(report, app.now(), revoked_since=revoked.since if revoked else None)
                ends.append((name, report))
                codes.append(of_end(report.outcome))
            except RotatorError as error:
                ends.append((name, error))
                codes.append(of_error(error))
                tell(error, as_json=False, about=name if len(names) > 1 else "")
                error.refused_since = error.refused_since or _refused_since(app, name)
                if error.refused_since:
                    say(words.refused(error.refused_since, app.now()), err=True)
            except KeyboardInterrupt:
                _tell_stopped(app, name)
                break
    if invocation.json:
        print_endings(ends)
    if len(ends) < len(names):
        codes.append(ExitCode.INTERRUPTED)
    raise click.exceptions.Exit(of_several(codes))


def _refused_since(app: Application, name: str) -> datetime | None:
    """Since when consumers are refused by an earlier run, where this one was not even begun."""
    from rotator.services.rotation.gap import refused_since  # noqa: PLC0415 - not for a usage mistake

    try:
        return refused_since(app.journal, lambda: app.store(app.credential(name).store), name)
    except RotatorError:
        return None


def _client_ids(app: Application, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """The consumer keys of the apps of credentials, as far as they can be read: the orgs side by side, ten in a call.

    So nobody waits for it once for each. Of the others whoever handles them meets the error, or needs none.
    """
    from rotator.config.settings import LoginWithKey  # noqa: PLC0415 - not for a usage mistake
    from rotator.salesforce.apps.app import App  # noqa: PLC0415 - the same
    from rotator.services.inventory.side_by_side import side_by_side  # noqa: PLC0415 - the same

    wanted: dict[str, dict[str, None]] = {}
    for each in map(app.credential, names):
        if not each.has_secret and isinstance(app.org(each.org).login, LoginWithKey):
            wanted.setdefault(each.org, {}).update(dict.fromkeys(each.app_names))

    def read(org: str) -> dict[str, str]:
        try:
            with app.beside(wanted)() as program:
                program.org_session(org).ensure_open()
                found = program.apps(org).read_each([*wanted[org]])
        except RotatorError:
            return {}
        return {name: each.client_id for name, each in zip(wanted[org], found, strict=True) if isinstance(each, App)}

    found = dict(zip(wanted, side_by_side(read, [*wanted]), strict=True))
    known: dict[str, dict[str, str]] = {}
    for name in names:
        settings = app.credential(name)
        its_apps = found.get(settings.org, {})
        if not settings.has_secret and its_apps.keys() >= set(settings.app_names):
            known[name] = {each: its_apps[each] for each in settings.app_names}
    return known


def _tell_stopped(app: Application, name: str) -> None:
    """Says what is half done, as far as store and org still tell."""
    from rotator.services.rotation.client_secrets.mechanics import observer_of  # noqa: PLC0415 - only after a second Ctrl-C

    try:
        seen = observer_of(app.credential_context(name)).observe()
    except RotatorError as error:
        what = f"What it left cannot be seen: {error.message}"
    else:
        if seen.is_settled:
            what = "Nothing is half done: consumers of `current` log in as before."
        else:
            what = "The app holds a certificate that is not current's: consumers that try `current` only are refused."
    say(f"{name}: stopped at once. {what}", err=True)
    say(f"`rotate finish {name}` goes on from there.", err=True, label="What to do:", colour="cyan")
