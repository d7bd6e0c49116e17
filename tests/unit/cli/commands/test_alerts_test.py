"""`rotator alerts test` against a server that answers as Slack does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.contract.servers.slack import FakeSlack, Ordered, fake_slack
from tests.unit.configurations import ONE_ORG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.cli.outcomes import Command

CHANNELS = """
alerts:
  channels:
    ops: {type: slack-webhook, url: {env: WEBHOOK}, ca: ca.pem}
    pager: {type: slack-webhook, url: {env: ABSENT}, ca: ca.pem}
"""


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    with fake_slack(tls=True) as server:
        monkeypatch.setenv("WEBHOOK", server.webhook_url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.delenv("ABSENT", raising=False)
        yield server


@pytest.fixture
def channels(tmp_path: Path, slack: FakeSlack) -> Path:
    (tmp_path / "ca.pem").write_text(slack.ca)
    config = tmp_path / "config.yaml"
    config.write_text(ONE_ORG + CHANNELS)
    return config


def test_a_message_is_sent_by_the_channel_that_is_named(rotator: Command, channels: Path, slack: FakeSlack) -> None:
    outcome = rotator("--config", channels, "alerts", "test", "ops")
    assert outcome.code == 0
    assert "accepted ops" in outcome.out
    (posted,) = slack.posted
    assert posted.title == "🔵 A test message of rotator"
    assert "alerts ack" not in str(posted.content)


def test_each_channel_is_tried_and_what_is_wrong_with_one_is_said(rotator: Command, channels: Path) -> None:
    outcome = rotator("--config", channels, "alerts", "test")
    assert outcome.code == 1
    assert "accepted ops" in outcome.out
    assert "failed pager" in outcome.out
    assert "Export ABSENT" in outcome.out


@pytest.mark.parametrize(("answer", "code"), [(Ordered(500), 3), (Ordered(404, "no_service"), 1)])
def test_the_exit_code_says_whether_a_person_is_needed(
    rotator: Command, channels: Path, slack: FakeSlack, answer: Ordered, code: int
) -> None:
    slack.ordered.append(answer)
    outcome = rotator("--config", channels, "alerts", "test", "ops", "--json")
    assert outcome.code == code
    (told,) = json.loads(outcome.out)
    assert (told["channel"], told["accepted"]) == ("ops", False)
    assert told["problem"]
    assert told["hint"]


def test_an_unknown_channel_is_refused_before_any_is_tried(rotator: Command, channels: Path, slack: FakeSlack) -> None:
    outcome = rotator("--config", channels, "alerts", "test", "ops", "opps")
    assert outcome.code == 2
    assert "Configured are: ops, pager." in outcome.err
    assert slack.requests == []


def test_without_channels_there_is_nothing_to_test(rotator: Command, channels: Path) -> None:
    channels.write_text(ONE_ORG)
    outcome = rotator("--config", channels, "alerts", "test")
    assert outcome.code == 2
    assert "No channel is configured" in outcome.err
