"""The outbox, the delivery and real servers together: what people see of an alert, and what a crash does to it."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.config.settings import Settings
from rotator.core.alert import NewAlert
from rotator.core.attempts import AttemptBackOff
from rotator.core.severity import Severity
from rotator.errors import HistoryUnavailable
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import Outbox
from rotator.history.attempt_records import AttemptRecords
from rotator.history.engine.database import Database, open_database
from rotator.services.alerting.delivery import LEASE, Delivery
from rotator.services.alerting.messages import Origin
from rotator.services.alerting.rules import AlertRules
from rotator.testing.messages import MOMENT
from tests.contract.alerts.grounds import MailGround, SlackGround
from tests.contract.servers.mail import mail_server
from tests.contract.servers.slack import FakeSlack, fake_slack, refusal
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.alerts.base import Channel

UNREADABLE = NewAlert(
    key="attention:look/production",
    kind="attention",
    severity=Severity.CRITICAL,
    title="look production failed 5 times in a row and needs a person",
    text="The user is locked.",
    org="production",
    facts={"Org": "production"},
)


class World:
    """Two channels that are configured, and everything between an alert and them."""

    def __init__(self, database: Database, slack: SlackGround, mail: MailGround) -> None:
        self.channels: dict[str, Channel] = {"chat": slack.open(), "mail": mail.open()}
        self.slack, self.mail = slack.server, mail.server
        self.outbox, self.alerts = Outbox(database), AlertRecords(database)
        self.alerting = AlertRules(_settings(), database)
        self.delivery = Delivery(
            outbox=self.outbox,
            alerts=self.alerts,
            attempts=AttemptRecords(database),
            alerting=self.alerting,
            origin=Origin("prod-1", "https://rotator.example.com", "https://wiki.example.com/{kind}"),
            back_off=AttemptBackOff(timedelta(minutes=1), timedelta(minutes=30), 1),
            waiting=VirtualTime().waiting(),
        )

    def deliver(self, at: timedelta = timedelta(0)) -> None:
        """What the daemon does at a tick."""
        for name in self.delivery.due(self.channels, MOMENT + at):
            self.delivery.deliver(name, lambda name=name: self.channels[name], MOMENT + at)  # type: ignore[misc]


def _settings() -> Settings:
    channel: dict[str, Any] = {"type": "apprise", "url": {"env": "URL"}}
    return Settings.model_validate(
        {
            "database": "sqlite:///rotator.db",
            "orgs": {
                "production": {
                    "login_url": "https://example.my.salesforce.com",
                    "login": {"client_id": "key", "username": "r@example.com", "private_key": {"env": "KEY"}},
                }
            },
            # Of them only the names alert here: who hears of what.
            "alerts": {"channels": {"chat": channel, "mail": channel}},
        }
    )


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with fake_slack(tls=True) as slack:
        yield slack


@pytest.fixture
def world(slack: FakeSlack, tmp_path: Path, migrated_file: Path) -> Iterator[World]:
    shutil.copy(migrated_file, tmp_path / "rotator.db")
    for folder in ("slack", "mail"):
        (tmp_path / folder).mkdir()
    with mail_server("starttls", login=True) as mail, open_database(f"sqlite:///{tmp_path}/rotator.db") as database:
        yield World(database, SlackGround(slack, tmp_path / "slack"), MailGround(mail, tmp_path / "mail"))


def test_an_alert_is_told_on_each_channel_and_settled_in_the_same_thread(world: World) -> None:
    world.alerting.problem(UNREADABLE, MOMENT)
    world.deliver()
    world.alerting.solved(UNREADABLE.key, "It succeeded again, after 3 days.", MOMENT + timedelta(days=3))
    world.deliver(timedelta(days=3))
    world.deliver(timedelta(days=4))
    first, reply = world.slack.posted
    assert (first.updates, reply.thread_ts) == (1, first.ts)
    assert first.title == f"✅ Settled: {UNREADABLE.title}"
    opened, settled = world.mail.arrived
    assert settled["References"] == opened["Message-ID"]
    assert opened["Importance"] == "high"
    assert world.slack.refused == []


def test_a_channel_that_is_closed_is_told_of_on_the_other_and_gets_everything_when_it_opens(world: World) -> None:
    world.slack.ordered += [refusal("invalid_auth"), refusal("invalid_auth")]
    world.alerting.problem(UNREADABLE, MOMENT)
    world.deliver()
    world.deliver()
    subjects = [str(mail["Subject"]) for mail in world.mail.arrived]
    assert subjects == [f"[critical] {UNREADABLE.title}", "[warning] The channel chat does not accept messages"]
    for minutes in range(1, 70):
        world.deliver(timedelta(minutes=minutes))
    assert [posted.title for posted in world.slack.posted] == [f"🔴 {UNREADABLE.title}"]
    assert [str(mail["Subject"]) for mail in world.mail.arrived[2:]] == [
        "Re: [settled] The channel chat does not accept messages"
    ]
    assert len(world.slack.requests) == 3


def test_what_was_accepted_is_noted_once_the_history_is_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    delivered, away = world.outbox.delivered, [HistoryUnavailable("It is away."), HistoryUnavailable("It is away.")]

    def is_away_at_first(*about: Any) -> None:
        if away:
            raise away.pop()
        delivered(*about)

    world.alerting.problem(UNREADABLE, MOMENT)
    monkeypatch.setattr(world.outbox, "delivered", is_away_at_first)
    world.delivery.deliver("mail", lambda: world.channels["mail"], MOMENT)
    assert away == []
    assert "mail" not in world.outbox.pending()
    world.deliver(2 * LEASE)
    assert len(world.mail.arrived) == 1


def test_a_crash_after_the_acceptance_repeats_the_mail_under_the_same_id(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise HistoryUnavailable("The disk is full.", hint="Make room.")

    world.alerting.problem(UNREADABLE, MOMENT)
    with monkeypatch.context() as here:
        here.setattr(world.outbox, "delivered", crash)
        with pytest.raises(HistoryUnavailable):
            world.delivery.deliver("mail", lambda: world.channels["mail"], MOMENT)
    world.deliver(LEASE)
    world.deliver(2 * LEASE)
    first, again = world.mail.arrived
    assert first["Message-ID"] == again["Message-ID"]


def test_a_lost_answer_repeats_the_mail_under_the_same_id(world: World) -> None:
    world.alerting.problem(UNREADABLE, MOMENT)
    world.mail.loses_answer = True
    world.deliver()
    world.mail.loses_answer = False
    world.deliver(timedelta(hours=1))
    world.deliver(timedelta(hours=2))
    first, again = world.mail.arrived
    assert first["Message-ID"] == again["Message-ID"]


def test_a_channel_that_hangs_holds_up_only_itself(world: World, slack: FakeSlack, tmp_path: Path) -> None:
    world.channels["chat"] = SlackGround(slack, tmp_path).open(timeout="1s")
    SlackGround(slack, tmp_path).hang()
    world.alerting.problem(UNREADABLE, MOMENT)
    world.deliver()
    assert len(world.mail.arrived) == 1
    assert world.outbox.pending() == {"chat": 1}
