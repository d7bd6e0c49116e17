"""After `rotator revoke` nothing logs in by the credential any more, and nothing that was given out is taken.

After `--undo` it logs in again with another key, and nothing else in the org is other than it was.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.core.crypto.keys import PrivateKey
from rotator.core.crypto.names import RETIRED_COMMON_NAME
from rotator.core.lifecycle.revocation import EVERY_STEP, GivenBy, RevocationStep
from rotator.core.lifecycle.states import CredentialState
from rotator.errors import StoreUnavailable
from rotator.history.journal.journal import Journal
from rotator.history.journal.queries import events
from rotator.history.journal.verification import verify
from rotator.services.inventory.remarks import remark_on
from rotator.services.revocation.revoker import RevocationRequest, Revoker
from rotator.services.rotation.report import Outcome
from rotator.services.rotation.requests import Request
from rotator.simulator.org.apps import App
from tests.rotation.ground import USER
from tests.rotation.lineups import CONNECTED, EXTERNAL, HIDDEN
from tests.tiers import standard_first, thorough

if TYPE_CHECKING:
    from tests.rotation.ground import Ground

from tests.rotation.revoking import (
    ACCESS,
    ALEX,
    CERTIFICATE,
    TOKENS,
    Given,
    crashing,
    handle,
    in_use,
    is_refused,
    revoke,
    state,
    whole,
)


@pytest.fixture(params=[CONNECTED, EXTERNAL], ids=str)
def either(ground: Ground, request: pytest.FixtureRequest) -> Ground:
    ground.begin(lineup=request.param)
    return ground


def test_nothing_is_taken_any_more_and_all_of_it_comes_back(either: Ground) -> None:
    given, before = in_use(either), whole(either, "Billing")
    report = revoke(either)
    assert report.is_whole
    assert (report.apps, report.tokens, len(report.withdrawn)) == (("Billing",), 1, 1)
    assert "invalid assertion" in report.said
    assert is_refused(given, *EVERY_STEP)
    assert state(either) is CredentialState.REVOKED
    assert handle(either).outcome is Outcome.ROTATED
    assert given.log_in() is None, "the key that was revoked stays so"
    assert either.stages("billing").previous is None
    assert state(either) is CredentialState.OK
    assert whole(either, "Billing") == before
    assert Given(either, either.current("billing")).holds


@pytest.mark.parametrize(
    "steps",
    standard_first(
        [(CERTIFICATE,), (TOKENS,), (ACCESS,), (CERTIFICATE, TOKENS), (ACCESS, TOKENS)],
        [(CERTIFICATE,), (TOKENS,), (ACCESS,)],
    ),
    ids=str,
)
def test_each_step_ends_what_it_is_for_and_nothing_else(either: Ground, steps: tuple[RevocationStep, ...]) -> None:
    given, before = in_use(either), whole(either, "Billing")
    assert revoke(either, *steps).done == steps
    if TOKENS not in steps:
        assert given.is_token_taken
    assert (given.log_in() is None) == bool({CERTIFICATE, ACCESS} & {*steps})
    is_ended = bool({CERTIFICATE, ACCESS} & {*steps})
    assert state(either) is (CredentialState.REVOKED if is_ended else CredentialState.UNKNOWN)
    if is_ended:
        assert handle(either).outcome is Outcome.ROTATED
        assert Given(either, either.current("billing")).holds
    assert whole(either, "Billing") == before


def test_what_is_revoked_already_is_looked_at_and_left(ground: Ground) -> None:
    in_use(ground)
    revoke(ground)
    again = revoke(ground)
    assert again.is_whole
    assert (again.apps, again.tokens, again.sessions, again.withdrawn) == ((), 0, 0, ())


def test_a_permission_set_is_taken_from_the_user_alone(either: Ground) -> None:
    either.org.add_user("other@production.example", permission_sets=("Billing access",), profile="Other")
    user, app = either.org.users[USER], either.apps["Billing"]
    both = ("Something else", "Billing access")
    vars(user)["permission_sets"] = both
    app.assign([], ["Billing access"])
    given, before = in_use(either), whole(either, "Billing")
    report = revoke(either, ACCESS)
    assert list(map(str, report.withdrawn)) == ["the permission set Billing access, for Billing"]
    assert [*user.permission_sets] == ["Something else"]
    assert either.org.users["other@production.example"].permission_sets == ("Billing access",)
    assert app.assigned_permission_sets == ["Billing access"]
    assert given.log_in() is None
    handle(either)
    assert whole(either, "Billing") == before
    assert [*user.permission_sets] == [*both]


def test_an_app_that_is_open_to_all_is_closed_to_those_whom_nobody_approved(either: Ground) -> None:
    app = either.apps["Billing"]
    app.assign([], [])
    if isinstance(app, App):
        app.component = {**app.component, "oauthConfig": {**app.oauth, "isAdminApproved": "false"}}
    else:
        satellite = vars(app)["satellites"]["ExtlClntAppOauthConfigurablePolicies"]
        satellite.component = {**satellite.component, "permittedUsersPolicyType": "AllSelfAuthorized"}
    app.approved_usernames.add(USER)
    given, before = in_use(either), whole(either, "Billing")
    report = revoke(either, ACCESS)
    assert [each.given_by for each in report.withdrawn] == [GivenBy.POLICY]
    assert app.is_admin_approved
    assert given.log_in() is None
    handle(either)
    assert whole(either, "Billing") == before


def test_both_apps_of_a_pair_are_ended(ground: Ground) -> None:
    given = in_use(ground, "warehouse", "Warehouse_A", "Warehouse_B")
    report = revoke(ground, credential="warehouse")
    assert report.apps == ("Warehouse_A", "Warehouse_B")
    assert {grant.app for grant in report.withdrawn} == {"Warehouse_A", "Warehouse_B"}
    assert is_refused(given, *EVERY_STEP)
    assert handle(ground, credential="warehouse").outcome is Outcome.ROTATED
    assert Given(ground, ground.current("warehouse")).holds
    assert state(ground, "warehouse") is CredentialState.OK


def test_a_certificate_that_only_looks_like_ours_is_ended_too(ground: Ground) -> None:
    given = in_use(ground)
    thief = PrivateKey.generate()
    forged = self_signed(thief, SubjectName(RETIRED_COMMON_NAME), now=ground.clock.now(), lifetime=timedelta(days=9))
    ground.org.put_certificate("Billing", forged)
    assert revoke(ground, CERTIFICATE).apps == ("Billing",)
    assert ground.live("Billing") != forged.fingerprint
    assert given.log_in() is None


@thorough
def test_a_certificate_that_somebody_puts_on_a_revoked_app_is_seen(ground: Ground) -> None:
    in_use(ground)
    revoke(ground)
    ground.put_by_hand("Billing")
    with ground.program() as app:
        [status] = app.statuses(["billing"], app.now())
        remark = remark_on(status, app.now())
    assert status.state is CredentialState.DRIFT
    assert remark
    assert "`rotator revoke billing --only certificate --reason TEXT` ends that, too" in remark.hint
    refused = handle(ground)
    assert (refused.outcome, ground.live("Billing")) == (Outcome.HALTED, ground.by_hand and ground.by_hand.fingerprint)
    assert revoke(ground).apps == ("Billing",)
    assert handle(ground).outcome is Outcome.ROTATED


def test_what_was_pending_is_not_used_when_it_comes_back(ground: Ground) -> None:
    in_use(ground)
    pending = ground.version("billing", "Billing")
    ground.store.put_pending(pending)
    revoke(ground)
    assert handle(ground).outcome is Outcome.ROTATED
    assert ground.current("billing").fingerprint != pending.fingerprint
    assert pending.fingerprint not in ground.kept("billing")


@thorough
def test_revoked_once_more_while_it_comes_back_nothing_of_that_is_used(ground: Ground) -> None:
    in_use(ground)
    revoke(ground)
    assert crashing(ground, lambda: handle(ground), 30)
    half_way = ground.stages("billing").pending
    assert half_way
    assert revoke(ground).is_whole
    assert handle(ground).outcome is Outcome.ROTATED
    assert ground.stages("billing").current != half_way
    assert half_way not in ground.kept("billing")


@thorough
def test_a_rotation_that_was_half_done_is_given_up(ground: Ground) -> None:
    given = in_use(ground)
    assert crashing(ground, lambda: handle(ground, Request("replace", ALEX)), 30)
    assert Journal(ground.database).open_rotation("billing")
    assert revoke(ground).is_whole
    assert Journal(ground.database).open_rotation("billing") is None
    assert given.log_in() is None
    assert state(ground) is CredentialState.REVOKED
    assert handle(ground).outcome is Outcome.ROTATED


def test_sessions_without_a_token_end_as_well(ground: Ground) -> None:
    given = in_use(ground)
    ground.org.grants.clear()
    report = revoke(ground, TOKENS)
    assert (report.tokens, report.sessions > 0, given.is_token_taken) == (0, True, False)


def test_sessions_of_the_user_by_another_app_go_on(ground: Ground) -> None:
    version = ground.in_use("warehouse", "Warehouse_A")
    given = in_use(ground)
    other = Given(ground, version)
    revoke(ground)
    assert not given.is_token_taken
    assert other.is_token_taken


def test_a_key_in_wrong_hands_takes_its_tokens_with_it(ground: Ground) -> None:
    given = in_use(ground)
    report = handle(ground, Request("replace", ALEX, trigger="compromised"))
    assert (report.outcome, report.warnings) == (Outcome.ROTATED, ())
    assert is_refused(given, *EVERY_STEP)
    assert state(ground) is CredentialState.OK
    assert Given(ground, ground.current("billing")).holds


def test_tokens_that_a_rotation_could_not_end_are_said(ground: Ground) -> None:
    given = in_use(ground)
    ground.org.settings = replace(ground.org.settings, hidden_types=("OauthToken",))
    report = handle(ground, Request("replace", ALEX, trigger="compromised"))
    assert report.outcome is Outcome.ROTATED
    assert "`rotator revoke billing --only tokens --reason TEXT` tries again" in " ".join(report.warnings)
    assert '"Customize Application"' in " ".join(report.warnings)
    assert given.log_in() is None


def test_a_certificate_that_arrives_late_is_waited_for(ground: Ground) -> None:
    given = in_use(ground)
    ground.confirmations, ground.hold = 5, "30s"
    ground.org.settings = replace(ground.org.settings, propagation_seconds=120)
    report = revoke(ground, CERTIFICATE)
    assert report.is_whole
    assert ground.clock.slept.total_seconds() >= 150
    assert given.log_in() is None


def test_a_key_that_is_accepted_for_ever_is_no_success(ground: Ground) -> None:
    in_use(ground)
    ground.org.settings = replace(ground.org.settings, propagation_seconds=86_400)
    report = revoke(ground, CERTIFICATE)
    assert "is still accepted" in report.what(CERTIFICATE)
    assert report.done == ()
    assert state(ground) is CredentialState.REVOKED


def test_a_store_that_is_away_holds_up_nothing(ground: Ground) -> None:
    given = in_use(ground)
    with ground.program() as app:
        context = app.credential_context("billing")
        store: Any = Away(context.store)
        revoker = Revoker(
            replace(context, store=store), app.access("billing"), app.journal, app.locks, now=app.now, sleep=app.sleep
        )
        report = revoker.run(RevocationRequest(ALEX, "x"))
    assert report.is_whole
    assert "not proven" in " ".join(report.warnings)
    assert is_refused(given, *EVERY_STEP)


class Away:
    """A store that cannot be read."""

    def __init__(self, store: Any) -> None:
        self.name = store.name

    def stages(self, _credential: str) -> Any:
        raise StoreUnavailable("The store keys is away.", effect="Nothing was changed.")


def test_the_history_tells_each_change_before_it_is_made(ground: Ground) -> None:
    in_use(ground)
    revoke(ground)
    kinds = [event.kind for event in events(ground.database, credential="billing")]
    assert kinds == [
        *("revoke_begins", "disable_begins", "disable", "withdraw_begins", "withdraw"),
        *("revoke_tokens_begins", "revoke_tokens"),
        *("revoke_step", "revoke_step", "revoke_step"),
    ]
    assert verify(ground.database).intact


def test_an_app_that_hides_its_certificate_is_ended_and_comes_back(ground: Ground) -> None:
    ground.begin(lineup=HIDDEN)
    given = in_use(ground)
    assert revoke(ground).apps == ("Billing",)
    assert is_refused(given, *EVERY_STEP)
    ground.put_by_hand("Billing")
    assert revoke(ground).apps == ("Billing",), "whoever put another there since then is shut out as well"
    assert ground.live("Billing") != (ground.by_hand and ground.by_hand.fingerprint)
    assert handle(ground).outcome is Outcome.ROTATED
    assert Given(ground, ground.current("billing")).holds
    assert state(ground) is CredentialState.OK
