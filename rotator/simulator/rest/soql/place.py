"""Where in a query the mistake is, as Salesforce shows it: the words around it, a mark below, and the column.

How much of the query is shown is taken from what people quote of real answers (jsforce issue 684, restforce issue 632):
whole words, thirty characters or more to each side.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rotator.simulator.rest.soql.tree import QueryError
from rotator.simulator.wire.unsupported import CODE

if TYPE_CHECKING:
    from collections.abc import Iterator

_AROUND: Final = 30
_WORD: Final = re.compile(r"[^\s,]+")


@contextmanager
def placed(at: int) -> Iterator[None]:
    """What is refused of a part of a query is refused there, unless a smaller part inside it was."""
    try:
        yield
    except QueryError as error:
        if error.at is None and error.code != CODE:
            error.at = at
        raise


def shown(query: str, error: QueryError) -> str:
    """The message, behind the place in the query that it is about, where there is one."""
    if error.at is None:
        return error.message
    words = [word.span() for word in _WORD.finditer(query)]
    start = max((begin for begin, _ in words if begin <= error.at - _AROUND), default=0)
    end = min((end for _, end in words if end >= error.at + _AROUND), default=len(query))
    mark = " " * (error.at - start) + "^"
    return f"\n{query[start:end]}\n{mark}\nERROR at Row:1:Column:{error.at + 1}\n{error.message}"
