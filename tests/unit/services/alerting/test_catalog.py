"""Every alert says what is so, what `rotator` does about it, and what to do first, to people who typed nothing."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.alerts.base import DeliveryFailed, Message, PartlyAccepted
from rotator.core import words
from rotator.core.alert import Alert
from rotator.core.decision.actions import HaltReason
from rotator.core.severity import Severity
from rotator.errors import HistoryUnavailable, LoginRefused, OrgError, OrgUnavailable, RotationHalted, StoreError
from rotator.history.alerts.outbox import OPENED, Notification
from rotator.services.alerting import catalog, rotation_alerts, usage_alerts
from rotator.services.alerting.kinds import KINDS, ROTATED, WINDOW
from rotator.services.alerting.messages import Origin, message_of
from tests.unit.services.alerting.every_kind import DAY, NOW, alerts_of, tried
from tests.unit.services.alerting_bench import settings_with

if TYPE_CHECKING:
    from datetime import timedelta

    from rotator.core.alert import NewAlert

ERROR = OrgError("The org answered no.", effect="Nothing was changed.", hint="Unlock the user.", rerun="Run it again.")
SHOWN = {"org": "Org", "credential": "Credential", "store": "Store", "channel": "Channel"}
EVERY = list(alerts_of(ERROR))

_TYPED = re.compile(r"\b(run|type|try|rotate)( it| this| that| the( same)? command)? again\b", re.IGNORECASE)
"""What only who has just typed a command can do."""


def test_there_is_one_of_every_kind() -> None:
    assert {alert.kind for alert in EVERY} == set(KINDS)


@pytest.mark.parametrize("alert", EVERY, ids=lambda alert: f"{alert.kind} {alert.key}")
def test_it_says_what_is_so_what_is_done_about_it_and_what_to_do_first(alert: NewAlert) -> None:
    assert alert.title
    assert not alert.title.endswith(".")
    assert alert.text.endswith(".")
    if alert.kind == ROTATED:
        return
    assert alert.to_do.endswith((".", "`."))
    assert alert.meanwhile.endswith(".") or (alert.kind, alert.severity) == ("vanished", Severity.INFO)


@pytest.mark.parametrize("alert", EVERY, ids=lambda alert: f"{alert.kind} {alert.key}")
def test_it_shows_what_it_is_about(alert: NewAlert) -> None:
    about = {label: getattr(alert, field) for field, label in SHOWN.items() if getattr(alert, field)}
    assert about.items() <= alert.facts.items()


# In marks that no other text has, so that a sentence is found in a message, and not a letter of it in other words.
_sentences = st.just("") | st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=60).map("⟦{}⟧".format)


@given(
    st.sampled_from([OrgError, OrgUnavailable, LoginRefused, StoreError, HistoryUnavailable, RotationHalted]),
    _sentences,
    _sentences,
    st.sampled_from(["Run it again.", "Then run the same command again: it goes on from here.", "Type it again."]),
    st.none() | st.sampled_from(HaltReason),
)
def test_no_advice_to_who_typed_a_command_reaches_a_message(
    kind: type[OrgError], message: str, hint: str, rerun: str, reason: HaltReason | None
) -> None:
    error = kind(message, effect="Nothing was changed.", hint=hint, rerun=rerun)
    for new in alerts_of(error, reason):
        told = _message(new)
        for text in (told.title, told.text, told.meanwhile, told.to_do, *told.facts.values()):
            assert rerun not in text
            assert not _TYPED.search(text.replace(message, "").replace(hint, ""))


def _message(new: NewAlert, *steps: str) -> Message:
    alert = Alert(**vars(new) | {"id": "20261123-7f3k9qzm", "opened_at": NOW})
    rows = [
        Notification(id=number, alert_id=alert.id, step=step, channel="ops", queued_at=NOW)
        for number, step in enumerate(steps or [OPENED])
    ]
    return message_of(alert, rows, NOW + DAY / 24)


def test_what_an_error_says_is_told_whole() -> None:
    new = catalog.unreadable_org(tried("production"), ERROR)
    assert new.text == "The org answered no. Nothing was changed."
    assert new.to_do == "Unlock the user."


def test_the_next_try_is_told_until_it_has_begun() -> None:
    attempt = replace(tried("billing"), next_at=NOW + DAY)
    new = rotation_alerts.failed(attempt, "production", ERROR)
    assert "The next try begins at 2026-11-24 12:00 UTC." in _message(new).meanwhile
    begun = replace(new, again_at=NOW)
    assert "next try" not in _message(begun).meanwhile


def test_who_is_refused_is_told_first_and_since_when() -> None:
    new = rotation_alerts.refused(tried("billing"), "production", NOW, "The org says nothing.", "")
    assert new.severity is Severity.CRITICAL
    assert _message(new).text.startswith(
        "Consumers that try `current` only are refused since 2026-11-23 12:00 UTC (60 minutes). The org says nothing."
    )


@pytest.mark.parametrize(
    ("about", "to_do"),
    [
        ({}, "Approve the user. If consumers cannot wait for that, `rotate restore billing` puts"),
        ({"is_away": True}, "Approve the user."),
        ({"has_secret": True}, "Approve the user."),
        ({"reason": HaltReason.LOST}, "Approve the user."),
    ],
)
def test_nobody_is_told_to_restore_what_cannot_be_restored(about: dict[str, Any], to_do: str) -> None:
    new = rotation_alerts.refused(tried("billing"), "production", NOW, "It stands.", "Approve the user.", **about)
    assert new.to_do.startswith(to_do)
    assert ("restore" in new.to_do) == ("restore" in to_do)


def test_while_an_org_is_away_nobody_is_sent_to_its_setup() -> None:
    new = rotation_alerts.refused(tried("billing"), "production", NOW, "The org is away.", "", is_away=True)
    assert new.to_do == "Nothing, unless it lasts: it goes on by itself."


def test_what_needs_a_person_is_critical() -> None:
    failed = rotation_alerts.failed(tried("billing"), "production", ERROR)
    halted = rotation_alerts.halted(tried("billing"), "production", "It stands.", "Look.")
    assert (halted.severity, failed.severity) == (Severity.CRITICAL, Severity.WARNING)
    assert halted.title.endswith("needs a person")
    assert halted.key == failed.key == "rotation:billing"


def test_of_a_client_secret_that_is_not_stored_nobody_is_asked_for_a_key_file() -> None:
    told = tried("billing"), "production", "Nothing is there.", "Look.", HaltReason.NOTHING_STORED
    assert "--key FILE" in rotation_alerts.halted(*told).to_do
    secret = rotation_alerts.halted(*told, has_secret=True)
    assert secret.to_do == "`rotator enroll billing` takes the consumer key and secret that are in use."


def test_a_channel_that_reaches_only_some_is_said_to() -> None:
    partly = catalog.undelivered("ops", PartlyAccepted("Refused some.", hint="Correct `to`.", thread="1"))
    assert partly.title == "The channel ops does not reach everybody"
    nobody = catalog.undelivered("ops", DeliveryFailed("Channel ops: no.", hint="Put a token there."))
    assert nobody.title == "The channel ops does not accept messages"


def test_a_window_that_was_overridden_says_what_to_change() -> None:
    new = rotation_alerts.window_overridden("billing", "production", "a" * 64, "It would be late.")
    assert (new.kind, new.key) == (WINDOW, "window:billing/aaaaaaaaaaaa")


def test_a_message_is_signed_with_its_installation_its_page_and_its_runbook() -> None:
    told = _message(catalog.unreadable_org(tried("production"), ERROR))
    signed = Origin("prod-1", "https://rotator.example.com", "https://wiki/x/{kind}").signed(told)
    assert (signed.installation, signed.page, signed.runbook) == (
        "prod-1", f"https://rotator.example.com/alerts/{told.alert.id}", "https://wiki/x/org",
    )  # fmt: skip
    assert (Origin("prod-1").signed(told).page, Origin("prod-1").signed(told).runbook) == ("", "")


def test_an_installation_without_a_name_goes_by_its_machine() -> None:
    assert Origin.of(settings_with()).installation == socket.gethostname()


def test_a_previous_version_that_is_to_be_retired_by_now_is_not_said_to_be_kept_until_a_day_that_is_past() -> None:
    def kept(until: timedelta) -> str:
        told = usage_alerts.left_behind(
            "billing", "production", "b@example.com", [], goes_back=False, previous_until=NOW + until, now=NOW
        )
        return f"{told.meanwhile} {told.to_do}"

    assert f"is kept until {words.moment(NOW + DAY)}" in kept(DAY)
    assert f"is kept until it is retired, which is due since {words.moment(NOW - DAY)}" in kept(-DAY)
