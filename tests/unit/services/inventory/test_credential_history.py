"""History and locks are read one after the other: a rotation that ends, or is taken up, meanwhile was not left open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.core.attempts import AttemptRecord
from rotator.errors import Holder
from rotator.history.attempt_records import AttemptRecords
from rotator.history.journal.journal import Journal
from rotator.history.last_observations import LastObservations
from rotator.history.records import NewRotation
from rotator.history.usage.consumer_reports import ConsumerReports
from rotator.history.usage.usages import Usages
from rotator.services.inventory.credential_history import histories, histories_of
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.history.engine.database import Database

HOLDER = Holder(417, "crm-1", MOMENT)


@pytest.fixture
def begun(database: Database) -> str:
    """A rotation that the history knows no end of."""
    new = NewRotation(credential="billing", org="production", strategy="in_place", trigger="manual", actor="alex")
    return Journal(database).begin_rotation(new, MOMENT).id


def locks_answer(patch: pytest.MonkeyPatch, database: Database, *answers: Callable[[], dict[str, Holder]]) -> None:
    """The locks are asked once for each answer, and the last one stays."""
    waiting = list(answers)
    patch.setattr(database, "holders", lambda _: (waiting.pop(0) if len(waiting) > 1 else waiting[0])())


def test_what_has_ended_in_between_was_not_left_open(
    monkeypatch: pytest.MonkeyPatch, database: Database, begun: str
) -> None:
    def ends() -> dict[str, Holder]:
        Journal(database).finish_rotation(begun, outcome="rotated", now=MOMENT)
        return {}

    locks_answer(monkeypatch, database, ends, dict)
    found = histories(database, ["billing"])["billing"]
    assert (found.left_open, found.open_rotation) == (None, None)


def test_what_is_taken_up_in_between_runs(monkeypatch: pytest.MonkeyPatch, database: Database, begun: str) -> None:
    locks_answer(monkeypatch, database, dict, lambda: {"billing": HOLDER})
    found = histories(database, ["billing"])["billing"]
    assert found.running == HOLDER
    assert found.open_rotation
    assert found.ending_of(found.open_rotation) == "running"
    assert found.open_rotation.id == begun


def test_what_nobody_is_at_was_left_open(database: Database, begun: str) -> None:
    assert histories(database, ["billing"])["billing"].left_open == begun


def test_a_credential_that_the_history_does_not_know_may_be_held_all_the_same(database: Database) -> None:
    with database.rotation_locks(lambda: MOMENT).hold("new"):
        assert histories(database, ["new"])["new"].running


def test_of_some_credentials_nothing_of_any_other_is_read(database: Database, begun: str) -> None:
    journal, attempts = Journal(database), AttemptRecords(database)
    other = NewRotation(credential="crm", org="production", strategy="in_place", trigger="manual", actor="alex")
    for name, rotation in (("billing", begun), ("crm", journal.begin_rotation(other, MOMENT).id)):
        journal.record("promote", now=MOMENT, credential=name, rotation_id=rotation, version="b" * 64)
        attempts.put(AttemptRecord("rotate", name, last_at=MOMENT))
        LastObservations(database).put_problem(name, "It is away.")
    of_all = histories(database, [])
    assert of_all.keys() == {"billing", "crm"}
    assert histories_of(database, ["billing"]) == {"billing": of_all["billing"]}
    assert of_all["billing"].last_promotion == MOMENT


def test_attempts_at_something_else_of_the_same_name_are_none_at_the_credential(database: Database) -> None:
    attempts = AttemptRecords(database)
    attempts.put(AttemptRecord("rotate", "billing", last_at=MOMENT, failures=1))
    for kind in ("look", "upkeep"):
        attempts.put(AttemptRecord(kind, "billing", last_at=MOMENT, failures=4))
    for found in (histories(database, ["billing"]), histories_of(database, ["billing"])):
        assert (found["billing"].attempt.kind, found["billing"].attempt.failures) == ("rotate", 1)


def test_who_logged_in_and_what_consumers_said_is_known_of_each(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, said = object(), (object(),)
    monkeypatch.setattr(Usages, "all", lambda _, _names: {"billing": used})
    monkeypatch.setattr(ConsumerReports, "all", lambda _, _names: {"billing": said})
    found = histories(database, ["billing", "crm"])
    assert (found["billing"].usage, found["billing"].reports) == (used, said)
    assert (found["crm"].usage, found["crm"].reports) == (None, ())
