import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TextIO

import click
import pytest

from rotator.cli.error_output import run
from rotator.cli.invocation import Invocation, json_option, pass_invocation
from rotator.errors import Holder, OrgUnavailable, RotationReverted, RotationRunning
from tests.unit.cli.outcomes import Outcome

TOKEN = "00D000000000001!AQcAQH0dMHZfz972Szmpkb58urFRkgeBGsxL"


def outcome_of(error: BaseException, capsys: pytest.CaptureFixture[str], *arguments: str) -> Outcome:
    @click.command()
    @json_option
    def failing() -> None:
        raise error

    code = run(failing, "failing", arguments)
    captured = capsys.readouterr()
    return Outcome(code, captured.out, captured.err)


def test_an_error_says_what_happened_what_was_left_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    error = OrgUnavailable("The org is down.", effect="Nothing was changed.", rerun="Run it again.")
    outcome = outcome_of(error, capsys)
    assert outcome == Outcome(3, "", "Error: The org is down.\nNothing was changed.\nWhat to do: Run it again.\n")


def test_an_error_is_json_too_where_json_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    error = RotationReverted("It never logged in.", effect="The old one is back.", hint="Look at the app.")
    outcome = outcome_of(error, capsys, "--json")
    assert outcome.code == 4
    assert outcome.json == {
        "error": {
            "kind": "RotationReverted",
            "message": "It never logged in.",
            "effect": "The old one is back.",
            "hint": "Look at the app.",
            "transient": False,
            "exit_code": 4,
            "org": None,
            "store": None,
            # The names of the release before.
            "what": "It never logged in.",
            "left": "The old one is back.",
            "advice": "Look at the app.",
        }
    }
    assert "It never logged in." in outcome.err


def test_who_holds_a_lock_is_told_to_programs_too(capsys: pytest.CaptureFixture[str]) -> None:
    holder = Holder(7, "host-b", datetime(2026, 11, 23, 12, tzinfo=UTC))
    told = outcome_of(RotationRunning("It runs.", hint="Wait.", holder=holder), capsys, "--json").json["error"]
    assert (told["transient"], told["exit_code"]) == (True, 3)
    assert told["holder"] == {"pid": 7, "host": "host-b", "since": "2026-11-23T12:00:00Z"}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption_has_its_own_exit_code(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = outcome_of(error, capsys)
    assert outcome.code == 130
    assert outcome.err.strip() == "Interrupted."


def test_an_exit_code_of_a_command_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome_of(click.exceptions.Exit(1), capsys).code == 1


def test_a_fault_of_our_own_is_one_sentence_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = outcome_of(ValueError(f"bad token {TOKEN}"), capsys)
    assert outcome.code == 1
    assert "rotator has a fault: ValueError" in outcome.err
    assert "--verbose" in outcome.err
    assert "Traceback" not in outcome.err
    assert TOKEN not in outcome.err


@pytest.mark.parametrize(
    ("where", "acts", "result", "code"),
    [
        ("/dev/full", True, 0, 0),
        ("/dev/full", True, 4, 4),
        ("/dev/full", False, 0, 1),
        ("/dev/full", False, 3, 3),
        ("unread", True, 0, 0),
        ("unread", False, 0, 0),
        ("unread", False, 3, 3),
    ],
)
def test_output_that_cannot_be_written_does_not_decide_how_the_work_ended(
    where: str, acts: bool, result: int, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    @click.command()
    @pass_invocation
    def working(invocation: Invocation) -> None:
        invocation.has_acted = acts
        for name in ("one", "two"):
            click.echo(name * 10_000)
            done.append(name)
        raise click.exceptions.Exit(result)

    with unwritable(where) as out:
        monkeypatch.setattr("sys.stdout", out)
        assert run(working, "working", ()) == code
    assert done == ["one", "two"]
    told = capsys.readouterr().err
    assert ("could not be written: No space left on device" in told) == (where == "/dev/full")
    assert ("What was done is done" in told) == (where == "/dev/full" and acts)


@contextmanager
def unwritable(where: str) -> Iterator[TextIO]:
    """A full disk, or a pipe that nobody reads any more."""
    if where == "unread":
        reading, writing = os.pipe()
        os.close(reading)
    else:
        writing = os.open(where, os.O_WRONLY)
    with os.fdopen(writing, "w") as out:
        yield out
