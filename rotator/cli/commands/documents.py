"""`rotator docs` and `rotator config example`: what ships with the program to be read, where no source tree is."""

from __future__ import annotations

import click

from rotator.cli.invocation import common_options
from rotator.cli.output.console import say, say_whole
from rotator.resources import example_configuration, pages, read_page


@click.command()
@common_options
@click.argument("name", required=False)
def docs(name: str | None) -> None:
    """Print a page of the documentation, in Markdown; without NAME, the list of pages.

    Where a page names another as docs/NAME.md, that may be typed too.
    """
    if name is not None:
        say_whole(read_page(name))
        return
    for page, title in pages().items():
        say(f"{page:<18}{title}")


@click.group()
def config() -> None:
    """The configuration, config.yaml."""


@config.command()
@common_options
def example() -> None:
    """Print a configuration with every option and its default, to be saved as config.yaml and cut down."""
    say_whole(example_configuration())
