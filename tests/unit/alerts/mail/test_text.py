from __future__ import annotations

import email
import email.policy
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.alerts.mail.text import digest_of, mail_of, message_id, parse_thread, thread_of, thread_of_digest
from rotator.core.severity import Severity
from rotator.testing.messages import MOMENT, message, settled
from tests.contract.servers.mail_form import complaints
from tests.tiers import longer, of_tier
from tests.unit.alerts.messages import any_message, texts

if TYPE_CHECKING:
    from email.message import EmailMessage

    from rotator.alerts.base import Message

TO = ("ops@example.com", "security@example.com")
HEADERS = {
    *("From", "To", "Date", "Auto-Submitted", "List-Id", "Message-ID", "Subject", "MIME-Version", "Content-Type"),
    *("In-Reply-To", "References", "Importance"),
}


def made(told: Message, thread: str | None = None) -> EmailMessage:
    return mail_of(told, sender="rotator@example.com", to=TO, now=MOMENT, thread=thread)


def received(mail: EmailMessage) -> EmailMessage:
    """What a mail program makes of the bytes that were sent."""
    return email.message_from_bytes(mail.as_bytes(), policy=email.policy.default)


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.found.add(tag)


def tags(html: str) -> set[str]:
    parser = _Tags()
    parser.feed(html)
    return parser.found


KNOWN_TAGS = tags(part(made(message()), "html")) | {"a", "br", "h2", "tbody", "thead"}


@longer
@settings(max_examples=of_tier(8, thorough=25))
@given(any_message, texts)
def test_no_name_makes_a_header_a_recipient_or_markup(told: Message, subject: str) -> None:
    mail = made(told, thread=f"<a@example.com> {subject}")
    seen = received(mail)
    assert set(seen.keys()) <= HEADERS
    assert seen.keys().count("Subject") == 1
    assert [str(address) for address in seen["To"].addresses] == list(TO)
    assert tags(part(seen, "html")) <= KNOWN_TAGS
    assert complaints(mail.as_bytes()) == []


@longer
@settings(max_examples=of_tier(5, thorough=10))
@given(st.lists(any_message, min_size=1, max_size=3))
def test_no_name_breaks_a_digest(told: list[Message]) -> None:
    mail = digest_of(told, sender="rotator@example.com", to=TO, now=MOMENT)
    assert complaints(mail.as_bytes()) == []
    assert set(received(mail).keys()) <= HEADERS
    assert tags(part(received(mail), "html")) <= KNOWN_TAGS


def test_a_mail_says_everything_in_plain_text_and_in_html() -> None:
    mail = received(made(message()))
    for kind in ("plain", "html"):
        text = part(mail, kind)
        for word in ("in 14 days", "Upload a new certificate", "19" * 32, "rotator alerts ack 20261123-00000001"):
            assert word in text


def test_a_mail_says_that_a_machine_has_sent_it_and_when() -> None:
    mail = received(made(message()))
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == MOMENT
    assert not any(name.startswith("X-") for name in mail)


@pytest.mark.parametrize(("severity", "importance"), [("critical", "high"), ("warning", None)])
def test_only_what_is_critical_is_marked_important(severity: str, importance: str | None) -> None:
    assert received(made(message(about={"severity": Severity(severity)})))["Importance"] == importance


def test_the_same_message_has_the_same_id_and_another_has_another() -> None:
    ids = [made(message(key=key))["Message-ID"] for key in ("a", "a", "b")]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("domain", ["example.com", "a" * 200 + ".example.com", "münchen.example"])
def test_a_message_id_is_whole_on_its_line(domain: str) -> None:
    mail = mail_of(message(), sender=f"rotator@{domain}", to=TO, now=MOMENT, thread=None)
    expected = message_id(message().key, f"rotator@{domain}")
    assert f"Message-ID: {expected}\r\n".encode() in mail.as_bytes(policy=email.policy.SMTPUTF8)


def test_all_mails_of_an_alert_are_one_thread_under_one_subject() -> None:
    first = made(message())
    thread = thread_of(first, None)
    later = made(message(key="later", title="..., in 7 days"), thread)
    assert thread_of(later, thread) == thread
    assert later["In-Reply-To"] == later["References"] == first["Message-ID"]
    assert later["Subject"] == f"Re: {first['Subject']}"
    assert first["Subject"] == f"[warning] {message().alert.title}"


@pytest.mark.parametrize("length", range(60, 100, 5))
def test_a_subject_stands_on_the_line_of_its_name(length: int) -> None:
    subject = ("certificate " * 20)[:length].strip()
    written = bytes(made(message(about={"title": subject})))
    assert f"Subject: [warning] {subject}\r\n".encode() in written
    assert max(len(line) for line in written.partition(b"\r\n\r\n")[2].split(b"\r\n")) <= 78


@pytest.mark.parametrize("name", ["Größe und Überprüfung ", "証明書の有効期限 ", "🔑 ", "plain "])
def test_a_name_in_any_script_is_in_words_and_lines_that_every_program_reads(name: str) -> None:
    told = message(about={"title": name * 40}, title=name * 40, text=name * 100, installation=name * 5)
    assert complaints(made(told).as_bytes()) == []
    assert name.strip() in received(made(told))["Subject"]
    assert complaints(digest_of([told], sender="rotator@example.com", to=TO, now=MOMENT).as_bytes()) == []


