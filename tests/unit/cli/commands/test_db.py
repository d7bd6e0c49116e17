"""`rotator db upgrade`, and what commands do where there is no history yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tiers import longer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.outcomes import Command

pytestmark = longer

EMPTY = """
database: sqlite:///rotator.db
orgs:
  production:
    login_url: https://127.0.0.1:1
    login: {client_id: a, username: b, private_key: {env: NOWHERE}}
stores: {}
credentials: {}
"""


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(EMPTY)
    return file


@pytest.mark.parametrize("command", [["status"], ["check"], ["history"], ["history", "verify"], ["alerts", "list"]])
def test_what_only_reads_makes_no_history(rotator: Command, empty: Path, command: list[str]) -> None:
    outcome = rotator("--config", empty, *command)
    assert (outcome.code, outcome.err) == (int(command == ["check"]), "")
    assert [file.name for file in empty.parent.iterdir()] == ["config.yaml"]


def test_a_slip_of_the_pen_is_told_and_mended_or_meant(rotator: Command, empty: Path) -> None:
    first = rotator("--config", empty, "db", "upgrade")
    assert first.err == f"A new history was made: sqlite:///{empty.parent / 'rotator.db'}.\n"
    empty.write_text(EMPTY.replace("rotator.db", "rotatr.db"))
    for command in (["db", "upgrade"], ["pause", "--all", "--reason", "audit"], ["history"]):
        refused = rotator("--config", empty, *command)
        assert refused.code == 1, refused
        assert f"used another before: sqlite:///{empty.parent / 'rotator.db'}." in refused.err
        assert "rotator db upgrade --init" in refused.err
    assert not (empty.parent / "rotatr.db").exists()
    checked = rotator("--config", empty, "check", "--json")
    assert [line["result"] for line in checked.json if line["name"] == "history"] == ["failed"]
    meant = rotator("--config", empty, "db", "upgrade", "--init")
    assert (meant.code, (empty.parent / "rotatr.db").exists()) == (0, True)
    assert rotator("--config", empty, "history").code == 0
