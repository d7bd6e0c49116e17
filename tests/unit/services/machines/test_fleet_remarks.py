"""What is said of machines, and what people are told of them: who leads, who works, what waits, and what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.core.machines.fleet import Fleet, QueueLine, UnknownJobs
from rotator.errors import HistoryError, HistoryUnavailable
from rotator.services.machines import fleet_reader
from rotator.services.machines.fleet_reader import MachinesShown, fleet_of, shown_machines
from rotator.services.machines.fleet_remarks import remarks_on, who_leads, who_works
from rotator.services.machines.machine_alerts import alerts_of, machine_gone
from rotator.testing.versions import MOMENT
from tests.unit import fleets

if TYPE_CHECKING:
    from rotator.core.alert import NewAlert
    from rotator.history.engine.database import Database

NOBODY: Any = None
BEGAN = fleets.MINUTE * 10


def with_waiting(fleet: Fleet, number: int) -> Fleet:
    """One whose looks wait, and nothing else does."""
    line = QueueLine(kind="look", waiting=number, oldest_asked_at=fleet.at - BEGAN, waiting_since=fleet.at - BEGAN)
    return replace(fleet, queue=(line,), jobs=fleet.jobs[:number])


def said(fleet: Fleet) -> list[str]:
    return [each.what for each in remarks_on(fleet)]


def told(fleet: Fleet) -> dict[str, NewAlert]:
    return {each.key: each for each in alerts_of(fleet, {})}


def test_the_summary_says_who_leads_and_how_many_work_wait_and_are_silent() -> None:
    fleet = fleets.well(MOMENT)
    led = "The leader is process 811 on crm-1, since 2026-01-15 07:01:00 UTC."
    assert MachinesShown(fleet).summary == (f"{led} 2 machines carry out jobs; 4 jobs are at work and 3 jobs wait.")
    assert MachinesShown(None, "The role may not read them.").summary == "The role may not read them."
    two, one = fleet.machines[1], replace(fleet.machines[2], seen_at=MOMENT - fleets.MINUTE)
    one_works = with_waiting(replace(fleet, machines=(two, one)), 1)
    assert who_works(one_works) == (
        "1 machine carries out jobs, 1 machine is silent; 1 job is at work and 1 job waits."
    )
    silent = replace(one_works, machines=(replace(two, seen_at=one.seen_at), one))
    assert who_works(silent).startswith("No machine carries out jobs, 2 machines are silent;")


def test_a_leader_that_says_nothing_of_itself_is_named_by_its_lock() -> None:
    fleet = fleets.well(MOMENT)
    unknown = replace(fleet, machines=fleet.machines[1:])
    assert who_leads(unknown).startswith("The leader is process 811 on crm-1, since 2026-01-15 07:01:00 UTC; it says")
    assert who_leads(replace(fleet, leader=None)) == "No machine leads."


@pytest.mark.parametrize(
    ("waiting", "what"),
    [
        (0, "No machine carries out jobs."),
        (1, "No machine carries out jobs; 1 job waits."),
        (7, "No machine carries out jobs; 7 jobs wait."),
    ],
)
def test_that_nobody_works_is_said_with_what_waits(waiting: int, what: str) -> None:
    fleet = with_waiting(fleets.in_trouble(MOMENT), waiting)
    assert said(fleet) == [what]
    alert = told(fleet)["queue:workers"]
    assert (alert.title, alert.text) == ("No machine carries out jobs", what)
    assert "nothing is rotated" in alert.meanwhile
    assert "`--role both`" in alert.to_do


@pytest.mark.parametrize(("waiting", "wait"), [(1, "waits"), (7, "wait")])
def test_that_nobody_begins_a_kind_is_said_with_since_when(waiting: int, wait: str) -> None:
    fleet = with_waiting(fleets.stalled(MOMENT), waiting)
    jobs, since = "job" if waiting == 1 else "jobs", "2026-01-15 11:50:00 UTC"
    assert said(fleet) == [f"{waiting} {jobs} of the kind inventory {wait} since {since}, and no machine begins one."]
    alert = told(fleet)["queue:inventory"]
    assert alert.text == f"{waiting} {jobs} {wait}, the first since {since}, and none is at work."
    assert alert.facts == {"Kind": "inventory", "Waiting since": since}
    assert "2 machines carry out jobs of other kinds" in alert.meanwhile
    assert "`rotator workers`" in alert.to_do
    alone = replace(fleet, machines=fleet.machines[:1])
    assert "1 machine carries out jobs of other kinds" in told(alone)["queue:inventory"].meanwhile


@pytest.mark.parametrize(
    ("others", "goes_on"),
    [
        (0, "Nobody else carries out its jobs."),
        (1, "Its jobs were asked for anew, and 1 other machine carries them out."),
        (2, "Its jobs were asked for anew, and 2 other machines carry them out."),
    ],
)
def test_of_a_machine_that_is_gone_people_hear_who_does_its_jobs(others: int, goes_on: str) -> None:
    fleet = fleets.stalled(MOMENT)
    gone = fleet.machines[-1]
    alert = machine_gone(gone, replace(fleet, machines=(*fleet.machines[:others], gone)))
    assert alert.meanwhile == goes_on
    assert alert.to_do.startswith("Find out whether it is on")
    assert alert.facts == {"Machine": "crm-3", "Role": "both", "Last heard of": "2026-01-15 11:49:00 UTC"}
    holds = machine_gone(gone, fleet, ["billing"])
    assert "Find out whether it is on" in holds.to_do


def test_of_another_configuration_people_hear_of_which_job_and_what_to_do() -> None:
    fleet = fleets.well(MOMENT)
    job = UnknownJobs(machine="crm-2-1240", kind="maintenance", name="", times=3)
    alert = told(replace(fleet, unknown=(job,)))["machine:crm-2 configuration"]
    assert alert.facts == {"Machine": "crm-2", "Job": "maintenance"}
    assert "until a machine takes them that has it" in alert.meanwhile
    assert "`systemctl reload rotator`" in alert.to_do


def test_of_a_wrong_clock_people_hear_by_how_much_and_what_comes_of_it() -> None:
    fleet = fleets.well(MOMENT)
    behind = replace(fleet.machines[1], clock_off=-timedelta(minutes=12))
    alert = told(replace(fleet, machines=(behind,)))["machine:crm-2 clock"]
    assert alert.facts == {"Machine": "crm-2", "Wrong by": "12 minutes"}
    assert "orgs refuse its logins" in alert.meanwhile


class TestShown:
    """What surfaces are shown of the machines."""

    @pytest.mark.parametrize("fleet", [None, fleets.well(MOMENT)])
    def test_they_are_shown_where_there_can_be_any(self, monkeypatch: pytest.MonkeyPatch, fleet: Fleet | None) -> None:
        asked: list[object] = []

        def reads(*args: object) -> Fleet | None:
            asked.extend(args)
            return fleet

        monkeypatch.setattr(fleet_reader, "fleet_of", reads)
        assert shown_machines(cast("Any", "the database"), cast("Any", "its transaction")) == (
            MachinesShown(fleet) if fleet else None
        )
        assert asked == ["the database", "its transaction"]

    def test_where_the_role_may_not_read_them_that_is_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuses(*_: object) -> Fleet | None:
            raise HistoryError("The role may not read the schema.", hint="Let it.")

        monkeypatch.setattr(fleet_reader, "fleet_of", refuses)
        shown = shown_machines(NOBODY)
        assert shown
        assert (shown.summary, shown.remarks) == ("The role may not read the schema. Let it.", ())

    def test_a_history_that_is_away_is_no_missing_right(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def is_away(*_: object) -> Fleet | None:
            raise HistoryUnavailable("It is away.", hint="Wait.")

        monkeypatch.setattr(fleet_reader, "fleet_of", is_away)
        with pytest.raises(HistoryUnavailable):
            shown_machines(NOBODY)

    def test_what_keeps_jobs_from_being_done_is_shown(self) -> None:
        fleet = fleets.in_trouble(MOMENT)
        assert MachinesShown(fleet).remarks == remarks_on(fleet) != ()

    def test_over_a_file_there_are_none(self, database: Database) -> None:
        assert fleet_of(database) is None
        assert shown_machines(database) is None
