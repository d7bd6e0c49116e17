"""`rotator docs`: the documentation, where no source tree is at hand."""

from __future__ import annotations

import click

from rotator.cli.options import common_options
from rotator.resources import pages, read_page


@click.command()
@common_options
@click.argument("name", required=False)
def docs(name: str | None) -> None:
    """Print a page of the documentation, in Markdown; without NAME, the list of pages.

    Where a page names another as docs/NAME.md, that may be typed too.
    """
    if name is not None:
        click.echo(read_page(name), nl=False)
        return
    for page, title in pages().items():
        click.echo(f"{page:<18}{title}")
