"""Of a credential that was revoked other things matter: that nothing logs in, and that somebody may bring it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.core.lifecycle.credential_life import CredentialLife, OpenRotation
from rotator.core.lifecycle.revocation import EVERY_STEP, Revocation
from rotator.core.lifecycle.states import CredentialState
from rotator.core.schedule import NextDue
from rotator.core.severity import Severity
from rotator.errors import Holder
from tests.unit.core.lifecycle.test_lifecycle import DAY, NOW, UNREADABLE, credential, life, version

CERTIFICATE, ACCESS, TOKENS = EVERY_STEP
REVOKED = Revocation(
    since=NOW - DAY, by="alex", reason="x", wanted=EVERY_STEP, done=EVERY_STEP, ended_by={"A": "ended"}
)
ENDED = credential(version("current"), live={"A": "ended"})
RUNNING = Holder(7, "host-b", NOW)


def revoked(known: Revocation = REVOKED, **more: object) -> CredentialLife:
    return life(more.pop("seen", ENDED), revoked=known, **more)  # type: ignore[arg-type] # any of its fields


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (revoked(), CredentialState.REVOKED),
        (revoked(refused_since=NOW), CredentialState.REVOKED),
        (revoked(seen=None), CredentialState.REVOKED),
        (revoked(seen=credential()), CredentialState.REVOKED),
        (revoked(running=RUNNING), CredentialState.RUNNING),
        (revoked(seen=credential(version("current"))), CredentialState.DRIFT),
        (revoked(seen=credential(version("current")), is_known=False), CredentialState.REVOKED),
        (revoked(seen=replace(ENDED, apps=UNREADABLE)), CredentialState.REVOKED),
        (revoked(replace(REVOKED, accepted_at=NOW)), CredentialState.DRIFT),
        (revoked(replace(REVOKED, let_in_by="a profile")), CredentialState.DRIFT),
        (revoked(replace(REVOKED, accepted_at=NOW), rotation=OpenRotation()), CredentialState.REVOKED),
        (revoked(seen=credential(version("current")), rotation=OpenRotation()), CredentialState.REVOKED),
    ],
)
def test_it_says_so_until_somebody_brings_it_back_or_undoes_it(found: CredentialLife, state: CredentialState) -> None:
    assert found.state is state


def test_an_app_that_was_changed_since_is_seen_where_all_of_it_could_be_read() -> None:
    held = credential(version("current"))
    assert revoked(seen=held).is_revoked_app_changed
    assert not revoked(seen=ENDED).is_revoked_app_changed
    assert not revoked(seen=held, is_known=False).is_revoked_app_changed
    assert not revoked(seen=None).is_revoked_app_changed
    assert not life(held).is_revoked_app_changed


@pytest.mark.parametrize(
    ("found", "is_half", "urgency"),
    [
        (revoked(), False, Severity.INFO),
        (revoked(replace(REVOKED, done=(CERTIFICATE,))), True, Severity.CRITICAL),
        (revoked(replace(REVOKED, done=(CERTIFICATE,)), running=RUNNING), False, None),
        (revoked(seen=credential(version("current", days=1), live={"A": "ended"})), False, Severity.INFO),
        (revoked(replace(REVOKED, accepted_at=NOW)), False, Severity.CRITICAL),
        (life(credential(version("current"))), False, None),
    ],
)
def test_one_that_was_interrupted_is_urgent_and_no_date_is(
    found: CredentialLife, is_half: bool, urgency: Severity | None
) -> None:
    assert (found.is_half_revoked, found.urgency) == (is_half, urgency)


@pytest.mark.parametrize(
    ("found", "is_coming_back"),
    [
        (revoked(), False),
        (revoked(rotation=OpenRotation()), True),
        (revoked(rotation=OpenRotation(), running=RUNNING), False),
        (life(ENDED, rotation=OpenRotation()), False),
    ],
)
def test_a_way_back_that_was_begun_and_has_stopped_is_known(found: CredentialLife, is_coming_back: bool) -> None:
    assert found.is_coming_back == is_coming_back


@pytest.mark.parametrize(
    ("found", "is_left_alone"),
    [
        (revoked(), True),
        (revoked(replace(REVOKED, done=(ACCESS,))), False),
        (revoked(replace(REVOKED, accepted_at=NOW)), False),
        (revoked(running=RUNNING), True),
        (life(credential(version("current")), running=RUNNING), True),
        (life(credential(version("current"))), False),
    ],
)
def test_it_is_left_alone_once_all_of_it_has_ended(found: CredentialLife, is_left_alone: bool) -> None:
    assert found.is_left_alone == is_left_alone


def test_nothing_is_due_of_it_but_the_way_back_that_was_begun() -> None:
    seen = replace(ENDED, previous=version("old"))
    found = revoked(seen=seen)
    assert (found.due_at, found.begins, found.previous_until) == (None, None, None)
    assert found.next_due == NextDue()
    assert revoked(seen=seen, rotation=OpenRotation()).next_due == NextDue(is_half_done=True)


def test_while_its_tokens_alone_were_ended_consumers_log_in_and_the_grace_is_told() -> None:
    seen = replace(credential(version("current"), version("old")), promoted_at=NOW - DAY)
    known = replace(REVOKED, wanted=(TOKENS,), done=(TOKENS,))
    assert revoked(known, seen=seen).previous_until == NOW + timedelta(days=6)
