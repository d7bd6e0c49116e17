"""Many things, a few at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_T = TypeVar("_T")


def portions(values: Sequence[_T], at_once: int) -> Iterator[Sequence[_T]]:
    """The values in their order, at most `at_once` of them together."""
    return (values[start : start + at_once] for start in range(0, len(values), at_once))
