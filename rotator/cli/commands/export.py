"""`rotator export`: the current version as a keystore file."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import print_json, say, short
from rotator.cli.parameters import wrong_input
from rotator.core import words

if TYPE_CHECKING:
    from rotator.services.rotation.export import Exported


FORMATS: Final = ("pkcs12", "jks")
"""`rotator.core.crypto.keystores.Format`, which brings cryptography along."""


@click.command()
@click.argument("name")
@click.option("--format", "form", required=True, type=click.Choice(FORMATS), help="Kind of the keystore.")
@click.option(
    "--out", required=True, metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Where to write it."
)
@click.option(
    "--password-env",
    required=True,
    metavar="VARIABLE",
    help="Environment variable that holds the keystore's password: twelve characters at least, six of them different.",
)
@common_options
@json_option
@pass_invocation
def export(invocation: Invocation, name: str, form: str, out: Path, password_env: str) -> None:
    """Write the current version of NAME to a keystore that Java reads, such as MuleSoft's.

    The private key leaves the store by this, and nobody looks after the copy: a rotation does not reach it, so run this
    again after each one. FILE is replaced whole, readable by its owner only; the history keeps who did it and when.
    Prefer pkcs12: the password protects a jks hardly at all.

    \b
    With --json {"credential", "fingerprint", "not_after", "format", "path", "alias"}.
    """
    # Not for a usage mistake.
    from rotator.cli.parameters import password_in  # noqa: PLC0415
    from rotator.core.crypto.keystores import Format  # noqa: PLC0415
    from rotator.process import actor  # noqa: PLC0415
    from rotator.services.rotation.export import ExportRequest  # noqa: PLC0415
    from rotator.services.rotation.export import export as write_keystore  # noqa: PLC0415

    with invocation.application() as app:
        if app.credential(name).has_secret:
            raise wrong_input(
                f"{name} is a client secret, and a keystore holds keys.",
                "Consumers read it in the store: `rotator docs consumers`.",
            )
        store = app.store(app.credential(name).store)
        password = password_in(password_env).resolve(os.environ)
        request = ExportRequest(name, Format(form), out.absolute(), password, actor(os.environ))
        written = write_keystore(request, store, partial(app.journal.record, now=app.now(), credential=name))
    invocation.has_acted = True
    if invocation.json:
        print_json(_as_json(written))
    else:
        _print(written)


def _as_json(written: Exported) -> dict[str, object]:
    return {
        "credential": written.credential,
        "fingerprint": written.fingerprint,
        "not_after": written.not_after,
        "format": written.format,
        "path": str(written.path),
        "alias": written.alias,
    }


def _print(written: Exported) -> None:
    say(
        f"{written.path}: version {short(written.fingerprint)} of {written.credential} as {written.format},"
        f" entry {written.alias!r}, valid until {words.day(written.not_after)}.\n"
        f"It is a copy: run this again after each rotation of {written.credential}."
    )
