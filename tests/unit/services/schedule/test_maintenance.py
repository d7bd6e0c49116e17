"""What is done once a day: the history is verified and kept in order, leftovers in the stores go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from rotator.core.attempts import AttemptRecord
from rotator.errors import RotationRunning, StoreUnavailable
from rotator.history.retention import KEPT
from rotator.history.signing.heads import heads_in
from rotator.history.signing.signer import Signer
from rotator.services.schedule.cycle import Cycle
from rotator.services.schedule.jobs import JobKind
from rotator.services.schedule.memory.service_memory import ServiceMemory
from rotator.testing.versions import MOMENT
from tests.contract.history.databases import NEW_ALERT
from tests.tiers import longer
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.history.engine.database import Database

DAY = timedelta(days=1)


def logged(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    """What the lines with this message are about."""
    return [vars(each) for each in caplog.records if each.getMessage() == message]


@pytest.fixture
def one(database: Database) -> CycleBench:
    bench = cycle_bench(database, is_neglected=True)
    bench.bench.use("Billing")
    return bench


@longer
def test_once_a_day_the_history_is_verified(one: CycleBench) -> None:
    one.work()
    with one.context.database.writing() as connection:
        connection.exec_driver_sql("UPDATE head SET events = events + 7")
    one.bench.time += DAY
    one.work()
    assert one.open_kinds() == {"history"}
    with one.context.database.writing() as connection:
        connection.exec_driver_sql("UPDATE head SET events = events - 7")
    one.bench.time += DAY
    one.work()
    assert one.open_kinds() == set()


@pytest.fixture
def signer(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Signer:
    """Signs what is written in this test, and not in the next one that is given the database."""
    signer = Signer(tmp_path / "rotator.db.key")
    monkeypatch.setattr(database, "signer", signer)
    return signer


@longer
def test_once_a_day_the_head_of_the_history_is_published(
    database: Database, signer: Signer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = cycle_bench(
        database,
        is_neglected=True,
        channel=", heads: true, least: critical",
        more=f"history: {{heads_file: {tmp_path}/log}}",
    )
    one.bench.use("Billing")
    one.context.history.journal.record("verify", now=MOMENT)
    with caplog.at_level("INFO"):
        one.work()

    [head] = heads_in((tmp_path / "log").read_text())
    assert (head.events, head.is_signed_by(signer.keys())) == (2, True), "the first start, and what was recorded"
    [line] = [vars(record) for record in caplog.records if record.message == "head of the history"]
    assert (line["events"], line["head"]) == (head.events, str(head))
    [told] = [message for message in one.outside.told if message.alert.kind == "head"]
    assert told.facts["Head"] == str(head)

    one.bench.time += DAY
    one.work()
    assert len(list(heads_in((tmp_path / "log").read_text()))) == 2
    assert len([message for message in one.outside.told if message.alert.kind == "head"]) == 2


@pytest.mark.usefixtures("signer")
def test_who_did_not_ask_for_heads_is_sent_none(one: CycleBench) -> None:
    one.context.history.journal.record("verify", now=MOMENT)
    one.work()

    assert [message for message in one.outside.told if message.alert.kind == "head"] == []
    assert [alert for alert in one.context.history.alerts.all() if alert.kind == "head"] == []


@pytest.mark.usefixtures("signer")
def test_of_a_history_that_was_rewritten_no_head_is_published(database: Database, tmp_path: Path) -> None:
    one = cycle_bench(database, is_neglected=True, more=f"history: {{heads_file: {tmp_path}/log}}")
    one.context.history.journal.record("verify", now=MOMENT)
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE head SET events = 7")
    one.cycle.maintain()

    assert not (tmp_path / "log").exists()
    assert one.open_kinds() == {"history"}


@pytest.mark.usefixtures("signer")
def test_a_file_of_heads_that_cannot_be_written_keeps_nothing_from_being_done(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = cycle_bench(database, is_neglected=True, more=f"history: {{heads_file: {tmp_path}}}")
    one.context.history.journal.record("verify", now=MOMENT)
    one.cycle.maintain()

    [line] = logged(caplog, "could not keep the head of the history")
    assert (line["file"], line["why"]) == (str(tmp_path), "Is a directory")
    assert one.context.history.attempts.get(JobKind.MAINTENANCE, "").last_good_at == MOMENT


def test_what_is_not_configured_any_more_is_forgotten(one: CycleBench) -> None:
    one.context.history.attempts.put(AttemptRecord(JobKind.INVENTORY, "sandbox").succeeded(MOMENT))
    one.work()
    assert [attempt.name for attempt in one.context.history.attempts.all(JobKind.INVENTORY)] == ["production"]


@longer
def test_the_database_keeps_its_statistics(one: CycleBench) -> None:
    for _ in range(300):
        one.context.history.journal.record("verify", now=MOMENT, credential="billing")
    with one.context.database.reading() as connection:
        connection.execute(text("SELECT count(*) FROM event WHERE credential = 'billing'"))
    one.cycle.maintain()
    with one.context.database.reading() as connection:
        tables = connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
    assert "sqlite_stat1" in tables


def test_a_store_is_swept_while_nobody_may_write_to_it(one: CycleBench, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[str] = []

    def sweep(credential: str) -> int:
        locks = one.context.database.rotation_locks(one.bench.now)
        with pytest.raises(RotationRunning), locks.hold(credential):
            pytest.fail("somebody else could write a version just now")
        swept.append(credential)
        return 0

    monkeypatch.setattr(one.bench.store, "sweep", sweep)
    one.cycle.maintain()
    assert swept == ["billing"]


def test_a_credential_that_is_being_rotated_is_not_swept(one: CycleBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one.bench.store, "sweep", lambda _: pytest.fail("it was swept"))
    with one.context.database.rotation_locks(one.bench.now).hold("billing"):
        one.cycle.maintain()
    assert one.context.history.attempts.get(JobKind.MAINTENANCE, "").last_good_at == MOMENT


def test_a_store_that_cannot_be_swept_keeps_nothing_from_being_done_and_the_log_says_why(
    one: CycleBench, caplog: pytest.LogCaptureFixture
) -> None:
    one.outside.store_fails = StoreUnavailable("The store is away.", hint="Wait.")
    one.cycle.maintain()
    [line] = logged(caplog, "could not sweep")
    assert (line["credential"], line["store"], line["why"]) == ("billing", "keys", "The store is away.")
    assert one.context.history.attempts.get(JobKind.MAINTENANCE, "").last_good_at == MOMENT


def test_what_was_told_of_an_alert_is_forgotten_a_year_after_it_ended(
    one: CycleBench, caplog: pytest.LogCaptureFixture
) -> None:
    for day in (0, 2):
        new = replace(NEW_ALERT, key=f"happened:{day}")
        one.context.history.alerting.happened(new, MOMENT + day * DAY)
        one.bench.time = MOMENT + day * DAY
        one.cycle.deliver("slack")
    assert len(one.outside.told) == 2
    one.bench.time = MOMENT + KEPT + DAY
    with caplog.at_level("INFO"):
        one.cycle.maintain()
    assert [line["notifications"] for line in logged(caplog, "forgot old notifications")] == [1]


@pytest.mark.parametrize("is_alike", [True, False])
def test_where_another_machine_has_another_configuration_nothing_is_forgotten_for_not_being_in_this_one(
    one: CycleBench, caplog: pytest.LogCaptureFixture, *, is_alike: bool
) -> None:
    one.context.history.attempts.put(AttemptRecord(JobKind.INVENTORY, "sandbox").succeeded(MOMENT))
    one.context = replace(one.context, memory=ServiceMemory(is_configured_alike=lambda: is_alike))
    with caplog.at_level("INFO"):
        Cycle(one.context).maintain()
    said = "forgot nothing that is not configured here: another machine has another configuration"
    assert len(logged(caplog, said)) == (not is_alike)
    assert len(one.context.history.attempts.all(JobKind.INVENTORY)) == (not is_alike)
