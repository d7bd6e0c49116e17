from dataclasses import replace
from datetime import UTC, datetime, timedelta

import click
import pytest

from rotator.cli.commands.rotate import adopt, enroll, rotate
from rotator.cli.output.endings import failure_as_json, print_report, report_as_json
from rotator.core.credentials import Fingerprint
from rotator.core.decision.policies import Strategy
from rotator.errors import OrgUnavailable
from rotator.services.rotation.gap import MeasuredGap
from rotator.services.rotation.report import Outcome, Report, Step

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
OLD, NEW = Fingerprint("ab" * 32), Fingerprint("cd" * 32)
ROTATED = Report(
    credential="billing",
    strategy=Strategy.IN_PLACE,
    outcome=Outcome.ROTATED,
    why="what is wanted is so",
    rotation_id="20261123-100000-abcdefgh",
    old_fingerprint=OLD,
    new_fingerprint=NEW,
    gap=MeasuredGap(NOW - timedelta(seconds=7), NOW, timedelta(seconds=7)),
    steps=(Step("generate", 0.06), Step("verify", 7.0, 4)),
    again_at=NOW + timedelta(days=7),
)


def told(report: Report, capsys: pytest.CaptureFixture[str]) -> str:
    print_report(report, NOW)
    return capsys.readouterr().out


def test_a_rotation_that_ended_well_is_told_with_its_gap_and_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(ROTATED, capsys).splitlines() == [
        "billing: ✓ rotated abababababab -> cdcdcdcdcdcd (in_place)",
        "  Steps: generate 0.1 s, verify 7.0 s.",
        "  Gap: consumers that try `current` only may have been refused for 7.0 s.",
        "  The previous version is kept until 2026-11-30 10:00 UTC (in 7 days). Until then `rotate back billing` makes"
        " it current again; after it `rotate finish billing`, or the next rotation, retires it.",
    ]


def test_without_a_gap_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Gap: none" in told(replace(ROTATED, gap=MeasuredGap()), capsys)


