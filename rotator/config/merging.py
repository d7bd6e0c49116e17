"""The defaults under `rotation:` put into every credential that does not say otherwise, field by field."""

from __future__ import annotations

from typing import Any, Final

_NESTED: Final = ("subject", "verification")
_LONGEST_COMMON_NAME: Final = 64


def with_defaults(document: dict[str, Any]) -> dict[str, Any]:
    """A copy of the whole document with complete credentials; what has the wrong shape is left for validation."""
    sections = {key: value for key, value in document.items() if value is not None}
    rotation, credentials = sections.get("rotation", {}), sections.get("credentials")
    if isinstance(rotation, dict) and isinstance(credentials, dict):
        sections["credentials"] = {name: _complete(name, own, rotation) for name, own in credentials.items()}
    return sections


def _complete(name: str, own: Any, defaults: dict[str, Any]) -> Any:
    if not isinstance(own, dict):
        return own
    merged = {**defaults, **own}
    for key in _NESTED:
        if isinstance(defaults.get(key), dict) and isinstance(own.get(key), dict):
            merged[key] = {**defaults[key], **own[key]}
    subject = merged.setdefault("subject", {})
    if isinstance(subject, dict) and isinstance(own.get("org"), str):
        common_name = f"{name} {own['org']}"[:_LONGEST_COMMON_NAME]
        merged["subject"] = {"common_name": common_name, **subject}
    return merged
