"""`rotator history` and `rotator db`."""

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from rotator.application import Application
from rotator.cli.main import cli
from rotator.config.consistency import RESERVED
from rotator.history.engine.database import open_database
from rotator.history.journal.journal import Journal
from rotator.history.records import NewRotation
from tests.tiers import longer
from tests.unit.cli.outcomes import Command


@longer
def test_the_history_of_a_new_set_up_is_empty_and_intact(rotator: Command, config: Path) -> None:
    assert rotator("--config", config, "history").out == "No rotation yet.\n"
    assert rotator("--config", config, "history", "--json").json == {"rotations": [], "events": []}
    assert rotator("--config", config, "history", "billing", "--json").json == {"rotations": [], "events": []}
    assert rotator("--config", config, "history", "verify", "--json").json["intact"]


def test_the_history_of_a_name_that_never_was_is_refused(rotator: Command, config: Path) -> None:
    assert rotator("--config", config, "history", "nobody").code == 2


@pytest.fixture
def written(config: Path) -> Path:
    """The configuration of a set-up with two rotations in its history."""
    with open_database(f"sqlite:///{config.parent / 'rotator.db'}") as database:
        journal = Journal(database)
        for credential in ("billing", "retired-long-ago"):
            new = NewRotation(
                credential=credential, org="production", strategy="in_place", trigger="manual", actor="ada",
                reason="a test",
            )  # fmt: skip
            rotation = journal.begin_rotation(new, datetime.now(UTC))
            journal.record(
                "upload", now=datetime.now(UTC), credential=credential, rotation_id=rotation.id, app="Bill\x1b[2Jing"
            )
            journal.finish_rotation(
                rotation.id, outcome="rotated", now=datetime.now(UTC), new_fingerprint="ab" * 32, gap_seconds=1.25
            )
    return config


def test_the_history_lists_rotations_newest_first(rotator: Command, written: Path) -> None:
    rotations = rotator("--config", written, "history", "--json").json["rotations"]
    assert [rotation["credential"] for rotation in rotations] == ["retired-long-ago", "billing"]
    assert (rotations[1]["outcome"], rotations[1]["gap_seconds"], rotations[1]["actor"]) == ("rotated", 1.25, "ada")
    shown = rotator("--config", written, "history").out
    assert "1.2 s" in shown
    assert "abababababab" in shown


@longer
def test_a_rotation_without_an_end_is_called_the_same_in_text_and_json(rotator: Command, written: Path) -> None:
    with open_database(f"sqlite:///{written.parent / 'rotator.db'}") as database:
        new = NewRotation(credential="billing", org="production", strategy="in_place", trigger="manual", actor="ada")
        Journal(database).begin_rotation(new, datetime.now(UTC))
    told = rotator("--config", written, "history", "billing", "--json").json["rotations"][0]
    assert (told["outcome"], told["ending"]) == (None, "unfinished")
    assert "unfinished" in rotator("--config", written, "history", "billing").out
    status = rotator("--config", written, "status", "billing", "--json").json[0]
    assert status["last_rotation"]["ending"] == "unfinished"


@longer
@pytest.mark.parametrize("reason", ["2026-13-01T00:00:00.000000Z", "2026-11-01T00:00:00.000000Z"])
def test_what_people_have_typed_stays_so_whatever_it_looks_like(rotator: Command, written: Path, reason: str) -> None:
    with open_database(f"sqlite:///{written.parent / 'rotator.db'}") as database:
        journal = Journal(database)
        journal.record("upload", now=datetime.now(UTC), credential="billing", app=reason)
        journal.record("pause", now=datetime.now(UTC), credential="billing", reason=reason, actor="ada")
    told = rotator("--config", written, "history", "billing", "--json")
    assert (told.code, told.json["events"][-1]["details"]["reason"]) == (0, reason)


def test_no_credential_has_the_name_of_a_command_of_the_history() -> None:
    commands = cli.get_command(click.Context(cli), "history")
    assert isinstance(commands, click.Group)
    assert {name for name, command in commands.commands.items() if not command.hidden} == {*RESERVED}


@longer
def test_the_history_of_one_credential_shows_its_steps(rotator: Command, written: Path) -> None:
    told = rotator("--config", written, "history", "billing", "--json").json
    assert [rotation["credential"] for rotation in told["rotations"]] == ["billing"]
    assert [event["kind"] for event in told["events"]] == ["begin", "upload", "finish"]
    shown = rotator("--config", written, "history", "billing").out
    assert "app: Bill?[2Jing" in shown
    assert "\x1b" not in shown


def test_a_credential_that_is_no_longer_configured_keeps_its_history(rotator: Command, written: Path) -> None:
    assert rotator("--config", written, "history", "retired-long-ago").code == 0


@pytest.mark.parametrize("arguments", [["--limit", "1"], ["billing", "--limit", "1"], ["--limit", "1", "billing"]])
def test_the_history_can_be_cut_short(rotator: Command, written: Path, arguments: list[str]) -> None:
    assert len(rotator("--config", written, "history", *arguments, "--json").json["rotations"]) == 1


@longer
def test_a_history_that_somebody_rewrote_is_found_out(rotator: Command, written: Path) -> None:
    assert "6 events, none changed" in rotator("--config", written, "history", "verify").out
    with sqlite3.connect(written.parent / "rotator.db") as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE event SET kind = 'nothing' WHERE sequence = 3")
    connection.close()
    outcome = rotator("--config", written, "history", "verify")
    assert outcome.code == 1
    assert "Event 3 is not what was written." in outcome.out


def test_the_database_is_upgraded_on_demand(rotator: Command, config: Path) -> None:
    outcome = rotator("--config", config, "db", "upgrade")
    assert outcome.code == 0
    assert f"sqlite:///{config.parent / 'rotator.db'} is at version" in outcome.out


