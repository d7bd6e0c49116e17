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
from rotator.core.credentials import Stage
from rotator.core.decision.actions import HaltReason
from rotator.core.severity import Severity
from rotator.errors import HistoryUnavailable, LoginRefused, OrgError, OrgUnavailable, RotationHalted, StoreError
from rotator.history.alerts.outbox import OPENED, Notification
from rotator.history.records import ChainVerification
from rotator.history.signing.heads import Head
from rotator.services.alerting import catalog, drift_alerts, rotation_alerts, usage_alerts, vanished_alerts
from rotator.services.alerting.kinds import KINDS, ROTATED, WINDOW
from rotator.services.alerting.messages import Origin, message_of
from tests.tiers import longer
from tests.unit.services.alerting.every_kind import DAY, NOW, alerts_of, tried
from tests.unit.services.alerting_bench import settings_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from rotator.core.alert import NewAlert

ERROR = OrgError("The org answered no.", effect="Nothing was changed.", hint="Unlock the user.", rerun="Run it again.")
SHOWN = {"org": "Org", "credential": "Credential", "store": "Store", "channel": "Channel"}
ABOUT = {
    "production": "org",
    "billing": "credential",
    "keys": "store",
    "ops": "channel",
    "Billing": "app",
    "Legacy": "app",
    "Signing": "app",
    "Certificate": "type",
    "ConnectedApp": "type",
}
"""What the things are that alerts are about."""

_TYPED = re.compile(r"\b(run|type|try|rotate)( it| this| that| the( same)? command)? again\b", re.IGNORECASE)
"""What only who has just typed a command can do."""


def every() -> Iterator[tuple[str, NewAlert]]:
    """Each with its name. They are made in each test, and not once for all."""
    for new in alerts_of(ERROR):
        yield f"{new.kind} {new.key}", new


def test_there_is_one_of_every_kind() -> None:
    assert {alert.kind for _, alert in every()} == set(KINDS)


def test_each_says_what_is_so_what_is_done_about_it_and_what_to_do_first() -> None:
    for name, alert in every():
        assert alert.title, name
        assert not alert.title.endswith("."), name
        assert alert.text.endswith("."), name
        if alert.kind == ROTATED:
            continue
        assert alert.to_do.endswith((".", "`.")), name
        assert alert.meanwhile.endswith(".") or (alert.kind, alert.severity) == ("vanished", Severity.INFO), name


def test_each_shows_what_it_is_about() -> None:
    for name, alert in every():
        about = {label: getattr(alert, field) for field, label in SHOWN.items() if getattr(alert, field)}
        assert about == {label: alert.facts[label] for label in SHOWN.values() if label in alert.facts}, name


def test_what_the_title_or_the_key_of_one_names_it_is_about() -> None:
    """By that channels are chosen, and lists are filtered."""
    for name, alert in every():
        named = re.findall(r"[A-Za-z]+", f"{alert.title} {alert.key}")
        for thing in ABOUT.keys() & {*named}:
            assert getattr(alert, ABOUT[thing]) == thing, name


def test_a_certificate_that_one_shows_it_is_about() -> None:
    for name, alert in every():
        shown = [each for each in alert.facts.values() if re.fullmatch("[0-9a-f]{64}", each)]
        assert {*shown} <= {alert.fingerprint}, name


def test_what_is_tried_again_by_itself_is_told_with_when() -> None:
    assert {alert.kind for _, alert in every() if alert.again_at} == {
        *("org", "attention", "store", "rotation", "delayed", "halted", "refused", "accepted", "reverted", "hook")
    }


# In marks that no other text has, so that a sentence is found in a message, and not a letter of it in other words.
_sentences = st.just("") | st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=60).map("⟦{}⟧".format)


@longer
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


def test_what_an_error_says_is_told_whole_wherever_something_cannot_be_read() -> None:
    away = OrgError("It is away.", effect="It is as it was.")
    attempt = replace(tried("production"), last_good_at=NOW)
    for error, to_do in ((ERROR, "Unlock the user."), (away, "Nothing, unless it lasts; then `rotator check` tells")):
        for new in (
            catalog.unreadable_org(attempt, error),
            catalog.unreadable_store("keys", error, attempt),
            catalog.unreadable_stored("billing", "production", "keys", error),
            catalog.unreadable("production", "Certificate", "Signing", error),
            catalog.hidden("production", "Certificate", error),
        ):
            assert new.text == f"{error.message} {error.effect}"
            assert new.to_do.startswith(to_do)
            if new.kind in {"org", "store"}:
                assert new.facts["Last read"] == "2026-11-23 12:00 UTC"


def test_what_is_about_a_credential_is_told_to_those_who_hear_of_its_org() -> None:
    about = [new for new in alerts_of(ERROR) if new.credential]
    assert {new.org for new in about} == {"production"}, [new.title for new in about if not new.org]


def test_an_org_that_needs_a_person_is_said_to_and_how_often_it_failed() -> None:
    tries = replace(tried("production"), failures=5)
    now, lasting = (catalog.unreadable_org(replace(tries, needs_attention=is_so), ERROR) for is_so in (False, True))
    assert (now.kind, now.title) == ("org", "The org production cannot be read")
    assert now.meanwhile.endswith("It is read again by itself.")
    assert (lasting.kind, lasting.title) == (
        "attention",
        "The org production could not be read 5 times in a row and needs a person",
    )
    assert lasting.meanwhile.endswith("It is read now and then.")
    assert lasting.to_do == "Unlock the user. `rotator check` tells whether that was it."
    assert now.key == lasting.key == "org:production"


