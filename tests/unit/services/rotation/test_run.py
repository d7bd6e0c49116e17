"""A run goes on until the wanted is so, measures the gap, writes down what it does, and stops only where it may."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.decision.actions import HaltReason
from rotator.core.decision.observations import Observation
from rotator.core.decision.options import RotationOptions
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import ObservedApp
from rotator.errors import OrgError, OrgUnavailable, StoreUnavailable, WriteUncertain
from rotator.history.journal.queries import rotations
from rotator.services.rotation.observer import Observer
from rotator.services.rotation.report import Outcome
from tests.tiers import longer
from tests.unit.services.bench import BACK, FINISH, NOW, Bench, MemoryStore, away, full

if TYPE_CHECKING:
    from rotator.core.credentials import KeyVersion
    from rotator.salesforce.apps.app import App

KEEP_KEY = replace(NOW, options=RotationOptions(keep_key=True))


def test_the_history_tells_each_step_with_its_version_app_and_reason(one: Bench) -> None:
    old = one.current.fingerprint
    new = one.handle().new_fingerprint
    told = [(event.kind, event.details.get("version"), event.details.get("app")) for event in one.events()[1:-1]]
    assert told == [
        ("verify", old, "Billing"),
        ("generate", new, "Billing"),
        ("verify", new, "Billing"),
        ("upload_begins", new, "Billing"),
        ("upload", new, "Billing"),
        ("verify", new, "Billing"),
        ("promote", new, "Billing"),
    ]
    assert all(event.details["why"] for event in one.events()[1:])
    assert one.events()[-2].details["replaces"] == old


def test_a_gap_is_from_the_upload_until_the_promotion(one: Bench) -> None:
    report = one.handle()
    upload, promotion = [event.time for event in one.events() if event.kind in {"upload_begins", "promote"}]
    assert report.gap_seconds == (promotion - upload).total_seconds() > 0
    assert rotations(one.database)[0].gap_seconds == report.gap_seconds


def test_a_run_that_goes_on_keeps_the_beginning_of_the_gap(one: Bench) -> None:
    one.die_before("upload")
    begun = one.time
    one.time += timedelta(hours=3)
    assert one.handle().gap_seconds > (one.time - begun).total_seconds() - 10 > 3 * 3600 - 10


def test_a_gap_ends_with_the_promotion_even_if_the_process_died_right_after_it(one: Bench) -> None:
    one.die_before("promote")
    died = one.time
    one.time += timedelta(minutes=5)
    report = one.handle()
    assert 0 < (died - one.events()[0].time).total_seconds() <= report.gap_seconds <= 400
    assert report.gap
    assert report.gap.is_uncertain, "nobody wrote down when it was promoted"


def test_an_upload_that_never_left_refused_nobody(one: Bench) -> None:
    one.on_write = away
    with pytest.raises(OrgUnavailable):
        one.handle()
    one.on_write = lambda _: None
    one.time += timedelta(hours=2)
    assert one.handle().gap_seconds < 3600


def test_a_gap_is_told_by_whoever_ends_it(one: Bench) -> None:
    one.die_before("upload")
    one.time += timedelta(hours=1)
    report = one.handle(KEEP_KEY)
    assert report.outcome is Outcome.ROTATED
    assert report.gap_seconds >= 3600
    assert one.journal.credential_record("billing").refused_since is None


def test_there_is_no_gap_over_the_same_key_nor_between_two_apps(one: Bench, pair: Bench) -> None:
    assert one.handle(KEEP_KEY).gap_seconds == 0
    assert pair.handle().gap_seconds == 0
    assert {event.details.get("opens_gap") for event in one.events()} <= {None, False}


def test_the_way_back_is_measured_as_the_way_there(one: Bench) -> None:
    one.handle()
    one.die_before("promote", lambda service: service.handle(BACK))
    assert one.handle(BACK).gap_seconds > 0


def test_a_history_that_fails_in_the_middle_does_not_stop_what_was_begun(one: Bench) -> None:
    old, one.before = one.current, full
    report = one.handle()
    assert report.outcome is Outcome.ROTATED
    assert one.current != old
    assert report.warnings == ("The history could not be written: The disk is full.",)


def test_a_history_that_cannot_be_read_any_more_does_not_end_a_grace(
    pair: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    observer = Observer(pair.credential_context)
    observer.observe()
    monkeypatch.setattr("rotator.history.journal.journal.Journal.last_promotion", lambda *_: full(""))
    assert observer.observe().promoted_at == pair.current.created_at
    observer.promoted(pair.time + timedelta(days=1))
    assert observer.observe().promoted_at == pair.time + timedelta(days=1)


def test_a_promotion_whose_answer_is_lost_begins_a_grace_all_the_same(
    pair: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.use("Warehouse_B")
    promoted, wanted = str(pair.store.staged.current), pair.store.staged.previous
    pair.journal.record("promote", now=pair.now(), credential=pair.credential, version=promoted)
    pair.time += timedelta(days=30)
    promote = MemoryStore.promote

    def lose_the_answer(store: MemoryStore, *given: Any, **named: Any) -> None:
        promote(store, *given, **named)
        # The observation after it must not take the version before for one whose grace has ended.
        raise StoreUnavailable("No answer.", rerun="Run it again.")

    monkeypatch.setattr(MemoryStore, "promote", lose_the_answer)
    with pytest.raises(StoreUnavailable):
        pair.handle(BACK)
    report = pair.handle(BACK)
    assert (pair.store.staged.current, pair.store.staged.previous) == (wanted, promoted)
    assert report.again_at
    assert report.again_at > pair.time


def test_asked_to_stop_it_stops_where_nothing_is_half_done_and_says_how_to_go_on(one: Bench) -> None:
    one.stop_asked = True
    report = one.handle()
    assert report.outcome is Outcome.INTERRUPTED
    assert "rotate finish billing" in report.advice
    assert one.writes == {}
    one.stop_asked = False
    assert one.handle(FINISH).outcome is Outcome.ROTATED
    assert [rotation.outcome for rotation in rotations(one.database)] == ["rotated"]


def test_asked_to_stop_after_the_upload_it_goes_on_until_consumers_log_in_again(one: Bench) -> None:
    def ask(_: str) -> None:
        one.stop_asked = True

    one.on_write = ask
    report = one.handle()
    assert report.outcome is Outcome.ROTATED


def test_asked_to_stop_while_alternating_it_leaves_the_rest_to_another_run(pair: Bench) -> None:
    def ask(_: str) -> None:
        pair.stop_asked = True

    old, pair.on_write = pair.current, ask
    assert pair.handle().outcome is Outcome.INTERRUPTED
    assert pair.current == old
    pair.stop_asked = False
    assert pair.handle().outcome is Outcome.ROTATED


def test_asked_to_stop_while_an_org_is_away_it_does_not_wait_for_it(
    pair: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask_and_be_away(name: str) -> None:
        monkeypatch.setattr(Bench, "read", lambda _, app: away(app))
        pair.stop_asked = True
        away(name)

    pair.on_write = ask_and_be_away
    with pytest.raises(OrgUnavailable):
        pair.handle()
    assert pair.time - pair.events()[0].time < timedelta(hours=1)


@pytest.mark.parametrize(
    ("after", "asks_to_stop"),
    [("generate", False), ("upload", False), ("upload", True)],
    ids=["before the upload", "in the gap", "in the gap, asked to stop"],
)
def test_an_org_that_is_away_for_a_moment_ends_no_run(
    one: Bench, monkeypatch: pytest.MonkeyPatch, after: str, *, asks_to_stop: bool
) -> None:
    read, calls = Bench.read, list[str]()

    def away_once(bench: Bench, app: str) -> App | None:
        calls.append(app)
        if len(calls) == 1:
            away(app)
        return read(bench, app)

    def before(kind: str) -> None:
        if kind == after:
            one.stop_asked = asks_to_stop
            monkeypatch.setattr(Bench, "read", away_once)

    one.before = before
    assert one.handle().outcome is Outcome.ROTATED
    assert calls


def test_a_first_observation_that_fails_is_told_at_once(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bench, "prove", lambda *_: pytest.fail("nobody logs in"))
    monkeypatch.setattr("rotator.services.rotation.rotation_service.refuse_to_end_own_login", lambda *_: None)
    monkeypatch.setattr(Bench, "read", lambda _, app: away(app))
    before = one.time
    with pytest.raises(OrgUnavailable):
        one.handle()
    assert one.time == before


def test_a_store_that_fails_before_anything_is_changed_is_told_at_once(
    one: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise StoreUnavailable("It is full.", hint="Make room.")

    monkeypatch.setattr("tests.unit.services.bench.MemoryStore.put_pending", no_room)
    with pytest.raises(StoreUnavailable):
        one.handle()
    assert one.writes == {}
    assert one.events()[-2].details["error"] == "It is full."


def test_an_upload_that_is_refused_three_times_is_left_to_another_run(one: Bench) -> None:
    def refuse(_: str) -> None:
        raise OrgError("No.", hint="Ask somebody.")

    one.on_write = refuse
    with pytest.raises(OrgError, match=r"No\."):
        one.handle()
    assert one.writes["Billing"] == 3


def test_an_upload_that_empties_the_app_is_taken_back_and_told(one: Bench) -> None:
    old = one.current

    def empty(_: str) -> None:
        if one.writes["Billing"] <= 3:
            one.live["Billing"] = None
            raise OrgError("The app holds no certificate.", rerun="Run it again.")

    one.on_write = empty
    report = one.handle()
    assert (report.outcome, report.halt) == (Outcome.REVERTED, HaltReason.REVERTED)
    assert report.why == "The app holds no certificate. The old certificate is back."
    assert one.live["Billing"] == old.certificate
    assert one.writes["Billing"] == 4


@longer
def test_a_restoring_that_keeps_failing_ends_when_the_retry_policy_says_so(one: Bench) -> None:
    def only_once(_: str) -> None:
        if one.writes["Billing"] > 1:
            raise WriteUncertain("No answer.", rerun="Run it again.")

    old, one.on_write = one.current, only_once
    one.refuses = lambda version: None if version == old else LoginAnswer(LoginOutcome.MISMATCH, "no match")
    with pytest.raises(WriteUncertain):
        one.handle()
    assert one.time - one.events()[0].time < timedelta(hours=1)
    assert one.writes["Billing"] < 100, "it pauses longer and longer"
    one.on_write = lambda _: None
    assert one.handle().outcome is Outcome.REVERTED
    assert one.current == old


def test_a_version_that_was_given_up_is_not_uploaded_again_when_the_restoring_fails_once(one: Bench) -> None:
    def second_is_lost(name: str) -> None:
        if one.writes[name] == 2:
            one.live[name] = old.certificate
            raise WriteUncertain("No answer.", rerun="Run it again.")

    old, one.on_write = one.current, second_is_lost
    one.refuses = lambda version: None if version == old else LoginAnswer(LoginOutcome.MISMATCH, "no match")
    assert one.handle().outcome is Outcome.REVERTED
    assert one.writes["Billing"] == 2


def test_answers_that_prove_nothing_halt_the_run_and_leave_the_gap_open(one: Bench) -> None:
    old = one.current

    def nobody_knows(version: KeyVersion) -> LoginAnswer | None:
        is_wrong = version == old or not one.is_live(version)
        return None if is_wrong else LoginAnswer(LoginOutcome.TRANSIENT, "later")

    one.refuses = nobody_knows
    report = one.handle()
    assert (report.outcome, report.halt) == (Outcome.HALTED, HaltReason.UNPROVEN)
    assert one.writes["Billing"] == 1
    assert rotations(one.database)[0].gap_seconds is None
    one.refuses = lambda _: None
    one.time += timedelta(hours=1)
    assert one.handle().gap_seconds > 3600


OTHER_WORDS = LoginAnswer(LoginOutcome.CONFIGURATION, "invalid_client: invalid client credentials")


def test_a_key_that_never_logs_in_is_taken_back_whatever_the_org_says_of_it(one: Bench) -> None:
    old = one.current
    one.refuses = lambda version: None if version == old and one.is_live(old) else OTHER_WORDS
    report = one.handle()
    assert (report.outcome, report.halt) == (Outcome.REVERTED, HaltReason.REVERTED)
    assert one.is_live(old)


@longer
def test_what_was_heard_of_a_wrong_key_is_known_to_the_run_after_a_crash(one: Bench) -> None:
    old = one.current
    one.refuses = lambda version: None if version == old and one.is_live(old) else OTHER_WORDS
    one.die_before("upload")
    assert not one.is_live(old)
    assert one.handle().outcome is Outcome.REVERTED
    assert one.is_live(old)


def test_a_refusal_in_words_that_were_not_heard_before_changes_nothing(one: Bench) -> None:
    old = one.current
    not_approved = LoginAnswer(LoginOutcome.CONFIGURATION, "invalid_grant: user hasn't approved this consumer")
    one.refuses = lambda version: not_approved if version != old and one.is_live(version) else None
    report = one.handle()
    assert (report.outcome, report.halt) == (Outcome.HALTED, HaltReason.UNPROVEN)
    assert one.writes["Billing"] == 1


def test_a_key_that_is_accepted_before_its_certificate_is_there_changes_nothing(one: Bench) -> None:
    old = one.current
    one.refuses = lambda version: None if version == old else LoginAnswer(LoginOutcome.ACCEPTED)
    report = one.handle()
    assert (report.outcome, report.halt) == (Outcome.HALTED, HaltReason.ACCEPTED_EARLY)
    assert one.is_live(old)
    assert one.writes["Billing"] == 0
    assert "Billing" in report.why


def test_a_key_that_is_kept_is_tried_only_with_its_new_certificate(one: Bench) -> None:
    one.handle(KEEP_KEY)
    tried = [event.details["version"] for event in one.events() if event.kind == "verify"]
    uploaded = next(event for event in one.events() if event.kind == "upload")
    assert tried == [one.events()[1].details["version"], uploaded.details["version"]]


def test_what_must_wait_for_the_end_of_a_grace_says_until_when(pair: Bench) -> None:
    pair.handle()
    report = pair.handle()
    assert report.outcome is Outcome.WAITING
    assert report.again_at
    pair.time = report.again_at
    assert pair.handle().outcome is Outcome.ROTATED


def test_steps_are_told_with_their_times_and_repetitions_together(one: Bench) -> None:
    steps = one.handle().steps
    assert [step.action for step in steps] == ["verify", "generate", "verify", "upload", "verify", "promote"]
    assert steps[2].times == 1
    assert steps[4].times >= 5
    assert steps[4].seconds >= 30


@pytest.mark.parametrize(("live", "is_settled"), [("current's", True), ("another", False), (None, False)])
def test_nothing_is_half_done_while_currents_certificate_is_live(
    one: Bench, live: str | None, is_settled: bool
) -> None:
    seen = Observer(one.credential_context).observe()
    assert seen.current
    fingerprints = {"current's": seen.current.fingerprint, "another": "0" * 64, None: None}
    apps = {"Billing": ObservedApp("Billing", live=fingerprints[live])}  # type: ignore[arg-type] # any text will do
    assert replace(seen, apps=apps).is_settled is is_settled
    assert Observation(apps).is_settled, "who has no version logs in with none"
