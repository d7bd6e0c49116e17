from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.alerts.slack.blocks import (
    Block,
    blocks_of,
    digest_blocks_of,
    digest_fallback_of,
    fallback_of,
    settled_blocks_of,
)
from rotator.core.severity import Severity
from rotator.testing.messages import message, settled
from tests.contract.servers.block_kit import complaints
from tests.tiers import longer, of_tier
from tests.unit.alerts.messages import any_message

if TYPE_CHECKING:
    from rotator.alerts.base import Message

_ENTITY = re.compile(r"&(?:amp|lt|gt);")


def markup(blocks: list[Block]) -> list[str]:
    """Every text that Slack would look for markup in."""
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("type") == "mrkdwn":
                found.append(value["text"])
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(blocks)
    return found


def is_inert(text: str) -> bool:
    """Whether nothing in it is a mention or a link: `<` begins them all, and `&` only what stands for a character."""
    return "<" not in text and ">" not in text and "&" not in _ENTITY.sub("", text)


@longer
@settings(max_examples=of_tier(13, thorough=40))
@given(any_message)
def test_whatever_a_message_holds_slack_takes_it_and_nothing_in_it_mentions_anybody(told: Message) -> None:
    for blocks in (blocks_of(told), settled_blocks_of(told)):
        assert complaints(blocks) == []
        assert all(map(is_inert, markup(blocks)))
        json.dumps(blocks).encode()
    assert is_inert(fallback_of(told))
    assert 0 < len(fallback_of(told)) <= 3000


@longer
@settings(max_examples=of_tier(5, thorough=10))
@given(st.lists(any_message, min_size=1, max_size=60))
def test_whatever_a_digest_holds_slack_takes_it(told: list[Message]) -> None:
    blocks = digest_blocks_of(told)
    assert complaints(blocks) == []
    assert all(map(is_inert, markup(blocks)))
    assert is_inert(digest_fallback_of(told))


@pytest.mark.parametrize("character", ["&", "<", "🔑", "x&"])
@pytest.mark.parametrize("offset", range(5))
def test_a_text_that_is_cut_is_cut_between_characters(character: str, offset: int) -> None:
    text = "x" * offset + character * 4000
    blocks = blocks_of(message(title=text, text=text, facts={text: text}))
    assert complaints(blocks) == []
    assert all(map(is_inert, markup(blocks)))


def test_a_message_shows_title_text_facts_and_how_to_acknowledge_it() -> None:
    told = json.dumps(blocks_of(message()), ensure_ascii=False)
    for part in (
        "🟠 The certificate of App1",
        "Upload a new certificate",
        "19" * 32,
        "rotator alerts ack 20261123-",
    ):
        assert part in told


def test_the_end_of_an_alert_shows_the_facts_that_it_had_and_nothing_to_acknowledge() -> None:
    told = json.dumps(settled_blocks_of(settled()), ensure_ascii=False)
    for part in ("✅ Settled", "Replaced by 07c3, which is valid until 2027-11-23.", "19" * 32):
        assert part in told
    assert "alerts ack" not in told


def test_a_digest_says_how_many_more_there_are_than_it_shows() -> None:
    told = json.dumps(digest_blocks_of([message() for _ in range(60)]))
    assert "And 12 more." in told


@pytest.mark.parametrize(("severity", "sign"), [("info", "🔵"), ("warning", "🟠"), ("critical", "🔴")])
def test_how_much_it_matters_is_said_by_a_sign_and_in_words(severity: str, sign: str) -> None:
    told = json.dumps(blocks_of(message(about={"severity": Severity(severity)})), ensure_ascii=False)
    assert sign in told
    assert {"info": "For information", "warning": "Warning", "critical": "Critical"}[severity] in told


def test_a_name_in_markup_is_shown_as_it_is() -> None:
    (field, *_) = blocks_of(message(facts={"Org": "<!channel> & co"}))[2]["fields"]
    assert field["text"] == "*Org*\n&lt;!channel&gt; &amp; co"
    assert field["verbatim"] is True


def test_a_message_has_buttons_to_its_page_to_how_to_acknowledge_and_to_the_runbook() -> None:
    page, runbook = "https://rotator.example.com/alerts/1", "https://wiki.example.com/expiry"
    *_, actions = blocks_of(message(page=page, runbook=runbook))
    assert complaints([actions]) == []
    assert {button["text"]["text"]: button["url"] for button in actions["elements"]} == {
        "Open": page,
        "How to acknowledge": f"{page}#acknowledge",
        "Runbook": runbook,
    }
    assert all(block["type"] != "actions" for block in blocks_of(message()))


def test_a_digest_says_for_each_line_what_to_do_and_where_to_look() -> None:
    told = [message(number, to_do=f"Replace App{number}.", page=f"https://r/alerts/{number}") for number in (1, 2)]
    rows = digest_blocks_of(told)[1:-1]
    assert complaints(rows) == []
    for number, row in enumerate(rows, 1):
        assert row["text"]["text"].endswith(f"\nReplace App{number}.")
        assert row["accessory"]["url"] == f"https://r/alerts/{number}"