@pytest.mark.parametrize(
    ("version", "what", "severity"),
    [
        (None, "What is stored of billing", Severity.WARNING),
        ((Stage.PREVIOUS, "a" * 64), "The previous version of billing", Severity.WARNING),
        ((Stage.CURRENT, "a" * 64), "The current version of billing", Severity.CRITICAL),
    ],
)
def test_what_cannot_be_read_of_a_store_is_worst_where_consumers_read_it(
    version: tuple[Stage, str] | None, what: str, severity: Severity
) -> None:
    new = catalog.unreadable_stored("billing", "production", "keys", ERROR, version)
    assert (new.title, new.severity) == (f"{what} cannot be read from the store keys", severity)
    assert new.facts.get("Version") == new.fingerprint == (version[1] if version else None)
    assert new.key == f"unreadable:stored billing/{version[1] if version else ''}"


@pytest.mark.parametrize(
    ("how", "text", "to_do"),
    [
        ({}, "the certificate bbbbbbbbbbbb, which nobody here knows.", "`rotator adopt billing --key FILE`."),
        (
            {"stage": Stage.PREVIOUS},
            "the certificate bbbbbbbbbbbb, that of the previous version.",
            "if that version is to stay, `rotate back billing`.",
        ),
        (
            {"stage": Stage.PENDING},
            "the certificate bbbbbbbbbbbb, that of the pending version.",
            "if neither is to stay, `rotate now billing --replace-unknown`.",
        ),
        (
            {"is_hidden": True},
            "The app does not show its certificate, and refuses the key of every stored version.",
            "`rotator adopt billing --key FILE --certificate FILE`.",
        ),
    ],
)
def test_of_an_app_that_was_changed_it_is_said_what_it_holds_and_what_may_be_done(
    how: dict[str, Any], text: str, to_do: str
) -> None:
    new = drift_alerts.drift("billing", "production", "Billing", "b" * 64, **how)
    assert new.text.endswith(text)
    assert "`rotate restore billing` puts our certificate back" in new.to_do
    assert new.to_do.endswith(to_do)
    assert (new.facts["App"], new.facts["Found"]) == ("Billing", "b" * 64)
    assert drift_alerts.drift("billing", "production", "Billing", None).text == "The app holds no certificate."


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (None, None),
        (drift_alerts.Changed("Kim", None), None),
        (drift_alerts.Changed("Kim", NOW), "2026-11-23 12:00 UTC, by Kim"),
        (
            drift_alerts.Changed(None, NOW, is_undated=True),
            "2026-11-23 12:00 UTC; its certificate later, of which the org has no date",
        ),
    ],
)
def test_who_changed_an_app_is_told_as_far_as_the_org_tells(
    changed: drift_alerts.Changed | None, told: str | None
) -> None:
    new = drift_alerts.drift("billing", "production", "Billing", "b" * 64, changed)
    assert new.facts.get("App last changed") == told


def test_of_rows_that_cannot_be_read_the_first_are_named_with_what_is_wrong_in_them() -> None:
    one = catalog.unreadable_rows("event", {"7": ("kind", "time"), "8": ("",)}, which="billing")
    assert one.title == "billing in the table event of the history cannot be read"
    assert one.text.endswith("did not write there: 7 (kind, time) and 8 (as a whole).")
    ten, eleven = (
        catalog.unreadable_rows("event", {str(each): ("kind",) for each in range(number)}) for number in (10, 11)
    )
    assert ten.text.endswith(" and 9 (kind).")
    assert eleven.text.endswith(" and 9 (kind) and 1 more.")
    assert eleven.title == "11 rows in the table event of the history cannot be read"


def test_whether_the_history_is_whole_is_told_with_its_heads() -> None:
    head = Head(7, "a" * 64, NOW, "b" * 16, "c" * 86)
    assert catalog.head_of_history(head).facts == {"Head": str(head)}
    broken = ChainVerification(events=3, intact=False, first_bad=4, why="An event was changed.", head="h")
    assert catalog.history_broken(broken).facts == {"Last good head": "h"}


def test_a_secret_that_was_changed_is_said_to_be_taken_still_or_not() -> None:
    still, no_more = (
        drift_alerts.secret_drift("billing", "production", "Billing", is_current_taken=is_taken).text
        for is_taken in (True, False)
    )
    assert still.endswith("read is taken for a while still.")
    assert no_more.endswith("read is not taken any more.")


def test_what_is_gone_is_its_credentials_trouble_and_else_no_more_than_news() -> None:
    legacy = vanished_alerts.vanished("production", "ConnectedApp", "Legacy", NOW)
    assert (legacy.severity, legacy.meanwhile) == (Severity.INFO, "")
    assert legacy.text.endswith("hidden from the program's user.")
    assert legacy.facts["Name"] == "Legacy"
    assert legacy.facts["Last seen"] == "2026-11-23 12:00 UTC"
    ours = vanished_alerts.vanished("production", "ConnectedApp", "Billing", NOW, "billing")
    assert (ours.severity, ours.key) == (Severity.CRITICAL, "rotation:billing")
    assert ours.text.endswith("Consumers of billing are refused.")
    many = vanished_alerts.vanished_together("production", [f"App_{each:02}" for each in range(12)], NOW)
    assert many.facts["The first of them"] == ", ".join(f"App_{each:02}" for each in range(10))


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
