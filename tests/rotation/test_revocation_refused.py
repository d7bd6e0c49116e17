"""What may not be revoked, what the program has no right to, and what a revoked credential is not used for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.decision.options import RotationOptions
from rotator.core.lifecycle.revocation import EVERY_STEP, RevocationStep
from rotator.core.lifecycle.states import CredentialState
from rotator.core.severity import Severity
from rotator.errors import (
    HistoryError,
    HistoryUnavailable,
    OrgUnavailable,
    RotationHalted,
    RotationHeldUp,
    RotationRunning,
)
from rotator.history.journal.queries import events
from rotator.history.locks.locks import Hold
from rotator.salesforce.access.org_access import OrgAccess
from rotator.services.revocation.refusal_proof import RefusalProof
from rotator.services.revocation.revocation_plan import plan_revocation
from rotator.services.rotation.report import Outcome
from rotator.services.rotation.requests import Request
from rotator.simulator.org.users import Profile
from tests.rotation.ground import USER

if TYPE_CHECKING:
    from rotator.salesforce.access.oauth_tokens import OauthToken
    from tests.rotation.ground import Ground

from tests.rotation.revoking import (
    ACCESS,
    ALEX,
    CERTIFICATE,
    TOKENS,
    handle,
    in_use,
    is_refused,
    revoke,
    state,
)


def test_access_that_cannot_be_given_back_names_the_right_and_is_tried_again(ground: Ground) -> None:
    in_use(ground)
    revoke(ground)
    before = ground.org.settings
    ground.org.settings = replace(before, unwritable_objects=("SetupEntityAccess",))
    with pytest.raises(RotationHalted, match="Not given back: the profile") as caught:
        handle(ground)
    assert '"Manage Profiles and Permission Sets"' in caught.value.hint
    assert state(ground) is CredentialState.REVOKED
    ground.org.settings = before
    assert handle(ground).outcome is Outcome.ROTATED


def test_who_approved_the_app_himself_has_to_do_it_again(ground: Ground) -> None:
    app = ground.org.app("Billing")
    app.component = {**app.component, "oauthConfig": {**app.oauth, "isAdminApproved": "false"}}
    app.assign([], [])
    in_use(ground)
    with ground.program() as program:
        plan = plan_revocation(program.credential_context("billing"), program.access("billing"), EVERY_STEP, None)
    assert "has to approve the app once more" in plan.what(TOKENS)
    revoke(ground)
    report = handle(ground)
    assert (report.outcome, "hasn't approved this consumer" in report.why) == (Outcome.HALTED, True)
    assert state(ground) is CredentialState.REVOKED
    ground.org.approve(app, ground.org.users[USER])
    assert handle(ground).outcome is Outcome.ROTATED


def test_a_plan_names_what_the_steps_that_were_asked_for_end_and_no_more(ground: Ground) -> None:
    in_use(ground)
    with ground.program() as program:
        context, access = program.credential_context("billing"), program.access("billing")
        of_tokens, of_certificate, of_access = (
            plan_revocation(context, access, (step,), None) for step in (TOKENS, CERTIFICATE, ACCESS)
        )
    assert (of_tokens.holding, of_tokens.grants) == ((), ())
    assert (of_certificate.holding, of_certificate.grants) == (("Billing",), ())
    assert of_access.holding == ()
    assert [each.grant.app for each in of_access.grants] == ["Billing"]


def test_of_an_app_without_a_certificate_no_more_is_said_than_is_so(ground: Ground) -> None:
    with ground.program() as program:
        context, access = program.credential_context("billing"), program.access("billing")
        plan = plan_revocation(context, access, (CERTIFICATE,), None)
    assert plan.what(CERTIFICATE) == "Nothing: no app of it holds a certificate whose key anybody has."
    assert revoke(ground, CERTIFICATE).what(CERTIFICATE) == "No app of it holds a certificate whose key anybody has."


@pytest.mark.parametrize("goal", ["back", "restore", "enroll", ""])
def test_nothing_that_would_use_the_revoked_key_is_begun(ground: Ground, goal: str) -> None:
    in_use(ground)
    revoke(ground)
    live = ground.live("Billing")
    with pytest.raises(RotationHalted, match=r"was revoked on .* by alex@laptop: laptop stolen") as caught:
        handle(ground, Request(goal, ALEX))
    assert "`rotator revoke --undo billing`" in caught.value.hint
    with pytest.raises(RotationHeldUp, match="was revoked"):
        handle(ground, Request("replace", ALEX, trigger="schedule"))
    with pytest.raises(RotationHalted, match="not to be used again"):
        handle(ground, Request("replace", ALEX, options=RotationOptions(keep_key=True)))
    assert ground.live("Billing") == live
    assert state(ground) is CredentialState.REVOKED


@pytest.mark.parametrize("login", ["", "{credential: management}"])
def test_the_app_that_the_program_logs_in_by_is_refused(ground: Ground, login: str) -> None:
    ground.in_use("management", "Robot")
    ground.login = login
    if not login:
        ground.put_own_key("Robot")
    live = ground.live("Robot")
    with pytest.raises(RotationHalted, match="rotator itself logs in"):
        revoke(ground, credential="management")
    assert ground.live("Robot") == live
    assert events(ground.database, credential="management") == []
    assert revoke(ground, CERTIFICATE, credential="management", own_login=True).done == (CERTIFICATE,)
    assert ground.live("Robot") != live


@pytest.mark.parametrize(
    ("object_name", "is_hidden", "step", "permission"),
    [
        ("OauthToken", True, TOKENS, "Customize Application"),
        ("SetupEntityAccess", True, ACCESS, "View Setup and Configuration"),
        ("SetupEntityAccess", False, ACCESS, "Manage Profiles and Permission Sets"),
    ],
)
def test_a_right_that_is_missing_is_named_and_holds_up_nothing_else(
    ground: Ground, object_name: str, is_hidden: bool, step: RevocationStep, permission: str
) -> None:
    given = in_use(ground)
    hidden: dict[str, Any] = {"hidden_types": (object_name,)} if is_hidden else {"unwritable_objects": (object_name,)}
    ground.org.settings = replace(ground.org.settings, **hidden)
    report = revoke(ground)
    assert set(report.failed) == {step}
    assert f'"{permission}"' in report.what(step)
    assert report.done == tuple(each for each in EVERY_STEP if each is not step)
    assert given.log_in() is None
    assert state(ground) is CredentialState.REVOKED
    with ground.program() as app:
        [status] = app.statuses(["billing"], app.now())
    assert status.urgency is (Severity.CRITICAL if step is ACCESS or step is TOKENS else None)


def test_sessions_that_are_not_shown_are_said(ground: Ground) -> None:
    given = in_use(ground)
    ground.org.settings = replace(ground.org.settings, hidden_types=("AuthSession",))
    report = revoke(ground)
    assert report.is_whole
    assert '"Manage Users"' in " ".join(report.warnings)
    assert is_refused(given, *EVERY_STEP)


def test_who_is_held_up_by_a_rotation_is_told_that_it_may_be_ended(ground: Ground) -> None:
    given = in_use(ground)
    with ground.program() as app, app.fenced_locks.hold("billing"), pytest.raises(RotationRunning) as caught:
        revoke(ground)
    assert "or end that process first: a revocation goes on from whatever it leaves" in caught.value.advice
    assert given.holds


def test_no_secret_goes_into_the_history_as_a_reason(ground: Ground) -> None:
    in_use(ground)
    with pytest.raises(HistoryError):
        revoke(ground, reason=f"00D000000000001!{'A' * 96}")
    assert events(ground.database, credential="billing") == []


@pytest.mark.parametrize(
    ("kept", "permission"), [({"ManageUsers"}, "Customize Application"), ({"CustomizeApplication"}, "Manage Users")]
)
def test_rows_that_are_left_out_without_a_word_are_not_taken_for_none(
    ground: Ground, kept: set[str], permission: str
) -> None:
    given = in_use(ground)
    ground.org.profiles["Robot"] = Profile(frozenset({"ApiEnabled", "ModifyMetadata", *kept}))
    report = revoke(ground, TOKENS)
    is_told_of_sessions = permission == "Manage Users"
    assert report.is_whole is is_told_of_sessions
    assert f'"{permission}"' in (" ".join(report.warnings) if is_told_of_sessions else report.what(TOKENS))
    assert is_refused(given, *([TOKENS] if is_told_of_sessions else []))


def test_the_way_back_of_the_programs_own_key_is_not_told_of_others(ground: Ground) -> None:
    given = in_use(ground)
    with pytest.raises(RotationHalted, match="rotator does not log in by billing"):
        revoke(ground, CERTIFICATE, own_login=True)
    assert given.holds


def test_who_loses_the_lock_while_the_key_is_tried_ends_nothing_more(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = in_use(ground)
    ground.confirmations, ground.hold = 5, "30s"
    asked: list[None] = []

    def check(_hold: Hold) -> None:
        asked.append(None)
        if len(asked) > 4:
            raise HistoryUnavailable("The lock was lost.")

    monkeypatch.setattr(Hold, "check", check)
    with pytest.raises(HistoryUnavailable):
        revoke(ground)
    assert given.is_token_taken, "tokens come last"
    monkeypatch.undo()
    assert revoke(ground).is_whole


def test_a_certificate_that_is_put_there_while_the_key_is_tried_is_ended_and_tried_again(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = in_use(ground)
    prove, proofs = RefusalProof.prove, list[str]()

    def proving(proof: RefusalProof) -> str:
        proofs.append(prove(proof))
        if len(proofs) == 1:
            ground.put_by_hand("Billing")
        return proofs[-1]

    monkeypatch.setattr(RefusalProof, "prove", proving)
    report = revoke(ground, CERTIFICATE, TOKENS)
    assert (report.is_whole, report.apps, len(proofs)) == (True, ("Billing",), 2)
    assert given.log_in() is None


def test_tokens_that_were_ended_before_the_org_went_away_are_in_the_history(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_use(ground, "warehouse", "Warehouse_A", "Warehouse_B")
    ground.org.approve(ground.apps["Warehouse_A"], ground.org.users[USER])
    revoked, calls = OrgAccess.revoke, list[None]()

    def revoking(access: OrgAccess, token: OauthToken) -> bool:
        calls.append(None)
        if len(calls) == 2:
            raise OrgUnavailable("The org is away.")
        return revoked(access, token)

    monkeypatch.setattr(OrgAccess, "revoke", revoking)
    with pytest.raises(OrgUnavailable):
        revoke(ground, TOKENS, credential="warehouse")
    [begins, partly] = [each for each in events(ground.database, credential="warehouse") if "tokens" in each.kind]
    assert (begins.kind, begins.details["tokens"]) == ("revoke_tokens_begins", 2)
    assert (partly.details["tokens"], partly.details["succeeded"]) == (1, False)
