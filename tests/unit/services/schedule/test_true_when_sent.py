"""What is told is asked again just before it is sent: what a rotation is about to solve, or has solved, is not told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from rotator.errors import OrgError
from rotator.history.engine.tables import NOTIFICATION
from rotator.services.alerting import drift_alerts
from rotator.services.alerting.withholding import ASKED_AGAIN
from tests.tiers import longer
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.alerts.base import Message
    from rotator.history.engine.database import Database

pytestmark = longer

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DUE = 336 * DAY


@pytest.fixture
def one(database: Database) -> CycleBench:
    """One app, of whose certificate it is to be told that it should have been rotated."""
    found = cycle_bench(database)
    found.bench.use("Billing")
    found.work()
    found.bench.time += DUE + 17 * DAY
    found.cycle.take_inventory("production")
    assert found.open_kinds() == {"expiry"}
    return found


def titles(found: CycleBench) -> list[str]:
    return [message.title for message in found.outside.told]


def test_what_nobody_is_about_to_solve_is_told(one: CycleBench) -> None:
    one.cycle.deliver("slack")
    assert len(titles(one)) == 1


def test_while_a_rotation_is_at_work_it_waits_and_is_over_when_that_ended_well(one: CycleBench) -> None:
    def deliver_meanwhile(_app: str) -> None:
        one.cycle.deliver("slack")

    one.bench.on_write = deliver_meanwhile
    one.cycle.rotate("billing")
    assert titles(one) == []
    one.bench.time += ASKED_AGAIN
    one.cycle.deliver("slack")
    assert titles(one) == ["billing was rotated in production"], "solved, and not seen in an inventory yet"
    one.cycle.take_inventory("production")
    one.bench.time += ASKED_AGAIN
    one.cycle.deliver("slack")
    assert len(titles(one)) == 1
    assert one.open_kinds() == set()


def test_it_is_told_after_all_when_the_rotation_failed(one: CycleBench) -> None:
    def fail(_app: str) -> None:
        one.cycle.deliver("slack")
        raise OrgError("The org refuses the upload.", hint="Look at the permissions.")

    one.bench.on_write = fail
    one.cycle.rotate("billing")
    assert titles(one) == []
    one.bench.time += ASKED_AGAIN
    one.cycle.deliver("slack")
    assert len(titles(one)) == 1
    assert titles(one)[0].startswith("The rotation of billing in production failed")


def test_that_it_was_put_off_counts_for_no_attempt(one: CycleBench) -> None:
    one.bench.on_write = lambda _app: one.cycle.deliver("slack")
    one.cycle.rotate("billing")
    (alert,) = one.context.history.alerts.open_alerts()
    assert {each.attempts for each in one.context.history.outbox.notifications(alert.id)} == {0}


def test_what_has_ended_while_another_message_was_sent_is_not_told(one: CycleBench, database: Database) -> None:
    other = one.context.history.alerts.open_alerts()[0]
    alerting, accept = one.context.history.alerting, one.outside.send

    def end_the_other(message: Message, *, thread: str | None) -> str:
        alerting.solved(other.key, "It was replaced.", one.bench.time)
        return accept(message, thread=thread)

    first = drift_alerts.drift("billing", "production", "Billing", None)
    alerting.problem(first, one.bench.time)
    rows = one.context.history.outbox.notifications(other.id)
    assert rows
    one.outside.send = end_the_other  # type: ignore[method-assign]
    with database.writing() as connection:
        # What was refused before is sent last.
        connection.execute(update(NOTIFICATION).where(NOTIFICATION.c.alert_id == other.id).values(problem="HTTP 500"))
    one.cycle.deliver("slack")
    assert titles(one) == [first.title]
    assert one.context.history.outbox.notifications(other.id) == [], "who has heard nothing hears of no end"
