"""What docs/operations.md has scripts do with `rotator status --json`: only what cannot refuse consumers once more."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from rotator.cli.output.status_table import as_json
from rotator.core import words
from tests.contract.surfaces.asking import Surfaces
from tests.contract.surfaces.gone import rotated
from tests.contract.surfaces.lives import (
    DAY,
    ONE,
    PAIR,
    crashed,
    expired,
    grown_old,
    halted_after_the_upload,
    halted_again,
    halted_and_mended,
    needs_a_person,
    passes,
    reverted,
    runs,
)
from tests.tiers import thorough
from tests.unit.services.cycle_bench import cycle_bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.history.engine.database import Database
    from tests.unit.services.cycle_bench import CycleBench

OPERATIONS: Final = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
RECIPE: Final = re.compile(r"jq -r '(?P<filter>[^']+)' status\.json \|\n\s+xargs -r (?P<command>rotate \w+)")
RECIPES: Final = {found["command"]: found["filter"] for found in RECIPE.finditer(OPERATIONS)}

pytestmark = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not there")


def reverted_weeks_ago(one: CycleBench) -> None:
    """It is due for a long time, and the answer to the next try would be the same."""
    reverted(one)
    passes(one, 15)


@pytest.mark.parametrize(
    ("live", "apps", "command"),
    [
        (partial(grown_old, days=20), ONE, "rotate now"),
        pytest.param(expired, ONE, "rotate now", marks=thorough),
        (rotated, ONE, "rotate finish"),
        pytest.param(partial(crashed, event="upload"), ONE, "rotate finish", marks=thorough),
        pytest.param(partial(crashed, event="upload"), PAIR, "rotate finish", marks=thorough),
        (runs, ONE, None),
        pytest.param(reverted, ONE, None, marks=thorough),
        pytest.param(reverted_weeks_ago, ONE, None, marks=thorough),
        (reverted, PAIR, "rotate now"),
        (halted_after_the_upload, ONE, None),
        pytest.param(halted_after_the_upload, PAIR, None, marks=thorough),
        pytest.param(halted_again, ONE, None, marks=thorough),
        (partial(halted_and_mended, proven=False), ONE, None),
        (partial(halted_and_mended, proven=True), ONE, "rotate now"),
        pytest.param(needs_a_person, ONE, None, marks=thorough),
    ],
)
def test_a_script_goes_on_with_what_can_end_well_and_leaves_the_rest_to_people(
    empty_history: Callable[[], Database], live: Callable[[CycleBench], None], apps: str, command: str | None
) -> None:
    one = cycle_bench(empty_history(), apps=apps)
    with one.at_end:
        live(one)
        one.bench.time += DAY / 24
        surfaces = Surfaces(one)
        surfaces.look()
        document = json.dumps([as_json(surfaces.status(), surfaces.now)], default=words.timestamp)
    chosen = [
        name
        for name, picks in RECIPES.items()
        if subprocess.run(["jq", "-r", picks], input=document, capture_output=True, text=True, check=True).stdout
    ]
    assert set(RECIPES) == {"rotate now", "rotate finish"}
    assert chosen == ([command] if command else [])
