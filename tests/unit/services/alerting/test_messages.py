"""What a channel is sent of an alert: how long there is left, what was crossed late, and that it is settled."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Final

import pytest

from rotator.core.alert import Alert
from rotator.core.severity import Severity
from rotator.history.alerts.outbox import CLOSED, OPENED, Notification
from rotator.services.alerting.messages import Origin, PendingMessage, message_of
from tests.unit.services.alerting.every_kind import DAY, NOW
from tests.unit.services.alerting_bench import settings_with

EXPIRES: Final = Alert(
    id="20261123-7f3k9qzm",
    key="expiry:x",
    kind="expiry",
    severity=Severity.WARNING,
    title="It expires",
    text="Why.",
    to_do="Replace it.",
    org="production",
    facts={"Org": "production"},
    opened_at=NOW - DAY,
    not_after=NOW + 5 * DAY,
)
FAILS: Final = replace(EXPIRES, kind="rotation", key="rotation:billing", title="It failed")


def rows(*steps: str) -> list[Notification]:
    return [
        Notification(id=number, alert_id=EXPIRES.id, step=step, channel="ops", queued_at=NOW)
        for number, step in enumerate(steps)
    ]


@pytest.mark.parametrize(
    ("alert", "steps", "title"),
    [
        (EXPIRES, ("7d",), "It expires, in 5 days"),
        (replace(EXPIRES, not_after=NOW), ("expired",), "It expires"),
        (FAILS, (OPENED,), "It failed"),
        (FAILS, ("7d",), "It failed; its certificate expires on 2026-11-28, in 5 days"),
        (replace(FAILS, not_after=NOW - DAY), ("expired",), "It failed; its certificate expired on 2026-11-22"),
        (replace(FAILS, not_after=None), ("7d",), "It failed"),
    ],
)
def test_how_long_a_certificate_lasts_is_told_where_a_threshold_was_crossed(
    alert: Alert, steps: tuple[str, ...], title: str
) -> None:
    assert message_of(alert, rows(*steps), NOW).title == title


@pytest.mark.parametrize(
    ("steps", "late"), [((OPENED,), None), (("7d",), None), (("30d", "7d"), "30d, 7d"), (("30d", OPENED), None)]
)
def test_thresholds_that_were_crossed_when_nobody_could_be_told_are_named(
    steps: tuple[str, ...], late: str | None
) -> None:
    message = message_of(EXPIRES, rows(*steps), NOW)
    assert message.facts.get("Thresholds crossed") == late
    assert message.facts["Org"] == "production"
    assert message.to_do == "Replace it."
    assert message.at == (NOW - 2 * DAY if "7d" in steps else NOW - 25 * DAY if "30d" in steps else NOW - DAY)


@pytest.mark.parametrize("org", ["production", None])
def test_the_end_is_told_in_few_words(org: str | None) -> None:
    closed = replace(EXPIRES, org=org, closed_at=NOW, closed_why="It was replaced.")
    message = message_of(closed, rows(CLOSED), NOW)
    assert (message.title, message.text, message.settles) == ("Settled: It expires", "It was replaced.", True)
    assert (message.at, message.facts) == (NOW, {"Org": "production"} if org else {})


@pytest.mark.parametrize(
    ("thread", "step", "ends"),
    [("t", CLOSED, True), ("t", OPENED, False), (None, CLOSED, False), (None, OPENED, False)],
)
def test_an_end_is_answered_in_the_thread_that_it_ends(thread: str | None, step: str, ends: bool) -> None:
    closed = replace(EXPIRES, closed_at=NOW)
    assert PendingMessage(rows(step), message_of(closed, rows(step), NOW), thread).ends_a_thread is ends


def test_a_kind_of_another_release_leads_to_one_page_of_the_runbook() -> None:
    message = message_of(replace(FAILS, kind="rotation/twice"), rows(OPENED), NOW)
    assert Origin(runbook_url="https://wiki/{kind}").signed(message).runbook == "https://wiki/rotation%2Ftwice"


def test_messages_lead_to_where_the_configuration_says() -> None:
    settings = settings_with()
    assert (Origin.of(settings).public_url, Origin.of(settings).runbook_url) == (None, None)
    more = settings.model_copy(
        update={
            "http": SimpleNamespace(public_url="https://rotator.example.com"),
            "alerts": settings.alerts.model_copy(update={"installation": "x", "runbook_url": "https://wiki/{kind}"}),
        }
    )
    assert Origin.of(more) == Origin("x", "https://rotator.example.com", "https://wiki/{kind}")
