"""Messages as mail: plain text and HTML, one alert one thread, and headers that no name from an org can break."""

from __future__ import annotations

import hashlib
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from functools import lru_cache
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from rotator.alerts.formatting import (
    ACKNOWLEDGE,
    acknowledging,
    cut,
    digest_title,
    due,
    due_of,
    facts_of,
    links_of,
    most_urgent_first,
    org_of,
    parts_of,
    sender_of,
    spans,
    subject_of,
    title_of,
    to_do_of,
    told_no_more_until,
    when_of,
    word_of,
)
from rotator.core import words
from rotator.core.severity import Severity
from rotator.plain_text import one_line, substituted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rotator.alerts.base import Message

_SUBJECT: Final = 150
"""Characters of a subject: mail programs show fewer, and a thread's subject is kept with it."""

_LONGEST_DOMAIN: Final = 36
"""With a longer one the Message-ID would not fit on a line of 78 characters (RFC 5322 section 2.1.1)."""

_LONGEST_NAME: Final = 60
_TAG: Final = re.compile(r"^\[(?:info|warning|critical|settled)\] ")
_WIDTH: Final = 76
_NAMES: Final = {
    "acknowledging": acknowledging,
    "day": words.day,
    "due": due,
    "facts_of": facts_of,
    "links_of": links_of,
    "sender_of": sender_of,
    "org_of": org_of,
    "parts_of": parts_of,
    "spans": spans,
    "title_of": title_of,
    "to_do_of": to_do_of,
    "told_no_more_until": told_no_more_until,
    "when_of": when_of,
    "word_of": word_of,
}


def mail_of(message: Message, *, sender: str, to: Sequence[str], now: datetime, thread: str | None) -> EmailMessage:
    """One message, in the thread that `thread_of` has named."""
    mail = _mail(
        sender, to, now, [message], important=message.alert.severity is Severity.CRITICAL and not message.is_last
    )
    mail["Message-ID"] = message_id(message.key, sender)
    root, subject = parse_thread(thread)
    if root:
        mail["In-Reply-To"] = root
        mail["References"] = root
    mail["Subject"] = _subject_in(subject, message)
    _fill(mail, _plain(message), _html("message.html", message=message))
    return mail


def digest_of(messages: Sequence[Message], *, sender: str, to: Sequence[str], now: datetime) -> EmailMessage:
    """Many messages as one table, the most urgent first."""
    ordered = most_urgent_first(messages)
    critical = any(message.alert.severity is Severity.CRITICAL and not message.is_last for message in ordered)
    mail = _mail(sender, to, now, ordered, important=critical)
    mail["Message-ID"] = message_id("\n".join(sorted(message.key for message in ordered)), sender)
    mail["Subject"] = f"{_tag(ordered[0])} {digest_title(ordered)}"
    _fill(mail, _plain_digest(ordered), _html("digest.html", messages=ordered, title=digest_title(ordered)))
    return mail


def message_id(key: str, sender: str) -> str:
    """The same for the same message: what is sent again can be known as that (RFC 5322 section 3.6.4)."""
    return f"<{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:24]}@{_domain_of(sender)}>"


def _domain_of(sender: str) -> str:
    domain = sender.rpartition("@")[2]
    return domain if domain.isascii() and len(domain) <= _LONGEST_DOMAIN else "rotator.invalid"


def thread_of(mail: EmailMessage, thread: str | None) -> str:
    """What later mails of an alert need: the Message-ID of the first one and its subject."""
    return thread if parse_thread(thread)[0] and thread else f"{mail['Message-ID']} {mail['Subject']}"


def thread_of_digest(mail: EmailMessage) -> str:
    """The same of a digest, whose subject says nothing of the one alert that a later mail is about."""
    return str(mail["Message-ID"])


_NARROW: Final = SMTP.clone(max_line_length=76)
"""No line of quoted-printable is longer (RFC 2045 section 6.7), nor is one with encoded words (RFC 2047 section 2)."""


