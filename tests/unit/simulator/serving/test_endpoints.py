"""What is asked of an org's API in too many characters is refused before anybody looks at it."""

# ruff: noqa: S608 - the queries go to the simulated org

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.simulator.serving.endpoints import understand
from rotator.simulator.wire.request import Request
from tests.unit.simulator.helpers import session_of

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org

PATH = "/services/data/v66.0/query"


def ask(org: Org, query: str, *, cookie: str = "") -> tuple[int, str]:
    headers = {"authorization": f"Bearer {session_of(org)}", "cookie": cookie}
    answer = understand(org, Request("GET", PATH, {"q": query}, headers)).perform(None)
    return answer.status, answer.body.decode()


@pytest.mark.parametrize(
    ("letters", "cookie", "status"),
    [(16_000, "", 200), (16_500, "", 414), (16_000, "x" * 400, 431), (100, "x" * 16_384, 431)],
)
def test_address_and_headers_have_a_length_that_they_may_have_at_the_most(
    org: Org, letters: int, cookie: str, status: int
) -> None:
    given, page = ask(org, f"SELECT Id FROM User WHERE Username = '{'a' * (letters - 100)}'", cookie=cookie)
    assert given == status
    if status == 414:
        assert page == "<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>"


def test_what_takes_three_characters_in_an_address_counts_as_three(org: Org) -> None:
    assert ask(org, f"SELECT Id FROM User WHERE Username = '{',' * 5_500}'")[0] == 414
