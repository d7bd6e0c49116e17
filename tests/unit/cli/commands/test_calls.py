"""How often each command calls the orgs: once for all that it needs of an org, and no login but its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from rotator.simulator.wire.faults import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rotator.simulator.serving.server import SimulatorServer
    from tests.unit.cli.outcomes import Command

LOGIN: Final = {Kind.TOKEN: 1}
ONE_READ: Final = {**LOGIN, Kind.SOAP_READ: 1}
CHECK: Final = {**ONE_READ, Kind.DATA: 2, Kind.SOAP_DESCRIBE: 1}
INVENTORY: Final = {**ONE_READ, Kind.SOAP_LIST: 2, Kind.DATA: 1}
EXPECTED: Final[Mapping[tuple[str, ...], Mapping[str, Mapping[Kind, int]]]] = {
    ("status",): {"production": ONE_READ, "sandbox": ONE_READ},
    ("check",): {"production": CHECK, "sandbox": CHECK},
    # One read for each of its five credentials, and one for both apps of a pair.
    ("rotate", "plan"): {"production": {**LOGIN, Kind.SOAP_READ: 5}, "sandbox": ONE_READ},
    # Both have an external client app; production has identity providers and certificates of its own, too.
    ("inventory",): {
        "production": {**INVENTORY, Kind.SOAP_READ: 3, Kind.TOOLING: 1},
        "sandbox": {**INVENTORY, Kind.SOAP_READ: 2},
    },
}


@pytest.mark.parametrize("command", EXPECTED, ids=" ".join)
def test_a_command_calls_each_org_so_often(
    rotator: Command, config: Path, simulator: SimulatorServer, command: tuple[str, ...]
) -> None:
    orgs = [simulator.org(name) for name in ("production", "sandbox")]
    for org in orgs:
        org.calls.clear()
    rotator("--config", config, *command, "--json")
    assert {org.name: dict(org.calls) for org in orgs} == EXPECTED[command]
