"""A revoked client secret is refused at once, wherever a process dies, and comes back as another."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, TypeVar

import pytest

from rotator.config.settings import LoginByCredential
from rotator.core.decision.actions import ActionKind
from rotator.core.lifecycle.revocation import RevocationStep
from rotator.core.lifecycle.states import CredentialState
from rotator.errors import RotationHalted
from rotator.history.journal.verification import verify
from rotator.salesforce.client_secrets import State
from rotator.services.revocation.revocation_plan import plan_revocation
from rotator.services.rotation.plan import plan_of
from rotator.services.rotation.report import Outcome, Silent
from rotator.simulator.oauth import identity
from tests.rotation.revoking import BACK, revoke_in
from tests.rotation.secret_ground import APP, NAME, Crash, Died, SecretGround
from tests.tiers import first_standard, more_in_thorough, of_tier

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.credentials import Version
    from rotator.services.revocation.revocation_report import RevocationReport

T = TypeVar("T")
PAIR, TOKENS = RevocationStep.CERTIFICATE, RevocationStep.TOKENS


def revoke(ground: SecretGround, *steps: RevocationStep, crash: Crash | None = None) -> RevocationReport:
    with ground.program(crash) as app:
        return revoke_in(app, NAME, *steps)


class DiesAfter(Crash):
    """Ends the process just after the n-th call of this name."""

    def __init__(self, name: str, number: int = 1) -> None:
        super().__init__()
        self._name, self._number = name, number

    def call(self, name: str, call: Callable[[], T]) -> T:
        """See Crash."""
        result = super().call(name, call)
        if self.calls.count(self._name) == self._number:
            raise Died
        return result


def state(ground: SecretGround) -> CredentialState:
    with ground.program() as app:
        [line] = app.statuses([NAME], app.now())
        return line.state


def is_ended(ground: SecretGround, *versions: Version) -> bool:
    """Whether the org takes no pair that anybody has."""
    return not any(map(ground.logs_in, versions)) and ground.consumer.staged is None


def test_every_pair_that_anybody_has_is_refused_at_once_and_nothing_else_of_the_app_is_changed(
    enrolled: SecretGround,
) -> None:
    first = enrolled.version("current")
    enrolled.handle("replace")
    second, app = enrolled.version("current"), enrolled.org.external_app(APP)
    before = {name: dict(each.component) for name, each in app.satellites.items()}
    report = revoke(enrolled)
    assert (report.is_whole, report.steps, report.apps) == (True, (PAIR, TOKENS), (APP,))
    assert report.what(PAIR) == f"{APP} takes no consumer key and secret any more but one that nobody has."
    assert "client identifier invalid" in report.said
    assert is_ended(enrolled, first, second)
    assert enrolled.in_use not in enrolled.stages().fingerprints
    assert {name: dict(each.component) for name, each in app.satellites.items()} == before
    assert state(enrolled) is CredentialState.REVOKED
    in_use = enrolled.in_use
    assert revoke(enrolled).what(PAIR).startswith("Its app takes no consumer key and secret already")
    assert enrolled.in_use == in_use


def test_what_it_gave_out_is_refused_as_well(enrolled: SecretGround) -> None:
    user = enrolled.org.users[enrolled.version("current").username]
    token = enrolled.org.start_session(user, enrolled.org.external_app(APP)).token
    assert identity.userinfo(enrolled.org, token).status == 200
    assert revoke(enrolled).sessions
    assert identity.userinfo(enrolled.org, token).status != 200


def test_the_plan_says_what_there_is_to_end_and_changes_nothing(enrolled: SecretGround) -> None:
    def planned() -> tuple[tuple[str, ...], str]:
        with enrolled.program() as app:
            revoked = app.journal.credential_record(NAME).revoked
            plan = plan_revocation(app.credential_context(NAME), app.access(NAME), tuple(RevocationStep), revoked)
        return tuple(map(str, plan.left)), plan.what(PAIR)

    before = enrolled.in_use
    left, what = planned()
    assert (left, enrolled.in_use, enrolled.consumer.staged) == (("certificate", "tokens"), before, None)
    assert "by a key as well" in what
    revoke(enrolled)
    left, what = planned()
    assert (left, what.partition(":")[0]) == ((), "Nothing")


def test_the_plan_asks_no_user_to_approve_the_app_again_who_never_did(enrolled: SecretGround) -> None:
    """By client credentials an app logs in by itself, whoever else may approve it."""
    user, shown = enrolled.org.users[enrolled.version("current").username], enrolled.org.external_app(APP)
    shown.satellites["ExtlClntAppOauthConfigurablePolicies"].component["permittedUsersPolicyType"] = "AllSelfAuthorized"
    enrolled.org.start_session(user, shown)
    with enrolled.program() as app:
        plan = plan_revocation(app.credential_context(NAME), app.access(NAME), tuple(RevocationStep), None)
    assert plan.grants == ()
    assert "approve" not in plan.what(TOKENS)


def test_it_comes_back_with_another_pair_and_the_revoked_one_leaves_the_store(enrolled: SecretGround) -> None:
    old = enrolled.version("current")
    revoke(enrolled)
    ended_by = enrolled.in_use
    for goal in ("back", "restore"):
        with pytest.raises(RotationHalted, match="was revoked"):
            enrolled.handle(goal)
    report = enrolled.handle("replace")
    assert report.outcome is Outcome.ROTATED, report
    stages = enrolled.stages()
    assert (stages.current, stages.previous, stages.pending) == (enrolled.in_use, None, None)
    assert enrolled.logs_in(enrolled.version("current"))
    assert is_ended(enrolled, old), "the pair that ended it is gone, too, and there is room for the next"
    assert stages.current not in {ended_by, old.fingerprint}
    assert state(enrolled) is CredentialState.OK
    assert enrolled.handle("replace").outcome is Outcome.ROTATED
    assert verify(enrolled.history.database).intact


def test_the_plan_of_what_brings_it_back_says_what_the_run_does(enrolled: SecretGround) -> None:
    revoke(enrolled)
    with enrolled.program() as app:
        revoked = app.journal.credential_record(NAME).revoked
        plan = plan_of(app.credential_context(NAME), BACK, app.now(), revoked)
    report = enrolled.handle("replace")
    planned = [str(step.kind) for step in plan.forecast.steps if step.kind is not ActionKind.VERIFY]
    assert planned == ["stage", "rotate", "unstage", "promote", "retire"]
    assert planned == [step.action for step in report.steps if step.action not in {"verify", "wait"}]


def test_what_somebody_rotated_in_since_is_drift_and_is_asked_about(enrolled: SecretGround) -> None:
    revoke(enrolled)
    with enrolled.program() as app:
        app.client_secrets("production").stage(APP)
    enrolled.consumer.rotate(enrolled.clock.now())
    by_hand = enrolled.in_use
    assert state(enrolled) is CredentialState.DRIFT
    report = enrolled.handle("replace")
    assert (report.outcome, enrolled.in_use) == (Outcome.HALTED, by_hand)
    assert enrolled.handle("adopt").outcome is Outcome.ROTATED
    assert enrolled.stages().current == by_hand
    assert state(enrolled) is CredentialState.OK


def test_what_somebody_staged_since_is_not_taken_for_the_pair_of_a_rotation_that_died(enrolled: SecretGround) -> None:
    with pytest.raises(Died):
        enrolled.handle("replace", crash=DiesAfter("org.stage"))
    assert enrolled.second(State.STAGED)
    revoke(enrolled)
    with enrolled.program() as app:
        by_hand = app.client_secrets("production").stage(APP)
    assert enrolled.handle("replace").outcome is Outcome.ROTATED
    assert by_hand.fingerprint not in {enrolled.in_use, *enrolled.stages().fingerprints}
    assert enrolled.logs_in(enrolled.version("current"))


def test_what_was_revoked_before_it_was_ever_stored_comes_back_with_the_pair_that_nobody_has(
    secret_ground: SecretGround,
) -> None:
    secret_ground.begin()
    revoke(secret_ground)
    in_use = secret_ground.in_use
    with pytest.raises(RotationHalted, match="no current version") as caught:
        secret_ground.handle("replace")
    assert "`rotator enroll shipping`" in caught.value.hint
    assert secret_ground.handle("enroll").outcome is Outcome.ROTATED
    assert secret_ground.stages().current == secret_ground.in_use == in_use
    assert state(secret_ground) is CredentialState.OK
    assert secret_ground.handle("replace").outcome is Outcome.ROTATED
    assert secret_ground.logs_in(secret_ground.version("current"))


def test_of_an_app_that_the_metadata_api_does_not_show_the_pair_ends_and_the_rest_is_said(
    enrolled: SecretGround,
) -> None:
    enrolled.org.settings = replace(enrolled.org.settings, external_apps_of_setup_shown=False)
    enrolled.org.external_app(APP).is_of_setup = True
    old = enrolled.version("current")
    report = revoke(enrolled)
    assert (set(report.failed), report.done) == ({TOKENS}, (PAIR,))
    assert APP in report.what(TOKENS)
    assert is_ended(enrolled, old)
    assert enrolled.handle("replace").outcome is Outcome.ROTATED


@pytest.mark.parametrize(("call", "number"), [("org.stage", 1), ("history.record", 3), ("org.rotate", 1)])
def test_what_a_dead_process_has_left_is_brought_back_from_too(enrolled: SecretGround, call: str, number: int) -> None:
    """Nobody asks for the revocation again: its pair was staged, or is in use, and the one before it is taken still."""
    old = enrolled.version("current")
    with pytest.raises(Died):
        revoke(enrolled, crash=DiesAfter(call, number))
    assert enrolled.consumer.staged
    assert enrolled.logs_in(old)
    assert state(enrolled) is CredentialState.REVOKED
    assert enrolled.handle("replace").outcome is Outcome.ROTATED
    assert is_ended(enrolled, old)
    assert enrolled.stages().current == enrolled.in_use


def test_a_staged_pair_leaves_the_org_before_the_store_where_the_revocation_died_before_it(
    enrolled: SecretGround,
) -> None:
    in_the_middle(enrolled)
    staged = enrolled.version("pending")
    with pytest.raises(Died):
        revoke(enrolled, crash=DiesAfter("history.record"))
    crash = Crash()
    assert enrolled.handle("replace", crash=crash).outcome is Outcome.ROTATED
    assert crash.calls.index("org.delete") < crash.calls.index("store.discard")
    assert is_ended(enrolled, staged)


def test_access_alone_is_refused_in_a_sentence(enrolled: SecretGround) -> None:
    with pytest.raises(RotationHalted, match="no permission set or profile lets it in"):
        revoke(enrolled, RevocationStep.ACCESS)
    assert enrolled.logs_in(enrolled.version("current"))


def test_an_app_that_rotator_itself_logs_in_through_is_left_alone(enrolled: SecretGround) -> None:
    key = enrolled.org.app("Robot").client_id
    enrolled.consumer.pair = type(enrolled.consumer.pair)(key, enrolled.consumer.pair.secret)
    with pytest.raises(RotationHalted, match="rotator itself logs in") as refused:
        revoke(enrolled, PAIR)
    assert enrolled.consumer.staged is None
    assert refused.value.hint == "Let rotator log in through an app of its own."


def test_so_is_one_that_it_logs_in_through_by_a_key_pair_that_it_keeps(enrolled: SecretGround) -> None:
    with enrolled.program() as app:
        app.org_session("production").ensure_open()
        known = app.settings
        robot = known.credentials[NAME].model_copy(update={"kind": "key_pair"})
        org = known.orgs["production"].model_copy(update={"login": LoginByCredential(credential="robot")})
        app.settings = known.model_copy(
            update={"orgs": {"production": org}, "credentials": {**known.credentials, "robot": robot}}
        )
        with pytest.raises(RotationHalted, match="rotator itself logs in"):
            revoke_in(app, NAME, PAIR)
        with pytest.raises(RotationHalted, match="rotator itself logs in"):
            app.rotation_service(NAME, listener=Silent(), stop_asked=lambda: False).handle(BACK)
    assert enrolled.consumer.staged is None


def in_the_middle(ground: SecretGround) -> None:
    """A rotation has staged a pair, and died."""
    with pytest.raises(Died):
        ground.handle("replace", crash=Crash(at=7))
    assert ground.second(State.STAGED)


def in_grace(ground: SecretGround) -> None:
    ground.handle("replace")


@more_in_thorough
@pytest.mark.parametrize("before", first_standard([in_the_middle, in_grace]))
def test_wherever_it_dies_the_same_request_ends_it_and_it_comes_back(
    secret_ground: SecretGround, before: Callable[[SecretGround], None]
) -> None:
    for at in count(1, of_tier(3, thorough=1)):
        secret_ground.begin()
        secret_ground.handle("enroll")
        before(secret_ground)
        had = [secret_ground.store.read(NAME, each) for each in secret_ground.stages().fingerprints]
        crash = Crash(at)
        try:
            revoke(secret_ground, crash=crash)
        except Died:
            assert revoke(secret_ground).is_whole
        assert is_ended(secret_ground, *had), crash.calls[-1]
        assert state(secret_ground) is CredentialState.REVOKED
        calls = comes_back(secret_ground, at)
        assert set(secret_ground.stages().fingerprints) == {secret_ground.in_use}
        assert is_ended(secret_ground, *had)
        assert secret_ground.logs_in(secret_ground.version("current"))
        if at > max(len(crash.calls), calls):
            break
    assert at > 5


def comes_back(ground: SecretGround, at: int) -> int:
    """Brought back by a process that dies after so many calls, and by the next; how many calls the first made."""
    crash = Crash(at)
    try:
        report = ground.handle("replace", crash=crash)
    except Died:
        report = ground.handle("replace" if "history.begin_rotation" not in crash.calls else "")
    assert report.outcome in {Outcome.ROTATED, Outcome.NOTHING}, report
    return len(crash.calls)
