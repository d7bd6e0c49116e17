"""What only Slack does: threads that say how they ended, its refusals, its pauses."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.alerts.base import Channel, DeliveryFailed, Message
from rotator.core.severity import Severity
from rotator.errors import ConfigurationError
from rotator.testing.messages import HOSTILE, message, settled
from tests.contract.alerts.grounds import SlackGround, WebhookGround
from tests.contract.servers.slack import CHANNEL, NAME, FakeSlack, Ordered, fake_slack, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def _server() -> Iterator[FakeSlack]:
    with fake_slack(tls=True) as server:
        yield server


@pytest.fixture
def slack(_server: FakeSlack) -> FakeSlack:
    """One server for all these tests, with nothing in it."""
    _server.posted.clear()
    _server.ordered.clear()
    _server.refused.clear()
    _server.requests.clear()
    return _server


@pytest.fixture
def bot(slack: FakeSlack, tmp_path: Path) -> Channel:
    return SlackGround(slack, tmp_path).open()


@pytest.fixture
def hook(slack: FakeSlack, tmp_path: Path) -> Channel:
    return WebhookGround(slack, tmp_path).open()


def test_an_alert_is_one_thread(bot: Channel, slack: FakeSlack) -> None:
    thread = bot.send(message(), thread=None)
    bot.send(message(key="2"), thread=thread)
    bot.send(message(key="3"), thread=thread)
    assert [posted.thread_ts for posted in slack.posted] == [None, slack.posted[0].ts, slack.posted[0].ts]
    assert slack.refused == []


def test_when_an_alert_ends_the_thread_says_so_and_its_first_message_is_settled(bot: Channel, slack: FakeSlack) -> None:
    thread = bot.send(message(), thread=None)
    bot.send(settled(), thread=thread)
    first, reply = slack.posted
    assert (first.updates, first.title, reply.title) == (1, "✅ Settled: App1", "✅ Settled: App1")
    assert "19" * 32 in str(first.content)
    assert reply.thread_ts == first.ts
    assert slack.refused == []


@pytest.mark.parametrize(
    ("told", "loud"),
    [
        (message(about={"severity": Severity.INFO}), False),
        (message(about={"severity": Severity.WARNING}), True),
        (message(about={"severity": Severity.CRITICAL}), True),
        (settled(about={"severity": Severity.CRITICAL}), False),
    ],
)
def test_a_reply_that_matters_is_shown_to_those_who_do_not_follow_the_thread(
    bot: Channel, slack: FakeSlack, told: Message, *, loud: bool
) -> None:
    thread = bot.send(message(), thread=None)
    bot.send(told, thread=thread)
    assert slack.posted[-1].content["reply_broadcast"] is loud


def test_a_digest_is_the_thread_of_its_alerts_and_stays_as_it_is(bot: Channel, slack: FakeSlack) -> None:
    thread = bot.send_digest([message(1), message(2)])
    bot.send(settled(), thread=thread)
    digest, reply = slack.posted
    assert digest.updates == 0
    assert reply.thread_ts == digest.ts


@pytest.mark.parametrize("told", [message(key="later"), settled()])
def test_what_belongs_into_a_thread_that_was_deleted_is_told_without_it(
    bot: Channel, slack: FakeSlack, told: Message
) -> None:
    thread = bot.send(message(), thread=None)
    slack.posted.clear()
    bot.send(told, thread=thread)
    (posted,) = slack.posted
    assert posted.thread_ts is None


def test_an_end_that_was_refused_is_told_once_when_it_is_sent_again(bot: Channel, slack: FakeSlack) -> None:
    thread = bot.send(message(), thread=None)
    slack.ordered += [Ordered(500), Ordered(500)]
    for _ in range(2):
        with pytest.raises(DeliveryFailed):
            bot.send(settled(), thread=thread)
    bot.send(settled(), thread=thread)
    assert [posted.thread_ts is None for posted in slack.posted] == [True, False]


@pytest.mark.parametrize("error", ["is_inactive", "block_mismatch", "edit_window_closed", "message_not_found"])
def test_a_first_message_that_cannot_be_changed_hinders_no_end(bot: Channel, slack: FakeSlack, error: str) -> None:
    thread = bot.send(message(), thread=None)
    slack.ordered.append(refusal(error))
    bot.send(settled(), thread=thread)
    assert [posted.updates for posted in slack.posted] == [0, 0]


def test_names_are_no_links_in_a_message_that_was_changed(bot: Channel, slack: FakeSlack) -> None:
    thread = bot.send(message(), thread=None)
    bot.send(settled(title=HOSTILE), thread=thread)
    assert (slack.posted[0].updates, slack.posted[0].content["parse"]) == (1, "none")


def test_a_channel_may_be_named_instead_of_its_id(slack: FakeSlack, tmp_path: Path) -> None:
    channel = SlackGround(slack, tmp_path).open(channel=NAME)
    thread = channel.send(message(), thread=None)
    channel.send(settled(), thread=thread)
    assert slack.posted[0].updates == 1
    assert thread.startswith(f"{CHANNEL}/")


@pytest.mark.parametrize("thread", ["COTHER999/1700000000.000001", "<abc@example.com> Billing/1.2", "x", ""])
def test_a_thread_of_another_place_is_not_continued(bot: Channel, slack: FakeSlack, thread: str) -> None:
    assert bot.send(settled(), thread=thread).startswith(f"{CHANNEL}/")
    (posted,) = slack.posted
    assert (posted.thread_ts, posted.updates) == (None, 0)


@pytest.mark.parametrize("scopes", ["", "channels:read", "chat:write.public"])
def test_a_check_finds_that_the_token_may_not_write(
    bot: Channel, slack: FakeSlack, scopes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack, "scopes", scopes)
    with pytest.raises(DeliveryFailed, match="missing_scope") as refused:
        bot.check()
    assert "chat:write" in refused.value.hint
    monkeypatch.setattr(slack, "scopes", "channels:read, chat:write")
    assert "rotator in Example" in bot.check()


def test_names_mention_nobody_and_are_no_links(bot: Channel, hook: Channel, slack: FakeSlack) -> None:
    for channel in (bot, hook):
        channel.send(message(title=HOSTILE, text=HOSTILE, facts={HOSTILE: HOSTILE}), thread=None)
        content = dict(slack.posted[-1].content)
        # A header is plain text: Slack looks for nothing in it.
        assert content["blocks"][0]["text"]["type"] == "plain_text"
        assert "<" not in str(content["blocks"][1:]) + content["text"]
        assert content["unfurl_links"] is False
    assert slack.refused == []


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        ("invalid_auth", "bot token"),
        ("token_revoked", "bot token"),
        ("account_inactive", "bot token"),
        ("missing_scope", "chat:write"),
        ("channel_not_found", "`channel`"),
        ("not_in_channel", "/invite"),
        ("is_archived", "another"),
        ("restricted_action", "administrator"),
        ("accesslimited", "administrator"),
        ("invalid_blocks", "Report"),
    ],
)
def test_what_only_a_person_can_mend_says_what_to_do(bot: Channel, slack: FakeSlack, error: str, hint: str) -> None:
    slack.ordered.append(refusal(error))
    with pytest.raises(DeliveryFailed, match=error) as refused:
        bot.send(message(), thread=None)
    assert not refused.value.transient
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    "ordered",
    [
        refusal("internal_error"),
        refusal("something_new"),
        refusal("org_login_required"),
        refusal("team_added_to_org"),
        Ordered(503),
        Ordered(200, "<p>"),
        Ordered(200, "[1]"),
        Ordered(200, ""),
    ],
)
def test_what_may_pass_is_said_to_be_so(bot: Channel, slack: FakeSlack, ordered: Ordered) -> None:
    slack.ordered.append(ordered)
    with pytest.raises(DeliveryFailed) as refused:
        bot.send(message(), thread=None)
    assert refused.value.transient
    assert len(slack.requests) == 1


@pytest.mark.parametrize(
    ("status", "word", "hint"),
    [
        (403, "invalid_token", "new incoming webhook"),
        (404, "no_service", "new incoming webhook"),
        (404, "no_active_hooks", "new incoming webhook"),
        (404, "channel_not_found", "`channel`"),
        (410, "channel_is_archived", "another"),
        (403, "action_prohibited", "administrator"),
        (400, "invalid_payload", "Report"),
        (404, "<html>", "address"),
    ],
)
def test_a_webhook_that_only_a_person_can_mend_says_what_to_do(
    hook: Channel, slack: FakeSlack, status: int, word: str, hint: str
) -> None:
    slack.ordered.append(Ordered(status, word))
    with pytest.raises(DeliveryFailed) as refused:
        hook.send(message(), thread=None)
    assert not refused.value.transient
    assert hint in refused.value.hint
    assert "html" not in str(refused.value)


@pytest.mark.parametrize("body", ["", "<html>Welcome</html>"])
def test_a_page_that_is_not_slacks_is_no_acceptance(hook: Channel, slack: FakeSlack, body: str) -> None:
    slack.ordered.append(Ordered(200, body))
    with pytest.raises(DeliveryFailed) as refused:
        hook.send(message(), thread=None)
    assert refused.value.transient


@pytest.mark.parametrize("kind", ["bot", "hook"])
@pytest.mark.parametrize(
    ("header", "pause"),
    [("30", timedelta(seconds=30)), ("999999999999", timedelta(days=1)), ("soon", None), ("", None), ("²", None)],
)
def test_too_many_messages_are_sent_again_when_slack_said(
    request: pytest.FixtureRequest, slack: FakeSlack, kind: str, header: str, pause: timedelta | None
) -> None:
    channel: Channel = request.getfixturevalue(kind)
    slack.ordered.append(Ordered(429, '{"ok":false,"error":"ratelimited"}', {"Retry-After": header}))
    with pytest.raises(DeliveryFailed) as refused:
        channel.send(message(), thread=None)
    assert (refused.value.retry_after, refused.value.transient) == (pause, True)
    # The library makes no second call of its own.
    assert len(slack.requests) == 1


def test_a_server_that_is_not_trusted_gets_no_secret(slack: FakeSlack, tmp_path: Path) -> None:
    for ground in (SlackGround(slack, tmp_path), WebhookGround(slack, tmp_path)):
        with pytest.raises(DeliveryFailed, match="not trusted") as refused:
            ground.open(ca=None).send(message(), thread=None)
        assert not refused.value.transient
        assert "`ca`" in refused.value.hint
    assert slack.requests == []


def test_the_proxy_of_the_environment_is_heeded_and_so_are_its_exceptions(
    slack: FakeSlack, tmp_path: Path, unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{unused_port}")
    for ground in (SlackGround(slack, tmp_path), WebhookGround(slack, tmp_path)):
        with pytest.raises(DeliveryFailed, match="cannot be reached: connection refused"):
            ground.open().send(message(), thread=None)
        with monkeypatch.context() as here:
            here.setenv("NO_PROXY", "127.0.0.1")
            ground.open().send(message(), thread=None)
    assert len(slack.posted) == 2


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/services/secret", "https:///secret", "hooks.slack.com/secret", "https://a b"]
)
def test_an_address_that_is_none_is_refused_without_repeating_it(slack: FakeSlack, tmp_path: Path, url: str) -> None:
    ground = WebhookGround(slack, tmp_path)
    with pytest.raises(ConfigurationError, match="no https address") as refused:
        ground.open_at(url)
    assert url not in str(refused.value)


def test_a_file_that_is_no_bundle_is_refused(slack: FakeSlack, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    with pytest.raises(ConfigurationError, match="CA bundle"):
        SlackGround(slack, tmp_path).open(ca=tmp_path / "empty.pem")
