"""Calls that are made ahead give what they give one after the other, and no more of them are made."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.errors import OrgError
from rotator.salesforce.inventory.org_inventory import inventory
from rotator.salesforce.inventory.read_ahead import Call, ReadAhead, query_call
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.salesforce.inventory.org_inventory import Inventory
    from rotator.salesforce.session import OrgSession
    from rotator.simulator.org.org import Org

pytestmark = longer


def nothing(_org: Org) -> None:
    """An org that has apps only."""


def everything(org: Org) -> None:
    for number in range(23):
        org.add_app(f"App_{number:02}")
        org.add_external_app(f"Payroll_{number:02}")
    certificate = org.app("Billing").live_certificate
    assert certificate
    org.add_identity_provider("Login", certificate)
    org.add_certificate("Signing", datetime(2027, 3, 1, 12, tzinfo=UTC))


def something_damaged(org: Org) -> None:
    everything(org)
    for name in ("App_03", "App_17"):
        org.app(name).component["oauthConfig"]["certificate"] = "bm90aGluZw=="


def in_order(found: Inventory) -> Any:
    return found.entries, [(each.kind, each.app, str(each.error)) for each in found.unread], found.joined


@pytest.mark.parametrize("holds", [nothing, everything, something_damaged])
def test_an_org_that_is_read_ahead_shows_the_same_for_the_same_calls(
    production: Org, open_session: Callable[..., OrgSession], holds: Callable[[Org], None]
) -> None:
    holds(production)
    session = open_session(production)
    session.ensure_open()
    shown, calls = [], []
    for at_once in (1, 4):
        production.calls.clear()
        shown.append(in_order(inventory(session, at_once=at_once)))
        calls.append(dict(production.calls))
    assert shown[0] == shown[1]
    assert calls[0] == calls[1]


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_no_more_is_asked_ahead_than_is_allowed(at_once: int) -> None:
    lock, begun = threading.Lock(), list[str]()

    def query(text: str) -> str:
        with lock:
            begun.append(text)
        if text == "3":
            raise OrgError("It says no.")
        return f"answer to {text}"

    ahead = ReadAhead(cast("Any", SimpleNamespace(query=query)), at_once)
    ahead.expect(query_call(str(number)) for number in range(9))
    for number in range(9):
        with lock:
            assert len(begun) <= number + (at_once if at_once > 1 else 0)
        if number == 3:
            with pytest.raises(OrgError, match="It says no"):
                ahead.query("3")
        else:
            assert ahead.query(str(number)) == cast("Any", f"answer to {number}")
    assert sorted(begun) == [str(number) for number in range(9)]


def test_what_nobody_expected_is_asked_when_it_is_needed_and_what_was_expected_only_once() -> None:
    asked: list[Call] = []

    def query(text: str) -> str:
        asked.append(query_call(text))
        return text

    ahead = ReadAhead(cast("Any", SimpleNamespace(query=query)), 2)
    ahead.expect(map(query_call, "abcd"))
    assert [ahead.query(each) for each in "xdabc"] == cast("Any", [*"xdabc"])
    assert sorted(asked) == [query_call(each) for each in "abcdx"]
