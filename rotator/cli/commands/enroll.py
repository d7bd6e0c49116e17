"""`rotator enroll`: the first key pair of an app that has none."""

from __future__ import annotations

import click

from rotator.cli.options import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.endings import documented
from rotator.cli.runs import actor, chosen, run_requests
from rotator.core.decision.options import RotationOptions
from rotator.services.rotation.requests import Request


@click.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--reason", default="", metavar="TEXT", help="Why, for the history.")
@click.option("--replace-unknown", is_flag=True, help="Overwrite a certificate that nobody here knows, too.")
@common_options
@json_option
@pass_invocation
@documented
def enroll(invocation: Invocation, names: tuple[str, ...], reason: str, replace_unknown: bool) -> None:
    """Make the first key pair for an app that holds no certificate.

    It is uploaded, tried, and then current in the store. An app that holds a certificate already is left alone: its
    key pair is taken over with `rotator adopt`.
    """
    options = RotationOptions(replace_unknown=replace_unknown)
    request = Request(goal="enroll", actor=actor(), reason=reason, options=options)
    with invocation.application() as app:
        run_requests(invocation, app, chosen(app, names, every=False), lambda service: service.handle(request))
