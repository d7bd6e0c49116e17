"""What a run goes by after a step of it has failed: what it knows of the step, and how often it tries."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.errors import OrgError, OrgUnavailable, StoreUnavailable
from rotator.services.rotation.report import Outcome
from tests.unit.services.bench import BACK, Bench, MemoryStore, away

if TYPE_CHECKING:
    from rotator.core.credentials import KeyVersion

MISMATCH = LoginAnswer(LoginOutcome.MISMATCH, "no match")


def test_a_promotion_whose_answer_is_lost_while_consumers_are_refused_begins_a_grace(
    one: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the version which is brought back began long ago, and is over."""
    promote, new = MemoryStore.promote, one.handle().new_fingerprint
    one.time += timedelta(days=30)

    def lose_the_answer(store: MemoryStore, *given: Any, **named: Any) -> None:
        monkeypatch.setattr(MemoryStore, "promote", promote)
        promote(store, *given, **named)
        raise StoreUnavailable("No answer.", rerun="Run it again.")

    monkeypatch.setattr(MemoryStore, "promote", lose_the_answer)
    assert one.handle(BACK).outcome is Outcome.ROTATED
    assert one.store.staged.previous == new


def test_a_write_that_never_left_took_nothing_from_an_app_that_hides_what_it_holds(one: Bench) -> None:
    """Else what was known of it would count no more, and current's certificate be sent to it once more."""

    def never_leaves(_app: str) -> None:
        error = OrgError("No.", hint="Ask somebody.")
        error.wrote_nothing = True
        raise error

    one.hiding.add("Billing")
    one.on_write = never_leaves
    with pytest.raises(OrgError, match=r"No\."):
        one.handle()
    assert one.writes["Billing"] == 3


def test_refusals_of_an_upload_are_counted_anew_after_one_that_was_taken(one: Bench) -> None:
    old = one.current

    def taken_once_and_put_back(version: KeyVersion) -> LoginAnswer | None:
        if one.writes["Billing"] == 1 and version != old:
            one.live["Billing"] = old.certificate
        return None

    def refuse_two(_app: str) -> None:
        if one.writes["Billing"] in {2, 3}:
            raise OrgError("No.", hint="Ask somebody.")

    one.refuses, one.on_write = taken_once_and_put_back, refuse_two
    assert one.handle().outcome is Outcome.ROTATED
    assert one.writes["Billing"] == 4


def test_a_test_login_that_was_answered_since_may_go_unanswered_again(one: Bench) -> None:
    """In the gap: a run that ended there would leave consumers refused."""
    old, failed_at = one.current, list[datetime]()

    def fails_now_and_then(version: KeyVersion) -> LoginAnswer | None:
        if version == old or not one.is_live(version):
            return None
        if not failed_at or (len(failed_at) == 1 and one.time - failed_at[0] > timedelta(minutes=5)):
            failed_at.append(one.time)
            raise OrgError("No.", hint="Ask somebody.")
        return MISMATCH if len(failed_at) == 1 else None

    one.refuses = fails_now_and_then
    assert one.handle().outcome is Outcome.ROTATED
    assert len(failed_at) == 2


def test_asked_to_stop_after_a_key_was_made_it_waits_for_no_org_that_is_away(
    one: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_and_be_away(kind: str) -> None:
        if kind == "generate":
            one.stop_asked, asked[:] = True, [one.time]
            monkeypatch.setattr(Bench, "read", lambda _, app: away(app))

    asked: list[datetime] = []
    one.before = stop_and_be_away
    with pytest.raises(OrgUnavailable):
        one.handle()
    assert [one.time] == asked
