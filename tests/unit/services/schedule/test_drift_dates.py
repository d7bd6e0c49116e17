"""What is told of when an app was changed, and of a change that the org gives no date."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.observed import ObservedCertificate
from rotator.salesforce.inventory.org_inventory import Inventory
from rotator.testing.versions import MOMENT, make_version
from tests.tiers import longer
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

pytestmark = longer

HOUR = timedelta(hours=1)


@pytest.fixture
def one(database: Database) -> CycleBench:
    """An org with one credential that has a year left."""
    found = cycle_bench(database, is_neglected=True)
    found.bench.use("Billing")
    return found


def test_drift_names_who_changed_the_app(one: CycleBench, monkeypatch: pytest.MonkeyPatch) -> None:
    app = ObservedCertificate(org="production", app="Billing", last_modified_by="Alex Admin", last_modified_at=MOMENT)
    monkeypatch.setattr(one.outside, "inventory", lambda _org, **_: Inventory((app,)))
    one.work()
    assert one.alert("drift:billing").facts["App last changed"] == f"{MOMENT:%Y-%m-%d %H:%M} UTC, by Alex Admin"
    assert one.outside.distrusted == []


def test_drift_that_moved_no_date_is_told_as_such_and_ends_the_trust_in_dates(
    one: CycleBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = ObservedCertificate(org="production", app="Billing", last_modified_by="Alex Admin", last_modified_at=MOMENT)
    held = app.holding(one.bench.live["Billing"])
    monkeypatch.setattr(one.outside, "inventory", lambda _org, **_: Inventory((held,)))
    one.work()
    assert one.outside.distrusted == []
    other = app.holding(make_version().certificate)
    monkeypatch.setattr(one.outside, "inventory", lambda _org, **_: Inventory((other,)))
    one.bench.time += 2 * HOUR
    one.work()
    told = one.alert("drift:billing").facts["App last changed"]
    assert told.endswith("by Alex Admin; its certificate later, of which the org has no date")
    assert one.outside.distrusted == ["production"]
    assert "the org's date of its last change did not" in caplog.text
    one.bench.time += 2 * HOUR
    one.work()
    assert one.alert("drift:billing").facts["App last changed"] == told, "the date is as wrong as before"
    assert one.outside.distrusted == ["production"], "all was read since"
    touched = replace(other, last_modified_at=one.bench.time)
    monkeypatch.setattr(one.outside, "inventory", lambda _org, **_: Inventory((touched,)))
    one.bench.time += 2 * HOUR
    one.work()
    assert one.alert("drift:billing").facts["App last changed"].endswith("by Alex Admin")
