"""No state of a client secret ends badly, and programs that are wrong in one point each are caught."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision import staged
from rotator.core.decision.actions import Action, ActionKind, HaltReason
from rotator.core.decision.decide import all_is_done, apps_are_readable
from rotator.core.decision.situation import Situation
from tests.rotation.rules import BrokenRuleError
from tests.rotation.staged_walk import Walk
from tests.tiers import standard_first

if TYPE_CHECKING:
    from rotator.core.decision.decide import Clause
    from rotator.core.observed import KnownVersion


@cache
def walked() -> Walk:
    return Walk().run()


def test_no_rule_breaks_in_any_state_and_every_state_leads_home() -> None:
    walk = walked()
    assert len(walk.between) > 100
    assert len(walk.during) > 1_000


def test_people_are_called_for_each_reason_that_there_is() -> None:
    assert walked().halts - {None} == {
        HaltReason.DRIFT,
        HaltReason.SECOND_PAIR_UNKNOWN,
        HaltReason.NOTHING_STORED,
        HaltReason.NOT_KEPT,
        HaltReason.LOGIN_NOT_SET_UP,
        HaltReason.UNPROVEN,
    }


class _OneLoginHolds(Situation):
    def holds(self, version: KnownVersion) -> bool:
        probe = self.seen.probe(version)
        return probe is not None and probe.just_accepted(self.now)


class _NoGrace(Situation):
    def grace_ends(self) -> None:
        return None


def judging_as(mistaken: type[Situation]) -> tuple[Clause, ...]:
    def mistaking(clause: Clause) -> Clause:
        return lambda s: clause(mistaken(s.seen, s.wanted, s.policy, s.now))

    return tuple(map(mistaking, staged.CLAUSES))


def without(clause: Clause) -> tuple[Clause, ...]:
    return tuple(other for other in staged.CLAUSES if other is not clause)


def instead_of(clause: Clause, wrong: Clause) -> tuple[Clause, ...]:
    return tuple(wrong if other is clause else other for other in staged.CLAUSES)


def rotates_at_once(s: Situation) -> Action | None:
    action = staged.pending_is_rotated(s)
    return replace(action, kind=ActionKind.ROTATE) if action and s.seen.pending else action


def promotes_what_is_staged(s: Situation) -> Action | None:
    pending = s.seen.pending
    if pending is None or not s.holds(pending):
        return None
    return Action(ActionKind.PROMOTE, "it logs in", version=pending.fingerprint, app=pending.app)


def stages_over_whatever_is_there(s: Situation) -> Action | None:
    action = staged.pending_begins(s)
    is_asked = action is not None and action.halt is HaltReason.SECOND_PAIR_UNKNOWN
    return Action(ActionKind.STAGE, "a new version is wanted", app="Billing") if is_asked else action


def deletes_what_nobody_knows(s: Situation) -> Action | None:
    action, app = staged.pending_begins(s), s.seen.apps["Billing"]
    is_asked = action is not None and action.halt is HaltReason.SECOND_PAIR_UNKNOWN
    held = app.staged or app.rotated
    return Action(ActionKind.UNSTAGE, "it is in the way", version=held, app=app.name) if is_asked else action


def ends_what_is_in_use(s: Situation) -> Action | None:
    previous = s.seen.previous
    if previous is None or s.grace_ends() or previous == s.seen.pending:
        return None
    app = s.seen.apps["Billing"]
    kind = ActionKind.UNSTAGE if app.rotated else ActionKind.RETIRE
    return Action(kind, "its grace has ended", version=app.rotated or previous.fingerprint, app=app.name)


def retires_what_is_taken(s: Situation) -> Action | None:
    action = staged.previous_ends(s)
    return replace(action, kind=ActionKind.RETIRE) if action else None


def discards_what_is_staged(s: Situation) -> Action | None:
    action = staged.unfit_pending_goes(s)
    return replace(action, kind=ActionKind.DISCARD) if action else None


WRONG = {
    "one login is enough": judging_as(_OneLoginHolds),
    "the previous pair has no grace": judging_as(_NoGrace),
    "a pair is rotated in before the present one was tried": instead_of(staged.pending_is_rotated, rotates_at_once),
    "what is only staged is promoted": (
        *staged.CLAUSES[: staged.CLAUSES.index(staged.pending_is_rotated)],
        promotes_what_is_staged,
        *staged.CLAUSES[staged.CLAUSES.index(staged.pending_is_rotated) :],
    ),
    "a pair is staged where there is no room": instead_of(staged.pending_begins, stages_over_whatever_is_there),
    "what nobody knows is deleted": instead_of(staged.pending_begins, deletes_what_nobody_knows),
    "the pair in use ends": instead_of(staged.previous_ends, ends_what_is_in_use),
    "a pair that is taken still is retired": instead_of(staged.previous_ends, retires_what_is_taken),
    "a staged pair is lost": instead_of(staged.unfit_pending_goes, discards_what_is_staged),
    **{
        f"without {clause.__name__}": without(clause)
        for clause in staged.CLAUSES
        if clause not in {apps_are_readable, all_is_done}
    },
}


FOUND_LATE = {
    "the pair in use ends",
    "without current_is_taken",
    "without pair_in_use_is_known",
    "without unfit_pending_goes",
}
"""After many states."""


@pytest.mark.parametrize("name", standard_first(WRONG, WRONG.keys() - FOUND_LATE))
def test_a_program_that_is_wrong_in_one_point_is_caught(name: str) -> None:
    with pytest.raises((BrokenRuleError, StopIteration)):
        Walk(WRONG[name]).run()