def test_of_one_that_was_revoked_it_is_not_said_that_nobody_was_refused(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(replace(ROTATED, gap=MeasuredGap()), NOW, revoked_since=NOW - timedelta(days=1))
    out = capsys.readouterr().out
    assert "Gap: none of its own; since 2026-11-22 10:00 UTC consumers were refused on purpose." in out


def test_nothing_is_said_of_a_gap_where_nothing_was_current_before(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Gap" not in told(replace(ROTATED, old_fingerprint=None, gap=MeasuredGap()), capsys)


def test_while_consumers_are_refused_it_says_so_and_since_when(capsys: pytest.CaptureFixture[str]) -> None:
    gap = MeasuredGap(NOW - timedelta(minutes=3), None, timedelta(minutes=3))
    halted = replace(ROTATED, outcome=Outcome.HALTED, why="Its key does not log in.", gap=gap)
    assert "Consumers that try `current` only are refused since 2026-11-23 09:57 UTC (3 minutes)." in told(
        halted, capsys
    )
    as_json = report_as_json(halted)
    assert (as_json["gap_seconds"], as_json["gap_is_open"], as_json["gap_ended_at"]) == (180.0, True, None)


def test_a_gap_over_which_the_clock_was_set_is_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    gap = MeasuredGap(NOW - timedelta(seconds=7), NOW, timedelta(seconds=7), is_uncertain=True)
    assert "about 7.0 s; the clock was set meanwhile." in told(replace(ROTATED, gap=gap), capsys)


@pytest.mark.parametrize(
    ("report", "first"),
    [
        (replace(ROTATED, old_fingerprint=None), "billing: ✓ rotated: cdcdcdcdcdcd is current (in_place)"),
        (
            replace(ROTATED, outcome=Outcome.RESTORED),
            "billing: ✓ restored: the certificate of cdcdcdcdcdcd is on its app, and its key logs in",
        ),
        (
            replace(ROTATED, outcome=Outcome.RESTORED, strategy=Strategy.STAGED),
            "billing: ✓ restored: cdcdcdcdcdcd is the consumer key and secret that its app takes, and logs in",
        ),
        (
            replace(ROTATED, outcome=Outcome.NOTHING, steps=(Step("verify", 1.0), Step("retire", 0.1))),
            "billing: - nothing is left to do: cdcdcdcdcdcd is current, and the previous version was retired",
        ),
        (
            replace(ROTATED, outcome=Outcome.NOTHING, steps=(Step("restore", 1.0), Step("discard", 0.1))),
            "billing: - nothing is left to do: cdcdcdcdcdcd is current, and the pending version was discarded",
        ),
        (
            replace(ROTATED, outcome=Outcome.NOTHING, steps=(Step("discard", 0.1),), new_fingerprint=None),
            "billing: - nothing is left to do: nothing is current, and the pending version was discarded",
        ),
        (
            replace(ROTATED, outcome=Outcome.NOTHING, steps=(Step("verify", 1.0),)),
            "billing: - nothing to do: cdcdcdcdcdcd is current",
        ),
        (replace(ROTATED, outcome=Outcome.NOTHING, steps=()), "billing: - nothing to do: cdcdcdcdcdcd is current"),
        (replace(ROTATED, outcome=Outcome.NOTHING, steps=(), new_fingerprint=None), "billing: - nothing to do"),
        (replace(ROTATED, outcome=Outcome.HALTED, why="No."), "billing: ✗ halted: No."),
        (replace(ROTATED, outcome=Outcome.REVERTED, why="No."), "billing: ! reverted: No."),
    ],
)
def test_every_outcome_has_a_sentence(report: Report, first: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(report, capsys).splitlines()[0] == first


def test_what_a_person_is_to_do_comes_last(capsys: pytest.CaptureFixture[str]) -> None:
    report = replace(
        ROTATED, outcome=Outcome.HALTED, hint="Look.", warnings=("The history\x1b[2J is full.",), again_at=None
    )
    *_, warning, hint = told(report, capsys).splitlines()
    assert (warning, hint) == ("  Warning: The history?[2J is full.", "  What to do: Look.")


def test_a_wait_says_until_when(capsys: pytest.CaptureFixture[str]) -> None:
    report = replace(ROTATED, outcome=Outcome.WAITING)
    assert "  It can go on at 2026-11-30 10:00 UTC (in 7 days)." in told(report, capsys)


def test_the_json_of_a_run_has_what_the_help_says() -> None:
    told = report_as_json(ROTATED)
    assert told == {
        "credential": "billing",
        "strategy": "in_place",
        "outcome": "rotated",
        "why": "what is wanted is so",
        "effect": "",
        "left": "",
        "hint": "",
        "advice": "",
        "rotation_id": "20261123-100000-abcdefgh",
        "old_fingerprint": OLD,
        "new_fingerprint": NEW,
        "gap_seconds": 7.0,
        "gap_begun_at": NOW - timedelta(seconds=7),
        "gap_ended_at": NOW,
        "gap_is_open": False,
        "gap_is_uncertain": False,
        "steps": [
            {"action": "generate", "seconds": 0.06, "times": 1},
            {"action": "verify", "seconds": 7.0, "times": 4},
        ],
        "again_at": NOW + timedelta(days=7),
        "warnings": [],
        "exit_code": 0,
    }


@pytest.mark.parametrize("command", [*rotate.commands.values(), enroll, adopt], ids=lambda command: command.name)
def test_the_help_of_a_command_names_every_member_and_every_outcome(command: click.Command) -> None:
    text = str(command.help)
    if command.name != "plan":
        told = report_as_json(ROTATED)
        members = {*told, *failure_as_json("billing", OrgUnavailable("x", hint="y")), *Outcome} - {"advice", "left"}
        for member in members:
            assert f'"{member}"' in text
