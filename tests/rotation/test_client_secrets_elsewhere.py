"""Client secrets in other stores, and what others do at the same moment."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count, product
from typing import TYPE_CHECKING, TypeVar

import pytest

from rotator.core.decision.actions import HaltReason
from rotator.errors import HistoryUnavailable, OrgError, RotatorError
from rotator.history.engine.database import open_database
from rotator.history.journal.verification import verify
from rotator.salesforce.client_secrets import ClientSecrets, Pair, State
from rotator.services.rotation.report import Outcome
from rotator.simulator.org.settings import OrgSettings
from tests.rotation.places import SqliteHistory
from tests.rotation.secret_ground import READS, Crash, Died, SecretGround, promises
from tests.rotation.secret_scenarios import SCENARIOS, ends_wherever_it_dies
from tests.tiers import first_standard, standard_first, thorough

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.contract.servers.postgres import PostgresServer
    from tests.rotation.postgres_history import PostgresHistory

T = TypeVar("T")
DAY = timedelta(days=1)


@pytest.fixture(params=standard_first(["keys_in_files", "keys_in_vault", "keys_in_aws"], ["keys_in_files"]))
def first(request: pytest.FixtureRequest, secret_ground: SecretGround) -> SecretGround:
    """An installation with the pair in use in a store."""
    name: str = request.param
    ground = secret_ground if name == "keys_in_files" else replace(secret_ground, keys=request.getfixturevalue(name))
    ground.begin()
    ground.handle("enroll")
    return ground


@pytest.fixture
def second(first: SecretGround, tmp_path: Path, migrated_file: Path) -> Iterator[SecretGround]:
    """The same store and org, and a history of its own: nothing keeps the two installations apart."""
    file = tmp_path / "rotator.db"
    shutil.copy(migrated_file, file)
    with open_database(f"sqlite:///{file}") as database:
        yield replace(first, history=SqliteHistory(database, file, migrated_file))


@pytest.fixture(params=standard_first(["keys_in_vault", "keys_in_aws", "history_in_postgres"], ["keys_in_vault"]))
def elsewhere(request: pytest.FixtureRequest, secret_ground: SecretGround) -> SecretGround:
    """A ground whose versions, or whose history, are on a server."""
    name: str = request.param
    ground = replace(secret_ground, **{name.partition("_")[0]: request.getfixturevalue(name)})
    ground.begin()
    return ground


@thorough
def test_it_is_the_same_in_every_store_and_database(elsewhere: SecretGround) -> None:
    ground = elsewhere
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


@thorough
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_wherever_it_dies_the_same_request_ends_it(elsewhere: SecretGround, scenario: str) -> None:
    ends_wherever_it_dies(elsewhere, scenario)


@dataclass
class Outage(Crash):
    """The history's server stops before the n-th call that changes something, for a moment or until it is started."""

    server: PostgresServer | None = None
    before: int = 0
    is_short: bool = False
    is_met: bool = False
    """Whether there were so many calls."""

    def call(self, name: str, call: Callable[[], T]) -> T:
        """See Crash."""
        changes = name.partition(".")[2] not in READS
        if self.server and changes and len(self.calls) + 1 == self.before:
            self.is_met = True
            self.server.stop()
            if self.is_short:
                self.server.start()
        return super().call(name, call)


@thorough
@pytest.mark.parametrize("is_short", [True, False], ids=["for a moment", "until the next run"])
def test_wherever_the_history_goes_away_nothing_is_lost_and_the_next_run_ends_it(
    secret_ground: SecretGround, history_in_postgres: PostgresHistory, postgres_server: PostgresServer, is_short: bool
) -> None:
    ground = replace(secret_ground, history=history_in_postgres)
    for before in count(1):
        ground.begin()
        ground.handle("enroll")
        outage = Outage(check=promises(ground), server=postgres_server, before=before, is_short=is_short)
        report = None
        with suppress(HistoryUnavailable):
            report = ground.handle("replace", crash=outage)
        if outage.is_met and not is_short:
            postgres_server.start()
        if report is None:
            report = ground.handle("replace", crash=Crash(check=outage.check))
        assert report.outcome is Outcome.ROTATED
        outage.check()
        assert ground.stages().pending is None
        assert ground.stages().current == ground.in_use
        assert ground.second(State.STAGED) is None
        assert verify(history_in_postgres.database).intact
        if not outage.is_met:
            break
    assert before > 10


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


@pytest.mark.parametrize("place", first_standard(["org.rotate", "store.put_pending", "store.promote"]))
def test_of_two_installations_without_a_lock_between_them_none_locks_anybody_out(
    first: SecretGround, second: SecretGround, place: str
) -> None:
    """The second rotates, whole, before the first makes this call."""
    check, done = promises(first), list[str]()

    @dataclass
    class Overtaken(Crash):
        def call(self, name: str, call: Callable[[], T]) -> T:
            if name == place and not done:
                done.append(name)
                with suppress(RotatorError):
                    second.handle("replace", crash=Crash(check=check))
            return super().call(name, call)

    with suppress(RotatorError):
        first.handle("replace", crash=Overtaken(check=check))
    assert done
    for installation in (first, second):
        with suppress(RotatorError):
            installation.handle("", crash=Crash(check=check))
    check()
    assert first.stages().pending is None
    assert first.in_use in first.stages().fingerprints


UNKNOWN = [
    OrgSettings(
        external_staged_pairs_log_in=early, external_ended_pairs_shown=shown, external_rotated_pairs_seconds=seconds
    )
    for early, shown, seconds in product((False, True), (False, True), (0.0, 60.0))
]
"""Each value of what is not known of staged credentials, with each of the others."""


ONE_IN_TWO = [UNKNOWN[number] for number in (0, 3, 5, 6)]
"""In which each value of one meets each of every other one."""


@pytest.mark.parametrize("settings", standard_first(UNKNOWN, ONE_IN_TWO), ids=range(len(UNKNOWN)))
def test_whatever_is_not_known_of_an_org_is_no_refused_login(enrolled: SecretGround, settings: OrgSettings) -> None:
    ground = enrolled
    ground.begin(settings)
    ground.handle("enroll")
    for _ in range(2):
        assert ground.handle("replace", crash=Crash(check=promises(ground))).outcome is Outcome.ROTATED
        ground.clock.time += 31 * DAY
        ground.handle("", crash=Crash(check=promises(ground)))
        assert set(ground.stages().fingerprints) == {ground.in_use}
        left = ground.consumer.staged
        assert left is None or left.has_expired(ground.clock.time), "nobody logs in with what is left"


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
