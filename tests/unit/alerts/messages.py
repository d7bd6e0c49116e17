"""Messages of every shape: texts of any length and any characters, as names from an org can have them."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from rotator.alerts.base import Message
from rotator.core.alert import Alert
from rotator.core.severity import Severity

_pieces = st.sampled_from(
    ["<!channel>", "<https://example.com|x>", "&", "\r\nBcc: a@example.com\r\n\r\n", "*_~`", "🔑"]
)
_words = st.text(st.characters(exclude_categories=()), max_size=30) | _pieces
texts = st.builds(lambda word, times, end: word * times + end, _words, st.sampled_from([0, 1, 2, 60, 300]), _words)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive

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
    meanwhile=texts,
    to_do=texts,
    installation=texts,
    page=st.sampled_from(["", "https://rotator.example.com/alerts/20261123-7f3k9qzm"]),
    runbook=st.sampled_from(["", "https://wiki.example.com/expiry"]),
    settles=st.booleans(),
)