@pytest.fixture
def signed(rotator: Command, config: Path) -> str:
    """The head of a history with an event that the program has signed."""
    with Application.configured(config, {}) as app:
        app.journal.record("verify", now=app.now())
        app.journal.record("verify", now=app.now())
    head: str = rotator("--config", config, "history", "verify", "--json").json["signed_head"]
    return head


def cut_off(folder: Path) -> None:
    """As an owner of the database does. The installation's note is away, as on a machine that has not written."""
    (folder / "rotator.db.head").unlink()
    with closing(sqlite3.connect(folder / "rotator.db")) as connection, connection:
        connection.execute("DROP TRIGGER event_is_not_deleted")
        connection.execute("DELETE FROM event WHERE sequence = 2")
        connection.execute("UPDATE head SET events = 1, hash = (SELECT hash FROM event)")


@pytest.mark.usefixtures("signed")
def test_of_a_history_whose_key_is_gone_nobody_is_told_that_it_is_not_signed(rotator: Command, config: Path) -> None:
    (config.parent / "rotator.db.key").unlink()
    outcome = rotator("--config", config, "history", "verify")
    assert "Signed from event 1 on, and no key that counts is here" in " ".join(outcome.out.split())


@longer
def test_the_head_that_is_shown_is_signed_and_is_found_again(rotator: Command, config: Path, signed: str) -> None:
    shown = rotator("--config", config, "history", "verify")
    assert (shown.code, shown.out.splitlines()[1].startswith("rotator-head.2.")) == (0, True)
    assert "public key of this installation: ed25519:" in shown.out.replace("\n", " ")
    again = rotator("--config", config, "history", "verify", "--since", signed)
    assert (again.code, "1 head found in it" in again.out) == (0, True)


@longer
@pytest.mark.parametrize("given", ["head", "hash", "log"])
def test_what_was_cut_off_is_found_by_a_head_however_it_was_kept(
    rotator: Command, config: Path, signed: str, given: str
) -> None:
    log = config.parent / "service.log"
    log.write_text(f"INFO head of the history events=2 head={signed}\nINFO something else\n")
    ways: dict[str, list[str | Path]] = {
        "head": ["--since", signed],
        "hash": ["--since", signed.split(".")[2]],
        "log": ["--against", log],
    }
    cut_off(config.parent)
    assert rotator("--config", config, "history", "verify").code == 0, "by itself it is in order"

    found = rotator("--config", config, "history", "verify", *ways[given])
    assert (found.code, "cut off" in found.out, "What to do: " in found.out) == (1, True, True)
    assert (str(log) in found.out.replace("\n", "")) is (given == "log")


def test_a_head_that_is_none_and_a_file_without_one_are_mistakes(rotator: Command, config: Path) -> None:
    assert rotator("--config", config, "history", "verify", "--since", "yesterday").code == 2
    assert rotator("--config", config, "history", "verify", "--against", config).code == 2
    assert rotator("--config", config, "history", "verify", "--against", config.parent / "nothing").code == 2


@longer
def test_rows_that_were_rewritten_are_made_anew(rotator: Command, config: Path, signed: str) -> None:
    del signed
    with sqlite3.connect(config.parent / "rotator.db") as connection:
        connection.execute("INSERT INTO standstill VALUES ('pause all', 'pause', ?, NULL, 'x', 'ceo', 'all')", [MOMENT])
    connection.close()
    assert rotator("--config", config, "history", "verify").code == 1
    mended = rotator("--config", config, "history", "rebuild")
    assert (mended.code, "(pause all) was put in" in mended.out) == (0, True)
    assert "1 row was written anew from the events." in mended.out
    assert rotator("--config", config, "history", "verify").code == 0
    assert rotator("--config", config, "history", "rebuild", "--json").json == {"rebuilt": []}


MOMENT = "2026-11-23T12:31:47.000000Z"


@longer
def test_times_in_the_details_of_events_have_whole_seconds_as_all_others(rotator: Command, config: Path) -> None:
    rotator("--config", config, "pause", "billing", "--for", "3d", "--reason", "audit")
    rotator("--config", config, "pause", "--all", "--for", "2d", "--reason", "audit")
    for command, pauses in ((["history"], 1), (["history", "billing"], 2)):
        events = rotator("--config", config, *command, "--json").json["events"]
        times = [event["details"].get("until") for event in events] + [event["time"] for event in events]
        assert len(times) == 2 * pauses
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time in times), times


@longer
def test_rows_that_cannot_be_read_are_named_beside_what_can(rotator: Command, written: Path) -> None:
    with closing(sqlite3.connect(written.parent / "rotator.db")) as database, database:
        database.execute("UPDATE rotation SET gap_seconds = 'long', trigger = x'ff' WHERE credential = 'billing'")
        [(rotation,)] = database.execute("SELECT id FROM rotation WHERE credential = 'billing'")
    shown = rotator("--config", written, "history", "--json")
    assert [each["gap_seconds"] for each in shown.json["rotations"]] == [1.25, 1.25], "as its events say"
    warning = f"Warning: the history cannot be read in `gap_seconds` of the row {rotation} of the table rotation;"
    assert (shown.code, warning in shown.err) == (0, True)
    proven = rotator("--config", written, "history", "verify", "--json")
    assert proven.code == 1
    assert proven.json["unreadable"] == [
        {"table": "rotation", "key": rotation, "column": "gap_seconds"},
        {"table": "rotation", "key": rotation, "column": "trigger"},
    ]
    told = rotator("--config", written, "history", "verify").out
    assert f"`trigger` of the row {rotation} of the table rotation" in " ".join(told.split())
    assert rotator("--config", written, "history", "rebuild").code == 0
    assert rotator("--config", written, "history", "verify").code == 0
