from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"


def test_the_pictures_of_alerts_are_there_and_small() -> None:
    named = re.findall(r"\]\((images/alert-[a-z-]+\.png)\)", (DOCS / "alerts.md").read_text())
    assert {f"images/{file.name}" for file in DOCS.glob("images/alert-*.png")} == set(named)
    assert all((DOCS / name).stat().st_size < 150_000 for name in named)
