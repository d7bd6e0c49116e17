"""Between test logins a run does not look again; who changes an app meanwhile is noticed before the run goes on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.actions import HaltReason
from rotator.core.decision.policies import FRESHNESS
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.services.rotation.report import Outcome

if TYPE_CHECKING:
    from rotator.core.credentials import Version
    from tests.unit.services.bench import Bench

ACCEPTED = LoginAnswer(LoginOutcome.ACCEPTED)
NO_MATCH = LoginAnswer(LoginOutcome.MISMATCH, "no match")


def after_logins(bench: Bench, count: int, answer: LoginAnswer = ACCEPTED) -> list[datetime]:
    """A person changes the app after so many test logins with the new key, which its servers have not heard of yet.

    Gives the times of the test logins after it.
    """
    stranger, later = bench.version("Billing", key=bench.new_key()), []
    tried = 0

    def refuses(version: Version) -> LoginAnswer | None:
        nonlocal tried
        if version.fingerprint != bench.store.staged.pending or not bench.writes:
            return None
        tried += 1
        if tried == count:
            bench.live["Billing"] = stranger.certificate
        if tried > count:
            later.append(bench.time)
        return answer

    bench.refuses = refuses
    return later


@pytest.mark.parametrize("count", range(1, 6))
def test_a_certificate_that_is_not_live_any_more_is_not_promoted(one: Bench, count: int) -> None:
    old = one.current.fingerprint
    after_logins(one, count)
    report = one.handle()
    assert (report.outcome, report.halt) == (Outcome.HALTED, HaltReason.DRIFT)
    assert one.store.staged.current == old
    assert one.writes["Billing"] == 1


def test_while_a_new_key_is_refused_a_person_who_changes_the_app_is_noticed_within_a_minute(one: Bench) -> None:
    later = after_logins(one, 1, NO_MATCH)
    assert one.handle().halt is HaltReason.DRIFT
    assert later
    assert later[-1] - later[0] <= FRESHNESS + timedelta(seconds=10)


def test_what_another_installation_promotes_meanwhile_is_not_promoted_over(one: Bench) -> None:
    old, another = one.current.fingerprint, one.version("Billing", key=one.new_key())
    tried = 0

    def refuses(version: Version) -> LoginAnswer | None:
        nonlocal tried
        if version.fingerprint != one.store.staged.pending or not one.writes:
            return None
        tried += 1
        if tried == 3:
            one.store.put_pending(another)
            one.store.promote(one.credential, another.fingerprint, replaces=old)
            one.live["Billing"] = another.certificate
        return ACCEPTED

    one.refuses = refuses
    assert one.handle().outcome is Outcome.ROTATED
    assert one.store.staged.current == another.fingerprint


def test_asked_to_stop_between_two_test_logins_it_stops_by_what_is_so_just_then(pair: Bench) -> None:
    looked: list[datetime] = []
    read = pair.read

    def noted(full_name: str) -> object:
        looked.append(pair.time)
        return read(full_name)

    pair.read = noted  # type: ignore[method-assign, assignment]

    def refuses(_version: Version) -> LoginAnswer | None:
        # After the first login with the new key, the app was looked at in the same moment.
        pair.stop_asked = bool(pair.writes) and bool(looked) and looked[-1] < pair.time
        return None

    pair.refuses = refuses
    report = pair.handle()
    assert report.outcome is Outcome.INTERRUPTED
    assert looked[-1] == pair.time
