"""`rotator docs` and `rotator config example`: what ships with the program to be read, where no source tree is."""

from __future__ import annotations

import click

from rotator.cli.invocation import common_options
from rotator.resources import example_configuration, pages, read_page


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


@click.group()
def config() -> None:
    """The configuration, config.yaml."""


@config.command()
@common_options
def example() -> None:
    """Print a configuration with every option and its default, to be saved as config.yaml and cut down."""
    click.echo(example_configuration(), nl=False)
