"""`rotator status` against simulated orgs."""

from pathlib import Path

from rotator.simulator.serving.server import SimulatorServer
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.tiers import longer
from tests.unit.cli.outcomes import Command

DOWN = Fault(Kind.TOKEN, Effect.FAIL, times=None)


@longer
def test_the_status_says_where_each_credential_stands(rotator: Command, config: Path) -> None:
    outcome = rotator("--config", config, "status", "--json")
    assert outcome.code == 0
    states = {line["credential"]: line["state"] for line in outcome.json}
    assert states == {
        "billing": "due",
        "reporting": "ok",
        "legacy-sync": "expired",
        "onboarding": "not stored",
        "warehouse": "due",
        "billing-sandbox": "ok",
    }


def test_a_line_of_the_status_has_the_documented_members(rotator: Command, config: Path) -> None:
    (line,) = rotator("--config", config, "status", "warehouse", "--json").json
    assert set(line) == {
        "credential", "org", "store", "strategy", "owner", "state", "urgency", "needs_attention", "stages",
        "current_app", "apps", "drift", "not_after", "days_left", "due_at", "begins_at", "previous_until",
        "last_rotation", "problem", "refused_since", "running", "halted_since", "halted_why", "last_login",
        "last_accepted_at", "mode", "goes_on_at", "revocation",
        "standstills", "not_known",
    }  # fmt: skip
    assert line["not_known"] == []
    assert (line["strategy"], line["current_app"], line["drift"]) == ("alternating", "Warehouse_A", False)
    assert [app["app"] for app in line["apps"]] == ["Warehouse_A", "Warehouse_B"]
    assert line["stages"]["current"] == line["apps"][0]["certificate"]["fingerprint"]
    assert 0 < line["days_left"] < 30


def test_the_status_tells_people_what_to_do(rotator: Command, config: Path) -> None:
    outcome = rotator("--config", config, "status")
    assert outcome.code == 0
    assert "onboarding: It is not in its store. `rotator adopt onboarding --key FILE`" in outcome.out


def test_the_status_of_an_org_that_is_down_is_unknown(
    rotator: Command, config: Path, simulator: SimulatorServer
) -> None:
    simulator.org("sandbox").faults.add(DOWN)
    outcome = rotator("--config", config, "status", "--json")
    states = {line["credential"]: line["state"] for line in outcome.json}
    assert outcome.code == 3
    assert (states["billing-sandbox"], states["reporting"]) == ("unknown", "ok")


def test_a_name_that_is_not_configured_has_a_nearest_one(rotator: Command, config: Path) -> None:
    outcome = rotator("--config", config, "status", "biling")
    assert outcome.code == 2
    assert "Did you mean 'billing'?" in outcome.err


def test_a_history_that_is_gone_is_told_beside_an_org_that_is_down(
    rotator: Command, config: Path, simulator: SimulatorServer
) -> None:
    rotator("--config", config, "db", "upgrade")
    for file in config.parent.glob("rotator.db*"):
        if file.is_file():
            file.unlink()
    both = "status", "billing-sandbox", "warehouse"
    said = "Whether it is paused, running, halted, refused or revoked is not known."
    simulator.org("sandbox").faults.add(DOWN)
    outcome = rotator("--config", config, *both)
    assert [f"{name}: {said}" in outcome.out.splitlines() for name in both[1:]] == [True, True]
    lines = rotator("--config", config, *both, "--json").json
    assert [line["not_known"] for line in lines] == [["paused", "running", "halted", "refused", "revoked"]] * 2
    assert outcome.code == 1
    assert "this installation has used it before" in outcome.err
    assert "org sandbox just now: HTTP 503" in outcome.err
    assert "never" not in outcome.out, "nobody knows when it was rotated last"
