"""What stands where a credential is to be, and this program did not write: named, never shown, never overwritten."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from rotator.core import words
from rotator.plain_text import one_line

_PRIVATE_KEY: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_PEM: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
_PACKED_PEM: Final = "LS0tLS1CRUdJTi"
"""How base64 of PEM begins."""
_SHORT: Final = 100
_MOST_MEMBERS: Final = 5
_LONGEST_NAME: Final = 40


@dataclass(frozen=True)
class Contents:
    """What was found, in words."""

    what: str
    """Such as `JSON with a private key in its member 'key'`; nothing of a value is in it."""
    has_key: bool = False
    """Whether `rotator adopt` may read a private key in it."""
    member: str = ""
    """The member of the JSON that holds the key; empty where all of it does."""


def contents_of(value: str | bytes) -> Contents:
    """What a stored value is, by its form alone."""
    if not value.strip():
        return Contents("nothing")
    if isinstance(value, bytes):
        return Contents("binary data", has_key=True)
    text = value.strip()
    members, armour = _members(text), _PEM.search(text)
    if members is not None:
        return of_members(members)
    if _holds_key(text):
        return Contents("a private key in PEM", has_key=True)
    if armour:
        return Contents(f"PEM without a private key ({armour[1].lower()})")
    is_short = len(text) <= _SHORT and "\n" not in text
    return Contents("a short text that is no key, as a placeholder is" if is_short else "text that is no key")


def of_members(members: dict[str, object]) -> Contents:
    """What a secret of several fields is."""
    key = next((name for name, value in members.items() if isinstance(value, str) and _holds_key(value)), None)
    if key is not None:
        return Contents(f"JSON with a private key in its member {_named(key)}", has_key=True, member=key)
    names = [_named(name) for name in list(members)[:_MOST_MEMBERS]]
    more = len(members) - len(names)
    listed = words.listed([*names, words.count(more, "other")] if more else names)
    return Contents(f"JSON with {listed}, and no private key" if names else "JSON with nothing in it")


def _holds_key(text: str) -> bool:
    return _PRIVATE_KEY.search(text) is not None or text.lstrip().startswith(_PACKED_PEM)


def _members(text: str) -> dict[str, object] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _named(name: str) -> str:
    return repr(one_line(name, _LONGEST_NAME))
