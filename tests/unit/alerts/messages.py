"""Messages of every shape: texts of any length and any characters, as names from an org can have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from rotator.alerts.base import Message
from rotator.core.severity import Severity

MOMENT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

_pieces = st.sampled_from(
    ["<!channel>", "<https://example.com|x>", "&", "\r\nBcc: a@example.com\r\n\r\n", "*_~`", "🔑"]
)
_words = st.text(st.characters(exclude_categories=()), max_size=30) | _pieces
texts = st.builds(lambda word, times, end: word * times + end, _words, st.sampled_from([0, 1, 2, 60, 300]), _words)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


def message(**changes: Any) -> Message:
    """A message like those that are sent."""
    plain: dict[str, Any] = {
        "alert_id": "20261123-7f3k9qzm",
        "key": "20261123-7f3k9qzm/14d/ops",
        "title": "The certificate of Billing in production expires on 2026-12-07, in 14 days",
        "text": "Nobody replaces it by schedule.\nUpload a new certificate in Setup.",
        "severity": Severity.WARNING,
        "at": MOMENT,
        "facts": (("Org", "production"), ("Fingerprint", "19" * 32)),
        "subject": "The certificate of Billing in production expires on 2026-12-07",
        "org": "production",
        "due": MOMENT + timedelta(days=14),
    }
    return Message(**plain | changes)


def settled(**changes: Any) -> Message:
    """The end of that alert."""
    end = {"title": "Settled", "text": "Replaced by 07c3.", "is_end": True, "opening": message(), "due": None}
    return message(**{"facts": ()} | end | changes)


any_message = st.builds(
    Message,
    alert_id=st.just("20261123-7f3k9qzm"),
    key=texts,
    title=texts,
    text=texts,
    severity=st.sampled_from(Severity),
    at=times,
    facts=st.lists(st.tuples(texts, texts), max_size=3).flatmap(
        lambda facts: st.sampled_from([0, 1, 15]).map(lambda number: tuple(facts * number))
    ),
    is_end=st.booleans(),
    opening=st.none() | st.just(message()),
    subject=texts,
    org=texts,
    due=st.none() | times,
)
