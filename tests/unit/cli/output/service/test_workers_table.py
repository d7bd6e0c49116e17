"""The machines as people see them, on terminals of any width."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.cli.output.service import workers_table
from rotator.cli.output.service.workers_table import MOST_JOBS, fleet_as_json, print_fleet
from rotator.cli.output.streams.terminal import Terminal
from rotator.core.machines.fleet import Fleet
from tests.unit import fleets

if TYPE_CHECKING:
    from collections.abc import Callable

NOW: Final = datetime(2026, 11, 26, 22, 0, tzinfo=UTC)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[Fleet, int], str]:
    """What is printed on a terminal of that width."""

    def at_width(fleet: Fleet, width: int) -> str:
        monkeypatch.setattr(workers_table, "console", lambda: Terminal(file=None, width=width, quiet=False))
        print_fleet(fleet)
        return capsys.readouterr().out

    return at_width


def test_it_says_who_leads_who_works_at_what_since_when_and_where_the_queue_stands(shown: Any) -> None:
    text = shown(fleets.well(NOW), 120)
    assert text.startswith("The leader is process 811 on crm-1, since 2026-11-26 17:01:00 UTC.")
    lines = [line.split() for line in text.splitlines()]
    assert ["crm-1", "811", "✓", "alive", "leader", "leads", "0", "now", "5", "hours", "ago", "0.2.0"] in lines
    assert ["crm-3", "977", "✓", "alive", "worker", "-", "2", "now", "12", "minutes", "ago", "0.2.0"] in lines
    assert ["rotate", "billing", "4", "minutes", "crm-2", "1240"] in lines
    assert ["inventory", "3", "2", "10", "seconds", "ago", "2", "10", "hours", "ago"] in lines
    assert "Warning" not in text


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_narrow_terminal_has_no_line_too_many_and_no_name_broken_in_two(shown: Any, width: int) -> None:
    tables = [line for line in shown(fleets.well(NOW), width).splitlines() if not line.startswith("The leader")]
    assert max(map(len, tables)) <= width
    for name in ("crm-1", "crm-2", "crm-3", "production", "inventory"):
        assert any(name in line for line in tables)


def test_what_keeps_jobs_from_being_done_is_said_once_with_what_to_do(shown: Any) -> None:
    text = " ".join(shown(fleets.in_trouble(NOW), 120).split())
    assert "Warning: No machine carries out jobs; 7 jobs wait. Start `rotator run` with `--role both`, or" in text
    assert text.count("Warning") == 1
    assert "✗ silent" in text


def test_a_clock_that_is_wrong_is_said_beside_all_else(shown: Any) -> None:
    right = fleets.well(NOW)
    leader, *others = right.machines
    wrong = replace(right, machines=(replace(leader, clock_off=-12 * fleets.MINUTE), *others))
    text = " ".join(shown(wrong, 120).split())
    assert "Warning: The clock of the machine crm-1 is 12 minutes behind the database's." in text
    assert [each["clock_off"] for each in fleet_as_json(wrong)["machines"]] == [-720, None, None]


def test_of_very_many_jobs_those_are_shown_that_have_run_for_longest(shown: Any) -> None:
    one = fleets.machine_of("crm-1", 1, NOW, leads=True)
    jobs = tuple(
        fleets.job_of("look", f"org-{number}", one, NOW - (99 - number) * fleets.SECOND) for number in range(99)
    )
    text = shown(Fleet(at=NOW, machines=(one,), jobs=jobs, leader=fleets.holder_of(one, NOW)), 120)
    assert f"org-{MOST_JOBS - 1} " in text
    assert f"org-{MOST_JOBS} " not in text
    assert f"{99 - MOST_JOBS} more have begun later; --json shows all." in text


def test_a_database_that_no_machine_has_worked_on_is_shown(shown: Any) -> None:
    text = " ".join(shown(Fleet(at=NOW), 80).split())
    assert text.startswith("No machine leads. Warning: No machine is at work. Start `rotator run`.")


def test_programs_get_all_of_it() -> None:
    found = fleet_as_json(fleets.well(NOW))
    assert set(found) == {"history", "at", "leader", "machines", "queue", "troubles"}
    since = NOW - 299 * fleets.MINUTE
    assert found["leader"] == {"pid": 811, "host": "crm-1", "since": since, "machine": "crm-1-811"}
    assert set(found["machines"][1]) == {
        "id", "host", "pid", "role", "release", "state", "leads", "gone", "started_at", "seen_at", "clock_off",
        "concurrency", "jobs",
    }  # fmt: skip
    assert found["machines"][1]["concurrency"] == {"inventory": 32, "rotate": 2}
    assert [job["name"] for job in found["machines"][1]["jobs"]] == ["billing", "production"]
    assert set(found["queue"][0]) == {
        "kind", "waiting", "running", "oldest_asked_at", "waiting_since", "stalled", "stalls", "last_stall_at",
    }  # fmt: skip
    troubles = fleet_as_json(fleets.in_trouble(NOW))["troubles"]
    assert [each["trouble"] for each in troubles] == ["no worker"]
    assert set(troubles[0]) == {"trouble", "what", "hint"}
