"""Messages as channels are given them: one like those that are sent, and any, with any names from an org."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from rotator.alerts.base import Message
from rotator.core.alert import Alert
from rotator.core.severity import Severity

MOMENT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
FACTS = {"Org": "production", "Fingerprint": "19" * 32}

_pieces = st.sampled_from(
    ["<!channel>", "<https://example.com|x>", "&", "\r\nBcc: a@example.com\r\n\r\n", "*_~`", "🔑"]
)
_words = st.text(st.characters(exclude_categories=()), max_size=30) | _pieces
texts = st.builds(lambda word, times, end: word * times + end, _words, st.sampled_from([0, 1, 2, 60, 300]), _words)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


def message(number: int = 1, *, about: dict[str, Any] | None = None, **changes: Any) -> Message:
    """A message; `about` are changes to its alert."""
    subject = f"The certificate of App{number} in production expires on 2026-12-07"
    alert: dict[str, Any] = {
        "id": f"20261123-{number:08}",
        "key": f"expiry:production/ConnectedApp/App{number}/19",
        "kind": "expiry",
        "severity": Severity.WARNING,
        "title": subject,
        "text": "Nobody replaces it by schedule.\nUpload a new certificate in Setup.",
        "org": "production",
        "app": f"App{number}",
        "type": "ConnectedApp",
        "fingerprint": "19" * 32,
        "not_after": MOMENT + timedelta(days=14),
        "facts": FACTS,
        "opened_at": MOMENT,
    }
    it = Alert(**alert | (about or {}))
    told: dict[str, Any] = {
        "alert": it,
        "key": f"{it.id}/14d/ops",
        "title": f"{subject}, in 14 days",
        "text": it.text,
        "at": MOMENT,
        "facts": it.facts,
    }
    return Message(**told | changes)


def settled(*, about: dict[str, Any] | None = None, **changes: Any) -> Message:
    """The end of such an alert."""
    end: dict[str, Any] = {
        "key": "end",
        "title": "Settled: App1",
        "text": "Replaced by 07c3.",
        "facts": {},
        "settles": True,
    }
    return message(about={"closed_at": MOMENT, **(about or {})}, **end | changes)


_alerts = st.builds(
    Alert,
    id=st.just("20261123-7f3k9qzm"),
    key=texts,
    kind=st.just("expiry"),
    severity=st.sampled_from(Severity),
    title=texts,
    text=texts,
    org=texts,
    not_after=st.none() | times,
    facts=st.dictionaries(texts, texts, max_size=3),
    opened_at=times,
    closed_at=st.none() | times,
)
any_message = st.builds(
    Message,
    alert=_alerts,
    key=texts,
    title=texts,
    text=texts,
    at=times,
    facts=st.dictionaries(texts, texts, max_size=3).flatmap(
        lambda facts: st.sampled_from([0, 1, 15]).map(
            lambda number: {f"{name}{copy}": value for name, value in facts.items() for copy in range(number)}
        )
    ),
    settles=st.booleans(),
)
