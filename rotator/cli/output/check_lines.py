"""What `rotator check` found, for people; and the policies of stores, to be copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from rotator.cli.output.console import console, print_json, say_whole, state, terminal
from rotator.cli.output.streams.layout import text_of
from rotator.plain_text import flat
from rotator.services.checked import Check, Result
from rotator.stores.plugins import store_plugin

if TYPE_CHECKING:
    from rotator.config.settings import Settings
    from rotator.stores.plugins import Policies

_RESULT_WIDTH: Final = 9
_NAME_WIDTH: Final = 24
"""Each line is printed when its check has been made, so the widths are not known from the longest."""


def print_policies(settings: Settings, *, as_json: bool) -> None:
    """Prints the policies of every store that has any, ready to be copied."""
    found = {name: _policies(settings, name) for name in settings.stores}
    if as_json:
        print_json({name: _as_json(policies) for name, policies in found.items() if policies})
        return
    for name, policies in found.items():
        if policies is None:
            say_whole(f"# The store {name} ({settings.stores[name].type}) has no policies.\n\n")
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
    say_whole(f"# {heading}\n{text.rstrip()}\n\n")


def _as_json(policies: Policies) -> dict[str, Any]:
    return {
        "language": policies.language,
        "rotator": policies.rotator,
        "consumers": dict(policies.consumers),
        "others": dict(policies.others),
    }


def print_sum(found: list[Check]) -> None:
    """How many checks ended how."""
    counts = [(result, sum(line.result is result for line in found)) for result in Result]
    console().line()
    console().print(", ".join(f"{count} {result}" for result, count in counts if count) + ".")


def print_check(line: Check) -> None:
    """One check, as soon as it was made."""
    rows = Table.grid(padding=(0, 2))
    for width in (_RESULT_WIDTH, _NAME_WIDTH, None):
        rows.add_column(min_width=width, overflow="fold")
    rows.add_row(text_of(state(line.result)), flat(line.name), flat(line.sentence))
    if line.hint and line.result is not Result.OK:
        rows.add_row("", "", flat(line.hint))
    terminal().print(rows)
