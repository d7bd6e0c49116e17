"""Messages to try a channel with: like those that are sent, and with names as somebody in an org could choose them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rotator.alerts.base import Message
from rotator.core.alert import Alert
from rotator.core.severity import Severity

MOMENT: Final = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
FINGERPRINT: Final = "19" * 32
HOSTILE: Final = "<!channel> & <https://example.com|Billing>\r\nBcc: everybody@example.com\u202e"
"""A name that would mention people, be a link, add a header to a mail, and turn the direction of writing around."""


def message(number: int = 1, *, about: dict[str, Any] | None = None, **changes: Any) -> Message:
    """A message about one of several alerts; `about` are changes to the alert."""
    title = f"The certificate of App{number} in production expires on 2026-12-07"
    alert: dict[str, Any] = {
        "id": f"20261123-{number:08}",
        "key": f"expiry:production/ConnectedApp/App{number}/{FINGERPRINT}",
        "kind": "expiry",
        "severity": Severity.WARNING,
        "title": title,
        "text": "Nobody replaces it by schedule.\nUpload a new certificate in Setup.",
        "org": "production",
        "app": f"App{number}",
        "type": "ConnectedApp",
        "fingerprint": FINGERPRINT,
        "not_after": MOMENT + timedelta(days=14),
        "facts": {"Org": "production", "Fingerprint": FINGERPRINT},
        "opened_at": MOMENT,
    }
    it = Alert(**alert | (about or {}))
    told: dict[str, Any] = {
        "alert": it,
        "key": f"{it.id}/14d/ops",
        "title": f"{title}, in 14 days",
        "text": it.text,
        "at": MOMENT,
        "facts": it.facts,
    }
    return Message(**told | changes)


def settled(number: int = 1, *, about: dict[str, Any] | None = None, **changes: Any) -> Message:
    """The end of such an alert."""
    end: dict[str, Any] = {
        "key": f"20261123-{number:08}/closed/ops",
        "title": f"Settled: App{number}",
        "text": "Replaced by 07c3, which is valid until 2027-11-23.",
        "facts": {},
        "settles": True,
    }
    return message(number, about={"closed_at": MOMENT, **(about or {})}, **end | changes)
