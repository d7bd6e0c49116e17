"""The fields of a component, flat, and what differs between two readings of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_SHOWN: Final = 60


@dataclass(frozen=True)
class Change:
    """One field that two readings of a component do not agree on."""

    field: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.field}: {_short(self.was)} -> {_short(self.now)}"


def flatten(component: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Every field that has a value, by its path, such as `oauthConfig.isAdminApproved`.

    The entries of a list are sorted: Salesforce promises no order for permission sets, profiles and ranges. The first
    has no number, as a list of one is not told from a single value. Blanks around a text are left out: the org takes
    them off what it is sent (Metadata API Developer Guide), and an app that was made in Setup may have them.
    """
    flat: dict[str, str] = {}
    for name, value in component.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{path}.")
        elif isinstance(value, list):
            entries = enumerate(sorted(map(_text, value)))
            flat |= {f"{path}[{index}]" if index else path: text for index, text in entries}
        elif value is not None and _text(value):
            flat[path] = _text(value)
    return flat


def changes(before: Mapping[str, object], after: Mapping[str, object], *, ignoring: frozenset[str]) -> list[Change]:
    """What differs, by the path of the field; fields named in `ignoring` are not looked at."""
    was, now = flatten(before), flatten(after)
    return [
        Change(field, was.get(field, ""), now.get(field, ""))
        for field in sorted(was.keys() | now.keys())
        if field not in ignoring and was.get(field) != now.get(field)
    ]


def _text(value: object) -> str:
    return str(sorted(flatten(value).items())) if isinstance(value, Mapping) else str(value).strip()


def _short(text: str) -> str:
    if not text:
        return "nothing"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
