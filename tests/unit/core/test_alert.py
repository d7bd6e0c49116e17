"""An alert is one record, from the decision to whoever shows it."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from rotator.core.alert import Alert, AlertState, NewAlert
from rotator.core.severity import Severity
from rotator.history.engine.tables import ALERT

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEW = NewAlert(key="org:production", kind="org", severity=Severity.WARNING, title="It is away", text="Wait.")
OPEN = Alert(**vars(NEW), id="20261123-aaaaaaaa", opened_at=NOW)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, AlertState.OPEN),
        ({"acknowledged_at": NOW}, AlertState.ACKNOWLEDGED),
        ({"snoozed_until": NOW + HOUR}, AlertState.SNOOZED),
        ({"snoozed_until": NOW}, AlertState.OPEN),
        ({"acknowledged_at": NOW, "snoozed_until": NOW + HOUR}, AlertState.ACKNOWLEDGED),
        ({"closed_at": NOW, "acknowledged_at": NOW, "snoozed_until": NOW + HOUR}, AlertState.CLOSED),
    ],
)
def test_what_has_become_of_it_is_one_state(changes: dict[str, datetime], state: AlertState) -> None:
    assert replace(OPEN, **changes).state(NOW) is state  # type: ignore[arg-type] # fields of it


def test_who_is_refused_is_so_since_the_first_refusal_and_no_more_once_it_is_over() -> None:
    refusing = replace(OPEN, refused_since=NOW - HOUR)
    assert (refusing.since, OPEN.since) == (NOW - HOUR, NOW)
    assert "since 2026-11-23 11:00 UTC (60 minutes)" in refusing.refusal(NOW)
    assert OPEN.refusal(NOW) == replace(refusing, closed_at=NOW).refusal(NOW) == ""


def test_what_is_known_now_is_news_where_any_of_it_is_another() -> None:
    assert OPEN.says(NEW)
    assert replace(OPEN, acknowledged_at=NOW).says(NEW)
    assert not OPEN.says(replace(NEW, severity=Severity.CRITICAL))
    assert not OPEN.says(replace(NEW, facts={"Org": "production"}))


def test_the_history_has_every_fact_under_the_same_name() -> None:
    assert {field.name for field in fields(Alert)} == set(ALERT.columns.keys())
