"""A deployment that was begun is known to the next process, and to this one even where it cannot be written down."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from rotator.errors import HistoryUnavailable
from rotator.history.journal import queries
from rotator.history.journal.unended import JournalledDeployments

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.history.engine.database import Database
    from rotator.history.journal.journal import Journal
    from rotator.history.records import NewRotation

ID = "0Af000000000001AAA"


@pytest.fixture
def log(journal: Journal, now: datetime) -> JournalledDeployments:
    return JournalledDeployments(journal, "billing", lambda: now)


def test_a_process_that_starts_now_knows_how_far_it_came(
    log: JournalledDeployments, journal: Journal, now: datetime
) -> None:
    def known() -> str | None:
        return JournalledDeployments(journal, "billing", lambda: now).unended()

    assert known() is None
    log.begins("Billing")
    assert known() == log.unended() == ""
    log.begun("Billing", ID)
    assert known() == log.unended() == ID
    log.ended()
    assert known() is log.unended() is None


def test_deployments_of_another_credential_are_none_of_its_business(
    log: JournalledDeployments, journal: Journal, now: datetime
) -> None:
    JournalledDeployments(journal, "warehouse", lambda: now).begins("Warehouse_A")
    assert log.unended() is None


def test_the_history_tells_of_it_with_the_rotation(
    log: JournalledDeployments, journal: Journal, database: Database, new_rotation: NewRotation, now: datetime
) -> None:
    rotation = journal.begin_rotation(new_rotation, now)
    log.begins("Billing")
    log.begun("Billing", ID)
    log.ended()
    told = [event.details for event in queries.events(database, rotation_id=rotation.id) if event.kind == "deployment"]
    assert told == [
        {"component": "Billing", "state": "begins"},
        {"component": "Billing", "deployment": ID, "state": "begun"},
        {"state": "ended"},
    ]


def test_what_cannot_be_written_down_is_remembered_and_logged(
    log: JournalledDeployments, journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise HistoryUnavailable("The history is away.")

    monkeypatch.setattr(type(journal), "record", away)
    with caplog.at_level(logging.WARNING):
        log.begins("Billing")
        log.begun("Billing", ID)
    assert log.unended() == ID
    assert [record.getMessage() for record in caplog.records] == [
        "A deployment could not be written down: The history is away."
    ] * 2
    log.ended()
    assert log.unended() is None
