"""`rotator adopt`: takes a key pair that people made by hand into the store."""

from __future__ import annotations

import os
from pathlib import Path

import click

from rotator.cli.options import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.endings import documented
from rotator.cli.runs import actor, run_requests
from rotator.config.secrets import KeyReference, SecretReference
from rotator.services.rotation.adopt import version_to_adopt
from rotator.services.rotation.requests import Request


@click.command()
@click.argument("name")
@click.option(
    "--key",
    "key_file",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Private key in PEM (PKCS#1 or PKCS#8).",
)
@click.option("--password-env", metavar="VARIABLE", help="Environment variable that holds the key's password.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for the history.")
@common_options
@json_option
@pass_invocation
@documented
def adopt(invocation: Invocation, name: str, key_file: Path, password_env: str | None, reason: str) -> None:
    """Take a key pair that consumers use already into the store, as the current version of NAME.

    Only if its certificate is live on one of the credential's apps, and a login with the key succeeds. FILE is read
    and left as it is: delete it once consumers read the store.
    """
    request = Request(goal="adopt", actor=actor(), reason=reason)
    with invocation.application() as app:
        app.credential(name)
        password = SecretReference(env=password_env) if password_env else None
        key = KeyReference(file=key_file.absolute(), password=password).load(os.environ)
        version = version_to_adopt(app.credential_context(name), key, app.now())
        run_requests(invocation, app, (name,), lambda service: service.adopt(request, version))
