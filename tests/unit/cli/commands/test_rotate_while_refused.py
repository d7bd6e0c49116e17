"""`rotate` that cannot even begin says that consumers are refused, if an earlier run has left them so."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from rotator.application import Application
from rotator.errors import OrgUnavailable
from rotator.history.engine.database import open_database
from rotator.history.journal.journal import Journal
from tests.unit.configurations import with_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.cli.outcomes import Command

SINCE = datetime(2026, 11, 26, 1, 28, tzinfo=UTC)
CONFIG = with_credentials("billing")


def no_login(*_: object, **__: object) -> None:
    raise OrgUnavailable("The org is down.", effect="Nothing was changed.", rerun="Run it again.")


@pytest.fixture(autouse=True)
def journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, migrated_file: Path) -> Iterator[Journal]:
    monkeypatch.setattr(Application, "rotation_service", no_login)
    (tmp_path / "config.yaml").write_text(CONFIG)
    monkeypatch.setenv("ROTATOR_CONFIG", str(tmp_path / "config.yaml"))
    shutil.copy(migrated_file, tmp_path / "rotator.db")
    with open_database(f"sqlite:///{tmp_path}/rotator.db") as database:
        yield Journal(database)


@pytest.mark.parametrize("state", ["confirmed", "ended"])
def test_it_says_since_when_for_people_and_for_programs(rotator: Command, journal: Journal, state: str) -> None:
    for kind, details in (("upload_begins", {"opens_gap": True}), ("gap", {"state": state})):
        journal.record(kind, now=SINCE, credential="billing", **details)
    said = rotator("rotate", "now", "billing")
    assert said.code == 3
    assert ("are refused since 2026-11-26 01:28 UTC" in said.err) == (state == "confirmed")
    (end,) = json.loads(rotator("rotate", "now", "billing", "--json").out)
    assert (end["refused_since"] is not None) == (state == "confirmed")
