"""`rotator run` and `rotator pages`: what is left running."""

# ruff: noqa: PLC0415 - the service's libraries are imported when it starts, not when help is shown

from __future__ import annotations

import faulthandler
import os
import sys
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from rotator.cli.exit_codes import of_end
from rotator.cli.invocation import Invocation, common_options, pass_invocation
from rotator.cli.stopping import StopRequest
from rotator.core import words
from rotator.core.machines.bounds import MOST_AT_ONCE
from rotator.core.machines.fleet import Role
from rotator.daemon.logs import LogFormat, log_as_service
from rotator.process import collect_as_usual
from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from typing import NoReturn

    from rotator.services.schedule.jobs import CycleEnd

_C = TypeVar("_C", bound=Callable[..., Any])

_AT_ONCE: Final = {kind.label: kind for kind in (JobKind.INVENTORY, JobKind.ROTATE, JobKind.DELIVER, JobKind.HOOK)}
"""The kinds of which more than one job may run at once."""

_NUMBERS: Final = {str(number): number for number in range(1, MOST_AT_ONCE + 1)}
"""As many as `orgs_at_once` and `rotations_at_once` in config.yaml may say."""

_SHOWN: Final = 40


class Concurrency(click.ParamType[tuple[JobKind, int]]):
    """`KIND=N`."""

    name = "KIND=N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[JobKind, int]:
        """See click.ParamType."""
        label, _, number = str(value).partition("=")
        if label not in _AT_ONCE or number not in _NUMBERS:
            kinds, shown = words.listed(list(_AT_ONCE), "or"), repr(str(value)[:_SHOWN])
            self.fail(
                f"{shown} is not KIND=N, with a KIND that is {kinds}, and N from 1 to {MOST_AT_ONCE}.", param, ctx
            )
        return _AT_ONCE[label], _NUMBERS[number]


def _each_once(
    ctx: click.Context, param: click.Parameter, value: tuple[tuple[JobKind, int], ...]
) -> dict[JobKind, int]:
    """Raises BadParameter where a kind is named twice."""
    twice = [kind.label for kind, count in Counter(kind for kind, _ in value).items() if count > 1]
    if twice:
        raise click.BadParameter(f"{twice[0]} is named twice.", ctx, param)
    return dict(value)


def log_format_option(command: _C) -> _C:
    """Adds `--log-format`."""
    option = click.option(
        "--log-format",
        type=click.Choice([each.value for each in LogFormat]),
        default=LogFormat.AUTO.value,
        show_default=True,
        help="How log lines look; `auto` is `journal` under systemd and `text` elsewhere.",
    )
    return option(command)


def begin_as_service(invocation: Invocation, log_format: str) -> None:
    """Sets up the log of a process that is left running."""
    collect_as_usual()
    log_as_service(LogFormat(log_format), os.environ, sys.stderr, verbose=invocation.verbose)
    # A service that hangs is ended by SIGABRT (systemd.service, WatchdogSignal=): it shows where then.
    faulthandler.enable()
    invocation.has_acted = True


@click.command()
@common_options
@click.option("--once", is_flag=True, help="Do one full cycle, and end.")
@click.option(
    "--role",
    type=click.Choice([each.value for each in Role]),
    default=Role.BOTH.value,
    show_default=True,
    help="What this machine is there for, of several with one history in Postgres.",
)
@click.option(
    "--concurrency",
    type=Concurrency(),
    multiple=True,
    callback=_each_once,
    help="How many jobs of a kind this machine carries out at once, at the most, such as `inventory=8`.",
)
@log_format_option
@click.option("--http/--no-http", default=True, help="Whether to serve health, metrics and the status page.")
@pass_invocation
def run(
    invocation: Invocation,
    *,
    once: bool,
    role: str,
    concurrency: dict[JobKind, int],
    log_format: str,
    http: bool,
) -> None:
    """Take inventories by schedule, tell people in time, rotate what is due, until it is asked to stop.

    \b
    SIGTERM, Ctrl-C   ends where nothing is half done, and says where that is; a second one ends at once
    SIGHUP            reads the configuration again; a wrong one is refused, and the one before stays in force

    Several with one history in Postgres share the work: one of them leads, which is to say what is due, and whichever
    comes first carries it out. With --role worker a machine never leads, with --role leader it carries out nothing.

    With --once it does one full cycle. Exit codes then: 0 all is well; 1 a person is needed; 3 something is away, or
    another `rotator run` works already; 130 it was asked to stop.
    """
    if concurrency and role == Role.LEADER:
        raise click.UsageError("--role leader carries out no jobs: it takes no --concurrency.")
    begin_as_service(invocation, log_format)
    with invocation.application() as app:
        # The log tells it.
        app.say = None
        from rotator.daemon.start import serve, serve_once

        if not once:
            serve(app, with_pages=http, exit_at_once=_exit_at_once, role=Role(role), at_once=concurrency)
            return
        if role != Role.BOTH:
            raise click.UsageError("--once does all of a cycle by itself: it takes no --role.")
        with StopRequest().listening() as stop:
            end = serve_once(app, stop, exit_at_once=_exit_at_once, at_once=concurrency)
            raise click.exceptions.Exit(of_end(end))


@click.command()
@common_options
@log_format_option
@pass_invocation
def pages(invocation: Invocation, *, log_format: str) -> None:
    """Serve health, metrics and the status page from the history, until it is asked to stop.

    For `http.process: own` in config.yaml, with which `rotator run` serves none: whoever can reach the pages then has
    nothing before him that holds a key. It writes nothing to the history, takes no lock, and calls no org, store or
    channel.

    \b
    SIGTERM, Ctrl-C   ends
    SIGHUP            reads the configuration again; a wrong one is refused, and the one before stays in force
    """
    begin_as_service(invocation, log_format)
    with invocation.application() as app:
        from rotator.daemon.pages_process import serve_pages

        serve_pages(app)


def _exit_at_once(end: CycleEnd) -> NoReturn:
    os._exit(of_end(end))
