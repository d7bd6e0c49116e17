"""What only mail does: several recipients, ways of being encrypted, logins, and repeats that can be known as such."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.alerts.base import DeliveryFailed, PartlyAccepted
from rotator.errors import ConfigurationError
from rotator.testing.messages import HOSTILE, message
from tests.contract.alerts.grounds import MailGround
from tests.contract.servers.mail import MailServer, mail_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOTH = ("ops@example.com", "security@example.com")


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server("starttls", login=True) as server:
        yield server


@pytest.fixture
def mail(server: MailServer, tmp_path: Path) -> MailGround:
    return MailGround(server, tmp_path)


def test_all_recipients_get_the_one_mail(mail: MailGround) -> None:
    mail.open(to=BOTH).send(message(), thread=None)
    assert mail.server.recipients == [list(BOTH)]


def test_an_alert_is_one_thread_and_a_repeat_has_the_same_id(mail: MailGround) -> None:
    channel = mail.open()
    thread = channel.send(message(), thread=None)
    assert channel.send(message(), thread=None) == thread
    channel.send(message(key="later", about={"title": "Another"}), thread=thread)
    first, again, later = mail.server.arrived
    assert first["Message-ID"] == again["Message-ID"] != later["Message-ID"]
    assert later["References"] == later["In-Reply-To"] == first["Message-ID"]
    assert later["Subject"] == f"Re: {first['Subject']}"


def test_a_digest_is_the_thread_of_its_alerts(mail: MailGround) -> None:
    channel = mail.open()
    thread = channel.send_digest([message(1), message(2)])
    channel.send(message(1, key="later"), thread=thread)
    digest, later = mail.server.arrived
    assert later["References"] == digest["Message-ID"]


def test_names_with_line_breaks_reach_nobody_else(mail: MailGround) -> None:
    hostile = message(about={"title": HOSTILE}, title=HOSTILE, text=HOSTILE)
    mail.open().send(hostile, thread=f"<a@example.com> {HOSTILE}")
    (arrived,) = mail.server.arrived
    assert mail.server.recipients == [["ops@example.com"]]
    assert arrived["Bcc"] is None


def test_some_refused_recipients_are_told_of_and_the_others_have_the_mail(mail: MailGround) -> None:
    mail.server.refused["security@example.com"] = "550 5.1.1 unknown"
    with pytest.raises(PartlyAccepted, match=r"security@example.com \(550 5.1.1 unknown\)") as partly:
        mail.open(to=BOTH).send(message(), thread=None)
    assert mail.server.recipients == [["ops@example.com"]]
    assert partly.value.thread.startswith(str(mail.server.arrived[0]["Message-ID"]))
    assert "Correct `to`" in partly.value.hint


def test_recipients_that_are_refused_for_now_are_no_mistake_of_the_channel(mail: MailGround) -> None:
    mail.server.refused["security@example.com"] = "451 4.7.1 greylisted"
    with pytest.raises(PartlyAccepted, match="greylisted") as partly:
        mail.open(to=BOTH).send(message(), thread=None)
    assert "a channel of their own" in partly.value.hint
    assert "Correct" not in partly.value.hint


@pytest.mark.parametrize(
    ("answers", "lasting"),
    [(("550 no", "550 no"), True), (("550 no", "451 later"), False), (("451 later", "451"), False)],
)
def test_a_mail_that_nobody_gets_is_tried_again_as_long_as_one_may_get_it(
    mail: MailGround, answers: tuple[str, str], *, lasting: bool
) -> None:
    mail.server.refused = dict(zip(BOTH, answers, strict=True))
    with pytest.raises(DeliveryFailed, match=r"ops@example\.com") as refused:
        mail.open(to=BOTH).send(message(), thread=None)
    assert refused.value.transient is not lasting


@pytest.mark.parametrize(("answer", "lasting"), [("554 5.7.1 spam", True), ("452 full", False), ("421 busy", False)])
def test_a_refused_text_says_why(mail: MailGround, answer: str, *, lasting: bool) -> None:
    mail.server.after_data = answer
    with pytest.raises(DeliveryFailed, match=answer[:3]) as refused:
        mail.open().send(message(), thread=None)
    assert refused.value.transient is not lasting


def test_a_wrong_login_is_for_a_person_to_mend(mail: MailGround) -> None:
    with pytest.raises(DeliveryFailed, match=r"refused the login \(535\)") as refused:
        mail.open(username="somebody").send(message(), thread=None)
    assert not refused.value.transient
    assert "`password`" in refused.value.hint


def test_a_check_logs_in_and_sends_nothing(mail: MailGround) -> None:
    assert "logged in as rotator" in mail.open().check()
    with pytest.raises(DeliveryFailed, match="login"):
        mail.open(username="somebody").check()
    assert mail.server.arrived == []


def test_a_server_that_is_not_trusted_gets_no_password(mail: MailGround) -> None:
    with pytest.raises(DeliveryFailed, match="not trusted") as refused:
        mail.open(ca=None).send(message(), thread=None)
    assert not refused.value.transient


def test_tls_from_the_start(tmp_path: Path) -> None:
    with mail_server("tls", login=True) as server:
        mail = MailGround(server, tmp_path)
        mail.open(security="tls").send(message(), thread=None)
        assert len(server.arrived) == 1
        with pytest.raises(DeliveryFailed, match="not trusted"):
            mail.open(security="tls", ca=None).send(message(), thread=None)


def test_a_server_without_starttls_gets_neither_password_nor_mail(tmp_path: Path) -> None:
    with mail_server(login=True) as server:
        mail = MailGround(server, tmp_path)
        with pytest.raises(DeliveryFailed, match="does not offer starttls") as refused:
            mail.open(ca=None).send(message(), thread=None)
        assert not refused.value.transient
        assert server.arrived == []


def test_a_server_on_this_machine_needs_neither_tls_nor_login(tmp_path: Path) -> None:
    with mail_server() as server:
        mail = MailGround(server, tmp_path)
        mail.open(security="none", username=None, password=None, ca=None).send(message(), thread=None)
        assert len(server.arrived) == 1


def test_an_address_that_few_servers_take_is_refused(mail: MailGround) -> None:
    with pytest.raises(ConfigurationError, match="xn--"):
        mail.open(to=["ops@münchen.example"])


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_names_and_passwords_beyond_ascii_log_in(tmp_path: Path, mechanism: str) -> None:
    with mail_server("starttls", login=True, mechanisms=[mechanism]) as server:
        mail = MailGround(server, tmp_path)
        mail.secret = "pässwort mit €"
        assert "logged in" in mail.open(username="jürgen").check()
        with pytest.raises(DeliveryFailed, match=r"refused the login \(535\)"):
            mail.open(username="jürgens").check()


def test_a_server_that_wants_tokens_only_is_told_of_as_that(tmp_path: Path) -> None:
    with mail_server("starttls", login=True, mechanisms=["XOAUTH2"]) as server:
        with pytest.raises(DeliveryFailed, match="it offers XOAUTH2") as refused:
            MailGround(server, tmp_path).open().check()
        assert "app password" in refused.value.hint


def test_a_server_that_wants_a_login_where_none_is_configured_says_which_options_are_missing(mail: MailGround) -> None:
    with pytest.raises(DeliveryFailed, match="530") as refused:
        mail.open(username=None, password=None).send(message(), thread=None)
    assert "`username` and `password`" in refused.value.hint


def test_a_login_that_may_not_send_as_the_sender_points_to_the_sender(mail: MailGround) -> None:
    mail.server.after_data = "550 5.7.60 SMTP; Client does not have permissions to send as this sender"
    with pytest.raises(DeliveryFailed, match=r"5\.7\.60") as refused:
        mail.open().send(message(), thread=None)
    assert "`sender`" in refused.value.hint
