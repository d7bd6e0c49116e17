"""`rotator workers`; over Postgres tests/contract/queue/test_machines_seen.py has real rows."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest

from rotator.history.engine.database import open_database
from rotator.services.machines import fleet_reader
from rotator.services.schedule.jobs import LEADER_LOCK
from tests.tiers import longer
from tests.unit import fleets

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.outcomes import Command

NOW: Final = datetime(2026, 11, 26, 22, 0, tzinfo=UTC)


@longer
def test_over_sqlite_it_says_in_a_sentence_that_there_is_no_queue(rotator: Command, config: Path) -> None:
    said = rotator("--config", config, "workers")
    assert (said.code, said.err) == (0, "")
    text = " ".join(said.out.split())
    assert text == "The history is in SQLite: one `rotator run` does everything, and there is no queue. None works now."
    shown = rotator("--config", config, "workers", "--json")
    assert (shown.code, shown.json["history"], shown.json["leader"]) == (0, "sqlite", None)
    assert (shown.json["machines"], shown.json["queue"], shown.json["troubles"]) == ([], [], [])


def test_over_sqlite_it_says_who_works(rotator: Command, config: Path) -> None:
    with ExitStack() as stack:
        history = stack.enter_context(open_database(f"sqlite:///{config.parent / 'rotator.db'}"))
        stack.enter_context(history.upgrade().rotation_locks(lambda: NOW).hold(LEADER_LOCK))
        assert "since 2026-11-26 22:00:00 UTC, works now." in " ".join(
            rotator("--config", config, "workers").out.split()
        )
        assert rotator("--config", config, "workers", "--json").json["leader"]["since"] == "2026-11-26T22:00:00Z"


@pytest.mark.parametrize(("furnish", "code"), [(fleets.well, 0), (fleets.in_trouble, 1)])
def test_it_ends_with_one_where_jobs_are_not_done(
    rotator: Command, config: Path, monkeypatch: pytest.MonkeyPatch, furnish: fleets.Furnish, code: int
) -> None:
    monkeypatch.setattr(fleet_reader, "fleet_of", lambda _: furnish(NOW))
    for options in ([], ["--json"]):
        said = rotator("--config", config, "workers", *options)
        assert (said.code, said.err) == (code, "")