class _WholeSubjects(EmailPolicy):
    """Begins no long subject on a line of its own, which some programs show as a blank before it.

    RFC 5322 section 2.1.1 allows 998 bytes in a line; encoded words have no choice.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        """A header as it is sent."""
        folded = super().fold_binary(name, value)
        return _NARROW.fold_binary(name, value) if b"=?" in folded else folded


_WHOLE_SUBJECTS: Final = _WholeSubjects(linesep="\r\n", max_line_length=250)


def parse_thread(thread: str | None) -> tuple[str, str]:
    """Message-ID and subject; both empty where there is no thread."""
    root, _, subject = (thread or "").partition(" ")
    usable = root.startswith("<") and root.endswith(">") and root.isascii() and root.isprintable()
    return (root, one_line(subject)) if usable else ("", "")


def _mail(
    sender: str, to: Sequence[str], now: datetime, messages: Sequence[Message], *, important: bool
) -> EmailMessage:
    mail = EmailMessage(policy=_NARROW)
    mail["From"] = Address(cut(sender_of(messages), _LONGEST_NAME), addr_spec=sender)
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(now)
    # RFC 3834 section 5: nobody's absence note answers it.
    mail["Auto-Submitted"] = "auto-generated"
    # RFC 2919: what filters of mail programs go by.
    mail["List-Id"] = f"<rotator-alerts.{_domain_of(sender)}>"
    if important:
        mail["Importance"] = "high"
    return mail


def _fill(mail: EmailMessage, plain: str, html: str) -> None:
    # Quoted-printable: not every server takes lines that are long or not ASCII (RFC 6152 is an extension).
    mail.set_content(plain, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    # Only now: lines of the body may not be as long.
    mail.policy = _WHOLE_SUBJECTS


def _subject_in(thread: str, message: Message) -> str:
    """RFC 5322 section 3.6.5; some programs put mails into one thread only when subjects are alike.

    That consumers are refused is said all the same, where the thread began with less.
    """
    own = _subject_line(message)
    if not thread or (message.alert.refused_since and _untagged(own) != _untagged(thread)):
        return own
    return f"Re: {_tag(message)} {_untagged(thread)}"


def _subject_line(message: Message) -> str:
    return cut(f"{_tag(message)} {subject_of(message)}", _SUBJECT)


def _tag(message: Message) -> str:
    """How much it matters now, in front of a subject: what a filter, and a glance, go by; of many the worst's."""
    return "[settled]" if message.settles else f"[{message.alert.severity}]"


def _untagged(subject: str) -> str:
    return _TAG.sub("", subject)


def _plain(message: Message) -> str:
    parts = [title_of(message), f"{word_of(message)}, {when_of(message)}"]
    for name, text in parts_of(message):
        paragraphs = ["\n".join(_wrapped(line)) for line in text.split("\n") if line]
        parts += [f"{name}:\n{paragraphs[0]}", *paragraphs[1:]] if name else paragraphs
    facts = facts_of(message)
    width = max((len(name) for name, _ in facts), default=0)
    parts.append("\n".join(f"{name + ':':<{width + 1}} {value}" for name, value in facts))
    if not message.is_last:
        parts.append(f"{told_no_more_until(message)}\n  {acknowledging(message)}")
    parts.append("\n".join(f"{name}: {url}" for name, url in links_of(message) if name != ACKNOWLEDGE))
    parts.append(f"-- \n{sender_of([message])}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _plain_digest(messages: Sequence[Message]) -> str:
    parts = [digest_title(messages)]
    for message in messages:
        about = ", ".join(part for part in (word_of(message), org_of(message), due_of(message)) if part)
        to_do = [f"  {line}" for line in _wrapped(to_do_of(message))]
        rest = [f"  {acknowledging(message)}"] if not message.is_last else []
        page = [f"  {message.page}"] if message.page else []
        parts.append("\n".join([f"* {title_of(message)}", f"  {about}", *to_do, *page, *rest]))
    end = f"-- \n{sender_of(messages)}"
    return "\n\n".join([*parts, "Each in full: rotator alerts list ID", end]) + "\n"


def _wrapped(line: str) -> list[str]:
    return wrap(line, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _html(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values, **_NAMES)


@lru_cache
def _environment() -> Environment:
    loader = PackageLoader("rotator.alerts", "templates")
    return Environment(
        loader=loader,
        autoescape=True,
        finalize=substituted,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
