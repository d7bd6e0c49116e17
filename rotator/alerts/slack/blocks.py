"""Messages as Slack shows them (Block Kit), within its limits whatever a message holds.

Limits: docs.slack.dev, "Blocks": 50 blocks a message; a header 150 characters; the text of a section 3,000; a section
10 fields of 2,000 characters each; a context 10 elements. "Formatting message text": `&`, `<` and `>` are escaped, so
that no name can mention people or be a link.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from rotator.alerts.formatting import (
    acknowledging,
    cut,
    digest_title,
    due_of,
    facts_of,
    links_of,
    most_urgent_first,
    org_of,
    parts_of,
    sender_of,
    sign_of,
    title_of,
    to_do_of,
    when_of,
    word_of,
)
from rotator.portions import portions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.alerts.base import Message

HEADER: Final = 150
TEXT: Final = 3000
FIELD: Final = 2000
FIELDS: Final = 10
BLOCKS: Final = 50
FALLBACK: Final = 3000
"""Characters of the text that notifications show; Slack advises to stay below 4,000."""

_FACTS: Final = 20
_VALUE: Final = 400
_ROW_TITLE: Final = 200
"""Facts, characters of a fact and of a line in a digest: Slack refuses a message that is long as a whole
(`msg_blocks_too_long`), and does not say from where on."""

_URL: Final = 3000
"""Characters of a button's address."""

_ROWS: Final = BLOCKS - 2
"""Lines of a digest, one block each, beside its header and its end."""

Block = dict[str, Any]


def blocks_of(message: Message) -> list[Block]:
    """Title, text, facts, and a last line on how much it matters and how to acknowledge it."""
    blocks = [_header(f"{sign_of(message)} {title_of(message)}")]
    blocks += [_section(text, name) for name, text in parts_of(message)]
    fields = [_field(name, value) for name, value in facts_of(message)[:_FACTS]]
    blocks += [{"type": "section", "fields": list(part)} for part in portions(fields, FIELDS)]
    blocks.append(_context(_last_line(message)))
    return [*blocks, *_buttons(message)]


def settled_blocks_of(message: Message) -> list[Block]:
    """What becomes of the first message of an alert that has ended: how it ended, above the facts that it had."""
    return blocks_of(replace(message, facts=message.alert.facts))


def digest_blocks_of(messages: Sequence[Message]) -> list[Block]:
    """A line for each alert, the most urgent first; of very many the first, and how many more there are."""
    ordered = most_urgent_first(messages)
    blocks = [_header(digest_title(ordered)), *(_row(message) for message in ordered[:_ROWS])]
    more = f"And {len(ordered) - _ROWS} more. " if len(ordered) > _ROWS else ""
    where = f"{more}Each in full: `rotator alerts list ID` · {_escaped(sender_of(ordered))}"
    return [*blocks, _context(where)]


def fallback_of(message: Message) -> str:
    """What a notification shows of it."""
    return _cut_markup(_escaped(f"{sign_of(message)} {title_of(message)}"), FALLBACK)


def digest_fallback_of(messages: Sequence[Message]) -> str:
    """What a notification shows of a digest."""
    return _cut_markup(_escaped(digest_title(messages)), FALLBACK)


def _row(message: Message) -> Block:
    where = f" · {cut(org_of(message), 100)}" if org_of(message) else ""
    due = f" · {due_of(message)}" if due_of(message) else ""
    to_do = f"\n{to_do_of(message)}" if to_do_of(message) else ""
    text = f"{sign_of(message)} {cut(title_of(message), _ROW_TITLE)}\n{word_of(message)}{where}{due}{to_do}"
    row: Block = {"type": "section", "text": _mrkdwn(_cut_markup(_escaped(text), TEXT))}
    return row | {"accessory": _button("Open", message.page)} if _fits(message.page) else row


def _buttons(message: Message) -> list[Block]:
    """Buttons that lead somewhere: they need no permission, and tell nobody that they were pressed."""
    buttons = [_button(name, url) for name, url in links_of(message) if _fits(url)]
    return [{"type": "actions", "elements": buttons}] if buttons else []


def _button(name: str, url: str) -> Block:
    text = {"type": "plain_text", "text": name, "emoji": False}
    return {"type": "button", "text": text, "url": url, "action_id": name.lower().replace(" ", "_")}


def _fits(url: str) -> bool:
    return 0 < len(url) <= _URL


def _last_line(message: Message) -> str:
    parts = [word_of(message), when_of(message)]
    if not message.is_last:
        parts.append(f"`{_escaped(acknowledging(message))}`")
    parts.append(_escaped(sender_of([message])))
    return " · ".join(parts)


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": cut(text, HEADER), "emoji": False}}


def _section(text: str, name: str = "") -> Block:
    heading = f"*{_escaped(name)}*\n" if name else ""
    return {"type": "section", "text": _mrkdwn(_cut_markup(heading + _escaped(text), TEXT))}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_mrkdwn(_cut_markup(text, FIELD))]}


def _field(name: str, value: str) -> Block:
    return _mrkdwn(_cut_markup(f"*{_escaped(name)}*\n{_escaped(cut(value, _VALUE))}", FIELD))


def _mrkdwn(text: str) -> Block:
    # Verbatim: addresses and names with @ or # in front are not made into links.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut_markup(text: str, limit: int) -> str:
    """Cut so that no escape is cut in two."""
    short = cut(text, limit)
    if short == text:
        return text
    start = short.rfind("&")
    return short if start < 0 or ";" in short[start:] else short[:start] + "…"
