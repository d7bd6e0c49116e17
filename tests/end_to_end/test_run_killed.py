"""`rotator run` is killed while it sends: the next process sends what it had claimed, as soon as it takes over."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import make_url

from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import Outbox
from rotator.history.engine.database import Database, open_database
from tests.contract.servers.mail import MailServer, mail_server
from tests.contract.servers.postgres import ROLE, running_server
from tests.end_to_end.daemons import configured, running
from tests.end_to_end.places import hosted_place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOR_GOOD: Final = 600.0
"""Seconds for which the mail server does not answer: longer than any time-out."""


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as mail:
        yield mail


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What config.yaml says of it, and the database itself."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path}/history.db"
            yield url, stack.enter_context(open_database(url))
            return
        server = stack.enter_context(running_server())
        monkeypatch.setenv("DATABASE_PASSWORD", server.password)
        server.administer(f"CREATE DATABASE history OWNER {ROLE}")
        url = make_url(server.url("history"))._replace(password=None).render_as_string()
        opened = stack.enter_context(open_database(server.url("history")))
        yield {"url": url, "password": {"env": "DATABASE_PASSWORD"}}, opened


def claimed_until(database: Database) -> list[datetime]:
    """Until when what was claimed is its claimant's."""
    ids = [alert.id for alert in AlertRecords(database).all()]
    return [each.claimed_until for each in Outbox(database).notifications(*ids) if each.claimed_until]


def test_what_a_killed_process_had_claimed_is_sent_by_the_next_at_once(
    tmp_path: Path, mail: MailServer, database: tuple[Any, Database]
) -> None:
    settings, history = database
    mail.delay = FOR_GOOD
    channel = {"type": "email", "host": "127.0.0.1", "port": mail.port, "security": "none"}
    channel |= {"sender": "rotator@example.com", "to": ["admins@example.com"], "timeout": "5m"}
    alerts = {"thresholds": ["5000d"], "channels": {"mail": channel}}
    with hosted_place(tmp_path / "place") as place:
        config = configured(place, "told", credentials={}, database=settings, alerts=alerts)
        with running(config) as first, running(config) as second:
            leader, other = (first, second)
            first.comes(lambda: first.has_logged("the lock was taken") or second.has_logged("the lock was taken"))
            if second.has_logged("the lock was taken"):
                leader, other = second, first
            leader.comes(mail.was_given.is_set)
            (*_, until) = claimed_until(history)
            mail.delay = 0.0
            leader.process.kill()
            other.comes(lambda: bool(mail.arrived))
            assert until - datetime.now(UTC) > timedelta(minutes=10), "the claim would last for long still"
            other.comes(lambda: not Outbox(history).pending())
            assert other.asked_to_stop() == 0
    assert len({mail["Message-ID"] for mail in mail.arrived}) == len(mail.arrived), "nothing was sent twice"
