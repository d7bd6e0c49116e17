"""`rotator check`: whether a rotation would work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rotator.cli.exit_codes import ExitCode
from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import print_json
from rotator.cli.output.former_names import with_former_names

if TYPE_CHECKING:
    from rotator.services.checked import Check


@click.command()
@common_options
@json_option
@click.option("--print-policy", is_flag=True, help="Print what the stores' own access control must allow, and stop.")
@click.option(
    "--validate/--no-validate",
    default=True,
    help="Have each org check a deployment of its apps with a certificate, which changes nothing (the default).",
)
@pass_invocation
def check(invocation: Invocation, *, print_policy: bool, validate: bool) -> None:
    """Try everything a rotation needs: configuration, history, stores, logins, permissions, clocks, keys; and channels.

    Nothing is changed in an org. A check that fails stops only those that rest on it. Exit code 1 when one failed.

    \b
    With --json a list of {"name", "result": "ok", "failed" or "skipped",
    "sentence", "hint"}; with --print-policy {STORE: {"language", "rotator",
    "consumers": {CREDENTIAL: TEXT}, "others": {WHO: TEXT}}}.
    """
    from rotator.cli.output.check_lines import print_check, print_policies, print_sum  # noqa: PLC0415 - not for a mistake
    from rotator.services.checked import Result  # noqa: PLC0415
    from rotator.services.preflight import checks  # noqa: PLC0415

    found: list[Check] = []
    with invocation.application("read") as app:
        if print_policy:
            print_policies(app.settings, as_json=invocation.json)
            return
        for line in checks(app, validates=validate):
            found.append(line)
            if not invocation.json:
                print_check(line)
    if invocation.json:
        print_json([with_former_names(vars(line)) for line in found])
    else:
        print_sum(found)
    if any(line.result is Result.FAILED for line in found):
        raise click.exceptions.Exit(ExitCode.PERSON_NEEDED)
