"""`rotator check`: would a rotation work?"""

from __future__ import annotations

from typing import Final

import click
from rich.table import Table

from rotator.cli.commands.policies import print_policies
from rotator.cli.options import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import console, print_json, state
from rotator.services.preflight import Check, Result, checks

_RESULT_WIDTH: Final = 9
_NAME_WIDTH: Final = 24
"""Each line is printed when its check has been made, so the widths are not known from the longest."""


@click.command()
@common_options
@json_option
@click.option("--print-policy", is_flag=True, help="Print what the stores' own access control must allow, and stop.")
@pass_invocation
def check(invocation: Invocation, *, print_policy: bool) -> None:
    """Try everything a rotation needs: configuration, history, stores, logins, permissions, clocks, keys; and channels.

    Nothing is changed in an org. A check that fails stops only those that rest on it. Exit code 1 when one failed.

    \b
    With --json a list of {"name", "result": "ok", "failed" or "skipped",
    "sentence", "advice"}; with --print-policy {STORE: {"language", "rotator",
    "consumers": {CREDENTIAL: TEXT}, "others": {WHO: TEXT}}}.
    """
    found: list[Check] = []
    with invocation.application() as app:
        if print_policy:
            print_policies(app.settings, as_json=invocation.json)
            return
        for line in checks(app):
            found.append(line)
            if not invocation.json:
                _print(line)
    if invocation.json:
        print_json([vars(line) for line in found])
    else:
        _print_sum(found)
    if any(line.result is Result.FAILED for line in found):
        raise click.exceptions.Exit(1)


def _print_sum(found: list[Check]) -> None:
    counts = [(result, sum(line.result is result for line in found)) for result in Result]
    console().print("\n" + ", ".join(f"{count} {result}" for result, count in counts if count) + ".")


def _print(line: Check) -> None:
    rows = Table.grid(padding=(0, 2))
    for width in (_RESULT_WIDTH, _NAME_WIDTH, None):
        rows.add_column(min_width=width, overflow="fold")
    rows.add_row(state(line.result), line.name, line.sentence)
    if line.advice and line.result is not Result.OK:
        rows.add_row("", "", line.advice)
    console().print(rows)
