"""The command line: `rotator`, and `rotate`, which is `rotator rotate`.

Only click and the standard library are imported here; each command brings its own modules along when it is used.
"""

from __future__ import annotations

from typing import Final

import click

import rotator
from rotator.cli.error_output import run
from rotator.cli.invocation import common_options, json_option
from rotator.cli.lazy import Lazy, LazyGroup
from rotator.process import QuickEnd, close_memory, collect_seldom, interrupted_once, without_plugins_of_pydantic

COMMANDS: Final = {
    "inventory": Lazy("rotator.cli.commands.inventory", "inventory", "Every certificate in every org, managed or not."),
    "status": Lazy(
        "rotator.cli.commands.inventory", "status", "Managed credentials: what is live, until when, what comes next."
    ),
    "check": Lazy("rotator.cli.commands.check", "check", "Try everything a rotation needs, and change nothing."),
    "audit": Lazy("rotator.cli.commands.audit", "audit", "Whether credentials, users and apps are set up soundly."),
    "rotate": Lazy("rotator.cli.commands.rotate", "rotate", "Replace key pairs and client secrets."),
    "revoke": Lazy("rotator.cli.commands.revoke", "revoke", "End all access by a credential, and bring it back."),
    "pause": Lazy("rotator.cli.commands.pause", "pause", "Have no rotation begin by schedule, for a while."),
    "resume": Lazy("rotator.cli.commands.pause", "resume", "End a pause."),
    "enroll": Lazy("rotator.cli.commands.rotate", "enroll", "Make a first key pair, or take a client secret."),
    "adopt": Lazy("rotator.cli.commands.rotate", "adopt", "Take a key pair made by hand into the store."),
    "export": Lazy("rotator.cli.commands.export", "export", "Write the current version to a keystore that Java reads."),
    "verify": Lazy("rotator.cli.commands.verify", "verify", "Log in with what is stored."),
    "run": Lazy(
        "rotator.cli.commands.service.run", "run", "The service: inventories, messages, rotations of what is due."
    ),
    "pages": Lazy(
        "rotator.cli.commands.service.run", "pages", "Health, metrics and the status page, and nothing else."
    ),
    "workers": Lazy(
        "rotator.cli.commands.service.workers", "workers", "The machines that share the work, and the queue."
    ),
    "history": Lazy("rotator.cli.commands.history", "history", "What was done, and the proof that nobody rewrote it."),
    "alerts": Lazy(
        "rotator.cli.commands.alerts", "alerts", "What people are told; taking it on: list, ack, snooze, test."
    ),
    "hooks": Lazy("rotator.cli.commands.hooks", "hooks", "What is called after a rotation: list, test."),
    "config": Lazy("rotator.cli.commands.documents", "config", "The configuration, and files that set up an org."),
    "db": Lazy("rotator.cli.commands.history", "db", "The history database."),
    "simulator": Lazy("rotator.cli.commands.simulator", "simulator", "A local org that answers like Salesforce."),
    "docs": Lazy("rotator.cli.commands.documents", "docs", "The documentation, page by page."),
    "demo": Lazy("rotator.cli.commands.demo", "demo", "Rotations against a simulated org, with consumers at work."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(rotator.__version__, prog_name="rotator", message="%(prog)s %(version)s")
@common_options
@json_option
def cli() -> None:
    """Keep Salesforce JWT-bearer credentials alive: know every certificate, rotate key pairs, lock nobody out.

    Exit codes: 0 done; 1 a person is needed; 2 wrong command line or configuration; 3 something is away, run it
    again; 4 the old certificate is back in force.
    """


def main() -> int:
    """The console script `rotator`."""
    return _run(cli, "rotator")


def rotate_main() -> int:
    """The console script `rotate`: `rotate now NAME` is `rotator rotate now NAME`."""
    return _run(COMMANDS["rotate"].load(), "rotate")


def _run(command: click.Command, name: str) -> int:
    close_memory()
    collect_seldom()
    without_plugins_of_pydantic()
    end = QuickEnd()
    with interrupted_once():
        return end.with_code(run(command, name))
