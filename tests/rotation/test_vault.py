"""Rotations whose keys are in Vault: the same promises, whatever call the program dies at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.contract.servers.vault import dev_server
from tests.rotation.crashes import POINTS, crash_everywhere
from tests.rotation.scenarios import SCENARIOS
from tests.rotation.vault_ground import VaultGround, vault_ground

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rotation.ground import Ground
    from tests.rotation.trials import Scenario

HERE: Final = [each for each in SCENARIOS if str(each) in {"in place", "in place, back", "alternating"}]


@pytest.fixture(scope="module")
def _with_vault(_the_ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultGround]:
    with dev_server(tmp_path_factory.mktemp("vault")) as server, vault_ground(_the_ground, server) as ground:
        yield ground


@pytest.fixture
def keys_elsewhere(_with_vault: VaultGround) -> VaultGround:
    _with_vault.begin()
    return _with_vault


@pytest.mark.parametrize("scenario", HERE, ids=str)
def test_wherever_it_dies_and_however_often_the_same_request_ends_it(
    keys_elsewhere: VaultGround, scenario: Scenario
) -> None:
    crashes, programs = crash_everywhere(keys_elsewhere, scenario, then=scenario.serve)
    assert len(crashes.worlds) >= scenario.worlds
    assert crashes.points >= POINTS * programs
