"""What a run that halts says: that nothing was changed only where no run of the rotation has, and the gap as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.core.credentials import Stages
from rotator.core.decision.actions import HaltReason
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.services.rotation.report import Outcome
from tests.tiers import longer
from tests.unit.services.bench import FINISH, NOW

if TYPE_CHECKING:
    from rotator.services.rotation.requests import Request
    from tests.unit.services.bench import Bench

pytestmark = longer


def test_a_run_that_only_looked_says_that_nothing_was_changed(one: Bench) -> None:
    one.live["Billing"] = None
    report = one.handle()
    assert (report.outcome, report.halt, report.effect) == (Outcome.HALTED, HaltReason.DRIFT, "Nothing was changed.")


def test_so_does_one_that_tried_logins_and_waited(one: Bench) -> None:
    refused = LoginAnswer(LoginOutcome.CONFIGURATION, "invalid_grant: user hasn't approved this consumer")
    one.refuses = lambda _version: refused
    report = one.handle()
    assert [step.action for step in report.steps] == ["verify"]
    assert (report.halt, report.effect) == (HaltReason.LOGIN_NOT_SET_UP, "Nothing was changed.")


@pytest.mark.parametrize("request_", [NOW, FINISH], ids=["now", "finish"])
@pytest.mark.parametrize("died_before", ["upload", "promote"])
def test_one_that_goes_on_from_an_upload_does_not(one: Bench, died_before: str, request_: Request) -> None:
    one.die_before(died_before)
    one.store.staged = Stages()
    report = one.handle(request_)
    assert (report.outcome, report.halt, report.effect) == (Outcome.HALTED, HaltReason.LOST, "")


def test_one_that_goes_on_from_a_promotion_does_not(one: Bench) -> None:
    one.die_before("promote")
    assert one.store.staged.pending is None
    one.live["Billing"] = None
    report = one.handle(FINISH)
    assert (report.outcome, report.halt, report.effect) == (Outcome.HALTED, HaltReason.DRIFT, "")
    assert report.gap
    assert report.gap.is_open


@pytest.mark.parametrize("died_before", ["upload", "promote"])
def test_a_store_that_is_away_for_a_while_ends_no_gap(one: Bench, died_before: str) -> None:
    """As one that is not mounted; the app has the new key all the time."""
    one.die_before(died_before)
    begun = one.journal.credential_record("billing").refused_since
    assert begun
    kept, one.store.staged = one.store.staged, Stages()
    report = one.handle(FINISH)
    assert (report.halt, report.gap and report.gap.begun_at) == (HaltReason.LOST, begun)
    assert one.journal.credential_record("billing").refused_since == begun
    one.store.staged = kept
    report = one.handle(FINISH)
    assert (report.outcome, report.gap and report.gap.begun_at) == (Outcome.ROTATED, begun)
    assert one.journal.credential_record("billing").refused_since is None
