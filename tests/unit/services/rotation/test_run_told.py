"""What a run tells while it runs: the history of a gap, whoever watches it, and the log."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.decision.actions import ActionKind
from rotator.errors import HistoryUnavailable, LockLost, OrgUnavailable
from rotator.history.locks.locks import Hold
from rotator.services.rotation.report import Outcome
from rotator.services.rotation.rotation_service import RotationService
from tests.unit.services.bench import FINISH, NOW

if TYPE_CHECKING:
    from rotator.core.decision.actions import Action
    from rotator.core.logins import LoginAnswer
    from tests.unit.services.bench import Bench


@dataclass
class Watching:
    """Who watches a run."""

    told: list[tuple[str, str, str]] = field(default_factory=list)

    def begins(self, action: Action) -> None:
        self.told.append(("begins", action.kind, ""))

    def ended(self, action: Action, seconds: float, answer: LoginAnswer | None) -> None:
        assert seconds >= 0
        self.told.append(("ended", action.kind, answer.outcome if answer else ""))

    def failed(self, action: Action | None, why: str) -> None:
        self.told.append(("failed", action.kind if action else "", why))


def service(one: Bench, **context: Any) -> RotationService:
    made = one.rotation_service()
    return RotationService(
        made._credential,
        made._journal,
        made._locks,
        lambda rotation_id: replace(made._run_context(rotation_id), **context),
    )


def gaps(one: Bench) -> list[object]:
    return [each.details["state"] for each in one.events() if each.kind == "gap"]


def test_who_watches_is_told_of_each_step_and_what_a_login_was_answered(one: Bench) -> None:
    watching = Watching()
    assert service(one, listener=watching).handle(NOW).outcome is Outcome.ROTATED
    assert ("ended", ActionKind.VERIFY, "accepted") in watching.told
    assert ("ended", ActionKind.UPLOAD, "") in watching.told
    begun = [kind for what, kind, _ in watching.told if what == "begins" and kind != ActionKind.WAIT]
    assert begun == [kind for what, kind, _ in watching.told if what == "ended"]


def test_the_log_of_a_run_has_how_long_each_step_took(one: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "rotator.services.rotation.recorder")
    one.handle()
    lines = {each.getMessage(): vars(each) for each in caplog.records}
    assert lines["verify"]["answer"] == "accepted"
    assert all(line["seconds"] >= 0 for line in lines.values())
    assert lines.keys() >= {"generate", "upload", "promote"}


def test_what_was_begun_before_is_seen_to_before_a_run_does_anything(one: Bench) -> None:
    settled: list[int] = []

    def settle() -> bool:
        settled.append(sum(one.writes.values()))
        return False

    one.on_settling = settle
    one.handle()
    assert settled
    assert settled[0] == 0


def test_the_history_tells_by_which_clock_a_gap_began(one: Bench) -> None:
    service(one, counted_from="a start").handle(NOW)
    [begun] = [each for each in one.events() if each.kind == "upload_begins"]
    assert begun.details["opens_gap"]
    assert str(begun.details["counter"]).endswith(" a start")


def test_that_an_earlier_run_took_the_slot_of_current_is_written_down_by_who_sees_it(one: Bench) -> None:
    one.die_before("upload")
    assert gaps(one) == []
    one.handle(FINISH)
    assert gaps(one) == ["confirmed"]


@pytest.mark.parametrize("takes_effect", [False, True])
def test_what_was_sent_before_another_way_was_taken_refused_nobody(
    one: Bench, monkeypatch: pytest.MonkeyPatch, *, takes_effect: bool
) -> None:
    """An org may refuse a write in one way, and take it in another; a gap begins with the one that it took."""
    replace_certificate = one.replace_certificate

    def twice(*args: Any, sends: Any, **options: Any) -> Any:
        sends()
        if not takes_effect:
            raise OrgUnavailable("The org is away.")
        return replace_certificate(*args, sends=sends, **options)

    monkeypatch.setattr(one, "replace_certificate", twice)
    if takes_effect:
        assert one.handle().outcome is Outcome.ROTATED
        assert gaps(one) == ["withdrawn"]
    else:
        with pytest.raises(OrgUnavailable):
            one.handle()
        assert one.journal.credential_record("billing").refused_since is None


def test_the_log_says_which_step_failed_and_why(one: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "rotator.services.rotation.recorder")
    told: list[str] = []

    def refuse(_app: str) -> None:
        told.append("refused")
        if len(told) < 3:
            raise OrgUnavailable("The org is away.")

    one.on_write = refuse
    watching = Watching()
    assert service(one, listener=watching).handle(NOW).outcome is Outcome.ROTATED
    failed = [vars(each) for each in caplog.records if "failed" in vars(each)]
    assert [(each["message"], each["failed"], each["version"]) for each in failed] == [
        ("upload", "The org is away.", one.current.fingerprint)
    ] * 2
    assert [each for each in watching.told if each[0] == "failed"] == [
        ("failed", ActionKind.UPLOAD, "The org is away.")
    ] * 2
    begun = [each.time for each in one.events() if each.kind == "upload_begins"]
    assert begun[-1] - begun[0] < timedelta(seconds=30), (
        "what was refused had nobody refused, so nothing is proven anew"
    )


@pytest.mark.parametrize("stop_asked", [False, True])
def test_a_run_that_lost_its_lock_waits_for_it_unless_it_is_to_stop(
    one: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, stop_asked: bool
) -> None:
    """Nothing is half done yet, so that nobody has to wait where a stop is asked for."""
    caplog.set_level(logging.DEBUG, "rotator.services.rotation.lock")
    tries: list[str] = []

    def check(_hold: Hold) -> None:
        if not tries:
            raise LockLost("The lock was lost.")

    def take_again(_hold: Hold) -> None:
        tries.append("again")
        one.stop_asked = stop_asked
        if len(tries) < 4:
            raise HistoryUnavailable("The database is away.")

    monkeypatch.setattr(Hold, "check", check)
    monkeypatch.setattr(Hold, "take_again", take_again)
    if stop_asked:
        with pytest.raises(LockLost):
            one.handle()
        assert len(tries) == 1
    else:
        report = one.handle()
        assert report.outcome is Outcome.ROTATED
        assert report.warnings == ("The lock was lost. It was taken again.",)
        assert len(tries) == 4
        assert caplog.messages == ["lost", "taken again"]
        assert vars(caplog.records[0])["reason"] == "The lock was lost."


def test_a_lock_that_is_lost_just_before_something_is_sent_sends_nothing(
    one: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where it had not been lost after all, the run begins anew."""
    caplog.set_level(logging.DEBUG, "rotator.services.rotation.recorder")
    replace_certificate, sending = one.replace_certificate, [False, True]

    def once(*args: Any, **options: Any) -> Any:
        is_lost = sending.pop() if sending else False

        def check(_hold: Hold) -> None:
            if is_lost:
                raise LockLost("The lock was lost.")

        monkeypatch.setattr(Hold, "check", check)
        try:
            return replace_certificate(*args, **options)
        finally:
            monkeypatch.setattr(Hold, "check", lambda _hold: None)

    monkeypatch.setattr(one, "replace_certificate", once)
    assert one.handle().outcome is Outcome.ROTATED
    assert one.writes["Billing"] == 1
    [failed] = [vars(each) for each in caplog.records if "failed" in vars(each)]
    assert (failed["message"], failed["failed"], failed["version"]) == (
        "upload",
        "The lock was lost.",
        one.current.fingerprint,
    )
