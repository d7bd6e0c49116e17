"""now, back, finish, restore and enroll: whom they serve, what they print, how they exit. No org is called."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import pytest
import yaml

from rotator.application import Application
from rotator.cli.exit_codes import of_end
from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import Action, ActionKind
from rotator.core.decision.options import RotationOptions
from rotator.core.decision.policies import Strategy
from rotator.core.lifecycle.revocation import RevocationStep
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.errors import OrgUnavailable, RotatorError
from rotator.history.engine.database import open_database
from rotator.history.journal.journal import Journal
from rotator.services.rotation.report import Listener, Outcome, Report
from tests.unit.configurations import with_credentials
from tests.unit.revoked import revoke

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rotator.services.rotation.requests import Request
    from tests.unit.cli.outcomes import Command

DONE = Report("", Strategy.IN_PLACE, Outcome.ROTATED, "done", new_fingerprint=Fingerprint("cd" * 32))
REVERTED = replace(DONE, outcome=Outcome.REVERTED, why="never held")
AWAY = OrgUnavailable("The org is down.", effect="Nothing was changed.", rerun="Run it again.")
CONFIG = with_credentials("one", "two", "three")


class Services:
    """Stands in for the rotation services of all credentials: takes requests down, and ends them as a test says."""

    def __init__(self) -> None:
        self.endings: dict[str, Report | RotatorError | Callable[[Listener], Report]] = {}
        self.handled: list[tuple[str, Request]] = []

    def open(self, name: str, listener: Listener) -> Service:
        return Service(self, name, listener)


class Service:
    def __init__(self, services: Services, name: str, listener: Listener) -> None:
        self.services = services
        self.name = name
        self.listener = listener

    def handle(self, request: Request) -> Report:
        self.services.handled.append((self.name, request))
        ending = self.services.endings.get(self.name, DONE)
        if isinstance(ending, RotatorError):
            raise ending
        report = ending if isinstance(ending, Report) else ending(self.listener)
        return replace(report, credential=self.name)


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, migrated_file: Path) -> Services:
    services = Services()
    monkeypatch.setattr(Application, "rotation_service", lambda _, name, listener, **__: services.open(name, listener))
    (tmp_path / "config.yaml").write_text(CONFIG)
    shutil.copy(migrated_file, tmp_path / "rotator.db")
    monkeypatch.setenv("ROTATOR_CONFIG", str(tmp_path / "config.yaml"))
    return services


def names(services: Services) -> list[str]:
    return [name for name, _ in services.handled]


@pytest.mark.parametrize(
    ("arguments", "served"),
    [
        (["now", "two"], ["two"]),
        (["now", "two", "one", "two"], ["two", "one"]),
        (["now", "--all"], ["one", "two", "three"]),
        (["finish"], ["one", "two", "three"]),
        (["finish", "three"], ["three"]),
        (["back", "one"], ["one"]),
        (["restore", "one"], ["one"]),
    ],
)
def test_it_serves_the_named_credentials_in_order_and_each_once(
    rotator: Command, services: Services, arguments: list[str], served: list[str]
) -> None:
    assert rotator("rotate", *arguments).code == 0
    assert names(services) == served


@pytest.mark.parametrize("command", [["now"], ["back"], ["restore"]])
def test_without_a_name_nothing_is_served(rotator: Command, services: Services, command: list[str]) -> None:
    assert rotator("rotate", *command).code == 2
    assert names(services) == []


def test_a_wrong_name_among_right_ones_keeps_all_from_being_served(rotator: Command, services: Services) -> None:
    assert rotator("rotate", "now", "one", "tow").code == 2
    assert names(services) == []


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["rotate", "now", "one", "--reason", "why"], {"goal": "replace", "trigger": "manual", "reason": "why"}),
        (["rotate", "now", "one", "--keep-key"], {"options": RotationOptions(keep_key=True), "compromised": False}),
        (["rotate", "now", "one", "--compromised"], {"trigger": "compromised", "compromised": True}),
        (
            ["rotate", "now", "one", "--retire-now", "--replace-unknown"],
            {"options": RotationOptions(retire_now=True, replace_unknown=True)},
        ),
        (["rotate", "back", "one"], {"goal": "back"}),
        (["rotate", "restore", "one"], {"goal": "restore"}),
        (["rotate", "finish", "one", "--retire-now"], {"goal": "", "options": RotationOptions(retire_now=True)}),
        (["enroll", "one", "--replace-unknown"], {"goal": "enroll", "options": RotationOptions(replace_unknown=True)}),
    ],
)
def test_a_request_is_what_the_command_line_says(
    rotator: Command, services: Services, arguments: list[str], asked: dict[str, Any]
) -> None:
    assert rotator(*arguments).code == 0
    ((_, request),) = services.handled
    assert {name: getattr(request, name) for name in asked} == asked
    assert "@" in request.actor.name


def test_a_variable_makes_nobody_another(rotator: Command, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ceo")

    assert rotator("rotate", "now", "one").code == 0

    ((_, request),) = services.handled
    assert (request.actor.uid, request.actor.claimed_name) == (os.getuid(), "ceo")
    assert "ceo" not in request.actor.name


RISKY = [
    ["now", "--all"],
    ["now", "one", "--compromised"],
    ["now", "one", "--retire-now"],
    ["now", "one", "--replace-unknown"],
    ["back", "one", "--replace-unknown"],
    ["finish", "one", "--retire-now"],
]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """A person at a terminal who answers so; gives the questions."""

    def answering(answer: str) -> list[str]:
        asked: list[str] = []

        def confirm(text: str, **_: Any) -> bool:
            asked.append(text)
            return answer == "y"

        monkeypatch.setattr("rotator.cli.confirmation.somebody_is_there", lambda: True)
        monkeypatch.setattr("rotator.cli.commands.rotate.show_plans", lambda *_, **__: None)
        monkeypatch.setattr(click, "confirm", confirm)
        return asked

    return answering


@pytest.mark.parametrize("arguments", RISKY, ids=" ".join)
def test_a_person_is_asked_before_something_that_cannot_be_taken_back(
    rotator: Command, services: Services, terminal: Callable[[str], list[str]], arguments: list[str]
) -> None:
    asked = terminal("n")
    outcome = rotator("rotate", *arguments)
    assert (outcome.code, names(services), len(asked)) == (2, [], 1)
    assert "Nothing was touched." in outcome.err
    assert rotator("rotate", *arguments, "--yes").code == 0
    assert len(asked) == 1


def test_who_confirms_has_it_done(rotator: Command, services: Services, terminal: Callable[[str], list[str]]) -> None:
    asked = terminal("y")
    assert rotator("rotate", "now", "--all").code == 0
    assert names(services) == ["one", "two", "three"]
    assert asked == ["Do this for one, two and three?"]


@pytest.mark.parametrize("arguments", [["now", "one"], ["finish"], ["restore", "one"], ["back", "one"]], ids=" ".join)
def test_nobody_is_asked_about_what_can_be_taken_back(
    rotator: Command, services: Services, terminal: Callable[[str], list[str]], arguments: list[str]
) -> None:
    asked = terminal("n")
    assert rotator("rotate", *arguments).code == 0
    assert asked == []
    assert names(services)


def test_where_nobody_can_be_asked_all_keys_are_ended_only_when_that_is_said(
    rotator: Command, services: Services
) -> None:
    outcome = rotator("rotate", "now", "--all", "--compromised")
    assert (outcome.code, names(services)) == (2, [])
    assert "--yes" in outcome.err
    assert rotator("rotate", "now", "--all", "--compromised", "--yes").code == 0
    assert names(services) == ["one", "two", "three"]


def revoke_in(folder: Path, name: str, step: RevocationStep) -> None:
    with open_database(f"sqlite:///{folder / 'rotator.db'}") as database:
        revoke(Journal(database), datetime.now(UTC), name, [step])


def test_all_is_all_also_where_there_is_but_one(rotator: Command, services: Services, tmp_path: Path) -> None:
    document = yaml.safe_load(CONFIG)
    document["credentials"] = {"one": document["credentials"]["one"]}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(document))
    outcome = rotator("rotate", "now", "--all", "--compromised")
    assert (outcome.code, names(services)) == (2, [])


@pytest.mark.parametrize(
    "arguments", [("now", "--all", "--compromised", "--yes"), ("now", "--all", "--dry-run"), ("finish",)]
)
def test_what_was_revoked_is_not_meant_by_all(
    rotator: Command, services: Services, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    rotator("db", "upgrade")
    revoke_in(tmp_path, "two", RevocationStep.CERTIFICATE)
    revoke_in(tmp_path, "three", RevocationStep.TOKENS)
    outcome = rotator("rotate", *arguments)
    assert "Left out: two was revoked on " in outcome.err
    if "--dry-run" not in arguments:
        assert (outcome.code, names(services)) == (0, ["one", "three"])


def test_where_all_was_revoked_all_is_nothing_and_a_name_brings_it_back(
    rotator: Command, services: Services, tmp_path: Path
) -> None:
    rotator("db", "upgrade")
    for name in ("one", "two", "three"):
        revoke_in(tmp_path, name, RevocationStep.CERTIFICATE)
    outcome = rotator("rotate", "now", "--all")
    assert outcome.code == 2
    assert "Every credential is paused, frozen or revoked." in outcome.err
    assert rotator("rotate", "finish").code == 0
    assert names(services) == []
    assert rotator("rotate", "now", "two").code == 0
    assert names(services) == ["two"]


def test_one_that_fails_does_not_keep_the_others_from_being_served(rotator: Command, services: Services) -> None:
    rotator("db", "upgrade")
    services.endings["one"] = AWAY
    outcome = rotator("rotate", "now", "--all")
    assert outcome.code == 3
    assert names(services) == ["one", "two", "three"]
    assert outcome.err == "Error: one: The org is down.\nNothing was changed.\nWhat to do: Run it again.\n"
    assert "two: ✓ rotated" in outcome.out


def test_json_is_a_list_of_all_and_the_errors_are_told_to_people_too(rotator: Command, services: Services) -> None:
    services.endings |= {"two": AWAY, "three": REVERTED}
    outcome = rotator("rotate", "now", "--all", "--json")
    assert {each["credential"]: (each["outcome"], each["exit_code"]) for each in outcome.json} == {
        "one": ("rotated", 0),
        "two": ("failed", 3),
        "three": ("reverted", 4),
    }
    assert "Error: two: The org is down." in outcome.err


@pytest.mark.parametrize(("one", "two", "code"), [(AWAY, REVERTED, 3), (REVERTED, AWAY, 4), (DONE, AWAY, 3)])
def test_the_exit_code_is_the_first_bad_ones(
    rotator: Command, services: Services, one: Report | RotatorError, two: Report | RotatorError, code: int
) -> None:
    services.endings |= {"one": one, "two": two}
    outcome = rotator("rotate", "now", "one", "two", "--json")
    assert outcome.code == code
    assert [each["credential"] for each in outcome.json] == ["one", "two"]


@pytest.mark.parametrize("one", [REVERTED, AWAY])
def test_that_it_was_interrupted_counts_before_what_went_wrong_before(
    rotator: Command, services: Services, one: Report | RotatorError
) -> None:
    services.endings |= {"one": one, "two": replace(DONE, outcome=Outcome.INTERRUPTED)}
    assert rotator("rotate", "now", "one", "two").code == 130


@pytest.mark.parametrize("ended", list(Outcome))
def test_the_exit_code_is_the_outcomes(rotator: Command, services: Services, ended: Outcome) -> None:
    services.endings["one"] = replace(DONE, outcome=ended)
    assert rotator("rotate", "now", "one").code == of_end(ended)


def test_steps_are_told_on_standard_error_as_they_are_taken(rotator: Command, services: Services) -> None:
    version = Fingerprint("ef" * 32)
    upload = Action(ActionKind.UPLOAD, "its key is safe", version=version, app="One")
    verify = Action(ActionKind.VERIFY, "it must log in", version=version, app="One")
    refused = LoginAnswer(LoginOutcome.MISMATCH, "invalid_grant: invalid\x1b assertion")

    def run(listener: Listener) -> Report:
        for action, answer in (
            (upload, None),
            (verify, refused),
            (verify, refused),
            (verify, LoginAnswer(LoginOutcome.ACCEPTED)),
        ):
            listener.begins(action)
            listener.ended(action, 0.25, answer)
        listener.failed(None, "the org is away")
        return DONE

    rotator("db", "upgrade")
    services.endings["one"] = run
    outcome = rotator("rotate", "now", "one", "--json")
    assert outcome.err.splitlines() == [
        "one: uploading the certificate of efefefefefef to One (0.2 s)",
        "one: testing the login with efefefefefef through One: mismatch (invalid_grant: invalid? assertion);"
        " the change takes its time to reach every login server, trying again",
        "one: testing the login with efefefefefef through One: accepted",
        "one: looking: did not succeed, looking again. the org is away",
    ]
    assert len(outcome.json) == 1


@pytest.mark.usefixtures("signals_as_in_a_terminal")
def test_after_a_request_to_stop_the_rest_is_not_begun(rotator: Command, services: Services) -> None:
    def run(_: Listener) -> Report:
        os.kill(os.getpid(), signal.SIGINT)
        return replace(DONE, outcome=Outcome.INTERRUPTED)

    services.endings |= {"one": REVERTED, "two": run}
    outcome = rotator("rotate", "now", "--all", "--json")
    assert outcome.code == 130
    assert names(services) == ["one", "two"]
    assert [each["outcome"] for each in outcome.json] == ["reverted", "interrupted"]
    assert "Not begun: three." in outcome.err


@pytest.mark.usefixtures("signals_as_in_a_terminal")
def test_stopped_at_once_it_says_what_is_half_done_and_what_ended_before(
    rotator: Command, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_app: Application, _name: str) -> None:
        raise AWAY

    def run(_: Listener) -> Report:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError

    monkeypatch.setattr(Application, "credential_context", gone)
    services.endings["two"] = run
    outcome = rotator("rotate", "now", "one", "two", "--json")
    assert outcome.code == 130
    assert "two: stopped at once. What it left cannot be seen: The org is down." in outcome.err
    assert "`rotate finish two` goes on from there" in outcome.err
    assert [each["credential"] for each in json.loads(outcome.out)] == ["one"]


@pytest.mark.parametrize("command", ["now", "back", "finish", "restore"])
def test_the_json_is_documented_in_the_help(rotator: Command, command: str) -> None:
    assert "With --json a list of" in rotator("rotate", command, "--help").out


def test_the_group_lists_all_its_commands(rotator: Command) -> None:
    listed = rotator("rotate", "--help").out.partition("Commands:")[2]
    assert re.findall(r"^  (\w+)  ", listed, re.MULTILINE) == ["now", "back", "finish", "restore", "plan"]
