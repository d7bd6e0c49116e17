"""What a rotation is about to solve, or has solved, is no failure to tell of; what it did not solve is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.core.alert import Alert
from rotator.core.attempts import AttemptRecord
from rotator.core.severity import Severity
from rotator.errors import Holder
from rotator.history.attempt_records import AttemptRecords
from rotator.history.journal.journal import Journal
from rotator.history.records import NewRotation
from rotator.services.alerting.kinds import DELIVERY, EXPIRY, ROTATION
from rotator.services.alerting.withholding import Withholding
from tests.unit.services.usage.promoted import HOUR, NOW, configured

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.history.engine.database import Database

TOLD: Final = Alert(
    id="20260115-7f3k9qzm",
    key="rotation:billing",
    kind=ROTATION,
    severity=Severity.WARNING,
    title="It failed",
    text="Why.",
    org="production",
    credential="billing",
    opened_at=NOW,
)
SECOND: Final = timedelta(seconds=1)


def rotation(database: Database, outcome: str = "", ended_at: datetime = NOW + HOUR) -> None:
    """One of billing that began now; without an outcome it has no end."""
    new = NewRotation(credential="billing", org="production", strategy="in_place", trigger="manual", actor="alex")
    begun = Journal(database).begin_rotation(new, NOW)
    if outcome:
        Journal(database).finish_rotation(begun.id, outcome=outcome, now=ended_at)


def waits(database: Database, alert: Alert = TOLD, at: datetime = NOW + HOUR / 4, *, is_held: bool = True) -> bool:
    holders = {"billing": Holder(811, "crm-1", NOW)} if is_held else {}
    return Withholding(configured(), database, lambda names: {n: holders[n] for n in names if n in holders}).waits(
        alert, at
    )


def test_while_one_is_at_work_it_waits_for_no_longer_than_a_rotation_may_take(database: Database) -> None:
    rotation(database)
    assert waits(database)
    assert not waits(database, is_held=False), "nobody is at it"
    lasts = 3 * configured().credentials["billing"].verification.timeout
    assert waits(database, at=NOW + lasts - SECOND)
    assert not waits(database, at=NOW + lasts)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": DELIVERY, "key": "delivery:billing"},
        {"credential": None},
        {"credential": "gone"},
        {"closed_at": NOW},
        {"refused_since": NOW},
    ],
)
def test_what_no_rotation_mends_or_refuses_consumers_never_waits(database: Database, change: dict[str, Any]) -> None:
    rotation(database)
    assert not waits(database, replace(TOLD, **change))


def test_without_a_rotation_nothing_waits(database: Database) -> None:
    assert not waits(database)


@pytest.mark.parametrize(("outcome", "solves"), [("rotated", True), ("restored", True), ("reverted", False)])
def test_what_one_has_solved_waits_until_an_inventory_has_seen_it(
    database: Database, outcome: str, solves: bool
) -> None:
    rotation(database, outcome)
    expiring = replace(TOLD, kind=EXPIRY)
    assert waits(database, expiring, NOW + 2 * HOUR, is_held=False) is solves
    attempts, looked = AttemptRecords(database), AttemptRecord("look", "production")
    attempts.put(looked.succeeded(NOW + HOUR))
    assert waits(database, expiring, NOW + 2 * HOUR) is solves
    attempts.put(looked.succeeded(NOW + HOUR + SECOND))
    assert not waits(database, expiring, NOW + 2 * HOUR)


def test_what_began_after_it_had_ended_does_not_wait(database: Database) -> None:
    rotation(database, "rotated")
    assert not waits(database, replace(TOLD, opened_at=NOW + HOUR + SECOND), NOW + 2 * HOUR)
