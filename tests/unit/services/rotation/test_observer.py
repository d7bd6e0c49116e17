"""Every stored version is tried once, current first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.core.actor import Actor
from rotator.core.credentials import Stage
from rotator.core.decision.actions import BRING_STORE_BACK, HaltReason
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.errors import RotationHalted, StoreUnavailable
from rotator.services.rotation.observer import Observer
from rotator.services.rotation.recorder import RunRecorder
from rotator.services.rotation.report import Outcome
from rotator.services.rotation.requests import Request
from rotator.services.stored_logins import live_certificates, note_login, stored_logins
from tests.tiers import first_standard, longer
from tests.unit.services.bench import FINISH, NOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.salesforce.apps.app import App
    from tests.unit.services.bench import Bench


RESTORE = Request("restore", Actor("alex@laptop"))


def every_login(one: Bench) -> list[tuple[Stage, LoginOutcome]]:
    """As `rotator verify` has it."""

    def record(kind: str, **details: Any) -> None:
        one.journal.record(kind, now=one.now(), credential=one.credential, **details)

    context, recorder = one.credential_context, RunRecorder(one.credential, record)
    found = [log_in() for log_in in stored_logins(context)]
    for login in found:
        note_login(login, live_certificates(context.apps, found), recorder)
    return [(login.stage, login.answer.outcome) for login in found]


def test_what_is_stored_is_tried_current_first(one: Bench) -> None:
    one.handle()
    assert every_login(one) == [(Stage.CURRENT, LoginOutcome.ACCEPTED), (Stage.PREVIOUS, LoginOutcome.MISMATCH)]


def test_where_nothing_is_stored_nothing_is_tried(one: Bench) -> None:
    one.store.staged = type(one.store.staged)()
    assert every_login(one) == []


def test_a_store_that_is_empty_in_the_middle_of_a_run_is_away_and_nobody_is_told_to_make_a_new_key(one: Bench) -> None:
    observer = Observer(one.credential_context)
    assert observer.observe().current
    one.store.staged = type(one.store.staged)()
    with pytest.raises(StoreUnavailable, match="holds nothing of billing any more"):
        observer.observe()


def test_a_store_that_lost_what_the_history_knows_is_to_be_brought_back(one: Bench) -> None:
    one.handle()
    one.store.staged = type(one.store.staged)()
    with pytest.raises(RotationHalted, match="the history knows of one") as halted:
        one.handle()
    assert "bring it back" in halted.value.hint
    assert "enroll" not in halted.value.hint


@longer
@pytest.mark.parametrize("event", first_standard(["upload", "upload_begins"]))
@pytest.mark.parametrize("request_", [NOW, FINISH, RESTORE], ids=lambda each: each.goal or "finish")
def test_a_rotation_whose_store_is_gone_stays_open_until_it_is_back(one: Bench, event: str, request_: Request) -> None:
    one.handle()
    one.die_before(event, lambda service: service.handle(NOW))
    kept, one.store.staged = one.store.staged, type(one.store.staged)()
    begun = one.journal.open_rotation(one.credential)
    for _ in range(2):
        report = one.handle(FINISH)
        assert (report.halt, report.outcome) == (HaltReason.LOST, Outcome.HALTED)
        assert report.hint == BRING_STORE_BACK
    assert one.journal.open_rotation(one.credential) == begun
    one.store.staged = kept
    assert one.handle(request_).outcome in {Outcome.ROTATED, Outcome.RESTORED}


def test_to_finish_what_its_store_has_lost_is_not_nothing_to_do(one: Bench) -> None:
    one.handle()
    one.store.staged = type(one.store.staged)()
    with pytest.raises(RotationHalted, match="the history knows of one"):
        one.handle(FINISH)


def test_what_current_proved_is_known_afterwards(one: Bench) -> None:
    one.handle()
    one.time += timedelta(hours=1)
    every_login(one)
    known = one.journal.credential_record(one.credential)
    assert (known.tried_at, known.tried_outcome, known.tried_by) == (one.time, "accepted", "verify")
    assert known.accepted_at == one.time

    one.time += timedelta(hours=1)
    one.refuses = lambda _: LoginAnswer(LoginOutcome.CONFIGURATION, "user hasn't approved this consumer")
    every_login(one)
    known = one.journal.credential_record(one.credential)
    assert (known.tried_outcome, known.tried_answer) == ("configuration", "user hasn't approved this consumer")
    assert known.accepted_at == one.time - timedelta(hours=1)


def test_an_old_key_that_a_server_takes_still_proves_nothing(one: Bench) -> None:
    one.handle()
    one.live[one.current.app] = one.version(one.current.app).certificate
    one.refuses = lambda _: LoginAnswer(LoginOutcome.ACCEPTED)
    before = one.journal.credential_record(one.credential).accepted_at
    one.time += timedelta(minutes=1)
    every_login(one)
    assert one.journal.credential_record(one.credential).accepted_at == before


def test_a_halt_for_the_login_of_current_ends_when_that_is_accepted(one: Bench) -> None:
    one.use(one.settings.credentials[one.credential].app_names[0])
    one.refuses = lambda _: LoginAnswer(LoginOutcome.CONFIGURATION, "user hasn't approved this consumer")
    one.handle()
    assert one.journal.credential_record(one.credential).halted(is_half_done=False)
    every_login(one)
    assert one.journal.credential_record(one.credential).halted(is_half_done=False)
    one.refuses = lambda _: None
    every_login(one)
    assert one.journal.credential_record(one.credential).halted(is_half_done=False) is None


def live(observer: Observer) -> object:
    """What the app is observed to hold."""
    return observer.observe().apps["Billing"].live


def test_what_was_begun_before_is_seen_to_before_a_run_goes_by_what_it_observes(one: Bench) -> None:
    settled: list[int] = []

    def a_write_comes() -> bool:
        one.live.pop("Billing", None)
        settled.append(len(settled))
        return True

    one.on_settling = a_write_comes
    assert live(Observer(one.credential_context)), "who only looks sees to nothing"
    observer = Observer(one.credential_context, settles=True)
    assert live(observer) is None
    assert live(observer) is None
    assert len(settled) == 1
    observer.recheck()
    assert live(observer) is None
    assert len(settled) == 2


def test_another_consumer_key_is_seen_whatever_case_the_app_is_configured_in(one: Bench) -> None:
    """An org gives the name as it has it, and takes it in any case."""
    stored = one.current
    one.client_ids["Billing"] = "another"
    context = one.credential_context

    class AnyCase:
        def read_all(self, names: Sequence[str]) -> list[App | None]:
            return [
                replace(app, full_name=app.full_name.upper()) if (app := one.read(name)) else None for name in names
            ]

    observer = Observer(replace(context, apps=cast("Any", AnyCase())))
    seen = observer.observe()
    assert seen.current
    assert seen.has_old_client_id(seen.current)
    assert observer.has_old_client_id(stored.fingerprint)
