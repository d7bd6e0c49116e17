"""`rotator docs` and `rotator config`: what ships with the program, where no source tree is."""

from __future__ import annotations

import shlex
from pathlib import Path
from secrets import choice

import click

from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import print_json, say, say_whole
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


@config.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--app", "name", default="Rotator_Management", show_default=True, help="API name of the app.")
@click.option("--contact", required=True, metavar="MAIL", help="Whom Salesforce writes to about the app.")
@click.option(
    "--permission-set",
    default="Rotator",
    show_default=True,
    metavar="NAME",
    help="API name of the permission set whose users may log in through it.",
)
@click.option(
    "--certificate",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Its certificate; without one it gets its first by `rotator enroll --replace-unknown`, or as the second of a"
    " pair.",
)
@common_options
@json_option
@pass_invocation
def project(
    invocation: Invocation, folder: Path, name: str, contact: str, permission_set: str, certificate: Path | None
) -> None:
    """Write a project that makes an external client app, and the permission sets of rotator's user.

    FOLDER is a project of Salesforce's command line: `sf project deploy start --source-dir force-app` in it makes both,
    as an administrator, in the org that is told with --target-org. Nothing is sent anywhere by this command. Deploy it
    once: deployed again, it would put the old certificate back.

    \b
    With --json {"folder", "app", "client_id"}.
    """
    # Not for a usage mistake.
    from rotator.config.secrets import read_certificate  # noqa: PLC0415
    from rotator.services.org_project import NewApp, new_client_id, write_project  # noqa: PLC0415

    held = read_certificate(certificate) if certificate else None
    app = NewApp(name, contact, permission_set, new_client_id(choice), held)
    write_project(app, folder)
    if invocation.json:
        print_json({"folder": str(folder), "app": app.name, "client_id": app.client_id})
        return
    say(f"{folder} makes the external client app {app.name}, and rotator's permission sets. As an administrator:")
    say(f"    cd {shlex.quote(str(folder))} && sf project deploy start --source-dir force-app --target-org ORG")
    say(f"Its consumer key, `client_id` in config.yaml: {app.client_id}")
