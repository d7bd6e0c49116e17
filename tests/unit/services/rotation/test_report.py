"""What a report says of a run: how it ended, what it replaced, and whether another run has to go on from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import Action, ActionKind, HaltReason
from rotator.core.decision.observations import Observation
from rotator.core.decision.policies import Goal, Strategy, Wanted
from rotator.core.observed import KnownVersion, ObservedApp
from rotator.services.rotation.gap import MeasuredGap
from rotator.services.rotation.report import Outcome, Report, RunSoFar, Step, StepTimings
from rotator.testing.versions import MOMENT

OLD, NEW, OLDER = (Fingerprint(letter * 64) for letter in "abc")
LATER = MOMENT + timedelta(days=7)
OPEN_GAP = MeasuredGap(MOMENT, None, timedelta(seconds=90))
DONE = Action(ActionKind.DONE, "it is so", until=LATER)


def version(fingerprint: Fingerprint) -> KnownVersion:
    return KnownVersion(fingerprint, "Billing", f"key {fingerprint}", LATER)


def seen(
    current: Fingerprint | None = OLD, previous: Fingerprint | None = None, pending: Fingerprint | None = None
) -> Observation:
    staged = {"current": current, "previous": previous, "pending": pending}
    versions = {stage: version(each) for stage, each in staged.items() if each}
    return Observation({"Billing": ObservedApp("Billing")}, **versions)  # type: ignore[arg-type]


BEGUN = RunSoFar(
    credential="billing",
    wanted=Wanted(Goal.FINISH),
    rotation_id="",
    goes_on=False,
    before=seen(),
    gap=MeasuredGap(),
    steps=(Step("verify", 1.0),),
    warnings=("Beware.",),
    why_given_up="",
)
REPLACING = replace(BEGUN, wanted=Wanted(Goal.REPLACE, version=OLD), rotation_id="7")


def halts(reason: HaltReason = HaltReason.DRIFT) -> Action:
    return Action(ActionKind.HALT, "somebody changed it", hint="Look.", rerun="Run it again.", halt=reason)


@pytest.mark.parametrize(
    ("run", "after", "outcome"),
    [
        (BEGUN, seen(), Outcome.NOTHING),
        (BEGUN, seen(NEW, OLD), Outcome.ROTATED),
        (replace(BEGUN, rotation_id="7"), seen(), Outcome.NOTHING),
        (REPLACING, seen(NEW, OLD), Outcome.ROTATED),
        (replace(REPLACING, before=seen(NEW, OLD)), seen(NEW, OLD), Outcome.ROTATED),
        (replace(REPLACING, rotation_id=""), seen(), Outcome.NOTHING),
        (replace(REPLACING, wanted=Wanted(Goal.RESTORE)), seen(), Outcome.RESTORED),
    ],
    ids=[
        "nothing to finish",
        "an earlier run's is finished",
        "what was open had changed nothing",
        "another is current",
        "an earlier run had promoted it",
        "none was begun",
        "its certificate is back",
    ],
)
def test_a_run_that_is_done_has_rotated_where_another_is_current_or_was_made_so(
    run: RunSoFar, after: Observation, outcome: Outcome
) -> None:
    report = run.ended(DONE, after)
    assert (report.outcome, report.why, report.again_at) == (outcome, "it is so", LATER)
    assert report.rotation_id == (run.rotation_id or None)
    assert (report.steps, report.warnings, report.strategy) == (run.steps, ("Beware.",), Strategy.IN_PLACE)


@pytest.mark.parametrize(
    ("run", "after", "old"),
    [
        (REPLACING, seen(NEW, OLD), OLD),
        (replace(REPLACING, before=seen(NEW, OLD)), seen(NEW, OLDER), OLD),
        (BEGUN, seen(NEW, OLDER), OLD),
        (BEGUN, seen(OLD, OLDER), OLDER),
        (BEGUN, seen(OLD), None),
        (replace(BEGUN, before=seen(None)), seen(NEW), None),
    ],
)
def test_the_version_that_was_replaced_is_told(run: RunSoFar, after: Observation, old: Fingerprint | None) -> None:
    report = run.ended(DONE, after)
    assert (report.old_fingerprint, report.new_fingerprint) == (
        old,
        after.current.fingerprint if after.current else None,
    )


def test_what_is_left_in_the_store_is_another_runs_to_end() -> None:
    assert REPLACING.ended(halts(), seen(pending=NEW)).is_half_done
    report = REPLACING.ended(halts(), seen())
    assert not report.is_half_done
    assert replace(report, gap=OPEN_GAP).is_half_done
    assert not replace(report, gap=replace(OPEN_GAP, ended_at=LATER)).is_half_done


def test_a_run_that_has_to_wait_says_until_when_and_how_not_to() -> None:
    report = REPLACING.ended(Action(ActionKind.WAIT, "the grace", until=LATER), seen(NEW, OLD))
    assert (report.outcome, report.again_at) == (Outcome.WAITING, LATER)
    assert report.rerun == "Run it again then, or with --retire-now, which ends the previous version at once."


def test_a_run_that_was_asked_to_stop_says_how_it_goes_on() -> None:
    report = REPLACING.interrupted(seen(pending=NEW))
    assert (report.outcome, report.has_pending) == (Outcome.INTERRUPTED, True)
    assert report.rerun == "`rotate finish billing`, or the same command, goes on from here."


def test_a_run_that_halts_says_why_and_what_to_do() -> None:
    report = REPLACING.ended(halts(), seen())
    assert (report.outcome, report.halt, report.why) == (Outcome.HALTED, HaltReason.DRIFT, "somebody changed it")
    assert (report.hint, report.rerun, report.advice) == ("Look.", "Run it again.", "Look. Run it again.")


@pytest.mark.parametrize(
    ("run", "effect"),
    [
        (REPLACING, "Nothing was changed."),
        (replace(REPLACING, goes_on=True), ""),
        (replace(REPLACING, gap=OPEN_GAP), ""),
        (replace(REPLACING, before=seen(pending=NEW)), ""),
        (replace(REPLACING, steps=(Step("verify", 1.0), Step("upload", 1.0))), ""),
        (replace(REPLACING, steps=()), "Nothing was changed."),
    ],
)
def test_nothing_was_changed_where_neither_this_run_nor_one_before_it_did(run: RunSoFar, effect: str) -> None:
    assert run.ended(halts(), seen()).effect == effect


@pytest.mark.parametrize(
    ("given_up", "why"),
    [("", "somebody changed it"), ("The org refuses.", "The org refuses. The old certificate is back.")],
)
def test_what_was_taken_back_is_no_halt(given_up: str, why: str) -> None:
    report = replace(REPLACING, why_given_up=given_up).ended(halts(HaltReason.REVERTED), seen())
    assert (report.outcome, report.why, report.effect) == (Outcome.REVERTED, why, "")


@pytest.mark.parametrize(
    ("details", "stays_open"),
    [
        ({}, False),
        ({"has_pending": True}, True),
        ({"gap": OPEN_GAP}, True),
        ({"halt": HaltReason.LOST}, True),
        ({"halt": HaltReason.REVERT_UNPROVEN}, True),
        ({"halt": HaltReason.LOST, "outcome": Outcome.ROTATED}, False),
        ({"has_pending": True, "outcome": Outcome.INTERRUPTED}, False),
    ],
)
def test_a_halt_in_the_middle_of_a_rotation_leaves_it_open(details: dict[str, object], *, stays_open: bool) -> None:
    halted = Report("billing", Strategy.IN_PLACE, Outcome.HALTED, "why", halt=HaltReason.DRIFT)
    assert replace(halted, **details).stays_open == stays_open  # type: ignore[arg-type]


def test_how_long_consumers_were_refused_is_told_in_seconds() -> None:
    report = REPLACING.ended(DONE, seen(NEW, OLD))
    assert replace(report, gap=None).gap_seconds == 0.0
    assert replace(report, gap=OPEN_GAP).gap_seconds == 90.0


def test_repetitions_and_the_waiting_between_them_are_one_step() -> None:
    timings = StepTimings()
    verify, wait, upload = (Action(kind, "") for kind in (ActionKind.VERIFY, ActionKind.WAIT, ActionKind.UPLOAD))
    for action, seconds in ((upload, 0.12345), (verify, 1), (wait, 10), (verify, 2), (verify, 3), (upload, 4)):
        timings.add(action, seconds)
    assert timings.steps == (Step("upload", 0.123, 1), Step("verify", 16, 3), Step("upload", 4, 1))
