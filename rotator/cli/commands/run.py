"""`rotator run`: the service."""

# ruff: noqa: PLC0415 - the service's libraries are imported when it starts, not when help is shown

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rotator.cli.exit_codes import of_end
from rotator.cli.invocation import Invocation, common_options, pass_invocation
from rotator.cli.stopping import StopRequest
from rotator.daemon.logs import LogFormat, log_as_service

if TYPE_CHECKING:
    from typing import NoReturn

    from rotator.services.schedule.jobs import CycleEnd

_C = TypeVar("_C", bound=Callable[..., Any])


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
    log_as_service(LogFormat(log_format), os.environ, sys.stderr, verbose=invocation.verbose)
    # A service that hangs is ended by SIGABRT (systemd.service, WatchdogSignal=): it shows where then.
    faulthandler.enable()
    invocation.has_acted = True


@click.command()
@common_options
@click.option("--once", is_flag=True, help="Do one full cycle, and end.")
@log_format_option
@click.option("--http/--no-http", default=True, help="Whether to serve health, metrics and the status page.")
@pass_invocation
def run(invocation: Invocation, *, once: bool, log_format: str, http: bool) -> None:
    """Take inventories by schedule, tell people in time, rotate what is due, until it is asked to stop.

    \b
    SIGTERM, Ctrl-C   ends where nothing is half done, and says where that is; a second one ends at once
    SIGHUP            reads the configuration again; a wrong one is refused, and the one before stays in force

    Of several on one database one works, and the others stand by for it.

    With --once it does one full cycle. Exit codes then: 0 all is well; 1 a person is needed; 3 something is away, or
    another `rotator run` works already; 130 it was asked to stop.
    """
    begin_as_service(invocation, log_format)
    with invocation.application() as app:
        # The log tells it.
        app.say = None
        from rotator.daemon.start import serve, serve_once

        if not once:
            serve(app, with_pages=http, exit_at_once=_exit_at_once)
            return
        with StopRequest().listening() as stop:
            raise click.exceptions.Exit(of_end(serve_once(app, stop, exit_at_once=_exit_at_once)))


def _exit_at_once(end: CycleEnd) -> NoReturn:
    os._exit(of_end(end))
