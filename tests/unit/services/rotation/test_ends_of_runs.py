"""What the history keeps of how a run ended, or why it stopped; and by what a run begins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.actor import Actor
from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import HaltReason
from rotator.core.decision.policies import Goal, Strategy
from rotator.errors import HistoryError, OrgError, OrgUnavailable, RotationRunning, RotatorError
from rotator.history.journal.queries import rotations
from rotator.services.rotation import rotation_service as service_module
from rotator.services.rotation.gap import MeasuredGap
from rotator.services.rotation.report import Outcome, Report, report_of
from rotator.services.rotation.requests import Request
from rotator.testing.versions import MOMENT
from tests.unit.services.bench import FINISH, NOW

if TYPE_CHECKING:
    from rotator.services.rotation.rotation_service import RotationService
    from tests.unit.services.bench import Bench

OLD, NEW = Fingerprint("a" * 64), Fingerprint("b" * 64)
NO_GAP = MeasuredGap()
OPEN_GAP = MeasuredGap(MOMENT, None, timedelta(seconds=90))
REPORT = Report("billing", Strategy.IN_PLACE, Outcome.ROTATED, "It is so.", old_fingerprint=OLD, new_fingerprint=NEW)


@dataclass
class Runs:
    """Instead of runs: how each ends, and what it was begun with."""

    end: Report | RotatorError
    gap: MeasuredGap = NO_GAP
    cannot_note: HistoryError | None = None

    def __post_init__(self) -> None:
        self.context: Any = None
        self.lock: Any = None
        self.given: dict[str, Any] = {}

    def __call__(self, _credential: object, wanted: object, context: object, lock: object, **given: object) -> Runs:
        self.context, self.lock, self.given = context, lock, {"wanted": wanted, **given}
        return self

    def run(self) -> Report:
        if isinstance(self.end, RotatorError):
            raise self.end
        return self.end

    def note_observation(self) -> None:
        if self.cannot_note:
            raise self.cannot_note


def runs(monkeypatch: pytest.MonkeyPatch, end: Report | RotatorError, **details: Any) -> Runs:
    made = Runs(end, **details)
    monkeypatch.setattr(service_module, "Run", made)
    return made


def stopped(one: Bench) -> list[dict[str, Any]]:
    return [{"rotation": each.rotation_id, **each.details} for each in one.events() if each.kind == "stopped"]


def test_a_rotation_that_has_ended_is_kept_with_what_it_replaced(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, replace(REPORT, gap=replace(OPEN_GAP, ended_at=MOMENT)))
    one.handle()
    [kept] = rotations(one.database)
    assert (kept.outcome, kept.why, kept.old_fingerprint, kept.new_fingerprint) == ("rotated", "It is so.", OLD, NEW)
    assert kept.gap_seconds == 90.0
    assert stopped(one) == []
    as_kept = replace(REPORT, rotation_id=kept.id, gap=MeasuredGap(length=timedelta(seconds=90)))
    assert report_of(kept, Strategy.IN_PLACE) == as_kept, "what is told of it late is the same"
    first = replace(kept, old_fingerprint=None, gap_seconds=None)
    assert report_of(first, Strategy.IN_PLACE) == replace(as_kept, old_fingerprint=None, gap=NO_GAP)


def test_how_long_consumers_are_refused_is_not_known_while_they_are(
    one: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(monkeypatch, replace(REPORT, gap=OPEN_GAP))
    one.handle()
    assert rotations(one.database)[0].gap_seconds is None


def test_a_run_that_waits_has_ended_and_one_that_was_asked_to_stop_has_not(
    one: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(monkeypatch, replace(REPORT, outcome=Outcome.WAITING))
    one.handle()
    runs(monkeypatch, replace(REPORT, outcome=Outcome.INTERRUPTED))
    one.handle()
    assert [each.outcome for each in rotations(one.database)] == [None, "nothing"]


@pytest.mark.parametrize("has_pending", [False, True])
def test_a_halt_in_the_middle_keeps_its_rotation_open_with_the_reason(
    one: Bench, monkeypatch: pytest.MonkeyPatch, *, has_pending: bool
) -> None:
    halted = replace(
        REPORT, outcome=Outcome.HALTED, halt=HaltReason.DRIFT, hint="Ask who it was.", has_pending=has_pending
    )
    runs(monkeypatch, halted)
    assert one.handle() == halted
    [kept] = rotations(one.database)
    if not has_pending:
        assert (kept.outcome, stopped(one)) == ("halted", [])
        return
    assert kept.outcome is None
    [event] = stopped(one)
    assert (event["rotation"], event["error"], event["halt"]) == (kept.id, "It is so.", HaltReason.DRIFT)
    assert (event["hint"], event["needs_person"]) == ("Ask who it was.", True)
    record = one.journal.credential_record("billing")
    assert (record.halt, record.halted_why, record.halted_hint) == (HaltReason.DRIFT, "It is so.", "Ask who it was.")


@pytest.mark.parametrize(
    ("error", "needs_person"), [(OrgError("It refuses.", hint="Look."), True), (OrgUnavailable("away"), False)]
)
@pytest.mark.parametrize("gap", [NO_GAP, OPEN_GAP, replace(OPEN_GAP, ended_at=MOMENT)])
def test_an_error_leaves_the_rotation_open_and_says_since_when_consumers_are_refused(
    one: Bench, monkeypatch: pytest.MonkeyPatch, error: RotatorError, gap: MeasuredGap, *, needs_person: bool
) -> None:
    runs(monkeypatch, error, gap=gap)
    with pytest.raises(type(error)) as raised:
        one.handle()
    assert raised.value.refused_since == (MOMENT if gap is OPEN_GAP else None)
    [kept], [event] = rotations(one.database), stopped(one)
    assert (kept.outcome, event["rotation"], event["error"]) == (None, kept.id, error.message)
    assert (event["needs_person"], event.get("hint")) == (needs_person, "Look." if needs_person else None)
    assert event.get("halt") is None


def test_a_run_writes_down_its_own_rotation_under_its_own_lock(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    found = runs(monkeypatch, replace(REPORT, outcome=Outcome.INTERRUPTED))
    one.handle()
    [kept] = rotations(one.database)
    found.context.record("verify", why="x", version=NEW, app="Billing")
    assert one.events()[-1].rotation_id == kept.id
    assert found.given["rotation_id"] == kept.id
    found.lock._resume()
    one.journal.finish_rotation(kept.id, outcome="abandoned", now=one.now())
    with pytest.raises(RotationRunning):
        found.lock._resume()


def test_a_run_knows_whether_it_goes_on_and_what_was_left_of_a_gap(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first = runs(monkeypatch, replace(REPORT, outcome=Outcome.INTERRUPTED))
    one.handle()
    assert (first.given["goes_on"], first.given["open_gap"]) == (False, None)
    assert (first.given["wanted"].goal, first.given["wanted"].version) == (Goal.REPLACE, one.current.fingerprint)
    one.journal.record("upload_begins", now=MOMENT, credential="billing", opens_gap=True)
    again = runs(monkeypatch, replace(REPORT, outcome=Outcome.INTERRUPTED))
    one.handle(FINISH)
    assert again.given["goes_on"]
    assert (again.given["open_gap"].since, again.given["open_gap"].is_end_unwritten) == (MOMENT, False)


def test_an_adoption_that_goes_on_is_known_as_such(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    version = one.version("Billing", key=one.new_key())
    adopt = Request("adopt", Actor("alex@laptop"))
    for goes_on in (False, True):
        found = runs(monkeypatch, replace(REPORT, outcome=Outcome.INTERRUPTED))
        one.rotation_service().adopt(adopt, version)
        assert found.given["goes_on"] == goes_on


def test_a_promotion_that_nobody_could_write_down_is_written_down_late_for_its_rotation(
    one: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.journal.record("promote", now=MOMENT, credential="billing", version=one.current.fingerprint)
    one.die_before("promote")
    [begun] = rotations(one.database)
    found = runs(monkeypatch, replace(REPORT, outcome=Outcome.INTERRUPTED))
    one.handle(FINISH)
    [late] = [each for each in one.events() if each.details.get("written_late")]
    assert (late.kind, late.rotation_id) == ("promote", begun.id)
    assert late.details["version"] == one.store.staged.current
    assert found.given["open_gap"] is None or found.given["open_gap"].is_end_unwritten


def test_where_nothing_was_begun_what_is_current_was_not_promoted_now(
    one: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.journal.record("promote", now=MOMENT, credential="billing", version="older")
    runs(monkeypatch, replace(REPORT, outcome=Outcome.NOTHING))
    one.handle(FINISH)
    [late] = [each for each in one.events() if each.details.get("written_late")]
    assert late.rotation_id is None
    one.handle(FINISH)
    assert len([each for each in one.events() if each.details.get("written_late")]) == 1


def test_what_cannot_be_noted_at_the_end_is_a_warning_of_the_run(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(monkeypatch, REPORT, cannot_note=HistoryError("The disk is full."))
    assert one.handle().warnings == ("The history could not be written: The disk is full.",)


def test_what_was_asked_just_before_it_began_may_hold_it_up(one: Bench) -> None:
    service: RotationService = one.rotation_service()
    with pytest.raises(RotatorError, match="billing was paused just now") as held:
        service.handle(NOW, may_begin=lambda: False)
    assert (held.value.effect, held.value.hint) == ("Nothing was changed.", "Resume it.")
    assert rotations(one.database) == []


def test_what_a_rotation_replaces_or_brings_back_is_written_down_when_it_begins(
    pair: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = pair.current.fingerprint
    pair.handle()
    runs(monkeypatch, REPORT)
    pair.handle(replace(NOW, goal="back"))
    back, first = rotations(pair.database)
    assert (first.replaces, first.brings_back) == (old, None)
    assert (back.replaces, back.brings_back) == (None, old)
