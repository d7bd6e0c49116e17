"""What an org does to a rotation: lost answers, lost certificates, outages, changes that take longer than they may."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import cycle
from random import Random
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.core.decision.actions import HaltReason
from rotator.core.logins import LoginOutcome
from rotator.errors import OrgError, RotatorError
from rotator.history.journal.queries import events, rotations
from rotator.history.journal.verification import verify
from rotator.salesforce.login import LoginTarget, prove
from rotator.services.rotation.report import Outcome, Report
from rotator.simulator.org.propagation import CertificateSlot
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.rotation.lineups import CONNECTED, EXTERNAL, MIXED, OTHER_WORDS
from tests.rotation.scenarios import REPLACE, RESTORE, SCENARIOS
from tests.rotation.watching import Failing, Promises, Scenario, handle
from tests.tiers import first_standard, rows_standard_first, standard_first

if TYPE_CHECKING:
    from rotator.core.credentials import KeyVersion
    from tests.rotation.ground import Ground

BY_STRATEGY: Final = {"in_place": SCENARIOS[0], "alternating": SCENARIOS[4]}
BOTH: Final = pytest.mark.parametrize("strategy", first_standard(BY_STRATEGY))
NEVER: Final = {"propagation_seconds": timedelta(days=1).total_seconds()}
"""Nobody sees a change to an app for a day."""
FLAPPING: Final = {"propagation_seconds": 1000.0, "flap_probability": 0.5}
"""Longer than twice the time that a new key is tried for."""


@pytest.fixture(params=standard_first([CONNECTED, MIXED, EXTERNAL, OTHER_WORDS], [CONNECTED]), ids=str)
def ground(ground: Ground, request: pytest.FixtureRequest) -> Ground:
    """Of either kind of app, and of both: one of them, and two that take turns."""
    ground.begin(lineup=request.param)
    return ground


PASSING: Final = {
    "the answer to the upload is lost": [Fault(Kind.SOAP_UPDATE, Effect.LOSE_ANSWER)],
    "the upload is answered with a gateway's page": [Fault(Kind.SOAP_UPDATE, Effect.FAIL, times=2)],
    "the upload hangs": [Fault(Kind.SOAP_UPDATE, Effect.HANG)],
    "the upload drops the certificate": [Fault(Kind.SOAP_UPDATE, Effect.LOSE_CERTIFICATE)],
    "the upload drops the certificate, and the answer after it is lost": [
        Fault(Kind.SOAP_UPDATE, Effect.LOSE_CERTIFICATE),
        Fault(Kind.SOAP_UPDATE, Effect.LOSE_ANSWER),
    ],
    "the session ends before the upload": [Fault(Kind.SOAP_UPDATE, Effect.FAIL, answer="invalid_session")],
    "the org is locked by another deployment": [
        Fault(Kind.SOAP_UPDATE, Effect.FAIL, times=3, answer="already_in_process")
    ],
    "the org is away in the middle": [Fault(Kind.ANY, Effect.FAIL, times=12, after=12)],
    "test logins are to be tried again": [
        Fault(Kind.TOKEN, Effect.FAIL, times=5, after=2, answer="unknown_error"),
    ],
    "a test login hangs": [Fault(Kind.TOKEN, Effect.HANG, after=2)],
    "nobody says whose token it is": [Fault(Kind.USERINFO, Effect.FAIL, times=3)],
}


@pytest.fixture
def _every_third_login_meets_an_up_to_date_server(monkeypatch: pytest.MonkeyPatch) -> None:
    class Turns(Random):
        random = cycle([0.0, 0.9, 0.9]).__next__

    seen, turns = CertificateSlot.seen, Turns()
    monkeypatch.setattr(CertificateSlot, "seen", lambda slot, now, settings, _: seen(slot, now, settings, turns))


def changed(ground: Ground, **settings: Any) -> None:
    """The org behaves as it did at first, but for these."""
    ground.org.settings = replace(ground.lineup.settings, **settings)


UPLOADS: Final = ("the answer to the upload is lost", "the upload drops the certificate", "the upload hangs")
"""Those that another strategy could meet in another way."""


def prepared(ground: Ground, strategy: str) -> tuple[Scenario, KeyVersion]:
    """The world before, and the version that is current in it."""
    scenario = BY_STRATEGY[strategy]
    scenario.prepare(ground)
    ground.confirmations = 2
    return scenario, ground.current(scenario.credential)


def run(ground: Ground, scenario: Scenario) -> Report:
    """One process."""
    with ground.program() as app:
        return scenario.handle(app)


def logs_in(ground: Ground, version: KeyVersion) -> LoginOutcome:
    """What the org says to a login with a version, whatever happened to it since."""
    target = LoginTarget(version.login_url, version.client_id, version.username, version.audience)
    return prove(ground.transport, target, version.private_key, ground.clock.now()).outcome


@pytest.mark.parametrize(
    ("strategy", "what"),
    rows_standard_first(
        [*(("in_place", what) for what in PASSING), *(("alternating", what) for what in UPLOADS)],
        [("in_place", what) for what in [*PASSING][::2]],
    ),
)
def test_a_fault_that_passes_does_not_stop_a_run(ground: Ground, strategy: str, what: str) -> None:
    scenario, _ = prepared(ground, strategy)
    ground.org.faults.add(*PASSING[what])
    with ground.over_https(patience=0.5):
        report = run(ground, scenario)
    scenario.check(ground, report)
    assert not list(ground.org.faults)


@BOTH
@pytest.mark.usefixtures("_every_third_login_meets_an_up_to_date_server")
@pytest.mark.parametrize("settings", [NEVER, FLAPPING], ids=["never seen", "flapping for too long"])
def test_a_new_key_that_never_holds_leaves_the_old_one_in_force(
    ground: Ground, strategy: str, settings: dict[str, float]
) -> None:
    scenario, old = prepared(ground, strategy)
    changed(ground, **settings)
    report = run(ground, scenario)
    assert (report.outcome, report.halt) == (Outcome.REVERTED, HaltReason.REVERTED)
    stages = ground.stages(scenario.credential)
    assert (stages.current, stages.pending, stages.previous) == (old.fingerprint, None, None)
    assert ground.live(old.app) == old.fingerprint
    assert ground.kept(scenario.credential) == {old.fingerprint}
    assert logs_in(ground, old) is LoginOutcome.ACCEPTED
    assert (report.gap_seconds > 0) == (strategy == "in_place")


def test_the_history_tells_why_the_old_key_is_back(ground: Ground) -> None:
    scenario, old = prepared(ground, "in_place")
    changed(ground, **NEVER)
    run(ground, scenario)
    [rotation] = rotations(ground.database)
    assert rotation.outcome == "reverted"
    assert "never held" in rotation.why
    kinds = [event.kind for event in events(ground.database, rotation_id=rotation.id)]
    assert kinds == [
        "begin",
        "verify",
        "generate",
        "verify",
        "upload_begins",
        "upload",
        "verify",
        "restore_begins",
        "restore",
        "verify",
        "gap",
        "discard",
        "finish",
    ]
    refused, proven = [event for event in events(ground.database) if event.kind == "verify"][2:]
    words = "invalid client credentials" if ground.lineup is OTHER_WORDS else "invalid assertion"
    assert words in str(refused.details["answer"])
    assert (proven.details["version"], proven.details["outcome"]) == (old.fingerprint, "accepted")
    assert verify(ground.database).intact


@BOTH
def test_after_a_key_that_never_held_the_next_rotation_succeeds(ground: Ground, strategy: str) -> None:
    scenario, _ = prepared(ground, strategy)
    changed(ground, **NEVER)
    run(ground, scenario)
    changed(ground, propagation_seconds=60.0, flap_probability=0.5)
    ground.clock.sleep(timedelta(days=2).total_seconds())
    scenario.check(ground, run(ground, scenario))


def test_an_upload_whose_restoring_loses_its_answer_is_not_tried_again(ground: Ground) -> None:
    scenario, old = prepared(ground, "in_place")
    changed(ground, **NEVER)
    ground.org.faults.add(Fault(Kind.SOAP_UPDATE, Effect.LOSE_ANSWER, after=1))
    assert run(ground, scenario).outcome is Outcome.REVERTED
    assert ground.live("Billing") == old.fingerprint
    assert ground.org.calls[Kind.SOAP_UPDATE] == 2


@BOTH
def test_answers_that_prove_nothing_change_nothing_and_the_next_run_goes_on(ground: Ground, strategy: str) -> None:
    scenario, old = prepared(ground, strategy)
    target = "Billing" if strategy == "in_place" else "Warehouse_B"
    before_the_upload = 2 if strategy == "in_place" else 1
    ground.org.faults.add(
        Fault(Kind.TOKEN, Effect.FAIL, times=None, after=before_the_upload, answer="unknown_error", app=target)
    )
    report = run(ground, scenario)
    assert (report.outcome, report.halt) == (Outcome.HALTED, HaltReason.UNPROVEN)
    stages = ground.stages(scenario.credential)
    assert stages.current == old.fingerprint
    assert stages.pending == ground.live(target)
    assert ground.org.calls[Kind.SOAP_UPDATE] == 1
    ground.org.faults.clear()
    ground.clock.sleep(3600)
    report = run(ground, scenario)
    scenario.check(ground, report)
    assert ground.org.calls[Kind.SOAP_UPDATE] == 1
    assert (report.gap_seconds > 3600) == (strategy == "in_place"), "the gap is told from where it began"


def test_an_app_that_never_takes_a_certificate_ends_the_run_and_the_next_one_goes_on(ground: Ground) -> None:
    scenario, old = prepared(ground, "in_place")
    ground.org.faults.add(Fault(Kind.SOAP_UPDATE, Effect.LOSE_CERTIFICATE, times=None))
    with pytest.raises(OrgError, match="holds no certificate"):
        run(ground, scenario)
    assert ground.clock.slept < timedelta(minutes=30)
    assert old.fingerprint in ground.kept("billing")
    ground.org.faults.clear()
    report = run(ground, scenario)
    if report.outcome is Outcome.HALTED:
        # Another process cannot tell an external client app that holds no certificate from one that hides it.
        assert "Billing" in ground.lineup.external
        assert "`rotate restore billing`" in report.hint
        with ground.program() as app:
            report = handle("billing", RESTORE)(app)
        assert report.outcome is Outcome.RESTORED
        scenario.check(ground, run(ground, scenario))
    else:
        scenario.check(ground, report)
    assert report.gap_seconds > 30


def test_a_certificate_that_cannot_be_put_back_is_not_tried_for_ever(ground: Ground) -> None:
    scenario, old = prepared(ground, "in_place")
    changed(ground, **NEVER)
    ground.org.faults.add(Fault(Kind.SOAP_UPDATE, Effect.FAIL, times=None, after=1))
    with pytest.raises(RotatorError) as caught:
        run(ground, scenario)
    assert caught.value.transient
    ground.org.faults.clear()
    assert run(ground, scenario).outcome in {Outcome.REVERTED, Outcome.ROTATED}
    assert ground.live("Billing") == ground.stages("billing").current
    assert old.fingerprint in ground.kept("billing")


@BOTH
def test_an_org_that_refuses_the_write_is_told_at_once_and_nothing_is_lost(ground: Ground, strategy: str) -> None:
    scenario, old = prepared(ground, strategy)
    changed(ground, largest_certificate_bytes=100)
    with pytest.raises(OrgError, match="Invalid certificate"):
        run(ground, scenario)
    assert ground.clock.slept < timedelta(minutes=1)
    assert ground.live(old.app) == old.fingerprint
    changed(ground)
    scenario.check(ground, run(ground, scenario))


def test_a_plain_consumer_of_an_alternating_pair_is_never_refused_while_changes_spread(ground: Ground) -> None:
    scenario, _ = prepared(ground, "alternating")
    changed(ground, propagation_seconds=30.0)
    with ground.program() as app:
        wakes, answers = ground.clock.sleep, []

        def sleep(seconds: float) -> None:
            wakes(seconds)
            answers.append(logs_in(ground, ground.current("warehouse")))

        app.sleep = sleep
        report = scenario.handle(app)
    scenario.check(ground, report)
    assert len(answers) > 20
    assert set(answers) == {LoginOutcome.ACCEPTED}


def test_the_rules_hold_while_a_new_key_is_tried_in_vain(ground: Ground) -> None:
    scenario, _ = prepared(ground, "alternating")
    changed(ground, **NEVER)
    watcher = Failing(Promises(ground, scenario), at=-1, with_effect=False, lasting=False)
    with ground.program(watcher) as app:
        assert handle("warehouse", REPLACE)(app).outcome is Outcome.REVERTED
    assert ground.live("Warehouse_B") not in watcher.promises.ever, "nobody has the key of what the app holds now"
