"""What a request does beside its run: a pending version gives way, tokens end, a lost lock is taken up again."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.core.actor import Actor
from rotator.core.credentials import Stages
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.errors import LockLost, OrgUnavailable, RotationHalted, RotationRunning
from rotator.history.journal.queries import rotations
from rotator.services.rotation import rotation_service as service_module
from rotator.services.rotation.report import Outcome
from rotator.services.rotation.requests import Request
from rotator.services.rotation.rotation_service import RotationService
from tests.unit.services.bench import FINISH, NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.core.credentials import KeyVersion
    from rotator.services.rotation.report import Report
    from tests.unit.services.bench import Bench

COMPROMISED = replace(NOW, trigger="compromised")
ADOPT = Request("adopt", Actor("alex@laptop"))


def service(bench: Bench, access: Callable[[], Any] | None = None, **context: Any) -> RotationService:
    made = bench.rotation_service()
    credential = replace(made._credential, **context)
    return RotationService(credential, made._journal, made._locks, made._run_context, access)


def pending(bench: Bench, app: str) -> KeyVersion:
    version = bench.version(app, key=bench.new_key())
    bench.store.put_pending(version)
    return version


def cleared(bench: Bench, adopted: str, **context: Any) -> dict[str, bool]:
    """Whether each app has another certificate once a pending version gave way to one of the app `adopted`."""
    before = dict(bench.live)
    service(bench, **context)._clear_pending(bench.store.staged, bench.version(adopted, key=bench.new_key()))
    assert bench.store.staged.pending is None
    return {app: bench.live[app] != held for app, held in before.items()}


@pytest.mark.parametrize("app", ["Warehouse_A", "Warehouse_B"])
def test_the_app_that_holds_a_pending_certificate_gets_one_whose_key_nobody_has(pair: Bench, app: str) -> None:
    pair.live["Warehouse_B"] = pair.version("Warehouse_B", key=pair.new_key()).certificate
    pair.live[app] = pending(pair, app).certificate
    assert cleared(pair, "Warehouse_A") == {each: each == app for each in ("Warehouse_A", "Warehouse_B")}


def test_what_holds_no_pending_certificate_keeps_what_it_holds(pair: Bench) -> None:
    pair.live["Warehouse_B"] = pair.version("Warehouse_B", key=pair.new_key()).certificate
    pending(pair, "Warehouse_B")
    assert not any(cleared(pair, "Warehouse_A").values())


def test_a_version_that_was_coming_back_keeps_its_certificate_and_its_grace(pair: Bench) -> None:
    version = pending(pair, "Warehouse_B")
    pair.live["Warehouse_B"] = version.certificate
    pair.store.staged = replace(pair.store.staged, previous=version.fingerprint)
    assert not any(cleared(pair, "Warehouse_A").values())


def test_an_app_that_is_not_shown_holds_up_no_other(pair: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.live["Warehouse_B"] = pending(pair, "Warehouse_B").certificate
    read = pair.read
    monkeypatch.setattr(pair, "read", lambda name: None if name == "Warehouse_A" else read(name))
    assert cleared(pair, "Warehouse_A")["Warehouse_B"]


@pytest.mark.parametrize(
    ("adopted", "of", "outcome", "is_ended"),
    [
        ("Warehouse_A", "Warehouse_B", LoginOutcome.ACCEPTED, True),
        ("Warehouse_A", "Warehouse_B", LoginOutcome.MISMATCH, False),
        ("Warehouse_B", "Warehouse_B", LoginOutcome.ACCEPTED, False),
        ("Warehouse_A", "Warehouse_A", LoginOutcome.ACCEPTED, False),
    ],
    ids=["it logs in", "it does not", "the adopted one is of that app", "it is of the app of the adopted one"],
)
def test_where_an_app_hides_what_it_holds_a_login_with_the_pending_key_says(
    pair: Bench, adopted: str, of: str, outcome: LoginOutcome, *, is_ended: bool
) -> None:
    pair.hiding = {"Warehouse_A", "Warehouse_B"}
    pair.live["Warehouse_B"] = pair.version("Warehouse_B", key=pair.new_key()).certificate
    pair.live[of] = pending(pair, of).certificate
    pair.refuses = lambda _: LoginAnswer(outcome)
    found = cleared(pair, adopted)
    assert found == {"Warehouse_A": False, "Warehouse_B": is_ended}


def test_a_write_that_was_begun_is_seen_to_before_a_pending_version_gives_way(pair: Bench) -> None:
    version = pending(pair, "Warehouse_B")
    pair.live["Warehouse_B"] = pair.version("Warehouse_B", key=pair.new_key()).certificate

    def comes() -> bool:
        pair.live["Warehouse_B"] = version.certificate
        return True

    pair.on_settling = comes
    assert cleared(pair, "Warehouse_A")["Warehouse_B"]


def test_a_pending_client_secret_leaves_org_and_store(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pending(one, "Billing")
    discarded: list[str] = []
    monkeypatch.setattr(service_module, "discard_pending", lambda _context, version: discarded.append(version))
    mine = service(one, secrets=cast("Any", object()))
    mine._clear_pending(one.store.staged, one.current)
    assert discarded == [one.store.staged.pending]
    mine._clear_pending(Stages(), one.current)
    assert len(discarded) == 1
    assert not one.writes


def ends(monkeypatch: pytest.MonkeyPatch, end: object) -> list[tuple[object, ...]]:
    """Tokens end so; with what that was asked for."""
    asked: list[tuple[object, ...]] = []

    def end_tokens(access: object, _journal: object, name: str, apps: Sequence[Any], user: str, _now: object) -> object:
        asked.append((access, name, [app.full_name for app in apps], user))
        if isinstance(end, Exception):
            raise end
        return end

    monkeypatch.setattr(service_module, "end_tokens", end_tokens)
    return asked


def handled(bench: Bench, request: Request = COMPROMISED) -> Report:
    return service(bench, lambda: cast("Any", "access")).handle(request)


@pytest.mark.parametrize(("hidden", "warnings"), [("", ()), ("Some are not shown.", ("Some are not shown.",))])
def test_what_was_given_out_for_a_key_in_wrong_hands_ends_with_it(
    one: Bench, monkeypatch: pytest.MonkeyPatch, hidden: str, warnings: tuple[str, ...]
) -> None:
    asked = ends(monkeypatch, SimpleNamespace(hidden=hidden))
    report = handled(one)
    assert (report.outcome, report.warnings) == (Outcome.ROTATED, warnings)
    assert asked == [("access", "billing", ["Billing"], "billing@example.com")]


@pytest.mark.parametrize("request_", [NOW, FINISH])
def test_no_token_ends_with_a_key_that_is_in_no_wrong_hands(
    one: Bench, monkeypatch: pytest.MonkeyPatch, request_: Request
) -> None:
    asked = ends(monkeypatch, SimpleNamespace(hidden=""))
    handled(one, request_)
    assert asked == []


def test_no_token_ends_where_the_new_key_never_logged_in(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ends(monkeypatch, SimpleNamespace(hidden=""))
    old = one.current.fingerprint
    one.refuses = lambda version: None if version.fingerprint == old else LoginAnswer(LoginOutcome.MISMATCH, "no")
    assert handled(one).outcome is not Outcome.ROTATED
    assert asked == []


def test_tokens_that_could_not_end_are_told_with_the_command_that_ends_them(
    one: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends(monkeypatch, OrgUnavailable("The org is away.", hint="Wait."))
    report = handled(one)
    assert report.outcome is Outcome.ROTATED
    assert report.warnings == (
        "The tokens that were given out were not revoked. The org is away. Wait."
        " `rotator revoke billing --only tokens --reason TEXT` tries again.",
    )


def test_a_lock_that_is_lost_meanwhile_is_no_warning(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, LockLost("It was lost."))
    with pytest.raises(LockLost):
        handled(one)


def test_who_has_begun_another_rotation_meanwhile_is_left_to_it(one: Bench) -> None:
    one.die_before("upload")
    begun = one.journal.open_rotation("billing")
    mine = one.rotation_service()
    mine._resume(begun, cast("Any", SimpleNamespace(is_met_by=lambda _: False)))
    with pytest.raises(RotationRunning, match="Another process has taken over the rotation of billing") as running:
        mine._resume(None, cast("Any", None))
    assert running.value.effect == "What it did stays as it is."
    assert running.value.hint == "`rotator history billing` shows what that was."
    assert running.value.rerun == "Run this again if it is still wanted."


def test_a_rotation_that_another_request_ends_is_told_so(one: Bench) -> None:
    one.die_before("generate")
    one.handle(COMPROMISED)
    ended = next(each for each in rotations(one.database) if each.outcome == "abandoned")
    assert ended.why == "It was interrupted, and another request came after it."


def test_who_asked_is_written_down_with_what_the_machine_knows_of_him(one: Bench) -> None:
    by = Actor("ada@crm-1", uid=1004, login_uid=1000, login_name="ada", claimed_name="ops")
    one.handle(replace(COMPROMISED, actor=by, reason="it was in a log"))
    [rotation] = rotations(one.database)
    assert (rotation.actor, rotation.uid, rotation.reason) == ("ada@crm-1", 1004, "it was in a log")
    assert (rotation.login_uid, rotation.login_name, rotation.claimed_name) == (1000, "ada", "ops")
    assert (rotation.trigger, rotation.goal, rotation.replaces) == ("compromised", "replace", rotation.old_fingerprint)


def test_consumer_keys_that_are_known_are_not_read_for_our_own_login(one: Bench) -> None:
    made = one.rotation_service()
    known = RotationService(made._credential, made._journal, made._locks, made._run_context, None, {"Billing": "key"})
    with pytest.raises(RotationHalted, match="rotator itself logs in to"):
        known.handle(NOW)
    assert one.handle().outcome is Outcome.ROTATED
