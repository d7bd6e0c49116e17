"""`rotator db upgrade`: the history database."""

from __future__ import annotations

import click

from rotator.cli.options import Invocation, common_options, pass_invocation


@click.group()
def db() -> None:
    """The history database."""


@db.command()
@common_options
@pass_invocation
def upgrade(invocation: Invocation) -> None:
    """Bring the history's tables to this release's version; the first use of any command does it too."""
    with invocation.application() as app:
        click.echo(f"{app.database.name} is at version {app.database.version}.")
