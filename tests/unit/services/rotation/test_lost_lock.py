"""A run whose lock is lost goes on as a run that starts then would, unless somebody else has come between."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

from rotator.errors import HistoryUnavailable
from rotator.history.engine.sqlite import file_of, locks_folder
from rotator.history.journal.queries import rotations
from rotator.services.rotation.report import Outcome
from tests.tiers import longer
from tests.unit.services.bench import BACK, NOW, Bench, full

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.credentials import Version
    from rotator.core.logins import LoginAnswer

pytestmark = longer

COMPROMISED = replace(NOW, trigger="compromised")


def lose_lock(bench: Bench) -> None:
    """Whoever has the lock on the credential has it no more."""
    folder = locks_folder(file_of(make_url(bench.database.name)))
    (folder / f"{bench.credential}.lock").unlink()


def once(bench: Bench, event: str, happens: Callable[[], object]) -> None:
    """Something happens before an event is recorded for the first time: the lock is lost, and what comes of that."""

    def before(kind: str) -> None:
        if kind == event:
            bench.before = lambda _: None
            lose_lock(bench)
            happens()

    bench.before = before


def test_a_lock_lost_in_the_gap_is_taken_again_and_the_rotation_ends(one: Bench) -> None:
    old = one.current
    once(one, "upload", lambda: None)
    report = one.handle()
    assert (report.outcome, report.old_fingerprint) == (Outcome.ROTATED, old.fingerprint)
    assert report.new_fingerprint == one.store.staged.current
    assert (len(one.store.versions), one.writes["Billing"]) == (2, 1)
    assert report.gap_seconds > 0
    assert [rotation.outcome for rotation in rotations(one.database)] == ["rotated"]
    (warning,) = report.warnings
    assert warning.startswith("The lock on the credential billing was lost")
    assert warning.endswith("It was taken again.")


def test_what_was_proven_before_the_loss_does_not_count_for_the_promotion(one: Bench) -> None:
    logins, lost_at = list[str](), list[int]()

    def note(version: Version) -> LoginAnswer | None:
        logins.append(version.fingerprint)
        if len(lost_at) == 0 and logins.count(version.fingerprint) == 4 and version != one.current:
            lose_lock(one)
            lost_at.append(len(logins))
        return None

    one.refuses = note
    report = one.handle()
    assert report.outcome is Outcome.ROTATED
    confirmations = one.settings.credentials["billing"].verification.confirmations
    assert logins[lost_at[0] :].count(str(report.new_fingerprint)) >= confirmations


def test_a_rotation_that_another_process_has_ended_meanwhile_is_left_alone(one: Bench) -> None:
    old = one.current
    once(one, "upload", lambda: (one.handle(), one.handle(BACK)))
    with pytest.raises(HistoryUnavailable, match="The lock on the credential billing was lost"):
        one.handle()
    assert one.current == old
    assert (len(one.store.versions), one.store.staged.pending) == (2, None)
    assert [rotation.outcome for rotation in rotations(one.database)] == ["rotated", "rotated"]


def test_a_rotation_that_another_process_has_begun_meanwhile_is_not_mixed_up_with_its_own(one: Bench) -> None:
    once(one, "upload", lambda: one.die_before("verify", lambda service: service.handle(COMPROMISED)))
    with pytest.raises(HistoryUnavailable, match="The lock on the credential billing was lost"):
        one.handle()
    assert {rotation.outcome for rotation in rotations(one.database)} == {"abandoned", None}
    assert one.handle(COMPROMISED).outcome is Outcome.ROTATED


def test_a_promotion_that_could_not_be_written_is_written_once_the_lock_is_there_again(pair: Bench) -> None:
    once(pair, "promote", lambda: full(""))
    report = pair.handle(COMPROMISED)
    assert report.outcome is Outcome.ROTATED
    assert pair.journal.promoted_version(pair.credential) == report.new_fingerprint
