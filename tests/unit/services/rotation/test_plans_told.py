"""What a plan tells of a credential: its certificate, what would stop it, and what is asked of an org for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.core.actor import Actor
from rotator.core.credentials import Stages
from rotator.core.crypto.certificates import throwaway
from rotator.core.decision.actions import ActionKind
from rotator.core.lifecycle.revocation import AccessGrant, GivenBy, Revocation, RevocationStep
from rotator.core.observed import ObservedApp
from rotator.errors import OrgError, RotationHalted
from rotator.history.records import NewRotation
from rotator.salesforce.apps.acceptance import Acceptance
from rotator.services.rotation import plan as plan_module
from rotator.services.rotation.own_login import refuse_to_end_own_login
from rotator.services.rotation.plan import Plan, plan_of, plans_of
from rotator.services.rotation.requests import Request
from tests.unit.services.bench import NOW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from rotator.salesforce.apps.app import App
    from rotator.services.rotation.observer import CredentialContext
    from tests.unit.services.bench import Bench

ENROLL = Request("enroll", Actor("alex@laptop"))


def test_a_plan_tells_which_certificate_it_is_about_and_when_that_ends(one: Bench) -> None:
    current = one.current
    plan = plan_of(one.credential_context, NOW, one.now())
    assert (plan.current, plan.not_after) == (current.fingerprint, current.certificate.not_after)
    one.store.staged = Stages()
    one.live.clear()
    plan = plan_of(one.credential_context, ENROLL, one.now())
    assert (plan.current, plan.not_after, plan.due_at, plan.due) == (None, None, None, False)


def test_the_apps_are_read_once_for_a_plan(one: Bench) -> None:
    reads: list[Sequence[str]] = []

    class Reading:
        def read_all(self, names: Sequence[str]) -> list[App | None]:
            reads.append(names)
            return one.read_all(names)

    one.external = {"Billing"}
    found = one.credential_context
    generic = found.org.model_copy(update={"login_url": "https://login.salesforce.com"})
    plan = plan_of(replace(found, apps=cast("Any", Reading()), org=generic), NOW, one.now())
    assert "takes no logins by way of login.salesforce.com" in plan.forecast.end.why
    assert reads == [("Billing",)]


def test_what_stops_a_run_before_it_begins_ends_its_plan_with_what_to_do(
    one: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RotationHalted("It is not to be.", hint="Look.", rerun="Run it again.")

    monkeypatch.setattr(plan_module, "refuse_to_end_own_login", refuse)
    plan = plan_of(one.credential_context, NOW, one.now())
    end = plan.forecast.end
    assert (end.kind, end.why, end.hint, end.rerun) == (ActionKind.HALT, "It is not to be.", "Look.", "Run it again.")


@pytest.mark.parametrize("known", ["promoted", "refused", "never"])
@pytest.mark.parametrize("has_secret", [False, True])
def test_a_plan_for_what_its_store_has_lost_makes_no_first_version(one: Bench, known: str, *, has_secret: bool) -> None:
    one.store.staged = Stages()
    context = replace(one.credential_context, secrets=cast("Any", object()) if has_secret else None)
    if known == "promoted":
        context = replace(context, last_promotion=one.now)
    if known == "refused":
        one.journal.record("upload_begins", now=one.now(), credential="billing", opens_gap=True)
    with pytest.raises(RotationHalted) as halted:
        plan_module._wanted(context, NOW, one.now())
    assert ("the history knows of one" in halted.value.message) == (known != "never")
    assert ("consumer key and secret" in halted.value.hint) == (has_secret and known == "never")


TAKEN = RevocationStep.ACCESS
GRANT = AccessGrant("Warehouse_A", "0H4", GivenBy.PERMISSION_SET, "Warehouse API")


def revoked_at(bench: Bench, **ended_by: str) -> Revocation:
    return Revocation(since=bench.time, by="ines", reason="x", wanted=(TAKEN,), done=(TAKEN,), ended_by=ended_by)


@pytest.mark.parametrize("is_begun", [False, True])
def test_what_somebody_has_put_on_a_revoked_app_since_is_replaced_where_that_was_begun(
    pair: Bench, *, is_begun: bool
) -> None:
    revoked = revoked_at(pair, Warehouse_A=throwaway(now=pair.time).fingerprint)
    pair.live["Warehouse_A"] = pair.version("Warehouse_A", key=pair.new_key()).certificate
    if is_begun:
        new = NewRotation(
            credential="warehouse",
            org="production",
            strategy="alternating",
            trigger="manual",
            actor="ada",
            goal="replace",
            replaces=pair.current.fingerprint,
        )
        pair.journal.begin_rotation(new, pair.now())
    plan = plan_of(pair.credential_context, NOW, pair.now(), revoked)
    assert (plan.forecast.end.kind is ActionKind.HALT) == (not is_begun)


def test_apps_are_foreseen_as_they_are_once_revoked_keys_have_ended(pair: Bench) -> None:
    ended = throwaway(now=pair.time)
    context = pair.credential_context
    seen = plan_of(context, NOW, pair.now()).seen
    live = ObservedApp("Warehouse_B", live=pair.current.fingerprint)
    seen = replace(seen, apps={**seen.apps, "Warehouse_B": live})
    steps, foreseen = plan_module._returned(context, cast("Any", seen), revoked_at(pair), [GRANT])
    assert [(step.action, step.app) for step in steps] == [("disable", "Warehouse_A"), ("give_back", "Warehouse_A")]
    after = foreseen.apps["Warehouse_A"]
    assert (after.throwaway, after.live is not None, after.live in seen.stored) == (True, True, False)
    assert foreseen.apps["Warehouse_B"] == live, "what holds none of its keys stays as it is"
    pair.live["Warehouse_A"] = ended
    known = revoked_at(pair, Warehouse_A=ended.fingerprint)
    assert plan_module._returned(context, cast("Any", seen), known, [GRANT])[1] == seen


def test_an_org_is_asked_about_the_apps_that_it_shows_and_each_plan_has_its_own_answers(
    one: Bench, pair: Bench
) -> None:
    one.live |= pair.live
    one.unreadable["Warehouse_B"] = OrgError("It cannot be read.")
    asked: list[list[str]] = []

    def accept(apps: Sequence[App], now: datetime) -> Mapping[str, Acceptance]:
        assert now == one.now()
        asked.append([app.full_name for app in apps])
        return {app.full_name: Acceptance(app.full_name) for app in apps}

    contexts = {bench.credential: replace(bench.credential_context, apps=one) for bench in (one, pair)}
    found = plans_of([*contexts], contexts.__getitem__, NOW, one.now(), accept)
    assert asked == [["Billing", "Warehouse_A"]]
    billing = found["billing"]
    assert isinstance(billing, Plan)
    assert billing.acceptances == (Acceptance("Billing"),)
    assert isinstance(found["warehouse"], OrgError)
    assert found["warehouse"].org == "production"


def test_what_was_revoked_is_planned_as_it_is_brought_back(pair: Bench) -> None:
    revoked = revoked_at(pair)
    found = plans_of(
        ["warehouse"],
        lambda _: pair.credential_context,
        NOW,
        pair.now(),
        revoked={"warehouse": revoked},
        taken={"warehouse": [GRANT]},
    )["warehouse"]
    assert isinstance(found, Plan)
    assert found == plan_of(pair.credential_context, NOW, pair.now(), revoked, [GRANT])
    assert found.returns


def test_who_rotates_what_rotator_logs_in_by_is_told_how_to_go_about_it(one: Bench) -> None:
    one.client_ids["Billing"] = "key"
    with pytest.raises(RotationHalted, match="would end the key that rotator itself logs in to production by") as told:
        refuse_to_end_own_login(one.credential_context)
    assert told.value.effect == "Nothing was changed."
    assert told.value.hint == (
        "Run `rotator adopt billing --key FILE` with that key, then set `login: {credential: billing}` of the org."
    )
    refuse_to_end_own_login(one.credential_context, {"Billing": "another"})


@pytest.mark.parametrize(
    ("own_apps", "has_secret", "is_refused"),
    [(("BILLING",), True, True), (("Other",), True, False), (("BILLING",), False, False)],
)
def test_a_client_secret_of_the_app_that_a_credential_logs_in_by_is_not_rotated(
    one: Bench, own_apps: tuple[str, ...], *, has_secret: bool, is_refused: bool
) -> None:
    found = one.credential_context
    org = one.settings.orgs["sandbox"]
    settings = found.settings.model_copy(update={"kind": "client_secret"} if has_secret else {})
    secrets = cast("Any", object()) if has_secret else None
    context: CredentialContext = replace(found, org=org, settings=settings, secrets=secrets, own_apps=own_apps)
    if not is_refused:
        refuse_to_end_own_login(context)
        return
    with pytest.raises(RotationHalted, match="would end the consumer key that rotator itself logs in to") as told:
        refuse_to_end_own_login(context)
    assert told.value.hint == "Let rotator log in through an app of its own."


def test_a_plan_that_is_due_says_so_from_that_instant_on(one: Bench) -> None:
    due_at = one.current.certificate.not_after - timedelta(days=30)
    found = [plan_of(one.credential_context, NOW, due_at - each).due for each in (timedelta(seconds=1), timedelta(0))]
    assert found == [False, True]
