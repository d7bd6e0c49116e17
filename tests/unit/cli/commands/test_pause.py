"""`rotator pause` and `rotator resume`, and what `rotate` says of what is paused or frozen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.shell_completion import ShellComplete

from rotator.cli.error_output import run
from rotator.cli.main import cli
from tests.tiers import longer
from tests.unit.cli.commands.test_rotate import CONFIG, Services, names, services

if TYPE_CHECKING:
    from tests.unit.cli.outcomes import Command

__all__ = ["services"]

NEVER = "2999-01-04T08:00+01:00"
FREEZE = "rotation: {freezes: [{from: 2020-01-01, until: 2999-01-01, reason: year-end}]}\n"

pytestmark = pytest.mark.usefixtures("services")


def paused(rotator: Command) -> dict[str, str]:
    """What each credential is held up by."""
    return {
        line["credential"]: " ".join(each["why"] + " " + each["scope"] for each in line["standstills"])
        for line in rotator("status", "--json").json
    }


@longer
def test_a_pause_is_said_to_people_and_in_status_history_and_plan(rotator: Command) -> None:
    said = rotator("pause", "one", "--until", NEVER, "--reason", "audit")
    assert said.code == 0
    assert said.out.startswith("one is paused by ")
    assert said.out.endswith("until 2999-01-04 07:00 UTC: audit.\n")
    assert paused(rotator) == {"one": "pause credential one", "two": "", "three": ""}
    assert "`rotator resume one` ends that." in rotator("status").out
    [event] = rotator("history", "one", "--json").json["events"]
    assert (event["kind"], event["details"]["reason"]) == ("pause", "audit")
    assert event["details"]["until"].startswith("2999-01-04T07:00")


@longer
@pytest.mark.parametrize(
    ("options", "held"), [(["--org", "production"], "pause org production"), (["--all"], "pause all")]
)
def test_an_org_or_all_are_paused_and_resumed_in_the_same_way(rotator: Command, options: list[str], held: str) -> None:
    rotator("pause", *options, "--reason", "audit")
    assert set(paused(rotator).values()) == {held}
    refused = rotator("resume", "one")
    assert refused.code == 2
    assert f"`rotator resume {' '.join(options)}` ends that." in refused.err
    resumed = rotator("resume", *options, "--reason", "done")
    assert resumed.code == 0
    assert "goes on: it was paused by" in resumed.out
    assert set(paused(rotator).values()) == {""}
    for arguments in (["history"], ["history", "two"]):
        events = rotator(*arguments, "--json").json["events"]
        assert [event["kind"] for event in events] == ["pause", "resume"]
        assert "audit" in rotator(*arguments).out


@longer
def test_a_later_pause_takes_the_place_of_an_earlier_one_and_says_so(rotator: Command) -> None:
    rotator("pause", "one", "--reason", "audit")
    said = rotator("pause", "one", "--for", "3d", "--reason", "longer")
    assert "Before that it was paused by" in said.out
    assert rotator("resume", "one").code == 0
    assert rotator("resume", "one").code == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["pause", "--reason", "x"], "Nothing was named."),
        (["pause", "one", "--all", "--reason", "x"], "More than one of NAME, --org and --all was given."),
        (["pause", "ona", "--reason", "x"], "did you mean"),
        (["pause", "--org", "prod", "--reason", "x"], "production"),
        (["pause", "one"], "--reason"),
        (["pause", "one", "--reason", " "], "--reason is empty."),
        (["pause", "one", "--until", "2020-01-01T00:00Z", "--reason", "x"], "has passed."),
        (["pause", "one", "--until", "2999-01-01T00:00", "--reason", "x"], "--until: needs a zone, such as"),
        (["pause", "one", "--until", "2999-01-01", "--reason", "x"], "--until: needs a zone, such as"),
        (["pause", "one", "--until", "2999-01-01 Europe/Berlyn", "--reason", "x"], "--until: must be a day or a time"),
        (["pause", "one", "--until", "2999-01-01T00:00Z Europe/Berlin", "--reason", "x"], "has two zones"),
        (["pause", "one", "--until", "9999-12-31T23:59-14:00", "--reason", "x"], "a time that there is in UTC"),
        (["pause", "one", "--until", "0001-01-01T00:00+14:00", "--reason", "x"], "a time that there is in UTC"),
        (["pause", "one", "--until", "soon", "--reason", "x"], "--until: must be a day or a time"),
        (["pause", "one", "--for", "soon", "--reason", "x"], "--for: must be a duration"),
        (["pause", "one", "--for", "1d", "--until", NEVER, "--reason", "x"], "Give --for or --until."),
        (["resume"], "Nothing was named."),
        (["resume", "one"], "one is not paused by itself."),
        (["resume", "--all"], "There is no pause of every credential."),
    ],
)
def test_what_cannot_be_meant_is_a_sentence_and_exit_code_2(
    rotator: Command, arguments: list[str], sentence: str
) -> None:
    refused = rotator(*arguments)
    assert refused.code == 2
    assert sentence in refused.err.replace("Did", "did")
    assert "Traceback" not in refused.err
    assert set(paused(rotator).values()) == {""}


@pytest.mark.parametrize(
    ("until", "utc"),
    [("2999-01-01 Europe/Berlin", "2998-12-31 23:00"), ("2999-01-01 08:30 Europe/Berlin", "2999-01-01 07:30")],
)
def test_a_time_may_name_a_zone_of_the_world(rotator: Command, until: str, utc: str) -> None:
    assert f"until {utc} UTC" in rotator("pause", "one", "--until", until, "--reason", "x").out


def test_what_is_paused_is_rotated_by_name_with_yes_and_not_unasked(rotator: Command, services: Services) -> None:
    rotator("pause", "one", "--reason", "audit")
    refused = rotator("rotate", "now", "one")
    assert refused.code == 2
    assert "one is paused by" in refused.err
    assert "Give --yes as well" in refused.err
    assert names(services) == []
    assert rotator("rotate", "now", "one", "--yes").code == 0
    assert names(services) == ["one"]


def test_all_leaves_out_what_is_paused_and_says_so(rotator: Command, services: Services) -> None:
    rotator("pause", "two", "--reason", "audit")
    said = rotator("rotate", "now", "--all", "--yes")
    assert said.code == 0
    assert "Left out: two is paused by" in said.err
    assert names(services) == ["one", "three"]


def test_in_a_freeze_all_is_nothing_and_a_name_needs_yes(rotator: Command, services: Services, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG + FREEZE)
    assert rotator("rotate", "now", "--all").code == 2
    refused = rotator("rotate", "back", "one")
    assert "one is frozen from 2020-01-01 00:00 UTC until 2999-01-01 00:00 UTC: year-end." in refused.err
    assert (refused.code, names(services)) == (2, [])
    assert rotator("rotate", "back", "one", "--yes").code == 0


@pytest.mark.parametrize("arguments", [["finish", "one"], ["finish"], ["restore", "one"]])
def test_what_puts_things_right_is_not_asked_about(rotator: Command, services: Services, arguments: list[str]) -> None:
    rotator("pause", "--all", "--reason", "audit")
    assert rotator("rotate", *arguments).code == 0
    assert "one" in names(services)


def test_on_a_terminal_a_person_is_asked(rotator: Command, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(text: str, **_: object) -> bool:
        """No at first, then yes."""
        asked.append(text)
        return len(asked) > 1

    monkeypatch.setattr("rotator.cli.confirmation.somebody_is_there", lambda: True)
    monkeypatch.setattr("rotator.cli.commands.rotate.show_plans", lambda *_, **__: None)
    monkeypatch.setattr(click, "confirm", answer)
    rotator("pause", "one", "--reason", "audit")
    refused = rotator("rotate", "now", "one")
    assert (refused.code, names(services)) == (2, [])
    assert "one is paused by" in refused.err
    assert rotator("rotate", "now", "one").code == 0
    assert asked == ["Do this for one all the same?"] * 2


@pytest.mark.parametrize(
    ("typed", "beginning", "offered"),
    [
        (["pause"], "t", ["two", "three"]),
        (["pause", "--org"], "", ["production"]),
        (["resume", "one"], "th", ["three"]),
        ([], "pau", ["pause"]),
        (["pause"], "--un", ["--until"]),
    ],
)
def test_the_shell_completes_names(typed: list[str], beginning: str, offered: list[str]) -> None:
    completer = ShellComplete(cli, {}, "rotator", "_ROTATOR_COMPLETE")
    assert [each.value for each in completer.get_completions(typed, beginning)] == offered


@longer
def test_a_token_as_a_reason_is_refused(rotator: Command) -> None:
    token = "xox" + "b-1234567890-abcdef"
    refused = rotator("pause", "one", "--reason", f"{token} was leaked")
    assert refused.code == 1
    assert "looks like a token of Slack" in refused.err
    assert paused(rotator)["one"] == ""
    rotator("pause", "one", "--reason", "audit")
    assert rotator("resume", "one", "--reason", f"{token} is new").code == 1
    assert paused(rotator)["one"] == "pause credential one"
    assert token not in rotator("history", "one", "--json").out


def test_a_pause_on_a_full_disk_is_a_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    for command in (["pause", "one", "--reason", "audit"], ["resume", "one"], ["db", "upgrade"]):
        with Path("/dev/full").open("w") as full, monkeypatch.context() as patched:
            patched.setattr("sys.stdout", full)
            assert run(cli, "rotator", ["--config", str(config), *command]) == 0
