"""A store that fails in the middle of a rotation, and stays so: nothing is lost, it is said, the next run ends it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import pytest

from rotator.errors import RotatorError, StoreError, StoreUnavailable
from tests.rotation.scenarios import SCENARIOS
from tests.rotation.watching import CHANGES, Promises, Scenario, Watcher
from tests.tiers import standard_first, thorough

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    from rotator.services.rotation.report import Report
    from tests.contract.servers.vault import VaultProcess
    from tests.rotation.aws_keys import AwsKeys
    from tests.rotation.ground import Ground
    from tests.rotation.places import History, Keys
    from tests.rotation.vault_keys import VaultKeys

    _T = TypeVar("_T")


@dataclass
class Before(Watcher):
    """Has something happen before one of the calls that change the store."""

    at: int
    happens: Callable[[], object]
    calls: list[str] = field(default_factory=list)

    def call(self, name: str, call: Callable[[], _T]) -> _T:
        """See Watcher."""
        if name in CHANGES and name.startswith("store."):
            self.calls.append(name)
            if len(self.calls) == self.at:
                self.happens()
        return call()

    @property
    def happened(self) -> bool:
        """Whether the run has come so far."""
        return len(self.calls) >= self.at


@dataclass
class ScenarioRun:
    """A run with trouble in its middle, and the run after it."""

    ground: Ground
    scenario: Scenario

    def __post_init__(self) -> None:
        self.ground.begin()
        self.scenario.prepare(self.ground)
        self.promises = Promises(self.ground, self.scenario)
        self.promises.check()

    def run(self, watcher: Watcher | None = None) -> Report | RotatorError:
        """The report, or what the run stopped with."""
        try:
            with self.ground.program(watcher) as app:
                return self.scenario.handle(app)
        except RotatorError as error:
            assert error.hint  # noqa: PT017 - it may also end well
            return error

    def ends_well(self, ended: Report | RotatorError) -> None:
        """Everything is kept, and the next run, where one is needed, leaves what an undisturbed one would have."""
        self.promises.check()
        if isinstance(ended, RotatorError) or not self.ground.history_is_closed(self.scenario.credential):
            ended = self.run()
        assert not isinstance(ended, RotatorError), ended
        self.promises.check()
        self.scenario.check(self.ground, ended)


class Case(NamedTuple):
    """A strategy with a database, and the place where trouble is tried first."""

    ground: Ground
    scenario: Scenario
    first: int

    def scenario_run(self, keys: Keys) -> ScenarioRun:
        """A new one, with keys there."""
        return ScenarioRun(replace(self.ground, keys=keys), self.scenario)


@pytest.fixture(params=standard_first(["in place", "alternating"], ["in place"]))
def case(request: pytest.FixtureRequest, ground: Ground) -> Case:
    """Where one strategy is tried at one place the other is at the next, and they take a database each."""
    scenario = next(each for each in SCENARIOS if str(each) == request.param)
    if request.param == "in place":
        return Case(ground, scenario, first=1)
    history: History = request.getfixturevalue("history_in_postgres")
    return Case(replace(ground, history=history), scenario, first=2)


def test_a_vault_that_is_sealed_half_way_and_stays_so(
    case: Case, keys_in_vault: VaultKeys, dev_vault: VaultProcess
) -> None:
    for at in count(case.first, 2):
        scenario_run = case.scenario_run(keys_in_vault)
        sealing = Before(at, dev_vault.seal)
        ended = scenario_run.run(sealing)
        if not sealing.happened:
            break
        dev_vault.unseal()
        if isinstance(ended, RotatorError):
            assert isinstance(ended, StoreUnavailable)
            assert "it is sealed" in ended.message
        scenario_run.ends_well(ended)
    assert at > 2


@thorough
def test_a_token_for_vault_that_ends_half_way_and_is_not_replaced(
    case: Case, keys_in_vault: VaultKeys, tmp_path: Path
) -> None:
    file, tokens = tmp_path / "token", keys_in_vault.admin.auth.token
    for at in count(case.first, 2):
        scenario_run = case.scenario_run(replace(keys_in_vault, token_file=file))
        token = tokens.create(policies=["root"])["auth"]["client_token"]
        file.touch(0o600)
        file.write_text(token)
        ending = Before(at, partial(tokens.revoke, token))
        ended = scenario_run.run(ending)
        if not ending.happened:
            break
        if isinstance(ended, RotatorError):
            assert isinstance(ended, StoreError)
            assert f"does not accept the token in {file}" in ended.message
        file.write_text(tokens.create(policies=["root"])["auth"]["client_token"])
        scenario_run.ends_well(ended)
    assert at > 2


@thorough
def test_an_aws_that_throttles_every_other_call(case: Case, keys_in_aws: AwsKeys) -> None:
    scenario_run, layer = case.scenario_run(keys_in_aws), keys_in_aws.server.layer
    layer.faults.throttle_every = 2
    ended = scenario_run.run()
    layer.clear()
    assert not isinstance(ended, RotatorError), ended
    scenario_run.ends_well(ended)


def test_an_aws_that_denies_access_from_any_call_on(case: Case, keys_in_aws: AwsKeys) -> None:
    """tests/contract denies each call in turn; a whole rotation takes long, and every seventh will do."""
    layer = keys_in_aws.server.layer
    for allowed in count(2 * case.first, 7):
        scenario_run = case.scenario_run(keys_in_aws)
        layer.clear()
        layer.faults.denied_after = allowed
        ended = scenario_run.run()
        layer.clear()
        if not isinstance(ended, RotatorError):
            break
        assert "does not allow secretsmanager:" in ended.message
        scenario_run.ends_well(ended)
    assert allowed > 20
