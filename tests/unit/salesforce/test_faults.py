"""What the Metadata API says is told apart by what has been done, and said in words that help."""

from __future__ import annotations

import pytest

from rotator.errors import OrgError, OrgUnavailable
from rotator.salesforce.faults import DailyLimitReached, from_fault, from_status
from rotator.salesforce.login import SessionExpired
from rotator.salesforce.transport import AnswerLost


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("sf:INVALID_SESSION_ID", "INVALID_SESSION_ID: Invalid Session ID found in SessionHeader", SessionExpired),
        ("sf:INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS: use of the Metadata API requires a user with ...", OrgError),
        ("sf:REQUEST_LIMIT_EXCEEDED", "REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded.", DailyLimitReached),
        ("sf:REQUEST_LIMIT_EXCEEDED", "REQUEST_LIMIT_EXCEEDED: ConcurrentRequests Limit exceeded.", OrgUnavailable),
        ("ALREADY_IN_PROCESS", "The changes you requested require salesforce.com to lock ...", OrgUnavailable),
        ("sf:SERVER_UNAVAILABLE", "SERVER_UNAVAILABLE: system may be currently unavailable", OrgUnavailable),
        ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", OrgUnavailable),
        ("sf:UNKNOWN_EXCEPTION", "UNKNOWN_EXCEPTION: An unexpected error occurred.", AnswerLost),
        ("FIELD_INTEGRITY_EXCEPTION", "You cannot provide a Consumer Key", OrgError),
        ("", "", OrgError),
    ],
)
def test_each_code_says_what_was_done(code: str, message: str, kind: type[OrgError]) -> None:
    assert type(from_fault("production", code, message)) is kind


def test_the_code_is_not_said_twice() -> None:
    error = from_fault("production", "sf:SERVER_UNAVAILABLE", "SERVER_UNAVAILABLE: system may be unavailable.")
    assert error.message == "The org production is busy (SERVER_UNAVAILABLE): system may be unavailable."


def test_a_missing_permission_is_named() -> None:
    error = from_fault("production", "sf:INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS: no")
    assert "Modify Metadata Through Metadata API Functions" in error.hint


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, AnswerLost), (408, AnswerLost), (420, AnswerLost), (429, AnswerLost), (503, AnswerLost), (404, OrgError)],
)
def test_an_answer_that_is_no_soap_is_lost_unless_the_request_was_refused(status: int, kind: type[OrgError]) -> None:
    assert type(from_status("production", status)) is kind
