"""Long lists come in pages, whatever number is asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.web.search import LINES, Search, number_of, page_of


@given(st.integers(0, 5 * LINES), st.integers(1, 10))
def test_a_page_says_which_of_all_lines_it_holds(length: int, number: int) -> None:
    found = page_of(range(length), number)
    assert found.total == length
    assert 1 <= found.number <= found.pages
    assert list(found.lines) == list(range(found.first - 1, found.last) if length else [])


@given(st.integers(0, 5 * LINES))
def test_all_pages_together_are_the_list(length: int) -> None:
    lines = range(length)
    pages = [page_of(lines, number + 1) for number in range(page_of(lines, 1).pages)]
    assert [line for page in pages for line in page.lines] == list(lines)


@pytest.mark.parametrize("text", ["", "0", "-3", "x", "1e3", "9" * 50, "²", "٣"])
def test_what_is_no_number_is_the_first_page(text: str) -> None:
    assert number_of(text) == 1


@pytest.mark.parametrize(
    ("query", "state", "urgency"),
    [
        ({"state": "soon"}, "due", ""),
        ({"state": "critical"}, "", "critical"),
        ({"state": "warning", "urgency": "critical"}, "", "warning"),
        ({"state": "due", "urgency": "critical"}, "due", "critical"),
    ],
)
def test_an_address_of_the_release_before_finds_what_it_found(query: dict[str, str], state: str, urgency: str) -> None:
    search = Search.of(query)
    assert (search.state, search.urgency) == (state, urgency)


def test_a_number_is_that_page() -> None:
    assert number_of("12") == 12
