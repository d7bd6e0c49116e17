"""Client secrets in other stores, and what others do at the same moment."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, TypeVar

import pytest

from rotator.core.decision.actions import HaltReason
from rotator.errors import OrgError, RotatorError
from rotator.history.engine.database import open_database
from rotator.salesforce.client_secrets import ClientSecrets, Pair, State
from rotator.services.rotation.report import Outcome
from rotator.simulator.org.settings import OrgSettings
from tests.rotation.places import SqliteHistory
from tests.rotation.secret_ground import Crash, Died, SecretGround, promises

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")
DAY = timedelta(days=1)


@pytest.fixture
def second(enrolled: SecretGround, tmp_path: Path, migrated_file: Path) -> Iterator[SecretGround]:
    """The same store and org, and a history of its own: nothing keeps the two installations apart."""
    file = tmp_path / "rotator.db"
    shutil.copy(migrated_file, file)
    with open_database(f"sqlite:///{file}") as database:
        yield replace(enrolled, history=SqliteHistory(database, file, migrated_file))


@pytest.mark.parametrize("keys", ["keys_in_vault", "keys_in_aws"])
def test_it_is_the_same_in_every_store(request: pytest.FixtureRequest, keys: str) -> None:
    ground: SecretGround = request.getfixturevalue("secret_ground")
    ground = replace(ground, keys=request.getfixturevalue(keys))
    ground.begin()
    ground.handle("enroll")
    old = ground.version("current")
    with pytest.raises(Died):
        ground.handle("replace", crash=Crash(at=_first_of_stage()))
    assert ground.handle("").outcome is Outcome.ROTATED
    assert ground.version("previous") == old
    assert ground.version("current").fingerprint == ground.in_use
    assert ground.handle("back").outcome is Outcome.ROTATED
    assert ground.handle("replace").outcome is Outcome.ROTATED
    ground.clock.time += 8 * DAY
    ground.handle("")
    assert set(ground.stages().fingerprints) == {ground.in_use}
    assert ground.consumer.staged is None


def _first_of_stage() -> int:
    """Number of the call that stages: after the sweep, the beginning, a login that is noted, and that it begins."""
    return 5


def test_what_is_staged_by_hand_just_before_the_program_stages_is_not_taken_for_its_own(enrolled: SecretGround) -> None:
    foreign: list[str | None] = []

    def meanwhile(secrets: ClientSecrets, app: str) -> Pair:
        if not foreign:
            real(secrets, app)
            foreign.append(enrolled.second(State.STAGED))
        return real(secrets, app)

    real = ClientSecrets.stage
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClientSecrets, "stage", meanwhile)
        with pytest.raises(OrgError):
            enrolled.handle("replace")
    assert enrolled.handle("replace").halt is HaltReason.SECOND_PAIR_UNKNOWN
    assert enrolled.second(State.STAGED) == foreign[0]
    assert enrolled.stages().pending is None


@pytest.mark.parametrize("place", ["store.put_pending", "org.rotate", "store.promote"])
def test_of_two_installations_without_a_lock_between_them_none_locks_anybody_out(
    enrolled: SecretGround, second: SecretGround, place: str
) -> None:
    """The second rotates, whole, before the first makes this call."""
    check, done = promises(enrolled), list[str]()

    @dataclass
    class Overtaken(Crash):
        def call(self, name: str, call: Callable[[], T]) -> T:
            if name == place and not done:
                done.append(name)
                with suppress(RotatorError):
                    second.handle("replace", crash=Crash(check=check))
            return super().call(name, call)

    with suppress(RotatorError):
        enrolled.handle("replace", crash=Overtaken(check=check))
    assert done
    for installation in (enrolled, second):
        with suppress(RotatorError):
            installation.handle("", crash=Crash(check=check))
    check()
    assert enrolled.stages().pending is None
    assert enrolled.in_use in enrolled.stages().fingerprints


UNKNOWN = [
    OrgSettings(
        external_staged_pairs_log_in=early, external_ended_pairs_shown=shown, external_rotated_pairs_seconds=seconds
    )
    for early, shown, seconds in product((False, True), (False, True), (0.0, 60.0))
]
"""Each value of what is not known of staged credentials, with each of the others."""


@pytest.mark.parametrize("settings", UNKNOWN, ids=range(len(UNKNOWN)))
def test_whatever_is_not_known_of_an_org_is_no_refused_login(enrolled: SecretGround, settings: OrgSettings) -> None:
    ground = enrolled
    ground.begin(settings)
    ground.handle("enroll")
    for _ in range(2):
        assert ground.handle("replace", crash=Crash(check=promises(ground))).outcome is Outcome.ROTATED
        ground.clock.time += 31 * DAY
        ground.handle("", crash=Crash(check=promises(ground)))
        assert set(ground.stages().fingerprints) == {ground.in_use}
        assert ground.consumer.staged is None


def test_a_new_pair_that_does_not_log_in_for_long_leaves_consumers_with_the_old_one(enrolled: SecretGround) -> None:
    old = enrolled.stages().current
    enrolled.org.settings = replace(enrolled.org.settings, external_rotated_pairs_seconds=3600.0)
    stopped = enrolled.handle("replace", crash=Crash(check=promises(enrolled)))
    assert (stopped.outcome, stopped.halt, stopped.gap_seconds) == (Outcome.HALTED, HaltReason.UNPROVEN, 0)
    assert "takes current's still" in stopped.why
    assert (enrolled.stages().current, enrolled.second(State.ROTATED)) == (old, old)
    enrolled.clock.time += timedelta(hours=1)
    assert enrolled.handle("").outcome is Outcome.ROTATED
    assert enrolled.stages().current == enrolled.in_use != old
