"""A request is seen through once, however often its process dies, and is not mixed up with another."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.actor import Actor
from rotator.core.crypto.certificates import Certificate
from rotator.core.decision.actions import HaltReason
from rotator.core.decision.options import RotationOptions
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.errors import HistoryUnavailable, RotationHalted, RotationHeldUp, RotationRunning
from rotator.history.journal.queries import rotations
from rotator.history.last_observations import LastObservations
from rotator.history.sightings import last_sightings
from rotator.services.rotation.adopt import version_to_adopt
from rotator.services.rotation.report import Outcome
from rotator.services.rotation.requests import RESUMED_WITHIN, Request
from rotator.testing.versions import spare_key
from tests.tiers import longer
from tests.unit.services.bench import BACK, FINISH, NOW, Bench

if TYPE_CHECKING:
    from rotator.core.credentials import Version

COMPROMISED = replace(NOW, trigger="compromised")
KEEP_KEY = replace(NOW, options=RotationOptions(keep_key=True))
ADOPT = Request("adopt", Actor("alex@laptop"))
ENROLL = Request("enroll", Actor("alex@laptop"))


def outcomes(bench: Bench) -> list[str | None]:
    """How the rotations ended, the oldest first."""
    return [rotation.outcome for rotation in reversed(rotations(bench.database))]


def test_a_request_that_died_after_the_promotion_is_ended_and_not_rotated_twice(one: Bench) -> None:
    old = one.current
    one.die_before("promote")
    report = one.handle()
    assert (report.outcome, report.old_fingerprint) == (Outcome.ROTATED, old.fingerprint)
    assert report.new_fingerprint == one.store.staged.current
    assert len(one.store.versions) == 2
    assert outcomes(one) == ["rotated"]


def test_what_was_reached_more_than_a_day_ago_is_asked_for_anew(one: Bench) -> None:
    one.die_before("promote")
    first = one.current
    one.time += RESUMED_WITHIN
    report = one.handle()
    assert (report.outcome, report.old_fingerprint) == (Outcome.ROTATED, first.fingerprint)
    assert outcomes(one) == ["abandoned", "rotated"]


def test_what_was_not_reached_is_gone_on_with_however_old_it_is(one: Bench) -> None:
    one.die_before("upload")
    pending = one.store.staged.pending
    one.time += timedelta(days=20)
    assert one.handle().new_fingerprint == pending
    assert outcomes(one) == ["rotated"]


@pytest.mark.parametrize("other", [COMPROMISED, KEEP_KEY], ids=["compromised", "keep key"])
def test_another_request_abandons_what_was_begun(one: Bench, other: Request) -> None:
    old = one.current
    one.die_before("generate")
    report = one.handle(other)
    assert report.outcome is Outcome.ROTATED
    assert outcomes(one) == ["abandoned", "rotated"]
    assert (one.current.private_key == old.private_key) == other.options.keep_key


def test_a_key_in_wrong_hands_is_ended_whatever_else_is_asked_for(pair: Bench) -> None:
    old = pair.current
    pair.die_before("disable_begins", lambda service: service.handle(COMPROMISED))
    assert pair.prove(old).outcome is LoginOutcome.ACCEPTED
    assert pair.handle(KEEP_KEY).outcome is Outcome.ROTATED
    assert pair.prove(old).outcome is LoginOutcome.MISMATCH
    assert old.fingerprint not in pair.store.staged.fingerprints


def test_to_finish_goes_on_with_whatever_was_begun_as_it_was_begun(one: Bench) -> None:
    one.die_before("generate", lambda service: service.handle(COMPROMISED))
    assert one.handle(FINISH).outcome is Outcome.ROTATED
    [rotation] = rotations(one.database)
    assert (rotation.trigger, rotation.outcome) == ("compromised", "rotated")
    assert one.store.staged.previous is None


def test_what_was_asked_for_beside_the_goal_survives_a_crash(pair: Bench) -> None:
    old = pair.current
    at_once = replace(NOW, options=RotationOptions(retire_now=True))
    pair.die_before("disable_begins", lambda service: service.handle(at_once))
    assert pair.prove(old).outcome is LoginOutcome.ACCEPTED
    assert pair.handle(FINISH).again_at is None, "no grace is waited for"
    assert pair.prove(old).outcome is LoginOutcome.MISMATCH
    assert pair.store.staged.previous is None


def test_to_finish_when_nothing_was_begun_does_nothing(one: Bench) -> None:
    assert one.handle(FINISH).outcome is Outcome.NOTHING
    assert rotations(one.database) == []


def test_after_compromised_nobody_logs_in_with_the_old_key(one: Bench, pair: Bench) -> None:
    for bench in (one, pair):
        old = bench.current
        assert bench.handle(COMPROMISED).outcome is Outcome.ROTATED
        assert bench.prove(old).outcome is LoginOutcome.MISMATCH
        assert old.fingerprint not in bench.store.staged.fingerprints


def test_a_promotion_that_could_not_be_written_down_is_written_down_by_the_next_run(pair: Bench) -> None:
    pair.use("Warehouse_B")
    pair.journal.record("promote", now=pair.now(), credential=pair.credential, version=str(pair.store.staged.current))
    pair.time += timedelta(days=6)
    wanted = pair.store.staged.previous
    pair.die_before("promote", lambda service: service.handle(BACK))
    pair.time += timedelta(hours=1)
    report = pair.handle(BACK)
    assert pair.store.staged.current == wanted
    assert report.again_at == pair.time + timedelta(days=7), "the version before keeps its whole grace"
    assert pair.journal.promoted_version(pair.credential) == wanted


def test_a_version_that_was_current_before_the_history_began_was_not_promoted_now(one: Bench) -> None:
    one.handle(FINISH)
    assert one.journal.last_promotion("billing") is None


def test_a_run_that_cannot_write_its_beginning_changes_nothing(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise HistoryUnavailable("The disk is full.", hint="Make room.")

    monkeypatch.setattr("rotator.history.journal.journal.Journal.begin_rotation", full)
    with pytest.raises(HistoryUnavailable):
        one.handle()
    assert (one.store.staged.pending, one.writes) == (None, {})


def test_a_rotation_whose_end_cannot_be_written_is_told_and_ended_by_the_next_run(
    one: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise HistoryUnavailable("The disk is full.", hint="Make room.")

    with monkeypatch.context() as patch:
        patch.setattr("rotator.history.journal.journal.Journal.finish_rotation", full)
        report = one.handle()
    assert report.outcome is Outcome.ROTATED
    assert report.warnings == ("The history could not be written: The disk is full.",)
    assert one.handle(FINISH).new_fingerprint == report.new_fingerprint
    assert outcomes(one) == ["rotated"]


def test_how_it_was_observed_at_the_end_of_its_run_is_kept(pair: Bench) -> None:
    report = pair.handle()
    known = LastObservations(pair.database).all()[pair.credential].seen
    assert known
    assert known.current
    assert (known.current.fingerprint, known.previous and known.previous.fingerprint) == (
        report.new_fingerprint, report.old_fingerprint,
    )  # fmt: skip
    assert known.is_live(known.current)
    assert {each.app for each in last_sightings(pair.database)} == set(known.apps)


def test_an_end_that_cannot_be_kept_is_a_warning(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise HistoryUnavailable("The disk is full.", hint="Make room.")

    monkeypatch.setattr(LastObservations, "put", full)
    report = one.handle()
    assert report.outcome is Outcome.ROTATED
    assert report.warnings == ("The history could not be written: The disk is full.",)
    assert outcomes(one) == ["rotated"]


def test_an_error_that_stops_a_run_is_written_down_and_the_rotation_stays_open(one: Bench) -> None:
    one.store.versions.clear()
    with pytest.raises(Exception, match="not there"):
        one.handle()
    assert one.events()[-1].kind == "stopped"
    assert outcomes(one) == [None]


@longer
def test_a_rotation_that_could_prove_nothing_stays_open_and_is_told_as_one_when_it_is_finished(one: Bench) -> None:
    old = one.current
    nothing = LoginAnswer(LoginOutcome.TRANSIENT, "later")
    one.refuses = lambda version: nothing if version != old and one.is_live(version) else None
    assert one.handle().halt is HaltReason.UNPROVEN
    assert outcomes(one) == [None]
    one.refuses = lambda _: None
    report = one.handle(FINISH)
    assert (report.outcome, report.old_fingerprint) == (Outcome.ROTATED, old.fingerprint)
    ended = rotations(one.database)[0]
    assert (ended.outcome, ended.gap_seconds) == ("rotated", report.gap_seconds)


def test_while_somebody_else_rotates_it_nothing_is_begun(one: Bench) -> None:
    with one.database.rotation_locks(one.now).hold("billing"), pytest.raises(RotationRunning):
        one.handle()
    assert rotations(one.database) == []


def test_what_was_paused_just_now_is_not_begun_and_what_is_half_done_is_ended(one: Bench) -> None:
    with pytest.raises(RotationHeldUp, match="billing was paused just now") as held_up:
        one.rotation_service().handle(NOW, may_begin=lambda: False)
    assert (held_up.value.effect, held_up.value.hint) == ("Nothing was changed.", "Resume it.")
    assert (rotations(one.database), one.store.staged.pending) == ([], None)
    one.die_before("promote")
    assert one.rotation_service().handle(NOW, may_begin=lambda: False).outcome is Outcome.ROTATED


@pytest.mark.parametrize(("request_", "said"), [(BACK, "No previous version"), (ENROLL, "has a current version")])
def test_what_makes_no_sense_as_the_store_stands_is_refused(one: Bench, request_: Request, said: str) -> None:
    with pytest.raises(RotationHalted, match=said):
        one.handle(request_)
    assert rotations(one.database) == []


def test_the_app_of_the_programs_own_key_is_not_rotated(one: Bench) -> None:
    one.client_ids["Billing"] = "key"
    with pytest.raises(RotationHalted, match="would end the key that rotator itself logs in to production by"):
        one.handle()
    assert (one.writes, rotations(one.database)) == ({}, [])


def by_hand(bench: Bench, key: int) -> Version:
    """A person has put a certificate over this spare key on the app; the version that may be adopted."""
    bench.live["Billing"] = bench.version("Billing", key=spare_key(key)).certificate
    return version_to_adopt(bench.credential_context, spare_key(key), bench.now())


def test_an_adoption_that_died_is_gone_on_with_only_for_the_same_key(one: Bench) -> None:
    first = by_hand(one, 5)
    one.die_before("verify", lambda service: service.adopt(ADOPT, first))
    second = by_hand(one, 4)
    assert one.rotation_service().adopt(ADOPT, second).outcome is Outcome.ROTATED
    assert one.store.staged.current == second.fingerprint
    assert outcomes(one) == ["abandoned", "rotated"]


def test_an_adoption_that_died_after_the_promotion_is_ended(one: Bench) -> None:
    version = by_hand(one, 5)
    one.die_before("promote", lambda service: service.adopt(ADOPT, version))
    assert one.rotation_service().adopt(ADOPT, version).outcome is Outcome.ROTATED
    with pytest.raises(RotationHalted, match="already"):
        one.rotation_service().adopt(ADOPT, version)
    assert outcomes(one) == ["rotated"]


def test_a_pending_version_gives_way_to_an_adopted_one(one: Bench) -> None:
    one.die_before("upload_begins")
    version = by_hand(one, 5)
    assert one.rotation_service().adopt(ADOPT, version).outcome is Outcome.ROTATED
    assert one.store.staged.pending is None


def test_what_an_app_hides_is_not_ended_by_what_a_slow_server_says_of_the_pending_key(one: Bench) -> None:
    one.die_before("upload_begins")
    pending = one.store.staged.pending
    one.hiding = {"Billing"}
    live = one.live["Billing"] = one.version("Billing", key=spare_key(5)).certificate
    one.refuses = lambda version: LoginAnswer(LoginOutcome.ACCEPTED) if version.fingerprint == pending else None
    version = version_to_adopt(one.credential_context, spare_key(5), one.now(), live)
    held = list[Certificate | None]()
    one.on_write = lambda name: held.append(one.live[name])
    assert one.rotation_service().adopt(ADOPT, version).outcome is Outcome.ROTATED
    # It may be sent once more, as it is not shown.
    assert {*held, one.live["Billing"]} == {live}


def test_who_goes_on_with_a_rotation_is_written_down_beside_who_began_it(one: Bench) -> None:
    one.die_before("promote", lambda service: service.handle(NOW))
    one.handle(Request("", Actor("root@host7", 0, 1000, "ada", "ceo")))

    [rotation] = rotations(one.database)
    assert rotation.actor == "alex@laptop"
    [resumed] = [event for event in one.events() if event.kind == "resume"]
    assert resumed.rotation_id == rotation.id
    assert {name: resumed.details[name] for name in ("actor", "uid", "login_uid", "claimed_name")} == {
        "actor": "root@host7",
        "uid": 0,
        "login_uid": 1000,
        "claimed_name": "ceo",
    }


@longer
@pytest.mark.parametrize("bench", ["one", "pair"])
def test_what_a_person_has_to_look_at_half_way_ends_as_the_rotation_that_it_is(
    bench: str, request: pytest.FixtureRequest
) -> None:
    one: Bench = request.getfixturevalue(bench)
    target = one.settings.credentials[one.credential].app_names[-1]
    found = one.live.get(target)

    def somebody_changes_it(_: Version) -> None:
        one.live[target], one.refuses = one.version(target).certificate, lambda _: None

    one.on_write = lambda _: setattr(one, "refuses", somebody_changes_it)
    assert one.handle().outcome is Outcome.HALTED
    assert outcomes(one) == [None], "it has not ended"

    one.on_write, one.live[target] = lambda _: None, found
    one.time += timedelta(minutes=10)
    report = one.handle(FINISH)
    assert report.outcome is Outcome.ROTATED
    [rotation] = rotations(one.database)
    assert (rotation.outcome, rotation.gap_seconds) == ("rotated", report.gap_seconds)
    assert bool(report.gap_seconds) == (bench == "one")
