"""`rotator pages`: the pages in a process of their own."""

# ruff: noqa: PLC0415 - the server's libraries are imported when it starts, not when help is shown

from __future__ import annotations

import click

from rotator.cli.commands.run import begin_as_service, log_format_option
from rotator.cli.invocation import Invocation, common_options, pass_invocation


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
