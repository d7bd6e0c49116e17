"""What a run does is told to history and log alike, and a history that is away does not stop it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from rotator.core.actor import Actor
from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import Action, ActionKind
from rotator.errors import HistoryUnavailable
from rotator.services.rotation.recorder import RunRecorder
from rotator.services.rotation.report import StepTimings
from rotator.services.rotation.requests import Request

if TYPE_CHECKING:
    from tests.unit.services.bench import Bench

VERSION = Fingerprint("a" * 64)
UPLOAD = Action(ActionKind.UPLOAD, "its key is safe", version=VERSION, app="Billing")
VERIFY = Action(ActionKind.VERIFY, "its key must log in", version=VERSION, app="Billing")
WAIT = Action(ActionKind.WAIT, "its key must log in", version=VERSION, app="Billing")


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    # An earlier `--verbose` in this process may have kept the program's own lines from the root logger.
    monkeypatch.setattr(logging.getLogger("rotator"), "propagate", True)
    caplog.set_level(logging.DEBUG, "rotator")


def test_each_action_of_a_rotation_is_a_line(one: Bench, caplog: pytest.LogCaptureFixture) -> None:
    report = one.handle(Request("replace", Actor("alex@laptop")))
    lines = [record for record in caplog.records if record.name == "rotator.services.rotation.recorder"]
    kinds = list(dict.fromkeys(record.getMessage() for record in lines))
    assert kinds == ["verify", "generate", "upload", "promote"]
    assert {vars(record)["credential"] for record in lines} == {"billing"}
    assert {vars(record)["version"] for record in lines} == {report.old_fingerprint, report.new_fingerprint}
    assert all(vars(record)["why"] for record in lines)
    assert {vars(record).get("answer") for record in lines} == {None, "accepted", "mismatch"}


def test_what_failed_is_told_as_such(caplog: pytest.LogCaptureFixture) -> None:
    RunRecorder("billing", lambda *_, **__: None).log(UPLOAD, VERSION, failed="The org is away.")
    (record,) = caplog.records
    assert (record.getMessage(), vars(record)["failed"]) == ("upload", "The org is away.")
    assert "answer" not in vars(record)


def test_a_history_that_cannot_be_written_is_a_warning_told_once() -> None:
    def away(*_: object, **__: object) -> None:
        raise HistoryUnavailable("The disk is full.", hint="Make room.")

    notes = RunRecorder("billing", away)
    notes.record(UPLOAD, VERSION)
    notes.record(VERIFY, VERSION, outcome=None)
    assert notes.warnings == ("The history could not be written: The disk is full.",)


def test_test_logins_and_the_waiting_between_them_are_one_step() -> None:
    tally = StepTimings()
    for action, seconds in ((UPLOAD, 2.0), (VERIFY, 0.5), (WAIT, 1.5), (VERIFY, 0.25)):
        tally.add(action, seconds)
    assert [(step.action, step.seconds, step.times) for step in tally.steps] == [
        ("upload", 2.0, 1),
        ("verify", 2.25, 2),
    ]
