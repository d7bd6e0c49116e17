"""`rotator run` is killed while it sends: the next process sends what it had claimed, as soon as it takes over."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url, select

from rotator.history.alerts.claimants import Claimant
from rotator.history.alerts.outbox import Outbox
from rotator.history.engine.database import Database, open_database
from rotator.history.engine.tables import NOTIFICATION
from tests.contract.servers.mail import MailServer, mail_server
from tests.contract.servers.postgres import scratch_database
from tests.contract.servers.silence import FOR_GOOD
from tests.end_to_end.daemons import configured, running
from tests.end_to_end.places import hosted_place
from tests.tiers import standard_first

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.servers.postgres import PostgresServer


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as mail:
        yield mail


@pytest.fixture(params=standard_first(["sqlite", "postgres"], ["sqlite"]))
def database(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What config.yaml says of it, and the database itself."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path}/history.db"
            yield url, stack.enter_context(open_database(url))
            return
        server: PostgresServer = request.getfixturevalue("postgres_server")
        monkeypatch.setenv("DATABASE_PASSWORD", server.password)
        made = stack.enter_context(scratch_database(server.url("postgres")))
        url = make_url(made)._replace(password=None).render_as_string()
        yield {"url": url, "password": {"env": "DATABASE_PASSWORD"}}, stack.enter_context(open_database(made))


def claim(database: Database) -> tuple[int, datetime]:
    """Number of the process that sends just now, and until when what it has claimed is its own."""
    query = select(NOTIFICATION.c.claimed_by, NOTIFICATION.c.claimed_until)
    with database.reading() as connection:
        by, until = connection.execute(query.where(NOTIFICATION.c.claimed_by.is_not(None))).first() or ("", None)
    claimant = Claimant.parse(by)
    assert claimant
    assert until
    return claimant.pid, until


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
            first.comes(mail.was_given.is_set)
            pid, until = claim(history)
            # Where the database is shared, the one that sends need not be the one that leads.
            sender, other = (first, second) if first.process.pid == pid else (second, first)
            assert sender.process.pid == pid
            mail.delay = 0.0
            sender.process.kill()
            other.comes(lambda: bool(mail.arrived))
            assert until - datetime.now(UTC) > timedelta(minutes=10), "the claim would last for long still"
            other.comes(lambda: not Outbox(history).pending())
            assert other.asked_to_stop() == 0
    assert len({mail["Message-ID"] for mail in mail.arrived}) == len(mail.arrived), "nothing was sent twice"
