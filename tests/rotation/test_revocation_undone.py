"""What brings a revoked credential back gives its user access last of all, and never lets the old key in again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.actions import ActionKind
from rotator.core.lifecycle.revocation import to_give_back
from rotator.core.lifecycle.states import CredentialState
from rotator.core.severity import Severity
from rotator.errors import CertificateError, RotationHalted
from rotator.history.journal.journal import Journal
from rotator.history.journal.queries import events, rotations
from rotator.services.inventory.remarks import remark_on
from rotator.services.revocation.revocation_plan import plan_revocation
from rotator.services.rotation.adopt import version_to_adopt
from rotator.services.rotation.plan import plan_of
from rotator.services.rotation.report import Outcome, Silent
from rotator.services.rotation.requests import Request
from rotator.services.stored_logins import try_stored
from rotator.testing.versions import spare_key
from tests.rotation.ground import PERSONS_KEY, ROBOT_KEY, USER
from tests.rotation.lineups import CONNECTED, EXTERNAL, HIDDEN
from tests.tiers import first_standard, more_in_thorough, of_tier, thorough

if TYPE_CHECKING:
    from rotator.core.crypto.keys import PrivateKey
    from rotator.core.lifecycle.revocation import RevocationStep
    from rotator.services.rotation.report import Report
    from tests.rotation.ground import Ground
    from tests.rotation.lineups import Lineup

from tests.rotation.revoking import ACCESS, ALEX, BACK, CERTIFICATE, Given, crashing, handle, in_use, revoke, state


def adopt(ground: Ground, key: PrivateKey, credential: str) -> Report:
    with ground.program() as app:
        is_shut_out, given = (
            bool(to_give_back(app.journal.revocations(), credential)),
            app.__dict__["file_of_certificate"],
        )
        context = app.credential_context(credential)
        version = version_to_adopt(context, key, app.now(), given, is_shut_out=is_shut_out)
        service = app.rotation_service(credential, listener=Silent(), stop_asked=lambda: False)
        return service.adopt(Request("adopt", ALEX, "found again"), version)


def test_what_is_refused_gives_no_access_back(ground: Ground) -> None:
    given = in_use(ground)
    ground.note_promotion("billing")
    revoke(ground, ACCESS)
    live = ground.live("Billing")
    [kept] = ground.folder.rglob("billing")
    shutil.rmtree(kept)
    assert ground.stages("billing").current is None
    with pytest.raises(RotationHalted, match="holds no current version") as caught:
        handle(ground)
    assert caught.value.effect == "Nothing was changed."
    assert given.log_in() is None
    assert (ground.live("Billing"), state(ground)) == (live, CredentialState.REVOKED)
    assert "`rotator adopt billing --key FILE`" in caught.value.hint
    ground.put_by_hand("Billing")
    assert adopt(ground, spare_key(PERSONS_KEY), "billing").outcome is Outcome.ROTATED
    assert given.log_in() is None
    assert state(ground) is CredentialState.OK


@pytest.mark.parametrize("steps", [(ACCESS,), ()], ids=str)
def test_the_plan_of_the_way_back_says_what_is_done_first(ground: Ground, steps: tuple[RevocationStep, ...]) -> None:
    given = in_use(ground)
    current = ground.current("billing").fingerprint
    revoke(ground, *steps)
    ground.clock.sleep(60)
    with ground.program() as app:
        revoked, now = app.journal.revocations(), app.now()
        taken = [grant for _, grant in to_give_back(revoked, "billing")]
        plan = plan_of(app.credential_context("billing"), BACK, now, revoked["billing"], taken)
    assert handle(ground).outcome is Outcome.ROTATED
    rotation = rotations(ground.database, "billing")[0]
    done = [each for each in events(ground.database, credential="billing") if each.time >= rotation.started_at]
    kinds = [each.kind for each in done if each.kind in {"disable", "give_back"}]
    assert [each.action for each in plan.returns] == kinds == [*(["disable"] if steps else []), "give_back"]
    assert "the profile" in str(plan.returns[-1])
    assert not any(step.kind is ActionKind.VERIFY and step.version == current for step in plan.forecast.steps)
    assert plan.forecast.end.kind is ActionKind.DONE
    assert given.log_in() is None


@pytest.mark.parametrize("step", first_standard([CERTIFICATE, ACCESS]), ids=str)
def test_the_time_of_a_revocation_is_no_gap(ground: Ground, step: RevocationStep) -> None:
    in_use(ground)
    begun = Request("replace", ALEX)
    assert any(
        crashing(ground, lambda: handle(ground, begun), at) and is_refused_for_certain(ground) for at in count(1)
    )
    ground.clock.sleep(3600)
    revoke(ground, step)
    ground.clock.sleep(timedelta(days=30).total_seconds())
    report = handle(ground)
    assert report.outcome is Outcome.ROTATED
    assert report.gap_seconds < 60
    assert Journal(ground.database).credential_record("billing").refused_since is None
    gaps = [each.gap_seconds for each in rotations(ground.database, "billing") if each.outcome == "abandoned"]
    assert 3600 <= (gaps[0] or 0) < 3700


def is_refused_for_certain(ground: Ground) -> bool:
    return Journal(ground.database).credential_record("billing").is_refusal_certain


@more_in_thorough
@pytest.mark.parametrize("lineup", first_standard([CONNECTED, EXTERNAL, HIDDEN]), ids=str)
def test_the_old_key_is_refused_wherever_it_dies_while_access_comes_back(ground: Ground, lineup: Lineup) -> None:
    for at in count(1, of_tier(11, thorough=5)):
        ground.begin(lineup=lineup)
        given = in_use(ground)
        revoke(ground, ACCESS)
        died = crashing(ground, lambda: handle(ground), at)
        assert given.log_in() is None, at
        if not died:
            break
        # Where an app hides what it holds, a version that was pending is given up first when its key is refused.
        assert handle(ground).outcome is Outcome.ROTATED or (
            lineup is HIDDEN and handle(ground).outcome is Outcome.ROTATED
        )
        assert given.log_in() is None, at
    assert at > 30
    assert Given(ground, ground.current("billing")).holds
    assert state(ground) is CredentialState.OK


def test_half_way_back_it_does_not_look_like_one_that_is_safely_revoked(ground: Ground) -> None:
    in_use(ground)
    revoke(ground, ACCESS)
    at = next(at for at in count(1) if crashing(ground, lambda: handle(ground), at) and is_access_back(ground))
    assert at > 5
    with ground.program() as app:
        [status] = app.statuses(["billing"], app.now())
        remark = str(remark_on(status, app.now()))
    assert (status.state, status.urgency) == (CredentialState.REVOKED, Severity.CRITICAL)
    assert "What was to bring it back was interrupted" in remark
    assert "Meanwhile its user's access may be as before." in remark
    assert "`rotator revoke --undo billing` goes on" in remark
    revoke(ground)
    with ground.program() as app:
        [status] = app.statuses(["billing"], app.now())
        remark = str(remark_on(status, app.now()))
    assert remark.endswith("`rotator revoke --undo billing` brings it back.")


def is_access_back(ground: Ground) -> bool:
    return bool(ground.apps["Billing"].assigned_profiles)


@pytest.mark.parametrize("login", ["", "{credential: management}"])
def test_the_programs_own_key_comes_back_with_one_that_people_made(ground: Ground, login: str) -> None:
    ended = ground.in_use("management", "Robot")
    ground.login = login
    if not login:
        ground.put_own_key("Robot")
    assert revoke(ground, CERTIFICATE, credential="management", own_login=True).done == (CERTIFICATE,)
    # By hand, in Setup, and in the configuration.
    ground.put_own_key("Robot")
    ground.login = ""
    key = spare_key(ROBOT_KEY)
    assert adopt(ground, key, "management").outcome is Outcome.ROTATED
    assert state(ground, "management") is CredentialState.OK
    assert ground.current("management").private_key.public_fingerprint == key.public_fingerprint
    assert ended.fingerprint not in ground.kept("management")
    ground.logs_in_by("management")
    assert handle(ground, Request("replace", ALEX), credential="management").outcome is Outcome.ROTATED


def test_the_key_that_was_revoked_is_not_adopted(ground: Ground) -> None:
    version = ground.in_use("billing", "Billing")
    revoke(ground, CERTIFICATE)
    ground.org.put_certificate("Billing", version.certificate)
    with pytest.raises(RotationHalted, match="is a key that it had then"):
        adopt(ground, version.private_key, "billing")
    assert state(ground) is CredentialState.REVOKED


@pytest.mark.parametrize("steps", [pytest.param((), marks=thorough), (ACCESS,)], ids=str)
@pytest.mark.parametrize("lineup", first_standard([HIDDEN, CONNECTED]), ids=str)
@pytest.mark.parametrize(("credential", "app"), [("billing", "Billing"), ("warehouse", "Warehouse_B")])
def test_what_has_no_access_comes_back_with_a_key_that_people_made(
    ground: Ground, lineup: Lineup, credential: str, app: str, steps: tuple[RevocationStep, ...]
) -> None:
    """No login can prove it before its user has access again."""
    ground.begin(lineup=lineup)
    given = in_use(ground, credential, *[name for name in ground.apps if name.startswith(app[:6])])
    revoke(ground, *steps, credential=credential)
    ground.put_by_hand(app)
    key = spare_key(PERSONS_KEY)
    if lineup is HIDDEN and credential == "warehouse":
        with pytest.raises(CertificateError, match="only a login would tell") as caught:
            adopt(ground, key, credential)
        assert "`rotator revoke --undo warehouse`" in caught.value.hint
        assert handle(ground, credential=credential).outcome is Outcome.ROTATED
        return
    died = crashing(ground, lambda: adopt(ground, key, credential), at=12)
    assert died
    assert given.log_in() is None
    assert adopt(ground, key, credential).outcome is Outcome.ROTATED
    assert given.log_in() is None
    assert Given(ground, ground.current(credential)).holds
    assert ground.current(credential).private_key.public_fingerprint == key.public_fingerprint
    assert state(ground, credential) is CredentialState.OK


@pytest.mark.parametrize("lineup", first_standard([HIDDEN, CONNECTED]), ids=str)
def test_a_revoked_key_that_logs_in_again_is_told_until_it_is_refused(ground: Ground, lineup: Lineup) -> None:
    """Each surface went on saying that its consumers are refused on purpose."""
    ground.begin(lineup=lineup)
    in_use(ground)
    app = ground.apps["Billing"]
    profiles = app.assigned_profiles
    revoke(ground, ACCESS)
    for _ in range(2):
        assert tried(ground) == (CredentialState.REVOKED, Severity.INFO, "brings it back")
        app.assign(profiles, [])
        assert tried(ground) == (CredentialState.DRIFT, Severity.CRITICAL, "was accepted on")
        revoke(ground, ACCESS)
    app.assign(profiles, [])
    assert tried(ground)[0] is CredentialState.DRIFT
    app.assign([], [])
    assert tried(ground) == (CredentialState.REVOKED, Severity.INFO, "brings it back")
    app.assign(profiles, [])
    assert tried(ground)[0] is CredentialState.DRIFT
    assert handle(ground).outcome is Outcome.ROTATED
    assert state(ground) is CredentialState.OK


def tried(ground: Ground) -> tuple[CredentialState, Severity | None, str]:
    """What is said after `rotator verify`, also by the pages, which ask the history alone."""
    with ground.program() as app:
        try_stored(app, ["billing"])
        [status] = app.statuses(["billing"], app.now())
        remark = str(remark_on(status, app.now()))
    assert state(ground) is status.state
    said = "was accepted on" if "A login with what was revoked was accepted on" in remark else remark[-15:-1]
    return status.state, status.urgency, said


@pytest.fixture
def shared(ground: Ground) -> Ground:
    """One permission set lets the user in to the apps of two credentials."""
    for name in ("Billing", "Warehouse_A", "Warehouse_B"):
        ground.apps[name].assign([], ["Integration"])
    vars(ground.org.users[USER])["permission_sets"] = ("Integration",)
    return ground


def test_who_loses_access_as_well_is_in_the_plan(shared: Ground) -> None:
    in_use(shared)
    with shared.program() as app:
        context, siblings = app.credential_context("billing"), app.settings.siblings("billing")
        plan = plan_revocation(context, app.access("billing"), (ACCESS,), None, siblings)
    assert "So does warehouse: the same user logs in by it." in plan.what(ACCESS)


def test_access_that_comes_back_lets_no_other_revoked_key_in(shared: Ground) -> None:
    given, other = in_use(shared), in_use(shared, "warehouse", "Warehouse_A")
    revoke(shared)
    assert revoke(shared, ACCESS, credential="warehouse").withdrawn == ()
    with pytest.raises(RotationHalted, match="warehouse is revoked as well") as caught:
        handle(shared)
    assert caught.value.effect == "Nothing was changed."
    assert (given.log_in(), other.log_in(), state(shared)) == (None, None, CredentialState.REVOKED)
    revoke(shared, CERTIFICATE, credential="warehouse")
    assert handle(shared).outcome is Outcome.ROTATED
    assert (given.log_in(), other.log_in()) == (None, None)
    assert state(shared, "warehouse") is CredentialState.REVOKED
    assert handle(shared, credential="warehouse").outcome is Outcome.ROTATED
    assert Given(shared, shared.current("warehouse")).holds


@thorough
def test_what_was_taken_with_another_credential_comes_back_with_the_one_that_needs_it(shared: Ground) -> None:
    given, other = in_use(shared), in_use(shared, "warehouse", "Warehouse_A")
    revoke(shared)
    revoke(shared, credential="warehouse")
    assert handle(shared, credential="warehouse").outcome is Outcome.ROTATED
    assert Given(shared, shared.current("warehouse")).holds
    assert (given.log_in(), other.log_in(), state(shared)) == (None, None, CredentialState.REVOKED)
    with shared.program() as app:
        [status] = app.statuses(["billing"], app.now())
    assert status.urgency is Severity.INFO
    assert handle(shared).outcome is Outcome.ROTATED
    assert Given(shared, shared.current("billing")).holds


@thorough
def test_a_permission_set_that_ends_comes_back_with_its_end_and_not_after_it(shared: Ground) -> None:
    in_use(shared)
    user = shared.org.users[USER]
    ends = f"{shared.clock.now() + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"
    user.set_ends["Integration"] = ends
    revoke(shared)
    assert user.set_ends == {}
    assert handle(shared).outcome is Outcome.ROTATED
    assert user.set_ends == {"Integration": ends}
    revoke(shared)
    shared.clock.sleep(timedelta(days=31).total_seconds())
    with pytest.raises(RotationHalted, match=f"until {ends}, which has passed"):
        handle(shared)
    assert user.permission_sets == ()
    user.permission_sets = ("Integration",)
    assert handle(shared).outcome is Outcome.ROTATED
    assert user.set_ends == {}


@pytest.mark.parametrize("lineup", [CONNECTED, HIDDEN], ids=str)
def test_what_was_revoked_before_it_was_ever_stored_comes_back_with_its_first_version(
    ground: Ground, lineup: Lineup
) -> None:
    """Two commands sent people to each other."""
    ground.begin(lineup=lineup)
    ground.put_by_hand("Billing")
    revoke(ground)
    with pytest.raises(RotationHalted) as caught:
        handle(ground)
    assert caught.value.hint == "`rotator enroll billing` brings it back with its first."
    with ground.program() as app:
        [status] = app.statuses(["billing"], app.now())
        assert "`rotator enroll billing` brings it back." in str(remark_on(status, app.now()))
        known = app.journal.credential_record("billing").login_revoked
        enroll = Request("enroll", ALEX)
        for request, end in ((BACK, ActionKind.HALT), (enroll, ActionKind.DONE)):
            plan = plan_of(app.credential_context("billing"), request, app.now(), known)
            assert plan.forecast.end.kind is end, plan.forecast
    assert handle(ground, enroll).outcome is Outcome.ROTATED
    ground.logs_in_by("billing")
    assert state(ground) is CredentialState.OK


@pytest.mark.parametrize("change", ["the app was made anew", "the set was deleted", "there is no right to it"])
def test_what_cannot_come_back_as_it_was_holds_up_nothing_once_the_user_is_let_in(shared: Ground, change: str) -> None:
    """Each try was refused for ever, also after an administrator had let the user in by another way."""
    org, user, app = shared.org, shared.org.users[USER], shared.apps["Billing"]
    if change == "the app was made anew":
        app.assign([user.profile], [])
    given = in_use(shared)
    revoke(shared)
    if change == "the app was made anew":
        vars(app)["id"] = org.next_id("0H4")
    elif change == "the set was deleted":
        for name in ("Billing", "Warehouse_A", "Warehouse_B"):
            shared.apps[name].assign([], [])
        del org._ids_by_name["0PS", "Integration"]
    else:
        org.settings = replace(org.settings, unwritable_objects=("PermissionSetAssignment",))
    with pytest.raises(RotationHalted, match="Not given back: the p") as caught:
        handle(shared)
    assert f"Let {USER} in to Billing in Setup" in caught.value.hint
    assert given.log_in() is None
    with shared.program() as program:
        [status] = program.statuses(["billing"], program.now())
        assert "Not given back: the" in str(remark_on(status, program.now()))
    kept = "Integration" if change == "there is no right to it" else "Another"
    app.assign([], [kept])
    user.permission_sets = (*user.permission_sets, kept)
    report = handle(shared)
    assert report.outcome is Outcome.ROTATED
    is_told = any(
        "The user is let in by the permission set Another, for Billing now." in each for each in report.warnings
    )
    assert is_told is (kept == "Another"), report.warnings
    assert Given(shared, shared.current("billing")).holds
    assert state(shared) is CredentialState.OK
    with shared.program() as program:
        assert program.journal.revocations() == {}
