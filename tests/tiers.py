"""Two tiers of tests: the standard one, which every run tries, and the thorough one, which `make thorough` adds.

`.ci/run` tries both. A test is in the thorough tier alone (`thorough`) where a standard one shows the same of another
store, database or strategy. What is a matter of numbers is in both (`more_in_thorough`, and whatever Hypothesis makes
up examples for): some are enough for every change, and many for what is published.

The inner loop (`make unit`) is a part of the standard tier: it leaves to `make test` what takes a twentieth of a
second of a processor or more (`longer`): whole lives of the service, commands against orgs over HTTPS, processes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

_T = TypeVar("_T")

IS_THOROUGH: Final = os.environ.get("ROTATOR_TIER") == "thorough"
"""As `make thorough` has it. Who names a test for pytest has the standard numbers, unless he sets it too."""

thorough: Final = pytest.mark.thorough
more_in_thorough: Final = pytest.mark.more_in_thorough
longer: Final = pytest.mark.longer


def first_standard(rows: Iterable[Any], number: int = 1) -> list[Any]:
    """Values or rows (tuples) for `pytest.mark.parametrize`: after the first the thorough tier alone tries them."""
    return [
        pytest.param(*(row if isinstance(row, tuple) else (row,)), marks=() if at < number else thorough)
        for at, row in enumerate(rows)
    ]


def of_tier(standard: _T, thorough: _T) -> _T:
    """A number; the tests whose it is are marked `more_in_thorough`, or are Hypothesis's."""
    return thorough if IS_THOROUGH else standard


def standard_first(values: Iterable[_T], standard: Iterable[_T]) -> list[Any]:
    """Values for `pytest.mark.parametrize`: those that are not standard are tried in the thorough tier alone."""
    return rows_standard_first(((value,) for value in values), ((value,) for value in standard))


def rows_standard_first(rows: Iterable[tuple[Any, ...]], standard: Iterable[tuple[Any, ...]]) -> list[Any]:
    """The same for rows, each with a value for each of several names."""
    tried = [*standard]
    return [pytest.param(*row, marks=() if row in tried else thorough) for row in rows]
