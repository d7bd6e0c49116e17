from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.application import Application
from rotator.config.loading import load
from rotator.daemon.configuration import (
    changed,
    check_secrets,
    check_secrets_of_pages,
    needs_restart,
    read_again,
    refused,
)
from rotator.daemon.service import slots_of
from rotator.daemon.start import serve
from rotator.daemon.watchdog import time_limit
from rotator.errors import ConfigurationError, HistoryError
from rotator.history.engine.database import open_database
from rotator.services.schedule.jobs import JobKind
from tests.tiers import longer
from tests.unit.daemon.conftest import exit_at_once

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.config.settings import Settings

SLACK = "alerts: {channels: {crm-team: {type: slack, token: {env: SLACK_TOKEN}, channel: C0123456789}}}\n"
WEBHOOK = "alerts: {channels: {crm-team: {type: slack-webhook, url: {env: WEBHOOK}}}}\n"
MAIL = (
    "alerts: {channels: {office: {type: email, host: localhost, username: me, password: {env: MAIL},"
    " sender: a@example.com, to: [b@example.com]}}}\n"
)
PAGES = "http: {token: {env: PAGES}}\n"
TOKEN = "JXoHUvtjpAeEBnwlLkGXCrdGtjKKyOtFqaEz1VxjWmg="
SIGNED = "history: {signing_key: {env: SIGNING_KEY}}\n"
HEARTBEAT = "daemon: {heartbeat: {url: {env: HEARTBEAT}}}\n"


def appended(config: Path, more: str) -> Settings:
    config.write_text(config.read_text().replace("daemon: {tick: 1s}\n", "") + more)
    return load(config)


@pytest.mark.parametrize(
    ("more", "variable"),
    [
        (SLACK, "SLACK_TOKEN"),
        (WEBHOOK, "WEBHOOK"),
        (MAIL, "MAIL"),
        (PAGES, "PAGES"),
        (HEARTBEAT, "HEARTBEAT"),
        (SIGNED, "SIGNING_KEY"),
    ],
)
def test_it_does_not_start_without_a_secret_that_it_needs_itself(config: Path, more: str, variable: str) -> None:
    settings = appended(config, more)
    with pytest.raises(ConfigurationError, match=f"environment variable {variable} is not set"):
        serve(Application(settings, environ={}, config=config), with_pages=False, exit_at_once=exit_at_once)
    check_secrets(Application(settings, environ={variable: "https://hooks.example/services/T/B/x"}), settings)


def test_a_key_of_an_org_that_is_missing_concerns_no_other_org(config: Path) -> None:
    settings = load(config)
    check_secrets(Application(settings, environ={}), settings)


@longer
def test_a_history_of_a_later_release_is_no_reason_to_wait(config: Path, tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path}/rotator.db") as database, database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with Application(load(config), environ={}) as app, pytest.raises(HistoryError):
        serve(app, with_pages=False, exit_at_once=exit_at_once)


def test_it_does_not_start_with_a_token_that_can_be_guessed_from_elsewhere(config: Path) -> None:
    settings = appended(config, "http: {host: 0.0.0.0, token: {env: PAGES}}\n")
    with (
        Application(settings, environ={"PAGES": "1"}, config=config) as app,
        pytest.raises(ConfigurationError, match="can be guessed"),
    ):
        serve(app, with_pages=True, exit_at_once=exit_at_once)


def test_the_token_of_pages_that_another_process_serves_is_not_asked_for(config: Path) -> None:
    settings = appended(config, "http: {host: 0.0.0.0, token: {env: PAGES}, process: own}\n")
    app = Application(settings, environ={})
    check_secrets(app, settings)
    with pytest.raises(ConfigurationError, match="PAGES is not set"):
        check_secrets_of_pages(app, settings)


@longer
def test_pages_that_cannot_be_served_keep_it_from_starting(config: Path) -> None:
    settings = appended(config, "http: {host: 192.0.2.1, token: {env: PAGES}}\n")
    with (
        Application(settings, environ={"PAGES": TOKEN}, config=config) as app,
        pytest.raises(ConfigurationError, match=r"192\.0\.2\.1"),
    ):
        serve(app, with_pages=True, exit_at_once=exit_at_once)


def test_it_is_read_again_from_where_it_was_read(config: Path) -> None:
    app = Application(load(config), environ={}, config=config)
    assert read_again(app) == app.settings
    config.write_text(config.read_text().replace("tick: 1s", "tick: soon"))
    with pytest.raises(ConfigurationError):
        read_again(app)


def test_what_differs_is_known_and_what_of_it_needs_a_restart(config: Path) -> None:
    before = load(config)
    after = appended(config, PAGES + "daemon: {tick: 2s}\n")
    assert changed(before, before) == []
    assert changed(before, after) == ["daemon", "http"]
    assert needs_restart(["orgs", "database", "http"]) == ["database", "http"]


def test_a_rotation_may_take_as_long_as_its_verification_and_the_way_back(config: Path) -> None:
    settings = load(config)
    assert time_limit(JobKind.ROTATE, settings) == timedelta(hours=2)
    text = config.read_text().replace("apps: [Billing]", "apps: [Billing], verification: {timeout: 3h}")
    config.write_text(text)
    assert time_limit(JobKind.ROTATE, load(config)) > 4 * timedelta(hours=3)
    assert all(time_limit(kind, settings) for kind in JobKind)


def test_as_much_runs_at_once_as_is_configured_and_no_channel_waits_for_another(config: Path) -> None:
    settings = appended(config, SLACK + "daemon: {orgs_at_once: 7, rotations_at_once: 3}\n")
    assert slots_of(settings) == {JobKind.INVENTORY: 7, JobKind.ROTATE: 3, JobKind.DELIVER: 1, JobKind.HOOK: 1}


@pytest.mark.parametrize(
    ("machine", "key", "title"),
    [
        ("", "configuration", "config.yaml was changed, and is wrong"),
        ("crm-1", "configuration:crm-1", "config.yaml on crm-1 was changed, and is wrong"),
    ],
)
def test_a_configuration_that_was_refused_is_an_alert_of_its_machine(machine: str, key: str, title: str) -> None:
    alert = refused(ConfigurationError("daemon.tick: soon is no time.", hint="Write 15s."), machine)
    assert (alert.key, alert.kind, alert.title, alert.text) == (
        key,
        "configuration",
        title,
        "daemon.tick: soon is no time.",
    )
    assert alert.facts == ({"Machine": machine} if machine else {})
    assert "stays in force" in alert.meanwhile
    assert "`systemctl reload rotator`" in alert.to_do
