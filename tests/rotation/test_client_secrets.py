"""A client secret is rotated without a refused login, from wherever a process dies, and whatever answers are lost."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.core.decision.actions import HaltReason
from rotator.errors import ConfigurationError, OrgError, OrgUnavailable, RotationHalted
from rotator.salesforce.client_secrets import ClientSecrets, Pair, State
from rotator.services.rotation.report import Outcome
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.rotation.secret_ground import APP, Crash, Died, SecretGround, promises
from tests.rotation.secret_scenarios import EARLY, ends_wherever_it_dies
from tests.tiers import more_in_thorough, standard_first, thorough

DAY = timedelta(days=1)
GONE = OrgSettings(external_ended_pairs_shown=False)


def test_the_first_version_is_the_pair_in_use_and_nothing_changes_on_the_org(secret_ground: SecretGround) -> None:
    before = secret_ground.consumer.pair
    report = secret_ground.handle("enroll")
    assert report.outcome is Outcome.ROTATED
    assert (secret_ground.consumer.pair, secret_ground.consumer.staged) == (before, None)
    assert secret_ground.stages().current == secret_ground.in_use == report.new_fingerprint
    assert secret_ground.logs_in(secret_ground.version("current"))
    with pytest.raises(RotationHalted, match="has a current version already"):
        secret_ground.handle("enroll")


@pytest.mark.parametrize("settings", [OrgSettings(), EARLY, GONE])
def test_a_rotation_keeps_the_old_pair_for_the_grace_and_deletes_it_then(
    secret_ground: SecretGround, settings: OrgSettings
) -> None:
    secret_ground.begin(settings)
    secret_ground.handle("enroll")
    old = secret_ground.version("current")
    report = secret_ground.handle("replace")
    assert report.outcome is Outcome.ROTATED, report
    assert (report.gap_seconds, report.strategy) == (0, "staged")
    assert [step.action for step in report.steps if step.action not in {"verify", "wait"}] == [
        "stage",
        "rotate",
        "promote",
    ]
    stages = secret_ground.stages()
    assert (stages.current, stages.previous) == (secret_ground.in_use, secret_ground.second(State.ROTATED))
    assert secret_ground.logs_in(secret_ground.version("current"))
    assert secret_ground.logs_in(old)
    assert secret_ground.handle("").again_at == report.again_at
    secret_ground.clock.time += 8 * DAY
    secret_ground.handle("")
    assert secret_ground.stages().previous is None
    assert secret_ground.consumer.staged is None
    assert not secret_ground.logs_in(old)


def test_a_compromised_secret_is_deleted_at_once(enrolled: SecretGround) -> None:
    old = enrolled.version("current")
    assert enrolled.handle("replace", trigger="compromised").outcome is Outcome.ROTATED
    assert (enrolled.stages().previous, enrolled.consumer.staged) == (None, None)
    assert not enrolled.logs_in(old)
    assert enrolled.logs_in(enrolled.version("current"))


def test_a_second_rotation_waits_for_the_grace_unless_it_is_urgent(enrolled: SecretGround) -> None:
    enrolled.handle("replace")
    waiting = enrolled.handle("replace")
    assert waiting.outcome is Outcome.WAITING
    assert enrolled.handle("replace", retire_now=True).outcome is Outcome.ROTATED
    assert enrolled.stages().previous is None


def test_back_is_possible_while_the_org_takes_the_old_pair_and_the_new_one_comes_again(enrolled: SecretGround) -> None:
    old = enrolled.stages().current
    enrolled.handle("replace")
    new = enrolled.stages().current
    assert enrolled.handle("back").outcome is Outcome.ROTATED
    stages = enrolled.stages()
    assert (stages.current, stages.previous, enrolled.in_use) == (old, new, new)
    enrolled.clock.time += 8 * DAY
    enrolled.handle("")
    assert enrolled.stages().previous == new, "the pair in use is what comes next, and is not ended"
    assert enrolled.handle("replace").outcome is Outcome.ROTATED
    assert (enrolled.stages().current, enrolled.stages().previous) == (new, old)


def test_back_is_refused_when_the_org_takes_the_old_pair_no_more(enrolled: SecretGround) -> None:
    enrolled.handle("replace")
    enrolled.consumer.staged = None
    report = enrolled.handle("back")
    assert (report.outcome, report.halt) == (Outcome.HALTED, HaltReason.NOT_KEPT)
    assert enrolled.logs_in(enrolled.version("current"))


def staged_by_hand(ground: SecretGround) -> None:
    with ground.program() as app:
        app.client_secrets("production").stage(APP)


def rotated_by_hand(ground: SecretGround) -> None:
    staged_by_hand(ground)
    ground.consumer.rotate(ground.clock.now())


def test_what_people_staged_is_asked_about_and_deleted_only_when_they_say_so(enrolled: SecretGround) -> None:
    staged_by_hand(enrolled)
    foreign = enrolled.second(State.STAGED)
    report = enrolled.handle("replace")
    assert (report.outcome, report.halt) == (Outcome.HALTED, HaltReason.SECOND_PAIR_UNKNOWN)
    assert "--replace-unknown" in report.hint
    assert enrolled.second(State.STAGED) == foreign
    assert enrolled.handle("replace", replace_unknown=True).outcome is Outcome.ROTATED
    assert foreign not in {enrolled.in_use, *enrolled.stages().fingerprints}


def test_what_people_rotated_in_is_drift_and_is_adopted_from_the_org(enrolled: SecretGround) -> None:
    rotated_by_hand(enrolled)
    for goal in ("replace", ""):
        report = enrolled.handle(goal)
        assert (report.outcome, report.halt) == (Outcome.HALTED, HaltReason.DRIFT)
    assert "rotator adopt" in report.hint
    assert enrolled.handle("adopt").outcome is Outcome.ROTATED
    stages = enrolled.stages()
    assert (stages.current, stages.previous) == (enrolled.in_use, enrolled.second(State.ROTATED))
    with pytest.raises(RotationHalted, match="is the current version of shipping already"):
        enrolled.handle("adopt")


def test_a_pair_that_is_staged_and_not_yet_in_use_gives_way_to_one_that_people_rotated_in(
    enrolled: SecretGround,
) -> None:
    with pytest.raises(Died):
        enrolled.handle("replace", crash=Crash(at=_first(enrolled, "store.put_pending")))
    pending = enrolled.stages().pending
    assert pending == enrolled.second(State.STAGED)
    enrolled.consumer.staged = None
    rotated_by_hand(enrolled)
    assert enrolled.handle("adopt").outcome is Outcome.ROTATED
    assert enrolled.stages().pending is None


def _first(ground: SecretGround, name: str) -> int:
    """Number of the first call of that name in a rotation, which is played on a copy of the world."""
    crash, kept = Crash(), replace(ground.consumer)
    try:
        ground.handle("replace", crash=crash)
    finally:
        ground.begin()
        ground.handle("enroll")
        assert kept.id
    return crash.calls.index(name) + 1


@more_in_thorough
@pytest.mark.parametrize(
    ("scenario", "settings"),
    [
        ("rotate", OrgSettings()),
        pytest.param("enroll", OrgSettings(), marks=thorough),
        pytest.param("rotate", EARLY, marks=thorough),
        pytest.param("compromised", OrgSettings(), marks=thorough),
        pytest.param("back", OrgSettings(), marks=thorough),
    ],
)
def test_wherever_it_dies_the_same_request_ends_it(
    secret_ground: SecretGround, scenario: str, settings: OrgSettings
) -> None:
    ends_wherever_it_dies(secret_ground, scenario, settings)


@pytest.mark.parametrize("number", standard_first(range(12), range(0, 12, 4)))
@pytest.mark.parametrize(
    "effect",
    [
        Effect.LOSE_ANSWER,
        pytest.param(Effect.HANG, marks=thorough),
        pytest.param(Effect.FAIL, marks=thorough),
    ],
)
def test_whatever_call_of_the_api_goes_wrong_the_rotation_ends_or_is_ended_by_the_next(
    enrolled: SecretGround, effect: Effect, number: int
) -> None:
    enrolled.org.faults.add(Fault(Kind.CREDENTIALS, effect, after=number))
    check = promises(enrolled)
    report = None
    with suppress(OrgUnavailable):
        report = enrolled.handle("replace", crash=Crash(check=check))
    report = report or enrolled.handle("replace", crash=Crash(check=check))
    assert report.outcome is Outcome.ROTATED
    assert enrolled.stages().pending is None
    assert enrolled.second(State.STAGED) is None
    assert enrolled.logs_in(enrolled.version("current"))


def test_a_pair_that_was_staged_and_never_answered_is_taken_up(enrolled: SecretGround) -> None:
    with pytest.raises(Died):
        enrolled.handle("replace", crash=Crash(at=_first(enrolled, "org.stage")))
    lost = enrolled.second(State.STAGED)
    assert lost
    assert enrolled.stages().pending is None
    assert enrolled.handle("").outcome is Outcome.ROTATED
    assert enrolled.stages().current == lost


def _refuse(_self: ClientSecrets, _app: str) -> Pair:
    raise OrgError("The org refuses.", hint="")


def test_a_refusal_to_stage_leaves_nothing_that_is_taken_for_its_own(enrolled: SecretGround) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClientSecrets, "stage", _refuse)
        with pytest.raises(OrgError):
            enrolled.handle("replace")
    staged_by_hand(enrolled)
    foreign = enrolled.second(State.STAGED)
    report = enrolled.handle("replace")
    assert report.halt is HaltReason.SECOND_PAIR_UNKNOWN
    assert enrolled.second(State.STAGED) == foreign


def test_a_login_that_is_not_set_up_stops_it_before_anything_is_changed(enrolled: SecretGround) -> None:
    policies = enrolled.org.external_app(APP).satellites["ExtlClntAppOauthConfigurablePolicies"].component
    policies["isClientCredentialsFlowEnabled"] = "false"
    report = enrolled.handle("replace")
    assert (report.outcome, report.halt) == (Outcome.HALTED, HaltReason.LOGIN_NOT_SET_UP)
    assert "client credentials flow" in report.hint
    assert enrolled.consumer.staged is None


def test_the_first_version_is_not_waited_for_where_its_login_is_not_set_up(secret_ground: SecretGround) -> None:
    policies = secret_ground.org.external_app(APP).satellites["ExtlClntAppOauthConfigurablePolicies"].component
    policies["isClientCredentialsFlowEnabled"] = "false"
    before = secret_ground.clock.now()
    report = secret_ground.handle("enroll")
    assert (report.outcome, report.halt) == (Outcome.HALTED, HaltReason.LOGIN_NOT_SET_UP)
    assert "client credentials flow" in report.hint
    assert secret_ground.clock.now() - before < timedelta(seconds=10), "of the two minutes that logins may take"
    assert secret_ground.consumer.staged is None
    policies["isClientCredentialsFlowEnabled"] = "true"
    assert secret_ground.handle("enroll").outcome is Outcome.ROTATED


def test_a_connected_app_has_no_secret_that_could_be_rotated(secret_ground: SecretGround) -> None:
    secret_ground.org.add_app("Old_Shipping")
    secret_ground.app = "Old_Shipping"
    report = secret_ground.handle("enroll")
    assert (report.outcome, report.halt) == (Outcome.HALTED, HaltReason.APP_UNREADABLE)
    assert "Old_Shipping in the org production is a connected app" in report.why
    assert "Name an External Client App under `apps`" in report.hint


def test_a_request_that_makes_no_sense_of_a_secret_is_refused_in_a_sentence(enrolled: SecretGround) -> None:
    with pytest.raises(ConfigurationError, match="no certificate that could be renewed"):
        enrolled.handle("replace", keep_key=True)
    assert enrolled.handle("restore").outcome is Outcome.RESTORED


def test_the_consumer_key_that_the_program_itself_logs_in_by_is_not_rotated(secret_ground: SecretGround) -> None:
    secret_ground.handle("enroll")
    secret_ground.consumer.pair = replace(secret_ground.consumer.pair, key=secret_ground.org.app("Robot").client_id)
    with pytest.raises(RotationHalted, match="consumer key that rotator itself logs in"):
        secret_ground.handle("replace")
