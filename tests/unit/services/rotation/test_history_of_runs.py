"""What the history keeps of a run: what was asked for, each answer, what failed, and why it stopped or was given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.actor import Actor
from rotator.core.credentials import key_version
from rotator.core.decision.actions import Action, ActionKind, HaltReason
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.usage.retirement import Retire
from rotator.errors import OrgError, OrgUnavailable, RotationHalted, RotationHeldUp, WriteUncertain
from rotator.history.journal.queries import rotations
from rotator.services.rotation.observer import Observer
from rotator.services.rotation.report import Outcome
from rotator.services.rotation.requests import Request
from tests.unit.services.bench import BACK, FINISH, NOW, Bench, away

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.history.records import Event

ADA = Actor("root@host7", uid=0, login_uid=1000, login_name="ada", claimed_name="ceo")
NOT_APPROVED = LoginAnswer(LoginOutcome.CONFIGURATION, "user hasn't approved this consumer", "Approve the user.")
NOT_TAKEN = OrgError("The org refuses the upload.", hint="Look at the permissions.")


def of_kind(bench: Bench, *kinds: str) -> list[Event]:
    return [event for event in bench.events() if event.kind in kinds]


def test_who_asked_for_what_and_why_is_kept(one: Bench) -> None:
    old = one.current.fingerprint
    report = one.handle(Request("replace", ADA, "the laptop was stolen", "compromised"))
    [rotation] = rotations(one.database)
    assert (rotation.goal, rotation.trigger, rotation.reason) == ("replace", "compromised", "the laptop was stolen")
    assert (rotation.actor, rotation.uid, rotation.login_uid) == (ADA.name, 0, 1000)
    assert (rotation.login_name, rotation.claimed_name) == ("ada", "ceo")
    assert (rotation.replaces, rotation.brings_back) == (old, None)
    assert (rotation.org, rotation.strategy, rotation.why) == ("production", "in_place", report.why)
    assert (rotation.old_fingerprint, rotation.new_fingerprint) == (old, report.new_fingerprint)


def test_which_version_is_brought_back_is_kept(pair: Bench) -> None:
    old = pair.current.fingerprint
    pair.handle()
    pair.handle(BACK)
    rotation = rotations(pair.database)[0]
    assert (rotation.goal, rotation.replaces, rotation.brings_back) == ("back", None, old)


def test_each_answer_to_a_test_login_is_kept_once_with_what_it_tells(one: Bench) -> None:
    old = one.current.fingerprint
    new = one.handle().new_fingerprint
    told = [
        {name: event.details.get(name) for name in ("version", "outcome", "answer", "wrong_key", "of_current")}
        for event in of_kind(one, "verify")
    ]
    accepted = {"outcome": "accepted", "answer": "", "wrong_key": None}
    refused = {"outcome": "mismatch", "answer": "no match", "wrong_key": True}
    assert told == [
        {"version": old, **accepted, "of_current": True},
        {"version": new, **refused, "of_current": None},
        {"version": new, **accepted, "of_current": None},
    ]


def test_a_promotion_that_was_not_written_down_is_so_by_the_next_run_and_said_to_be_late(one: Bench) -> None:
    one.die_before("promote")
    [rotation] = rotations(one.database)
    report = one.handle(FINISH)
    [promotion] = of_kind(one, "promote")
    assert (promotion.time, promotion.rotation_id) == (one.time, rotation.id)
    assert promotion.details == {
        "why": "an interrupted run had made it current",
        "version": report.new_fingerprint,
        "written_late": True,
    }


@pytest.mark.parametrize("wrote_nothing", [False, True])
def test_a_step_that_failed_is_kept_with_its_error_and_whether_nothing_was_changed(
    one: Bench, *, wrote_nothing: bool
) -> None:
    refusal = OrgError("The org refuses the upload.", hint="Look.")
    refusal.wrote_nothing = wrote_nothing
    refusals = [refusal]

    def refuse(_app: str) -> None:
        if refusals:
            raise refusals.pop()

    one.on_write = refuse
    report = one.handle()
    assert report.outcome is Outcome.ROTATED
    assert refusal.message in report.warnings
    failed, done = (event.details for event in of_kind(one, "upload"))
    assert (failed["succeeded"], failed["error"], failed["version"]) == (False, refusal.message, report.new_fingerprint)
    assert failed.get("undone") == (True if wrote_nothing else None)
    assert "succeeded" not in done


@pytest.mark.parametrize(("needs_person", "hint"), [(True, "Look at the permissions."), (False, None)])
def test_why_a_run_stopped_is_kept_and_what_to_do_where_a_person_is_needed(
    one: Bench, *, needs_person: bool, hint: str | None
) -> None:
    def refuse(_app: str) -> None:
        raise NOT_TAKEN

    one.on_write = refuse if needs_person else away
    with pytest.raises(OrgError) as raised:
        one.handle()
    [stopped] = of_kind(one, "stopped")
    [rotation] = rotations(one.database)
    assert (rotation.outcome, stopped.rotation_id) == (None, rotation.id)
    assert (stopped.details["error"], stopped.details["needs_person"]) == (raised.value.message, needs_person)
    assert stopped.details.get("hint") == hint
    assert stopped.details.get("halt") is None


def test_why_a_run_that_goes_on_later_needs_a_person_is_kept(one: Bench) -> None:
    old = one.store.staged.current
    one.refuses = lambda version: NOT_APPROVED if one.is_live(version) and version.fingerprint != old else None
    report = one.handle()
    [stopped] = of_kind(one, "stopped")
    assert (report.outcome, stopped.details["halt"]) == (Outcome.HALTED, "unproven")
    assert (stopped.details["error"], stopped.details["hint"]) == (report.why, "Approve the user.")
    assert stopped.details["needs_person"] is True


def test_what_was_given_up_for_another_request_is_said_to_have_been(one: Bench) -> None:
    one.die_before("generate")
    one.handle(replace(NOW, trigger="compromised"))
    given_up = rotations(one.database)[1]
    assert (given_up.outcome, given_up.why) == ("abandoned", "It was interrupted, and another request came after it.")


def test_what_was_paused_at_the_last_moment_begins_nothing(one: Bench) -> None:
    with pytest.raises(RotationHeldUp, match="billing was paused just now") as held_up:
        one.rotation_service().handle(NOW, may_begin=lambda: False)
    assert (held_up.value.effect, held_up.value.hint) == ("Nothing was changed.", "Resume it.")
    assert rotations(one.database) == []


def test_who_adopts_the_current_version_is_told_that_it_is_that(one: Bench) -> None:
    with pytest.raises(RotationHalted, match="is the current version of billing already") as halted:
        one.rotation_service().adopt(Request("adopt", ADA), one.current)
    assert halted.value.message.startswith("This key pair is")
    assert "`rotator verify billing`" in halted.value.hint


def test_how_a_credential_is_rotated_follows_from_its_own_settings(one: Bench) -> None:
    settings: Any = one.settings.credentials["billing"]
    rules = settings.verification.model_copy(update={"confirmations": 2, "hold": timedelta(seconds=7)})
    changed = settings.model_copy(
        update={
            "rotate_before": timedelta(days=40),
            "grace": timedelta(days=3),
            "require_confirmation": not settings.require_confirmation,
            "retire": Retire.WHEN_CONFIRMED,
            "verification": rules,
        }
    )
    policy = replace(one.credential_context, settings=changed).policy
    assert (policy.rotate_before, policy.grace) == (timedelta(days=40), timedelta(days=3))
    assert (policy.require_confirmation, policy.retire) == (changed.require_confirmation, changed.retire)
    assert policy.verification == rules.rules() != settings.verification.rules()


def test_why_an_app_cannot_be_read_is_what_a_halt_for_it_says(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one, "read_all", lambda names: [None for _ in names])
    observer = Observer(one.credential_context)
    observer.observe()
    unreadable = Action(ActionKind.HALT, "an app cannot be read", halt=HaltReason.APP_UNREADABLE)
    explained = observer.explained(unreadable)
    assert (explained.why, explained.hint) == ("The org production has no app Billing.", "")
    other = replace(unreadable, halt=HaltReason.DRIFT)
    assert observer.explained(other) == other


class Listening:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def begins(self, action: Action) -> None:
        """See Listener."""

    def ended(self, action: Action, seconds: float, answer: LoginAnswer | None) -> None:
        self.told.append((action.kind, seconds, answer.outcome if answer else None))

    def failed(self, action: Action | None, why: str) -> None:
        self.told.append((action.kind if action else None, why))


def test_who_follows_a_run_is_told_how_each_step_ended_and_how_long_it_took(one: Bench) -> None:
    listening, refusals = Listening(), [NOT_TAKEN]

    def lasts(_app: str) -> None:
        one.time += timedelta(seconds=3)
        if refusals:
            raise refusals.pop()

    one.on_write = lasts
    service = one.rotation_service()
    made = service._run_context
    service._run_context = lambda rotation_id: replace(made(rotation_id), listener=listening)  # type: ignore[misc]
    service.handle(NOW)
    assert ("upload", NOT_TAKEN.message) in listening.told
    assert ("upload", 3.0, None) in listening.told
    assert {told[2] for told in listening.told if told[0] is ActionKind.VERIFY} == {
        LoginOutcome.MISMATCH,
        LoginOutcome.ACCEPTED,
    }


def test_since_when_consumers_are_refused_is_said_with_why_a_run_stopped(
    one: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to the upload was lost, and the org is away since: the new certificate may be live."""
    begun: list[datetime] = []

    def lost(app: str) -> None:
        begun.append(one.time)
        pending = one.store.staged.pending
        assert pending
        one.live[app] = key_version(one.store.versions[pending]).certificate
        monkeypatch.setattr(one, "read_all", away)
        raise WriteUncertain("No answer came.", rerun="Run it again.")

    one.on_write = lost
    with pytest.raises(OrgUnavailable) as raised:
        one.handle()
    assert raised.value.refused_since == begun[0]


def test_an_error_that_came_before_anything_was_sent_says_that_nobody_is_refused(
    one: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one, "read_all", away)
    with pytest.raises(OrgUnavailable) as raised:
        one.handle()
    assert raised.value.refused_since is None


def test_that_a_certificate_was_found_to_have_arrived_is_kept(one: Bench) -> None:
    one.die_before("upload")
    one.handle(FINISH)
    assert [event.details["state"] for event in of_kind(one, "gap")] == ["confirmed"]


def test_what_is_observed_is_current_and_previous_and_whether_consumers_are_refused(one: Bench) -> None:
    old = one.current.fingerprint
    new = one.handle().new_fingerprint
    seen = Observer(one.credential_context).observe()
    assert seen.current
    assert seen.previous
    assert (seen.credential, seen.current.fingerprint, seen.previous.fingerprint) == ("billing", new, old)
    assert not seen.gap_is_open
    one.die_before("verify")
    one.die_before("upload")
    assert Observer(one.credential_context).observe().gap_is_open
