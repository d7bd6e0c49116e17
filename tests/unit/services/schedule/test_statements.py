"""What the service asks of the history does not grow with what has not changed: statements are counted, never time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.core.observed import ObservedCertificate
from rotator.testing.versions import MOMENT, spare_key
from tests.statements import statements
from tests.tiers import longer
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

pytestmark = longer

HELD = ObservedCertificate(org="production", app="", last_modified_at=MOMENT, last_modified_by="Alex").holding(
    self_signed(spare_key(0), SubjectName("app"), now=MOMENT, lifetime=timedelta(days=300))
)


def with_others(database: Database, apps: int) -> CycleBench:
    """An org with so many more apps, which has been looked at twice."""
    one = cycle_bench(database)
    one.bench.use("Billing")
    one.outside.others = [replace(HELD, app=f"App_{number}", fingerprint=f"{number:064x}") for number in range(apps)]
    for _ in range(2):
        one.work()
        one.bench.time += timedelta(hours=2)
    return one


@pytest.mark.parametrize("apps", [2, 700])
def test_a_look_without_change_takes_few_statements_whatever_the_number_of_apps(database: Database, apps: int) -> None:
    one = with_others(database, apps)
    with statements(database) as made:
        one.cycle.take_inventory("production")
    written = [each for each in made if not each.startswith("SELECT")]
    assert len(made) <= 30, "\n".join(made)
    assert len(written) <= 6, "\n".join(written)


@pytest.mark.parametrize("apps", [2, 700])
def test_a_tick_at_which_nothing_is_due_asks_what_has_changed_and_what_is_pending(
    database: Database, apps: int
) -> None:
    one = with_others(database, apps)
    one.work()
    one.cycle.due()
    with statements(database) as made:
        assert not one.cycle.due()
    assert len(made) == 2, "\n".join(made)
