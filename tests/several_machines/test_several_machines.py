"""Several machines on one Postgres, to each of which anything may happen: all is done, and nothing twice.

Real processes of `rotator run`, a real Postgres, simulated orgs over HTTPS, a mail server, and of each credential a
consumer that knows two keys and logs in all the time. `python -m tests.several_machines SEED` has one hour of any seed,
and judges how soon others take over as well: beside other tests that would only tell how busy the processors are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.several_machines.led import FEW, FEW_MACHINES, SMALL, led, led_by
from tests.tiers import thorough

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.servers.postgres import PostgresServer

SEEDS: Final = (1, 2)
"""Those that have found faults are kept here."""


# Who takes over from whom is shown in the standard tier by tests/end_to_end/test_run_shared.py. Most of this is
# waiting, a quarter of a minute of it; where the cores are busy with other tests, it is minutes.
@thorough
@pytest.mark.timeout(600)
def test_what_befalls_a_machine_costs_nothing(tmp_path: Path, postgres_server: PostgresServer) -> None:
    assert led(SMALL, FEW_MACHINES, FEW, tmp_path, postgres_server, print, within=500).wrong == ()


@thorough
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_befalls_machines_at_random_costs_nothing(
    seed: int, tmp_path: Path, postgres_server: PostgresServer
) -> None:
    assert led_by(seed, tmp_path, postgres_server, print).wrong == ()
