"""`rotator check` against simulated orgs."""

from pathlib import Path

from rotator.simulator.serving.server import SimulatorServer
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.tiers import longer
from tests.unit.cli.outcomes import Command

pytestmark = longer

DOWN = Fault(Kind.TOKEN, Effect.FAIL, times=None)


def test_the_check_passes_where_a_rotation_would(rotator: Command, config: Path) -> None:
    outcome = rotator("--config", config, "check", "--json")
    assert outcome.code == 0
    assert {line["result"] for line in outcome.json} == {"ok", "skipped"}
    skipped = [line["name"] for line in outcome.json if line["result"] == "skipped"]
    assert skipped == ["signing key", "key of onboarding"]


def test_a_check_that_fails_stops_no_other(rotator: Command, config: Path, simulator: SimulatorServer) -> None:
    simulator.org("production").faults.add(DOWN)
    outcome = rotator("--config", config, "check")
    assert outcome.code == 1
    assert "failed   login to production" in outcome.out
    assert "skipped  key of billing" in outcome.out
    assert "ok       key of billing-sandbox" in outcome.out


def test_a_management_key_that_others_can_read_fails_the_check(rotator: Command, config: Path) -> None:
    key = config.parent / "keys" / "production-management.pem"
    key.chmod(0o644)
    outcome = rotator("--config", config, "check", "--json")
    login = next(line for line in outcome.json if line["name"] == "login to production")
    assert outcome.code == 1
    assert "can be read by others (mode 0644)" in login["sentence"]
    assert f"chmod 600 {key}" in login["hint"]
