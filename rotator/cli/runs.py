"""Runs requests for credentials from the command line: followed live, told at the end."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from rotator.cli.console import clean, console, moment, print_json, short, state
from rotator.cli.failures import INTERRUPTED, tell
from rotator.cli.progress import LiveProgress
from rotator.cli.stopping import StopRequest
from rotator.errors import ConfigurationError, RotatorError
from rotator.services.reports import Outcome, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from rotator.cli.context import Application
    from rotator.cli.options import Invocation
    from rotator.services.requests import Desk


def actor() -> str:
    """Who runs this: the person behind sudo, and the machine."""
    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def chosen(app: Application, names: Sequence[str], *, every: bool) -> tuple[str, ...]:
    """The credentials that a command line names. Raises ConfigurationError for none, both, or an unknown one."""
    if every and names:
        raise ConfigurationError(
            "Names and --all were given.", left="Nothing was touched.", advice="Give one or the other."
        )
    if not every and not names:
        raise ConfigurationError(
            "No credential was named.",
            left="Nothing was touched.",
            advice=f"Name one of {', '.join(app.settings.credentials) or 'those you configure'}, or give --all.",
        )
    for name in names:
        app.credential(name)
    return tuple(dict.fromkeys(names)) or tuple(app.settings.credentials)


def run_requests(
    invocation: Invocation, app: Application, names: Sequence[str], serve: Callable[[Desk], Report]
) -> None:
    """Serves a request for each of the credentials, one after the other, and exits with the first bad one's code.

    One that fails does not keep the others from being served; a request to stop does.
    """
    reports: list[Report] = []
    failures: list[tuple[str, RotatorError]] = []
    with StopRequest().listening() as stop:
        for name in names:
            if stop.asked:
                break
            try:
                reports.append(_run_one(invocation, app, name, serve, stop))
            except RotatorError as error:
                failures.append((name, error))
                tell(error, as_json=False)
            except KeyboardInterrupt:
                _tell_stopped(app, name)
                raise click.exceptions.Exit(INTERRUPTED) from None
    if invocation.json:
        print_json([report_as_json(report) for report in reports] + [_failure(*failure) for failure in failures])
    codes = [report.outcome.exit_code for report in reports] + [error.exit_code for _, error in failures]
    raise click.exceptions.Exit(next((code for code in codes if code), 0))


def _run_one(
    invocation: Invocation, app: Application, name: str, serve: Callable[[Desk], Report], stop: StopRequest
) -> Report:
    with LiveProgress(name) as progress:
        report = serve(app.desk(name, listener=progress, stop_asked=stop))
    if not invocation.json:
        print_report(report, app.now())
    return report


def print_report(report: Report, now: datetime) -> None:
    """A run's end, for a person."""
    out = console()
    out.print(f"{report.credential}: ", state(report.outcome), f" {clean(_sentence(report))}", sep="", soft_wrap=True)
    for line in _details(report, now):
        out.print(f"  {clean(line)}", soft_wrap=True)


def _sentence(report: Report) -> str:
    match report.outcome:
        case Outcome.ROTATED if report.old_fingerprint:
            return f"{short(report.old_fingerprint)} -> {short(report.new_fingerprint)} ({report.strategy})"
        case Outcome.ROTATED:
            return f"{short(report.new_fingerprint)} is current ({report.strategy})"
    return f"- {report.why}"


def _details(report: Report, now: datetime) -> list[str]:
    lines = []
    if report.steps:
        steps = ", ".join(f"{step.action} {step.seconds:.1f} s" for step in report.steps)
        lines.append(f"Steps: {steps}.")
    if report.outcome in {Outcome.ROTATED, Outcome.REVERTED}:
        lines.append(_gap(report))
    if report.again_at and report.outcome is Outcome.WAITING:
        lines.append(f"It can go on at {moment(report.again_at, now)}.")
    elif report.again_at:
        lines.append(
            f"The previous version is kept until {moment(report.again_at, now)}; "
            f"`rotate back {report.credential}` makes it current again, `rotate finish` ends it after that time."
        )
    lines += [f"Warning: {warning}" for warning in report.warnings]
    if report.advice:
        lines.append(f"What to do: {report.advice}")
    return lines


def _gap(report: Report) -> str:
    if not report.gap_seconds:
        return "Gap: none; no consumer can have been refused."
    return f"Gap: consumers that try `current` only may have been refused for {report.gap_seconds:.1f} s."


def report_as_json(report: Report) -> dict[str, Any]:
    """A run's end, for a program."""
    gap = report.gap
    return {
        "credential": report.credential,
        "strategy": report.strategy,
        "outcome": report.outcome,
        "why": report.why,
        "advice": report.advice,
        "rotation_id": report.rotation_id,
        "old_fingerprint": report.old_fingerprint,
        "new_fingerprint": report.new_fingerprint,
        "gap_seconds": report.gap_seconds,
        "gap_begun_at": gap.begun_at if gap else None,
        "gap_ended_at": gap.ended_at if gap else None,
        "steps": [asdict(step) for step in report.steps],
        "again_at": report.again_at,
        "warnings": list(report.warnings),
    }


def _failure(name: str, error: RotatorError) -> dict[str, Any]:
    return {
        "credential": name,
        "outcome": "failed",
        "why": error.what,
        "left": error.left,
        "advice": error.advice,
        "exit_code": error.exit_code,
    }


def _tell_stopped(app: Application, name: str) -> None:
    """Says what is half done, as far as store and org still tell."""
    from rotator.services.managed import Observer  # noqa: PLC0415 - only after a second Ctrl-C
    from rotator.services.rotate import settled  # noqa: PLC0415

    try:
        seen = Observer(app.managed(name)).look()
    except RotatorError as error:
        what = f"What it left cannot be seen: {error.what}"
    else:
        if settled(seen):
            what = "Nothing is half done: consumers of `current` log in as before."
        else:
            what = "The app holds a certificate that is not current's: consumers that try `current` only are refused."
    click.echo(f"{name}: stopped at once. {what}\nWhat to do: `rotate finish {name}` goes on from there.", err=True)
