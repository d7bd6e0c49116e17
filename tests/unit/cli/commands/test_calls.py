"""What each command asks of the orgs, and of the processor: once for all that it needs of an org, and one key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.crypto import keys
from rotator.simulator.wire.faults import Kind
from tests.critical_path import CriticalPath

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rotator.simulator.serving.server import SimulatorServer
    from tests.unit.cli.outcomes import Command

OWN_KEYS: Final = 2
"""One for each org; six are stored besides."""
LOGIN: Final = {Kind.TOKEN: 1}
ONE_READ: Final = {**LOGIN, Kind.SOAP_LIST: 1, Kind.SOAP_READ: 1}
"""The list tells of which kind each app is, where config.yaml does not."""
VERIFY_ALL: Final = ("verify", "billing", "legacy-sync", "reporting", "warehouse", "billing-sandbox")
CHECK: Final = {**ONE_READ, Kind.DATA: 2, Kind.SOAP_DESCRIBE: 1, Kind.SOAP_DEPLOY: 1, Kind.SOAP_STATUS: 1}
"""Each org checks one deployment of all its apps."""
INVENTORY: Final = {**ONE_READ, Kind.SOAP_LIST: 2, Kind.DATA: 1}
EXPECTED: Final[Mapping[tuple[str, ...], Mapping[str, Mapping[Kind, int]]]] = {
    ("status",): {"production": ONE_READ, "sandbox": ONE_READ},
    ("check",): {"production": CHECK, "sandbox": CHECK},
    ("rotate", "plan"): {"production": ONE_READ, "sandbox": ONE_READ},
    # Both have an external client app; production has identity providers and certificates of its own, too.
    ("inventory",): {
        "production": {**INVENTORY, Kind.SOAP_READ: 3, Kind.TOOLING: 1},
        "sandbox": {**INVENTORY, Kind.SOAP_READ: 2},
    },
    ("rotate", "now", "billing", "--dry-run"): {"production": ONE_READ, "sandbox": {}},
    # The test login, and whose token it is; that its certificate is live, without which the login proves nothing.
    ("verify", "billing"): {"production": {**ONE_READ, Kind.TOKEN: 2, Kind.USERINFO: 1}, "sandbox": {}},
    VERIFY_ALL: {
        "production": {**ONE_READ, Kind.TOKEN: 1 + 4, Kind.USERINFO: 4},
        "sandbox": {**ONE_READ, Kind.TOKEN: 1 + 1, Kind.USERINFO: 1},
    },
}

LONGEST: Final[Mapping[tuple[str, ...], int]] = {
    # The login; the list; the read. Whatever else is asked needs nothing of these two.
    ("status",): 3,
    ("rotate", "plan"): 3,
    # The same; the deployment that the org checks; how that went.
    ("check",): 5,
    ("check", "--no-validate"): 3,
    # The login; both lists; all reads and queries.
    ("inventory",): 3,
    # The login; all test logins; whose their tokens are; the list; the read.
    VERIFY_ALL: 5,
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


@pytest.mark.parametrize("command", LONGEST, ids=" ".join)
def test_a_command_waits_for_so_many_calls_one_after_the_other(
    rotator: Command, config: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    path = CriticalPath(monkeypatch)
    rotator("--config", config, *command, "--json")
    assert path.longest == LONGEST[command]


@pytest.mark.parametrize("command", sorted(LONGEST.keys() - {VERIFY_ALL}), ids=" ".join)
def test_a_command_validates_no_key_but_those_that_it_signs_with(
    rotator: Command, config: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    validated: set[bytes] = set()
    monkeypatch.setattr(keys, "_VALIDATED", validated)
    rotator("--config", config, *command, "--json")
    assert len(validated) == OWN_KEYS
