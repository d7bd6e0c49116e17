"""JSON members under the names that they had in the release before; to be removed with the next one."""

from __future__ import annotations

from typing import Any, Final

_FORMER: Final = {
    "message": "what",
    "effect": "left",
    "hint": "advice",
    "notifications": "notices",
    "queued_at": "owed_at",
    "delivered_at": "told_at",
}


def with_former_names(document: dict[str, Any]) -> dict[str, Any]:
    """The document with each renamed member under its former name as well."""
    return document | {former: document[name] for name, former in _FORMER.items() if name in document}
