"""`rotator check`: would a rotation work?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
from rich.table import Table

from rotator.cli.options import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import console, print_json, state
from rotator.cli.output.former_names import with_former_names
from rotator.services.preflight import Check, Result, checks
from rotator.stores.plugins import store_plugin

if TYPE_CHECKING:
    from rotator.config.settings import Settings
    from rotator.stores.plugins import Policies


def print_policies(settings: Settings, *, as_json: bool) -> None:
    """Prints the policies of every store that has any, ready to be copied."""
    found = {name: _policies(settings, name) for name in settings.stores}
    if as_json:
        print_json({name: _as_json(policies) for name, policies in found.items() if policies})
        return
    for name, policies in found.items():
        if policies is None:
            click.echo(f"# The store {name} ({settings.stores[name].type}) has no policies.\n")
            continue
        _print_policy(f"{policies.language} for rotator, store {name}", policies.rotator)
        for who, text in policies.others.items():
            _print_policy(f"{policies.language} for {who}, store {name}", text)
        for credential, text in policies.consumers.items():
            _print_policy(f"{policies.language} for consumers of {credential}, store {name}", text)


def _policies(settings: Settings, store: str) -> Policies | None:
    plugin = store_plugin(settings.stores[store].type)
    if plugin.policies is None:
        return None
    credentials = [name for name, credential in settings.credentials.items() if credential.store == store]
    return plugin.policies(settings.stores[store], credentials)


def _print_policy(heading: str, text: str) -> None:
    # Not through Rich: it would wrap long lines, and this is meant to be copied.
    click.echo(f"# {heading}\n{text.rstrip()}\n")


def _as_json(policies: Policies) -> dict[str, Any]:
    return {
        "language": policies.language,
        "rotator": policies.rotator,
        "consumers": dict(policies.consumers),
        "others": dict(policies.others),
    }


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
    "sentence", "hint"}; with --print-policy {STORE: {"language", "rotator",
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
        print_json([with_former_names(vars(line)) for line in found])
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
    if line.hint and line.result is not Result.OK:
        rows.add_row("", "", line.hint)
    console().print(rows)
