"""Whether blocks are what Slack takes (docs.slack.dev, "Blocks" and "Text object"): fields, kinds and lengths."""

from __future__ import annotations

from typing import Any, Final

MOST_BLOCKS: Final = 50
_FIELDS: Final = {
    "header": {"type", "text", "block_id"},
    "section": {"type", "text", "fields", "accessory", "expand", "block_id"},
    "context": {"type", "elements", "block_id"},
    "divider": {"type", "block_id"},
    "actions": {"type", "elements", "block_id"},
}
_TEXT_FIELDS: Final = {"plain_text": {"type", "text", "emoji"}, "mrkdwn": {"type", "text", "verbatim"}}


def complaints(blocks: Any) -> list[str]:
    """What Slack would refuse about them."""
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= MOST_BLOCKS:
        return ["1 to 50 blocks are expected"]
    return [complaint for block in blocks for complaint in _of_block(block)]


def _of_block(block: Any) -> list[str]:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in _FIELDS:
        return [f"there is no block {kind!r}"]
    unknown = [f"{kind} has no field {name!r}" for name in block.keys() - _FIELDS[kind]]
    if kind == "header":
        return unknown + _of_text(block.get("text"), 150, {"plain_text"})
    if kind == "section":
        return unknown + _of_section(block)
    if kind == "actions":
        return unknown + _of_buttons(block.get("elements"))
    if kind == "context":
        return unknown + _of_many(block.get("elements"), 10, 3000)
    return unknown


def _of_buttons(buttons: Any) -> list[str]:
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 25:
        return ["1 to 25 buttons are expected"]
    names = {button.get("action_id") for button in buttons}
    found = [] if len(names) == len(buttons) else ["an action_id stands once in a block"]
    return found + [complaint for button in buttons for complaint in _of_button(button)]


def _of_button(button: dict[str, Any]) -> list[str]:
    found = [
        f"a button has no field {name!r}" for name in button.keys() - {"type", "text", "url", "action_id", "style"}
    ]
    if button.get("type") != "button" or not 1 <= len(button.get("action_id", "")) <= 255:
        found.append("a button with an action_id is expected")
    if not str(button.get("url", "")).startswith(("http://", "https://")) or len(button["url"]) > 3000:
        found.append("a button's url is an address of at most 3000 characters")
    return found + _of_text(button.get("text"), 75, {"plain_text"})


def _of_section(block: dict[str, Any]) -> list[str]:
    if "text" not in block and "fields" not in block:
        return ["a section has text or fields"]
    found = _of_text(block["text"], 3000, {"plain_text", "mrkdwn"}) if "text" in block else []
    found += _of_button(block["accessory"]) if "accessory" in block else []
    return found + (_of_many(block["fields"], 10, 2000) if "fields" in block else [])


def _of_many(texts: Any, most: int, longest: int) -> list[str]:
    if not isinstance(texts, list) or not 1 <= len(texts) <= most:
        return [f"1 to {most} texts are expected"]
    return [complaint for text in texts for complaint in _of_text(text, longest, {"plain_text", "mrkdwn"})]


def _of_text(text: Any, longest: int, kinds: set[str]) -> list[str]:
    if not isinstance(text, dict) or text.get("type") not in kinds:
        return [f"a text of {kinds} is expected"]
    words = text.get("text")
    found = [f"a text has no field {name!r}" for name in text.keys() - _TEXT_FIELDS[text["type"]]]
    # However Slack counts: characters, or UTF-16 as its web client does.
    if not isinstance(words, str) or not words or len(words.encode("utf-16-le")) // 2 > longest:
        found.append(f"a text has 1 to {longest} characters")
    return found
