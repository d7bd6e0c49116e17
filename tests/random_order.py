"""Runs the tests in another order: `pytest -p tests.random_order tests/unit`; ROTATOR_ORDER names one that was run.

Modules in any order, and in each its tests: they stay together, as the fixtures that a module has for all of its tests
would be made anew otherwise.
"""

from __future__ import annotations

import os
import secrets
from random import Random
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ORDER: Final = os.environ.setdefault("ROTATOR_ORDER", str(secrets.randbelow(10_000)))
"""In the environment, so that all processes of one run have the same."""


def pytest_report_header() -> str:
    """Says by what the order can be had again."""
    return f"random order: ROTATOR_ORDER={ORDER}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """After everything else that has an opinion on the order."""
    random = Random(ORDER)
    modules: dict[Path, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.path, []).append(item)
    shuffled = list(modules.values())
    random.shuffle(shuffled)
    for tests in shuffled:
        random.shuffle(tests)
    items[:] = [item for tests in shuffled for item in tests]
