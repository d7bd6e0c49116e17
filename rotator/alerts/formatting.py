"""What all channels do to words: names from an org are shown, and can do nothing else; texts fit where they are put."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator import plain_text
from rotator.core import words
from rotator.core.severity import Severity
from rotator.core.thresholds import is_expired
from rotator.plain_text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rotator.alerts.base import Message

NO_TITLE: Final = "A message of rotator"
SETTLED: Final = "✅"
MEANWHILE: Final = "What rotator does"
TO_DO: Final = "What to do first"
ACKNOWLEDGE: Final = "How to acknowledge"

_LONGEST_TITLE: Final = 300
_LONGEST_NAME: Final = 100
_LONGEST_VALUE: Final = 1000
_LONGEST_TO_DO: Final = 300
"""Characters that are shown of names from an org; those that make sense are shorter."""

_SIGNS: Final = {Severity.INFO: "🔵", Severity.WARNING: "🟠", Severity.CRITICAL: "🔴"}
_WORDS: Final = {Severity.INFO: "For information", Severity.WARNING: "Warning", Severity.CRITICAL: "Critical"}


def lines(text: str) -> str:
    """The text with its line breaks, all lines but the first set in, and no blanks at the ends of lines."""
    return "\n".join(line.rstrip() for line in plain_text.set_in(text.strip()).split("\n"))


def spans(line: str) -> list[tuple[bool, str]]:
    """The line in parts: True for what stands in backticks, which is something to type."""
    parts = line.split("`")
    if len(parts) % 2 == 0:
        return [(False, line)]
    return [(number % 2 == 1, part) for number, part in enumerate(parts) if part]


def cut(text: str, limit: int) -> str:
    """The text within so many characters, however they are counted (UTF-16 counts an emoji as two)."""
    if _units(text) <= limit:
        return text
    kept, room = [], limit - 1
    for character in text:
        room -= _units(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def title_of(message: Message) -> str:
    """The title on one line; never empty."""
    return cut(one_line(message.title), _LONGEST_TITLE) or NO_TITLE


def subject_of(message: Message) -> str:
    """What names all messages of the alert, on one line; never empty."""
    return one_line(message.alert.title) or title_of(message)


def facts_of(message: Message) -> list[tuple[str, str]]:
    """Names and values that are not empty, each on one line."""
    shown = [
        (cut(one_line(name), _LONGEST_NAME), cut(one_line(value), _LONGEST_VALUE))
        for name, value in message.facts.items()
    ]
    return [(name, value) for name, value in shown if name and value]


def parts_of(message: Message) -> list[tuple[str, str]]:
    """What there is to read, each with what it is called: what is so has no name, as it comes first."""
    parts = [("", message.text), (MEANWHILE, message.meanwhile), (TO_DO, message.to_do)]
    return [(name, lines(text)) for name, text in parts if lines(text)]


def sign_of(message: Message) -> str:
    """A sign for how much it matters, or that it is settled."""
    return SETTLED if message.settles else _SIGNS[message.alert.severity]


def word_of(message: Message) -> str:
    """The same in words: a sign and a colour are never all there is."""
    return "Settled" if message.settles else _WORDS[message.alert.severity]


def when_of(message: Message) -> str:
    """Since when it is so; of what is over, when that was."""
    return f"{'' if message.is_last else 'since '}{words.moment(message.at)}"


def org_of(message: Message) -> str:
    """Where it is, on one line; empty where that is in no org."""
    return one_line(message.alert.org or "")


def due(message: Message) -> datetime | None:
    """After this it is too late; None where nothing is due, or nothing any more."""
    return None if message.settles else message.alert.not_after


def due_of(message: Message) -> str:
    """`until 2026-12-05`, or that it is over; empty where nothing is due."""
    last = due(message)
    return f"{'expired on' if is_expired(last, message.at) else 'until'} {words.day(last)}" if last else ""


def acknowledging(message: Message) -> str:
    """The command that stops further messages of an alert."""
    return f"rotator alerts ack {message.alert.id} --reason TEXT"


def links_of(message: Message) -> list[tuple[str, str]]:
    """Where to look, each with what it is called: its page, how to acknowledge it, the team's runbook."""
    page, runbook = one_line(message.page), one_line(message.runbook)
    found = [("Open", page), (ACKNOWLEDGE, f"{page}#acknowledge" if page and not message.is_last else "")]
    return [(name, url) for name, url in (*found, ("Runbook", runbook)) if url]


def sender_of(messages: Iterable[Message]) -> str:
    """Which `rotator` sends these, on one line."""
    name = next((one_line(message.installation) for message in messages), "")
    return f"rotator ({name})" if name else "rotator"


def told_no_more_until(message: Message) -> str:
    """What `acknowledging` does, in words."""
    return f"To be told no more of it until it is settled{' or has expired' if due(message) else ''}:"


def to_do_of(message: Message) -> str:
    """What to do first, on one line, for where many stand below each other; empty where there is nothing to do."""
    return "" if message.is_last else cut(one_line(message.to_do), _LONGEST_TO_DO)


def most_urgent_first(messages: Iterable[Message]) -> list[Message]:
    """What is open before what has ended, in the order of their rank, and of one rank what is due first."""

    def rank(message: Message) -> tuple[bool, tuple[bool, int], bool, float, str]:
        last = due(message)
        until = last.timestamp() if last else 0.0
        return message.is_last, message.alert.rank, last is None, until, message.title

    return sorted(messages, key=rank)


def digest_title(messages: Iterable[Message]) -> str:
    """`Certificates and logins: 12 messages, 3 critical`: with `Re: ` before it, it fits on the line of a header."""
    found = list(messages)
    counts = [
        (sum(message.alert.severity is severity and not message.is_last for message in found), word, plural)
        for severity, word, plural in ((Severity.CRITICAL, "critical", "critical"), (Severity.WARNING, "warning", ""))
    ]
    parts = [words.count(number, word, plural) for number, word, plural in counts if number]
    return "Certificates and logins: " + ", ".join([words.count(len(found), "message"), *parts])


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
