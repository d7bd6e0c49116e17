"""`check` and `rotate plan --validate`: the orgs check a deployment of the apps, and are afterwards what they were."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.simulator.org.org import Org
    from rotator.simulator.serving.server import SimulatorServer
    from tests.unit.cli.outcomes import Command

pytestmark = longer


@pytest.fixture
def production(simulator: SimulatorServer) -> Iterator[Org]:
    org = simulator.org("production")
    settings = org.settings
    org.jobs.clear()
    yield org
    org.settings = settings


def everything(org: Org) -> list[Any]:
    """All that an org has of its apps."""
    apps = {name: deepcopy(app.whole_component()) for name, app in org.apps.items()}
    satellites = {name: deepcopy(app.satellites) for name, app in org.external_apps.items()}
    slots = [[*app.slot.changes] for app in org.client_apps]
    return [apps, satellites, slots, [app.client_id for app in org.client_apps]]


@pytest.mark.parametrize("command", [("check",), ("rotate", "plan", "--validate")], ids=" ".join)
def test_an_org_checks_one_deployment_and_is_what_it_was(
    rotator: Command, config: Path, production: Org, command: tuple[str, ...]
) -> None:
    before = everything(production)
    outcome = rotator("--config", config, *command)
    assert outcome.code == 0
    assert "The org would take a certificate for Billing: it checked a deployment, and changed nothing." in (
        " ".join(outcome.out.split())
    )
    assert [job.options["checkOnly"] for job in production.jobs] == [True]
    assert everything(production) == before


def test_a_plan_tells_of_each_app_what_the_org_said(rotator: Command, config: Path, production: Org) -> None:
    outcome = rotator("--config", config, "rotate", "plan", "--validate", "--json", "warehouse")
    [plan] = outcome.json
    assert [(each["app"], each["result"], each["hint"]) for each in plan["validation"]] == [
        ("Warehouse_A", "accepted", ""),
        ("Warehouse_B", "accepted", ""),
    ]
    [plan] = rotator("--config", config, "rotate", "plan", "--json", "warehouse").json
    assert plan["validation"] == []
    assert len([*production.jobs]) == 1


@pytest.mark.parametrize("command", [("check",), ("rotate", "plan", "--validate")], ids=" ".join)
def test_an_org_that_would_take_no_certificate_is_a_persons_business(
    rotator: Command, config: Path, production: Org, command: tuple[str, ...]
) -> None:
    production.settings = replace(production.settings, largest_certificate_bytes=100)
    outcome = rotator("--config", config, *command)
    assert outcome.code == 1
    assert "refuses Billing as it is deployed: Invalid certificate." in " ".join(outcome.out.split())


@pytest.mark.parametrize("command", [("check",), ("rotate", "plan", "--validate")], ids=" ".join)
def test_an_org_that_checks_no_deployment_fails_nothing(
    rotator: Command, config: Path, production: Org, command: tuple[str, ...]
) -> None:
    refusal = "request_limit_exceeded"
    production.faults.add(Fault(Kind.SOAP_DEPLOY, Effect.FAIL, times=None, answer=refusal))
    outcome = rotator("--config", config, *command)
    production.faults.clear()
    assert outcome.code == 0
    assert "Whether the org would take a certificate for Billing is not known." in " ".join(outcome.out.split())


def test_a_check_can_leave_it_out(rotator: Command, config: Path, production: Org) -> None:
    outcome = rotator("--config", config, "check", "--no-validate", "--json")
    assert outcome.code == 0
    assert not [line for line in outcome.json if line["name"].startswith("upload")]
    assert [*production.jobs] == []
