from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rotator.config.loading import load
from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import Action, ActionKind
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.daemon.rotation_log import RotationLog, RunningRotations
from rotator.services.schedule.jobs import Job, JobKind

if TYPE_CHECKING:
    from pathlib import Path

VERSION = Fingerprint("ab12" * 16)
VERIFY = Action(ActionKind.VERIFY, "it must log in", version=VERSION, app="Billing")
UPLOAD = Action(ActionKind.UPLOAD, "its key is safe", version=VERSION, app="Billing")
PROMOTE = Action(ActionKind.PROMOTE, "it logs in", version=VERSION, app="Billing")
WAIT = Action(ActionKind.WAIT, "for the next test login")


def done(log: RotationLog, *actions: Action) -> None:
    for action in actions:
        log.begins(action)
        accepted = LoginAnswer(LoginOutcome.ACCEPTED) if action.kind is ActionKind.VERIFY else None
        log.ended(action, 0.1, accepted)


GOES_ON = "goes on until the new key is current or the old certificate is back"
ENDS = "ends where nothing is half done"


@pytest.mark.parametrize(
    ("before", "now", "in_place", "expected"),
    [
        ((), None, True, f"the rotation of billing {ENDS}"),
        ((), VERIFY, True, f"the rotation of billing is at verify, and {ENDS}"),
        ((), UPLOAD, True, f"the rotation of billing is at upload, and {GOES_ON}"),
        ((UPLOAD,), VERIFY, True, f"the rotation of billing is at verify, and {GOES_ON}"),
        ((UPLOAD, VERIFY), WAIT, True, f"the rotation of billing is at verify, and {GOES_ON}"),
        ((UPLOAD, VERIFY, PROMOTE), VERIFY, True, f"the rotation of billing is at verify, and {ENDS}"),
        ((UPLOAD,), VERIFY, False, f"the rotation of billing is at verify, and {ENDS}"),
    ],
)
def test_it_is_known_where_a_rotation_is_and_how_far_it_goes_when_it_is_asked_to_stop(
    before: tuple[Action, ...], now: Action | None, in_place: bool, expected: str
) -> None:
    log = RotationLog("billing", in_place=in_place)
    done(log, *before)
    if now:
        log.begins(now)
    assert log.status == expected


def test_each_step_is_told_once_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "rotator")
    done(RotationLog("billing", in_place=True), VERIFY, UPLOAD, VERIFY, VERIFY, VERIFY, PROMOTE)
    assert caplog.messages == [
        "verify begins",
        "login accepted",
        "upload begins",
        "upload ended",
        "verify begins",
        "login accepted",
        "promote begins",
        "promote ended",
    ]
    about: dict[str, Any] = vars(caplog.records[2])
    assert (about["credential"], about["app"], about["version"]) == ("billing", "Billing", "ab12ab12ab12")


def test_an_answer_that_changes_and_a_step_that_fails_are_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "rotator")
    log = RotationLog("billing", in_place=True)
    log.begins(VERIFY)
    for outcome in (LoginOutcome.MISMATCH, LoginOutcome.MISMATCH, LoginOutcome.ACCEPTED):
        log.ended(VERIFY, 0.1, LoginAnswer(outcome, reason="invalid assertion"))
    log.failed(UPLOAD, "The org is away.")
    log.failed(None, "The store is away.")
    assert caplog.messages[1:] == ["login mismatch", "login accepted", "upload failed", "observation failed"]
    whys = [getattr(record, "reason", "") for record in caplog.records[1:]]
    assert whys == ["invalid assertion", "invalid assertion", "The org is away.", "The store is away."]


def test_each_line_says_of_which_credential_app_and_version_it_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "rotator")
    log = RotationLog("billing", in_place=True)
    log.begins(UPLOAD)
    log.ended(UPLOAD, 1.23456, None)
    log.ended(VERIFY, 0.1, LoginAnswer(LoginOutcome.ACCEPTED))
    log.failed(PROMOTE, "The store is away.")
    told: list[dict[str, Any]] = [vars(record) for record in caplog.records]
    assert [(each["credential"], each["app"], each["version"]) for each in told] == [
        ("billing", "Billing", "ab12ab12ab12")
    ] * 4
    assert (told[0]["why"], told[1]["seconds"]) == ("its key is safe", 1.235)


def test_what_is_about_no_version_is_told_without_one(caplog: pytest.LogCaptureFixture) -> None:
    RotationLog("billing", in_place=True).failed(None, "The store is away.")
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert not {"app", "version"} & set(vars(record))


def test_a_rotation_runs_from_its_beginning_to_the_end_of_its_job(config: Path) -> None:
    settings, rotations = load(config), RunningRotations()

    def rotate() -> None:
        assert rotations.statuses == []
        rotations.follow(settings, "billing").begins(Action(ActionKind.UPLOAD, "its key is safe"))
        assert rotations.credentials == ["billing"]
        (status,) = rotations.statuses
        assert status.startswith("the rotation of billing is at upload, and goes on")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rotations.job(Job(JobKind.ROTATE, "billing", rotate)).run()
    assert rotations.credentials == []


def test_a_job_that_finds_nothing_due_has_no_rotation_to_end() -> None:
    RunningRotations().job(Job(JobKind.ROTATE, "billing", lambda: None)).run()


def test_other_jobs_are_left_as_they_are() -> None:
    job = Job(JobKind.INVENTORY, "production", lambda: None)
    assert RunningRotations().job(job) is job
