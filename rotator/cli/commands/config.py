"""`rotator config example`: a configuration to begin with."""

from __future__ import annotations

import click

from rotator.cli.options import common_options
from rotator.resources import example_configuration


@click.group()
def config() -> None:
    """The configuration, config.yaml."""


@config.command()
@common_options
def example() -> None:
    """Print a configuration with every option and its default, to be saved as config.yaml and cut down."""
    click.echo(example_configuration(), nl=False)
