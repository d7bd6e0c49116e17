"""What people were told and will be, and taking it on by command."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.alert import Alert, NewAlert
from rotator.core.severity import Severity
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import OPENED, Outbox
from rotator.history.engine.database import open_database
from tests.tiers import longer
from tests.unit.configurations import ONE_ORG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.history.engine.database import Database
    from tests.unit.cli.outcomes import Command

CONFIGURATION = (
    ONE_ORG
    + """\
alerts:
  channels:
    ops: {type: slack, token: {env: SLACK_TOKEN}, channel: C0123}
    mail: {type: email, host: mail.example.com, sender: rotator@example.com, to: [ops@example.com]}
"""
)
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
EXPIRY = NewAlert(
    key="expiry:production/ConnectedApp/Legacy/abc",
    kind="expiry",
    severity=Severity.WARNING,
    title="The certificate of Legacy in production expires on a day",
    text="Replace it.",
    org="production",
    app="Legacy",
    fingerprint="ab" * 32,
    not_after=NOW + 10 * DAY + timedelta(hours=1),
    facts={"Type": "ConnectedApp"},
)
ORG = replace(
    EXPIRY, key="org:production", kind="org", severity=Severity.CRITICAL, title="The org production cannot be read",
    app=None, fingerprint=None, not_after=None,
)  # fmt: skip


@pytest.fixture
def config(migrated_file: Path, tmp_path: Path) -> Path:
    (tmp_path / "rotator.db").write_bytes(migrated_file.read_bytes())
    (tmp_path / "config.yaml").write_text(CONFIGURATION)
    return tmp_path / "config.yaml"


@pytest.fixture
def database(config: Path) -> Iterator[Database]:
    with open_database(f"sqlite:///{config.parent / 'rotator.db'}") as database:
        yield database


@pytest.fixture
def expiry(database: Database) -> Alert:
    """An open alert that one channel was told of, and that another has refused."""
    outbox = Outbox(database)
    alert, _ = AlertRecords(database).open(EXPIRY, NOW - 3 * DAY)
    outbox.add_all([(alert.id, "14d", channel) for channel in ("ops", "mail")], NOW)
    outbox.delivered(outbox.claim("ops", NOW, DAY), "", NOW)
    outbox.failed(outbox.claim("mail", NOW, DAY), "Channel mail: HTTP 500", NOW + DAY)
    return alert


@longer
def test_of_refused_consumers_it_says_since_when_and_no_more_once_it_is_over(
    rotator: Command, config: Path, database: Database
) -> None:
    since = NOW - timedelta(hours=2)
    refused = replace(ORG, key="rotation:billing", kind="refused", refused_since=since, to_do="Approve the user.")
    alert, _ = AlertRecords(database).open(refused, NOW)
    listed = rotator("--config", config, "alerts", "list")
    assert f"{since:%Y-%m-%d %H:%M}" in listed.out
    told = rotator("--config", config, "alerts", "list", alert.id)
    assert f"are refused since {since:%Y-%m-%d %H:%M} UTC" in told.out
    assert "Approve the user." in told.out
    AlertRecords(database).close(refused.key, "It was rotated.", NOW)
    over = rotator("--config", config, "alerts", "list", alert.id)
    assert "are refused since" not in over.out
    assert "Approve the user." not in over.out
    assert "It was rotated." in over.out
    assert rotator("--config", config, "alerts", "list", alert.id, "--json").json[0]["refused_since"] is None


def test_where_nothing_is_wrong_nothing_is_listed(rotator: Command, config: Path, database: Database) -> None:
    assert rotator("--config", config, "alerts", "list").out == "Nothing is open.\n"
    assert rotator("--config", config, "alerts", "list", "--json").json == []
    AlertRecords(database).add_closed(replace(EXPIRY, key="rotated:1"), NOW)
    assert rotator("--config", config, "alerts", "list").out == "Nothing is open.\n"
    assert "closed" in rotator("--config", config, "alerts", "list", "--all").out


def test_what_the_configuration_has_no_more_is_no_trouble(rotator: Command, config: Path, database: Database) -> None:
    alert, _ = AlertRecords(database).open(replace(ORG, key="org:sandbox", org="sandbox"), NOW)
    assert rotator("--config", config, "alerts", "list", "--json").json == []
    [shown] = rotator("--config", config, "alerts", "list", "--all", "--json").json
    assert (shown["id"], shown["closed_at"]) == (alert.id, None)


def test_an_alert_is_shown_in_full_by_its_id(rotator: Command, config: Path, expiry: Alert) -> None:
    shown = rotator("--config", config, "alerts", "list", expiry.id.partition("-")[2]).out
    assert f"{expiry.id}: Replace it." in shown
    assert f"{expiry.id}: Type: ConnectedApp" in shown
    refused = rotator("--config", config, "alerts", "list", "zzzz")
    assert refused.code == 2, refused


def test_without_a_channel_it_is_said_that_nobody_is_told(rotator: Command, config: Path) -> None:
    config.write_text(CONFIGURATION.partition("alerts:")[0])
    assert "nobody is told" in rotator("--config", config, "alerts", "list").out


def test_people_see_what_is_open_who_was_told_and_what_comes_next(
    rotator: Command, config: Path, expiry: Alert
) -> None:
    shown = rotator("--config", config, "alerts", "list")
    assert shown.code == 0
    line = next(line for line in shown.out.splitlines() if line.startswith(expiry.id))
    assert "! warning" in line
    assert EXPIRY.title in line
    assert "ops, mail (pending)" in line
    assert "in 3 days" in line
    assert "mail has not accepted it: Channel mail: HTTP 500" in shown.out


def test_the_worst_comes_first(rotator: Command, config: Path, database: Database, expiry: Alert) -> None:
    AlertRecords(database).open(replace(EXPIRY, key="weak:1", severity=Severity.INFO), NOW - 9 * DAY)
    AlertRecords(database).open(ORG, NOW)
    lines = rotator("--config", config, "alerts", "list", "--json").json
    assert [line["severity"] for line in lines] == ["critical", "warning", "info"]
    assert lines[1]["id"] == expiry.id


def test_when_it_is_tried_next_is_told_with_what_is_done(rotator: Command, config: Path, database: Database) -> None:
    new = replace(ORG, meanwhile="It is tried again by itself.", again_at=NOW + 3 * DAY)
    alert, _ = AlertRecords(database).open(new, NOW)
    told = rotator("--config", config, "alerts", "list", alert.id)
    assert f"It is tried again by itself. The next try begins at {NOW + 3 * DAY:%Y-%m-%d %H:%M} UTC." in told.out


def test_who_takes_on_what_a_rotation_met_hears_of_it_all_the_same_when_consumers_are_refused(
    rotator: Command, config: Path, database: Database
) -> None:
    new = replace(EXPIRY, key="rotation:billing", kind="rotation", credential="billing", not_after=None)
    alert, _ = AlertRecords(database).open(new, NOW)
    done = rotator("--config", config, "alerts", "ack", alert.id, "--reason", "mine")
    assert "Of it only its end and that consumers are refused are told from now on." in done.out


def test_who_is_refused_now_comes_before_all_else(rotator: Command, config: Path, database: Database) -> None:
    AlertRecords(database).open(ORG, NOW)
    refusing = replace(ORG, key="rotation:billing", refused_since=NOW - DAY, title="Consumers are refused")
    AlertRecords(database).open(refusing, NOW)
    lines = rotator("--config", config, "alerts", "list", "--json").json
    assert [line["key"] for line in lines] == [refusing.key, ORG.key]


def test_a_line_has_the_documented_members(rotator: Command, config: Path, expiry: Alert) -> None:
    (line,) = rotator("--config", config, "alerts", "list", "--json").json
    assert set(line) == {
        "id", "key", "kind", "severity", "title", "text", "meanwhile", "to_do", "refused_since", "again_at", "org",
        "app", "type", "credential", "store", "channel",
        "fingerprint", "not_after", "facts", "opened_at", "closed_at", "closed_why", "next_at", "acknowledged",
        "snoozed", "notifications", "notices",
    }  # fmt: skip
    assert (line["id"], line["severity"], line["acknowledged"]) == (expiry.id, "warning", None)
    assert datetime.fromisoformat(line["next_at"]) == NOW + 3 * DAY + timedelta(hours=1)
    for each in (*line["notifications"], *line["notices"]):
        assert (each["step"], each["attempts"]) == ("14d", 1)
    delivered = [(each["channel"], bool(each["delivered_at"])) for each in line["notifications"]]
    assert delivered == [("ops", True), ("mail", False)]
    formerly = [(each["owed_at"], each["told_at"]) for each in line["notices"]]
    assert formerly == [(each["queued_at"], each["delivered_at"]) for each in line["notifications"]]


@longer
def test_an_alert_is_acknowledged_by_the_letters_of_its_id(rotator: Command, config: Path, expiry: Alert) -> None:
    done = rotator("--config", config, "alerts", "ack", expiry.id.partition("-")[2][:5], "--reason", "ordered")
    assert done.code == 0
    assert f"{expiry.id} is acknowledged" in done.out
    (line,) = rotator("--config", config, "alerts", "list", "--json").json
    assert (line["acknowledged"]["why"], line["next_at"]) == ("ordered", None)
    assert [each["channel"] for each in line["notifications"]] == ["ops"]
    assert ": ordered" in rotator("--config", config, "alerts", "list").out
    assert rotator("--config", config, "history", "verify", "--json").json["events"] == 1


@longer
def test_an_alert_is_snoozed_for_a_while_or_until_a_day(rotator: Command, config: Path, expiry: Alert) -> None:
    snooze = ("--config", config, "alerts", "snooze", expiry.id, "--reason", "holidays")
    until = (NOW + 30 * DAY).date()

    assert "(in 5 days)" in rotator(*snooze, "--for", "5d").out
    assert "snoozed" in rotator("--config", config, "alerts", "list").out
    said = rotator(*snooze, "--until", f"{until}")
    assert said.code == 0
    assert "expires before that" in said.out
    (line,) = rotator("--config", config, "alerts", "list", "--json").json
    assert line["snoozed"]["until"] == f"{until}T00:00:00Z"
    assert line["snoozed"]["why"] == "holidays"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["ack", "2099", "--reason", "x"], "There is no alert '2099'"),
        (["ack", "2", "--reason", "x"], "More than one alert's id begins with '2'"),
        (["ack", "{id}"], "Missing option '--reason'"),
        (["ack", "{id}", "--reason", "  "], "--reason is empty"),
        (["snooze", "{id}", "--reason", "x"], "Give --for or --until"),
        (["snooze", "{id}", "--reason", "x", "--for", "1d", "--until", "2099-01-01"], "Give --for or --until"),
        (["snooze", "{id}", "--reason", "x", "--for", "soon"], "--for: must be a duration"),
        (["snooze", "{id}", "--reason", "x", "--until", "soon"], "--until: must be a day or a time"),
        (["snooze", "{id}", "--reason", "x", "--until", "2001-01-01"], "has passed"),
        (["snooze", "{id}", "--reason", "x", "--for", "0s"], "--for: must be more than 0s."),
    ],
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(
    rotator: Command, config: Path, database: Database, expiry: Alert, arguments: list[str], why: str
) -> None:
    AlertRecords(database).open(ORG, NOW)
    told = rotator("--config", config, "alerts", *(each.format(id=expiry.id) for each in arguments))
    assert told.code == 2
    assert why in told.err
    assert AlertRecords(database).get(expiry.id) == expiry


def test_a_reason_with_a_key_in_it_is_refused(
    rotator: Command, config: Path, database: Database, expiry: Alert
) -> None:
    key = "-----BEGIN PRIVATE " + "KEY-----"
    told = rotator("--config", config, "alerts", "ack", expiry.id, "--reason", key)
    assert (told.code, key in told.out + told.err) == (1, False)
    assert AlertRecords(database).get(expiry.id) == expiry


def test_what_has_ended_is_not_taken_on(rotator: Command, config: Path, database: Database, expiry: Alert) -> None:
    Outbox(database).add(expiry.id, OPENED, "ops", NOW)
    AlertRecords(database).close(EXPIRY.key, "Replaced by another.", NOW)
    told = rotator("--config", config, "alerts", "ack", expiry.id, "--reason", "late")
    assert told.code == 1
    assert "has ended: Replaced by another." in told.err
    assert "Replaced by another." in rotator("--config", config, "alerts", "list", "--all").out
