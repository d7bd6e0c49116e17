"""Few combinations of many values in which each value of one choice meets each of every other."""

from __future__ import annotations

from itertools import combinations, product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def all_pairs(choices: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Combinations of all choices, so that each pair of values of two choices is in one of them at least."""
    names = [*choices]
    missing = {
        (one, a, other, b)
        for one, other in combinations(names, 2)
        for a, b in product(range(len(choices[one])), range(len(choices[other])))
    }
    rows: list[dict[str, int]] = []
    while missing:
        one, a, other, b = min(missing)
        row = {one: a, other: b}
        for name in names:
            if name not in row:
                row[name] = max(range(len(choices[name])), key=lambda value: _new(missing, row, name, value))
        missing -= _pairs(row, names)
        rows.append(row)
    return [{name: choices[name][value] for name, value in row.items()} for row in rows]


def _new(missing: set[tuple[str, int, str, int]], row: Mapping[str, int], name: str, value: int) -> int:
    """How many missing pairs a value would bring into a row."""
    pairs = (((each, row[each], name, value), (name, value, each, row[each])) for each in row)
    return sum(one in missing or other in missing for one, other in pairs)


def _pairs(row: Mapping[str, int], names: Sequence[str]) -> set[tuple[str, int, str, int]]:
    return {(one, row[one], other, row[other]) for one, other in combinations(names, 2)}
