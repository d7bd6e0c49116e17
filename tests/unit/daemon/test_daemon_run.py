from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.config.loading import load
from rotator.core.decision.actions import Action, ActionKind
from rotator.daemon.daemon_run import RunningRotations
from rotator.services.schedule.jobs import Job, JobKind

if TYPE_CHECKING:
    from pathlib import Path


def test_a_rotation_is_followed_from_its_beginning_to_the_end_of_its_job(config: Path) -> None:
    settings, rotations = load(config), RunningRotations()

    def rotate() -> None:
        assert rotations.standings == []
        rotations.follow(settings, "billing").begins(Action(ActionKind.UPLOAD, "its key is safe"))
        assert rotations.credentials == ["billing"]
        (standing,) = rotations.standings
        assert standing.startswith("the rotation of billing is at upload, and goes on")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rotations.job(Job(JobKind.ROTATE, "billing", rotate)).run()
    assert rotations.credentials == []


def test_other_jobs_are_left_as_they_are() -> None:
    job = Job(JobKind.INVENTORY, "production", lambda: None)
    assert RunningRotations().job(job) is job
