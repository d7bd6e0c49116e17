"""What an attempt has brought to its end is told of, though its process was killed before it came to that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.errors import OrgUnavailable
from rotator.history.journal.queries import rotations
from rotator.services.rotation.rotation_service import RotationService
from rotator.services.schedule.due import untold_end
from rotator.services.schedule.rotation_job import RotationJob
from tests.tiers import longer, thorough
from tests.unit.services.bench import Died
from tests.unit.services.cycle_bench import CycleBench, cycle_bench
from tests.unit.services.rotation_attempts import DAY, DUE, made_due
from tests.unit.services.schedule.test_rotation_job import refuse_new_keys

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

pytestmark = longer

TAKEN_BACK = "The new key of billing in production never logged in; the old certificate is back"


@pytest.fixture
def one(database: Database) -> CycleBench:
    """One app, whose certificate is due."""
    return made_due(cycle_bench(database))


def killed_at(what: str, one: CycleBench, monkeypatch: pytest.MonkeyPatch, *, of: type = RotationJob) -> None:
    """A rotation in a process that is killed as it begins this."""

    def die(*_arguments: object, **_options: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(of, what, die)
        with pytest.raises(Died):
            one.cycle.rotate("billing")


def told_by_the_next_one(one: CycleBench) -> list[str]:
    """The titles of what people are told of in the days after, with a process for each."""
    for _ in range(3):
        one.restart()
        one.work()
        one.bench.time += DAY
    return [message.title for message in one.outside.told]


@pytest.mark.parametrize(
    ("is_kept", "outcome", "title"),
    [
        (True, "rotated", "billing was rotated in production"),
        (False, "reverted", TAKEN_BACK),
    ],
)
def test_it_is_told_of_once(
    one: CycleBench, monkeypatch: pytest.MonkeyPatch, outcome: str, title: str, *, is_kept: bool
) -> None:
    if not is_kept:
        refuse_new_keys(one)
    killed_at("_ended", one, monkeypatch)
    assert one.outside.told == []
    assert told_by_the_next_one(one) == [title]
    assert [each.outcome for each in rotations(one.context.database)] == [outcome]
    assert one.rotation.needs_attention is not is_kept


def test_an_org_that_is_away_by_then_is_no_reason_to_be_silent(
    one: CycleBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at("_ended", one, monkeypatch)
    one.outside.org_fails = OrgUnavailable("The org is away.")
    one.restart()
    one.work()
    assert [each.title for each in one.outside.told] == ["billing was rotated in production"]


def test_a_key_that_was_taken_back_is_told_of_once_the_org_is_there(
    one: CycleBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_new_keys(one)
    killed_at("_ended", one, monkeypatch)
    one.outside.org_fails = OrgUnavailable("The org is away.")
    assert TAKEN_BACK not in told_by_the_next_one(one)
    one.outside.org_fails = None
    assert told_by_the_next_one(one).count(TAKEN_BACK) == 1


def test_what_was_told_of_just_before_is_not_told_again(one: CycleBench, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_at("_succeeded", one, monkeypatch)
    assert told_by_the_next_one(one) == ["billing was rotated in production"]


@thorough
def test_an_end_of_long_ago_is_none_of_a_run_that_was_killed_before_it_had_one(
    one: CycleBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.work()
    one.bench.time += DUE
    killed_at("handle", one, monkeypatch, of=RotationService)
    assert one.rotation.is_begun
    assert untold_end(one.context.database, one.rotation) is None
    assert told_by_the_next_one(one) == ["billing was rotated in production"] * 2
    assert len(rotations(one.context.database)) == 2
