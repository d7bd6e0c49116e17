"""When a rotation that failed, or was interrupted, goes on; and what is left alone until somebody can see it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.core.attempts import AttemptRecord
from rotator.core.lifecycle.credential_life import CredentialLife, OpenRotation
from rotator.core.lifecycle.states import CredentialState
from rotator.core.schedule import AT_ONCE, Beginning, Mode, NextDue, Schedule
from rotator.core.severity import Severity
from rotator.errors import Holder
from tests.unit.core.lifecycle.test_lifecycle import DAY, NOW, UNREADABLE, credential, life, version

HOUR = timedelta(hours=1)
OPEN = credential(version("current"), pending=version("new"))


def failed(times: int = 1) -> AttemptRecord:
    """To be tried again in an hour."""
    return AttemptRecord("rotate", "billing", last_at=NOW - HOUR, failures=times, next_at=NOW + HOUR)


@pytest.mark.parametrize(
    ("found", "at"),
    [
        (life(OPEN, attempt=failed(1)), NOW),
        (life(OPEN, attempt=failed(AT_ONCE)), NOW + HOUR),
        (life(OPEN, attempt=failed(0)), None),
        (life(OPEN), None),
        (life(credential(version("current")), attempt=failed(AT_ONCE)), None),
        (life(OPEN, attempt=failed(AT_ONCE), running=Holder(7, "host-b", NOW)), None),
    ],
)
def test_what_the_service_could_not_end_is_tried_again_at_once_and_then_with_pauses(
    found: CredentialLife, at: object
) -> None:
    assert found.goes_on_at == at


def test_a_rotation_that_failed_begins_again_when_its_pause_is_over() -> None:
    due = credential(version("current", days=10))
    assert life(due, attempt=failed()).begins == Beginning(NOW + HOUR)
    assert life(due, attempt=failed(), needs_attention=True).begins is None
    assert life(credential(version("current", days=40)), attempt=failed()).begins == Beginning(NOW + 10 * DAY)


def test_one_that_ends_the_previous_version_at_once_waits_for_no_grace() -> None:
    pair = credential(version("new", "B", days=20), version("old", days=3), live={"A": "old", "B": "new"}, promoted=2)
    for is_urgent, begins in ((True, NOW), (False, NOW + 5 * DAY)):
        found = life(pair, is_known=False, rotation=OpenRotation(is_urgent=is_urgent))
        assert found.begins == Beginning(begins)


def test_where_people_begin_the_rotations_they_are_told_early() -> None:
    seen = credential(version("current", days=44))
    assert life(seen).urgency is None
    assert life(seen, schedule=Schedule(mode=Mode.MANUAL)).urgency is Severity.INFO


@pytest.mark.parametrize(
    "found",
    [
        life(credential(version("current")), stored_at=NOW - DAY),
        life(credential(), stored_at=NOW - DAY, is_known=False),
        life(replace(credential(), apps=UNREADABLE), stored_at=NOW - DAY),
        life(credential(pending=version("new")), stored_at=NOW - DAY),
        life(credential()),
        life(None, stored_at=NOW - DAY),
    ],
)
def test_nothing_is_lost_that_is_in_its_store_or_was_not_seen_to_be_gone(found: CredentialLife) -> None:
    assert not found.is_lost


def test_what_was_in_its_store_and_is_there_no_more_is_lost() -> None:
    found = life(credential(), stored_at=NOW - DAY)
    assert (found.is_lost, found.state) == (True, CredentialState.UNSTORED)


@pytest.mark.parametrize(
    "found",
    [
        life(credential(version("current", days=1)), is_known=False),
        life(replace(credential(version("current", days=1)), apps=UNREADABLE)),
        life(credential(pending=version("new")), unstored_not_after=NOW),
    ],
)
def test_nothing_is_done_by_schedule_of_what_cannot_be_seen_or_is_not_in_its_store(found: CredentialLife) -> None:
    assert found.next_due == NextDue()


def test_an_answer_changes_with_the_first_day_of_a_certificate_and_with_its_last() -> None:
    seen = credential(replace(version("current", days=40), not_before=NOW + DAY))
    assert life(seen).steady_until == NOW + DAY
    assert life(credential(), unstored_not_after=NOW + 10 * DAY).steady_until == NOW + 3 * DAY
