"""Words in config.yaml are one line: they stand in requests, certificates, tables and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.config.settings import Settings

USERNAME = "username: rotator@example.com.uat"
SAID = "must be one line, without control characters"


@pytest.mark.parametrize("between", ["\\n", "\\t"])
@pytest.mark.parametrize(
    ("key", "place"),
    [("username", "username"), ("owner", "owner"), ("subject: {organization", "subject.organization")],
)
def test_words_of_several_lines_are_refused(refusal: Callable[..., str], key: str, place: str, between: str) -> None:
    end = "}" if "{" in key else ""
    value = f'{key}: "ada{between}eve"{end}'
    new = value if key == "username" else f"{USERNAME}\n    {value}"
    assert f"{place}: {SAID}" in refusal({USERNAME: new})


def test_a_line_break_at_the_end_and_other_alphabets_are_no_mistake(settings: Callable[..., Settings]) -> None:
    read = settings({USERNAME: 'username: "ada@example.com.uat\\n"\n    owner: "Größe ☂ 数"'})
    [mine] = [each for each in read.credentials.values() if each.owner]
    assert (mine.username, mine.owner) == ("ada@example.com.uat", "Größe ☂ 数")
