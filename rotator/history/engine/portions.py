"""Values for an IN, as many at once as a statement may carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")

AT_ONCE: Final = 500
"""Databases limit how many values a statement may carry."""


def portions(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in their order, at most AT_ONCE of them together."""
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))
