"""What `rotator check --print-policy` prints: the least that a store's own access control must allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rotator.cli.output.console import print_json
from rotator.stores.plugins import kind_of

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
        _print(f"{policies.language} for rotator, store {name}", policies.rotator)
        for who, text in policies.others.items():
            _print(f"{policies.language} for {who}, store {name}", text)
        for credential, text in policies.consumers.items():
            _print(f"{policies.language} for consumers of {credential}, store {name}", text)


def _policies(settings: Settings, store: str) -> Policies | None:
    kind = kind_of(settings.stores[store])
    if kind.policies is None:
        return None
    credentials = [name for name, credential in settings.credentials.items() if credential.store == store]
    return kind.policies(settings.stores[store], credentials)


def _print(heading: str, text: str) -> None:
    # Not through Rich: it would wrap long lines, and this is meant to be copied.
    click.echo(f"# {heading}\n{text.rstrip()}\n")


def _as_json(policies: Policies) -> dict[str, Any]:
    return {
        "language": policies.language,
        "rotator": policies.rotator,
        "consumers": dict(policies.consumers),
        "others": dict(policies.others),
    }
