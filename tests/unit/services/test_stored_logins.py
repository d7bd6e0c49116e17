"""What is said of a test login, and whether it is as it should be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from rotator.core.credentials import Stage
from rotator.core.lifecycle.revocation import Revocation, RevocationStep
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.services.stored_logins import StoredLogin
from rotator.testing.versions import make_version

if TYPE_CHECKING:
    from rotator.core.credentials import KeyVersion

REVOKED = Revocation(
    since=datetime(2026, 11, 27, 4, 5, tzinfo=UTC), by="ana", reason="x", wanted=(RevocationStep.ACCESS,)
)


@pytest.fixture(scope="module")
def version() -> KeyVersion:
    return make_version("billing")


def login(version: KeyVersion, outcome: LoginOutcome, stage: Stage, revoked: Revocation | None) -> StoredLogin:
    return StoredLogin("billing", stage, version, LoginAnswer(outcome, "words", "Look at the app."), revoked)


@pytest.mark.parametrize("outcome", LoginOutcome)
def test_of_what_is_in_use_current_has_to_log_in(version: KeyVersion, outcome: LoginOutcome) -> None:
    current = login(version, outcome, Stage.CURRENT, None)
    assert current.is_as_it_should_be == (outcome is LoginOutcome.ACCEPTED)
    assert current.hint == "Look at the app."
    assert login(version, outcome, Stage.PREVIOUS, None).is_as_it_should_be


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize(
    ("outcome", "is_right", "hint"),
    [
        (LoginOutcome.MISMATCH, True, ", so that it is refused is as it should be."),
        (LoginOutcome.CONFIGURATION, True, ", so that it is refused is as it should be."),
        (
            LoginOutcome.ACCEPTED,
            False,
            ", and {stage} logs in all the same: `rotator revoke billing --only access --reason TEXT` ends that.",
        ),
        (LoginOutcome.TRANSIENT, False, ". Look at the app."),
    ],
)
def test_of_what_was_revoked_no_version_may_log_in(
    version: KeyVersion, stage: Stage, outcome: LoginOutcome, is_right: bool, hint: str
) -> None:
    revoked = login(version, outcome, stage, REVOKED)
    assert revoked.is_as_it_should_be == is_right
    assert revoked.hint == "It was revoked on 2026-11-27 04:05 UTC" + hint.format(stage=stage)
