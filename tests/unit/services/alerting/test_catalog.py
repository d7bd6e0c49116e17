"""Every alert says what it is about in fields, and shows the same among its facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from rotator.alerts.base import DeliveryFailed, PartlyAccepted
from rotator.core.attempts import AttemptRecord
from rotator.core.severity import Severity
from rotator.errors import OrgError, RotationHalted
from rotator.services.alerting import catalog

if TYPE_CHECKING:
    from rotator.core.alert import NewAlert

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ERROR = OrgError("The org answered no.", effect="Nothing was changed.", hint="Unlock the user.")
FAILING = AttemptRecord("look", "production", failures=5, problem="It is locked.", hint="Unlock it.", last_good_at=NOW)
SHOWN = {"org": "Org", "type": "Type", "credential": "Credential", "store": "Store", "channel": "Channel"}

ALERTS = {
    "org:production": catalog.unreadable_org("production", ERROR, NOW),
    "store:keys": catalog.unreadable_store("keys", ERROR),
    "hidden:production/Certificate": catalog.hidden("production", "Certificate", ERROR),
    "rotation:billing": catalog.failed("billing", "production", ERROR, again_at=NOW),
    "window:billing/aaaaaaaaaaaa": catalog.window_overridden("billing", "production", "a" * 64, "It would be late."),
    "attention:look/production": catalog.attention(FAILING, org="production"),
    "vanished:production/ConnectedApp/Legacy/2026-11-23T12:00:00Z": catalog.vanished(
        "production", "ConnectedApp", "Legacy", NOW
    ),
    "delivery:ops": catalog.undelivered("ops", DeliveryFailed("Channel ops: no.", hint="Put a token there.")),
}


@pytest.mark.parametrize(("key", "alert"), ALERTS.items(), ids=ALERTS)
def test_it_has_the_key_by_which_it_is_solved_and_shows_what_it_is_about(key: str, alert: NewAlert) -> None:
    assert (alert.key, alert.kind) == (key, key.partition(":")[0])
    about = {label: getattr(alert, field) for field, label in SHOWN.items() if getattr(alert, field)}
    assert about
    assert about.items() <= alert.facts.items()
    assert alert.title
    assert alert.text


def test_what_an_error_says_is_told_whole() -> None:
    for part in ("The org answered no.", "Nothing was changed.", "Unlock the user."):
        assert part in ALERTS["org:production"].text
    assert "tried again from 2026-11-23 12:00 UTC on" in ALERTS["rotation:billing"].text


def test_what_needs_a_person_is_critical() -> None:
    halted = catalog.failed("billing", "production", RotationHalted("It stands.", hint="Look."))
    assert (halted.severity, ALERTS["rotation:billing"].severity) == (Severity.CRITICAL, Severity.WARNING)
    assert halted.title.endswith("needs a person")


def test_a_channel_that_reaches_only_some_is_said_to() -> None:
    partly = catalog.undelivered("ops", PartlyAccepted("Refused some.", hint="Correct `to`.", thread="1"))
    assert partly.title == "The channel ops does not reach everybody"
    assert ALERTS["delivery:ops"].title == "The channel ops does not accept messages"