def test_a_thread_that_is_none_is_none() -> None:
    for thread in (None, "", "C0123/1700000000.000100", "<broken", "<é@example.com> x"):
        assert parse_thread(thread) == ("", "")


@pytest.mark.parametrize(("due", "words"), [(MOMENT, "it is settled or has expired:"), (None, "it is settled:")])
def test_what_cannot_expire_is_not_said_to(due: datetime | None, words: str) -> None:
    assert f"To be told no more of it until {words}" in part(received(made(message(about={"not_after": due}))), "plain")


def test_the_end_of_an_alert_is_not_to_be_acknowledged() -> None:
    mail = received(made(settled()))
    assert "✓ Settled" in part(mail, "html")
    assert "alerts ack" not in part(mail, "plain") + part(mail, "html")


def test_a_digest_is_a_table_with_the_most_urgent_first() -> None:
    urgent = message(title="Urgent", about={"severity": Severity.CRITICAL, "not_after": MOMENT + timedelta(days=1)})
    soon = message(title="Soon", about={"not_after": MOMENT + timedelta(days=8)})
    later = message(title="Later", about={"not_after": MOMENT + timedelta(days=13)})
    over = settled(title="Over", about={"severity": Severity.CRITICAL})
    mail = received(digest_of([over, later, soon, urgent], sender="rotator@example.com", to=TO, now=MOMENT))
    for kind in ("plain", "html"):
        places = [part(mail, kind).index(title) for title in ("Urgent", "Soon", "Later", "Over")]
        assert places == sorted(places)
    assert mail["Subject"] == "[critical] Certificates and logins: 4 messages, 1 critical, 2 warnings"
    assert mail["Importance"] == "high"


def test_times_are_told_in_utc() -> None:
    there = datetime(2026, 11, 24, 3, 30, tzinfo=timezone(timedelta(hours=9)))
    assert "2026-11-23 18:30 UTC" in part(received(made(message(at=there))), "plain")


def test_the_subject_says_how_much_it_matters_by_now_and_the_thread_stays() -> None:
    first = made(message())
    thread = thread_of(first, None)
    worse = made(message(about={"severity": Severity.CRITICAL}), thread=thread)
    over = made(settled(), thread=thread)
    title = message().alert.title
    assert [str(mail["Subject"]) for mail in (first, worse, over)] == [
        f"[warning] {title}",
        f"Re: [critical] {title}",
        f"Re: [settled] {title}",
    ]
    assert {mail["References"] for mail in (worse, over)} == {first["Message-ID"]}


def test_what_follows_a_digest_is_called_by_what_it_is_about() -> None:
    many = digest_of([message(1), message(2)], sender="rotator@example.com", to=TO, now=MOMENT)
    thread = thread_of_digest(many)
    later = made(message(1, key="later"), thread=thread)
    assert later["Subject"] == f"[warning] {message(1).alert.title}"
    assert later["References"] == many["Message-ID"]
    assert thread_of(later, thread) == thread


def test_that_consumers_are_refused_stands_in_the_subject_whatever_the_thread_began_with() -> None:
    thread = thread_of(made(message()), None)
    about = {"title": "Consumers of billing are refused", "severity": Severity.CRITICAL, "refused_since": MOMENT}
    refused, over = made(message(about=about), thread=thread), made(settled(about=about), thread=thread)
    assert refused["Subject"] == "[critical] Consumers of billing are refused"
    assert over["Subject"] == "[settled] Consumers of billing are refused"
    from_the_first = thread_of(made(message(about=about)), None)
    assert made(message(about=about), thread=from_the_first)["Subject"] == f"Re: {refused['Subject']}"


def test_a_mail_says_which_installation_sends_it_and_where_to_look() -> None:
    page, runbook = "https://rotator.example.com/alerts/1", "https://wiki.example.com/expiry"
    mail = received(made(message(installation="München, prod", page=page, runbook=runbook)))
    assert mail["From"].addresses[0].display_name == "rotator (München, prod)"
    assert mail["List-Id"] == "<rotator-alerts.example.com>"
    plain, html = (part(mail, kind) for kind in ("plain", "html"))
    assert [f"Open: {page}", f"Runbook: {runbook}"] == [line for line in plain.splitlines() if "https://" in line]
    assert f'<a href="{page}#acknowledge">How to acknowledge</a>' in html


def test_a_digest_says_for_each_line_what_to_do_and_where_to_look() -> None:
    told = [
        message(number, to_do=f"Replace App{number} in Setup.", page=f"https://r/alerts/{number}") for number in (1, 2)
    ]
    mail = digest_of(told, sender="rotator@example.com", to=["ops@example.com"], now=MOMENT)
    for kind in ("plain", "html"):
        text = part(mail, kind)
        for number in (1, 2):
            assert f"Replace App{number} in Setup." in text
            assert f"https://r/alerts/{number}" in text
