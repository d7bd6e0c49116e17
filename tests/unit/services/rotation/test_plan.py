"""What is forecast is what a run then does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import groupby, product
from typing import TYPE_CHECKING

import pytest

from rotator.core.actor import Actor
from rotator.core.crypto.certificates import throwaway
from rotator.core.decision.actions import ActionKind
from rotator.core.decision.options import RotationOptions
from rotator.core.lifecycle.revocation import EVERY_STEP, AccessGrant, GivenBy, Revocation, RevocationStep
from rotator.errors import OrgError, OrgUnavailable, RotationHalted, StoreError
from rotator.services.rotation.plan import Plan, plan_of, plans_of
from rotator.services.rotation.report import Outcome
from rotator.services.rotation.requests import Request
from tests.tiers import rows_standard_first
from tests.unit.services.bench import BACK, FINISH, NOW, Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.errors import RotatorError
    from rotator.salesforce.apps.app import App
    from rotator.services.rotation.observer import CredentialContext

ENROLL = Request("enroll", Actor("alex@laptop"))
RESTORE = Request("restore", Actor("alex@laptop"))
REQUESTS = {
    "now": NOW,
    "keep key": replace(NOW, options=RotationOptions(keep_key=True)),
    "compromised": replace(NOW, trigger="compromised"),
    "retire now": replace(NOW, options=RotationOptions(retire_now=True)),
    "back": BACK,
    "enroll": ENROLL,
    "restore": RESTORE,
    "finish": FINISH,
}


def nothing(_bench: Bench) -> None:
    """As it is."""


def rotated(bench: Bench) -> None:
    """Rotated an hour ago."""
    bench.handle()
    bench.time += timedelta(hours=1)


def after_grace(bench: Bench) -> None:
    """Rotated so long ago that the grace of the version before has ended."""
    bench.handle()
    bench.time += timedelta(days=8)


def interrupted(bench: Bench) -> None:
    """Died with the new certificate live."""
    bench.die_before("upload")


def promoted(bench: Bench) -> None:
    """Died right after the promotion."""
    bench.die_before("promote")


def by_hand(bench: Bench) -> None:
    """A person has changed the app."""
    app = bench.current.app
    bench.live[app] = bench.version(app).certificate


def never_stored(bench: Bench) -> None:
    """Nothing is stored and no app holds anything."""
    bench.store.staged = type(bench.store.staged)()
    bench.live.clear()


BEFORE = [nothing, rotated, after_grace, interrupted, promoted, by_hand, never_stored]


EACH = [*product(REQUESTS, [*(("pair", each) for each in BEFORE), ("one", nothing), ("one", interrupted)])]
WAYS = [(name, *world) for name, world in EACH]


@pytest.mark.parametrize(("name", "which", "prepare"), rows_standard_first(WAYS, WAYS[::4]))
def test_a_run_takes_the_steps_that_were_forecast_and_ends_as_foreseen(
    request: pytest.FixtureRequest, name: str, which: str, prepare: Callable[[Bench], None]
) -> None:
    bench: Bench = request.getfixturevalue(which)
    prepare(bench)
    plan = plan_of(bench.credential_context, REQUESTS[name], bench.now())
    foreseen = [(str(step.kind), step.app) for step in plan.forecast.steps]
    begun = len(bench.events())
    try:
        outcome = bench.handle(REQUESTS[name]).outcome
    except RotationHalted as halted:
        outcome = Outcome.HALTED
        assert plan.forecast.end.why == halted.message  # noqa: PT017 - a refusal is foreseen as such
    assert taken(bench, begun) == [step for step, _ in groupby(foreseen)]
    ends = {Outcome.HALTED: ActionKind.HALT, Outcome.WAITING: ActionKind.WAIT}
    assert plan.forecast.end.kind is ends.get(outcome, ActionKind.DONE)


def taken(bench: Bench, begun: int) -> list[tuple[str, object]]:
    """The steps that the history tells, since it had so many events."""
    # A promotion that the run before could not write down has no app.
    told = [event for event in bench.events()[begun:] if event.kind in set(ActionKind) and "app" in event.details]
    steps = [(event.kind, event.details["app"]) for event in told]
    return [step for step, _ in groupby(steps)]


def test_a_plan_tells_when_a_credential_is_due(one: Bench) -> None:
    plan = plan_of(one.credential_context, NOW, one.now())
    assert plan.due_at == one.current.certificate.not_after - timedelta(days=30)
    assert not plan.due
    assert plan.due_at
    assert plan_of(one.credential_context, NOW, plan.due_at).due


def test_planning_changes_nothing(pair: Bench) -> None:
    pair.die_before("upload")
    before = pair.store.staged, dict(pair.live), len(pair.events())
    for request in REQUESTS.values():
        plan_of(pair.credential_context, request, pair.now())
    assert (pair.store.staged, pair.live, len(pair.events())) == before


def plans(*benches: Bench) -> dict[str, Plan | RotatorError]:
    """Of credentials of one org, whose apps the first of them reads."""
    contexts = {bench.credential: replace(bench.credential_context, apps=benches[0]) for bench in benches}
    return plans_of([*contexts], contexts.__getitem__, NOW, benches[0].now())


def test_plans_of_one_org_are_those_that_each_would_have_and_all_apps_are_read_at_once(one: Bench, pair: Bench) -> None:
    alone = {bench.credential: plan_of(bench.credential_context, NOW, bench.now()) for bench in (one, pair)}
    one.live |= pair.live
    assert plans(one, pair) == alone
    assert one.reads == [["Billing", "Warehouse_A", "Warehouse_B"]]


def test_an_app_that_cannot_be_read_costs_the_plan_of_its_own_credential(one: Bench, pair: Bench) -> None:
    one.live |= pair.live
    one.unreadable["Warehouse_B"] = OrgError("It cannot be read.")
    found = plans(one, pair)
    assert isinstance(found["billing"], Plan)
    assert found["warehouse"] == one.unreadable["Warehouse_B"]


def test_a_credential_that_cannot_be_opened_costs_no_other_its_plan(one: Bench) -> None:
    refused = StoreError("It is away.")

    def open_context(name: str) -> CredentialContext:
        if name == "warehouse":
            raise refused
        return one.credential_context

    found = plans_of(["warehouse", "billing"], open_context, NOW, one.now())
    assert found["warehouse"] is refused
    assert isinstance(found["billing"], Plan)
    assert plans_of(["warehouse"], open_context, NOW, one.now()) == {"warehouse": refused}


def test_an_org_that_is_away_has_no_plan_for_any(one: Bench, pair: Bench) -> None:
    away = OrgUnavailable("It is away.", rerun="Run it again.")

    def read_each(_names: Sequence[str]) -> list[App | OrgError | None]:
        raise away

    one.read_each = read_each  # type: ignore[method-assign, assignment]
    assert plans(one, pair) == {"billing": away, "warehouse": away}


@pytest.mark.parametrize(("name", "user"), [("compromised", "billing@example.com"), ("now", ""), ("retire now", "")])
def test_a_plan_says_whose_tokens_end_with_a_key_that_was_taken(one: Bench, name: str, user: str) -> None:
    found = plan_of(one.credential_context, REQUESTS[name], one.time)
    assert found.ends_tokens_of == user


GRANT = AccessGrant("Warehouse_A", "0H4", GivenBy.PERMISSION_SET, "Warehouse API")


@pytest.mark.parametrize("is_ended", [False, True])
def test_a_plan_says_what_comes_before_a_revoked_user_is_let_in_again(pair: Bench, *, is_ended: bool) -> None:
    """Where an app still holds the revoked key's certificate, that key would log in again: so that ends first."""
    taken = RevocationStep.ACCESS
    ending = throwaway(now=pair.time)
    revoked = Revocation(
        since=pair.time,
        by="ines@desk",
        reason="the laptop was stolen",
        wanted=(taken,),
        done=(taken,),
        ended_by={"Warehouse_A": ending.fingerprint} if is_ended else {},
    )
    if is_ended:
        pair.live["Warehouse_A"] = ending
    plan = plan_of(pair.credential_context, NOW, pair.now(), revoked, [GRANT])
    ends = "give Warehouse_A a certificate whose key nobody has: else the revoked key would log in again"
    gives = "give back the permission set Warehouse API, for Warehouse_A"
    assert [str(step) for step in plan.returns] == ([gives] if is_ended else [ends, gives])
    assert plan.forecast.end.kind is ActionKind.DONE
    assert plan.due_at is None, "nobody rotates it of himself"
    assert plan_of(pair.credential_context, NOW, pair.now(), revoked).returns == ()


def test_a_plan_does_not_use_a_revoked_key_again(pair: Bench) -> None:
    revoked = Revocation(since=pair.time, by="ines@desk", reason="the laptop was stolen", wanted=EVERY_STEP)
    plan = plan_of(pair.credential_context, RESTORE, pair.now(), revoked, [GRANT])
    assert (plan.returns, plan.forecast.steps) == ((), ())
    assert plan.forecast.end.kind is ActionKind.HALT
    assert "by ines@desk: the laptop was stolen." in plan.forecast.end.why
    assert "`rotate now warehouse`" in plan.forecast.end.hint
