"""What each command asks of the orgs, and of the processor: once for all that it needs of an org, and one key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
import yaml

from rotator.cli.exit_codes import ExitCode
from rotator.core.crypto import keys
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.critical_path import CriticalPath
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from rotator.simulator.serving.server import SimulatorServer
    from tests.unit.cli.outcomes import Command

pytestmark = longer

OWN_KEYS: Final = 2
"""One for each org."""
STORED_KEYS: Final = 5
"""Those of the credentials that `VERIFY_ALL` names: a test login is signed with each."""
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
    # Who logs in: the ids of the users, their logins, their tokens.
    ("rotate", "plan"): {"production": {**ONE_READ, Kind.DATA: 3}, "sandbox": {**ONE_READ, Kind.DATA: 3}},
    # Both have an external client app; production has identity providers and certificates of its own, too.
    ("inventory",): {
        "production": {**INVENTORY, Kind.SOAP_READ: 3, Kind.TOOLING: 1},
        "sandbox": {**INVENTORY, Kind.SOAP_READ: 2},
    },
    ("rotate", "now", "billing", "--dry-run"): {"production": ONE_READ, "sandbox": {}},
    # All apps at once; and those of each credential, while it is held.
    ("rotate", "finish"): {
        "production": {**ONE_READ, Kind.SOAP_READ: 1 + 5},
        "sandbox": {**ONE_READ, Kind.SOAP_READ: 1 + 1},
    },
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
    # The login, the list, the reads of all apps; and one look at the apps of each credential, while it is held.
    ("rotate", "finish"): 3 + 6,
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
def test_a_command_waits_for_so_many_calls_and_tries_no_key_but_those_that_it_signs_with(
    rotator: Command, config: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    path, tried = CriticalPath(monkeypatch), set[int]()
    signs = keys._signs

    def noted(key: RSAPrivateKey) -> bool:
        tried.add(key.public_key().public_numbers().n)
        return signs(key)

    monkeypatch.setattr(keys, "_signs", noted)
    rotator("--config", config, *command, "--json")
    assert path.longest == LONGEST[command]
    assert len(tried) == OWN_KEYS + STORED_KEYS * (command is VERIFY_ALL)


@pytest.mark.parametrize(
    ("command", "logins"),
    [
        (("status",), 1),
        (("check",), 1),
        (("inventory",), 1),
        (("rotate", "plan"), 1),
        (VERIFY_ALL, 1),
        # The apps of all credentials at once; and then the first of them, with its error.
        (("rotate", "finish"), 2),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_an_org_that_refuses_the_program_is_not_asked_again_for_each_credential(
    rotator: Command, config: Path, simulator: SimulatorServer, command: tuple[str, ...], logins: int
) -> None:
    org = simulator.org("production")
    org.calls.clear()
    org.faults.add(Fault(Kind.TOKEN, Effect.FAIL, times=None, answer="invalid_assertion"))
    end = rotator("--config", config, *command)
    assert (end.code, dict(org.calls)) == (ExitCode.PERSON_NEEDED, {Kind.TOKEN: logins})


def test_an_org_that_is_away_is_given_up_after_two_credentials(
    rotator: Command, config: Path, simulator: SimulatorServer
) -> None:
    org = simulator.org("production")
    org.calls.clear()
    org.faults.add(Fault(Kind.TOKEN, Effect.FAIL, times=None, answer="http_503"))
    end = rotator("--config", config, "rotate", "finish")
    assert (end.code, dict(org.calls)) == (ExitCode.AWAY, {Kind.TOKEN: 1 + 2})
    assert end.err.count("No login to the org production just now") == 5
    assert "billing-sandbox: - nothing to do" in end.out


def test_what_was_read_for_all_at_once_still_keeps_the_programs_own_key(
    rotator: Command, config: Path, simulator: SimulatorServer
) -> None:
    document = yaml.safe_load(config.read_text())
    own = document["orgs"]["production"]["login"]["client_id"]
    app = next(each for each in simulator.org("production").apps.values() if each.client_id == own)
    document["credentials"] = {
        "own": {**document["credentials"]["billing"], "apps": [app.name]},
        "billing": document["credentials"]["billing"],
    }
    config.write_text(yaml.safe_dump(document, sort_keys=False))
    end = rotator("--config", config, "rotate", "finish")
    assert end.code == ExitCode.PERSON_NEEDED
    assert "own: Rotating own would end the key that rotator itself logs in to production by" in end.err
    assert "billing: - nothing to do" in end.out
