"""`rotator audit` against simulated orgs."""

from pathlib import Path

import pytest

from rotator.simulator.serving.server import SimulatorServer
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.tiers import longer
from tests.unit.cli.outcomes import Command

pytestmark = longer

DOWN = Fault(Kind.TOKEN, Effect.FAIL, times=None)
EXCEPTIONS = """
audit:
  exceptions:
    - {check: second-app, credential: billing, reason: moves to a pair, until: 2999-01-01}
    - {check: app-kind, org: sandbox, reason: was late, until: 2020-01-01}
"""


def test_findings_are_told_with_why_and_how_to_mend_them(rotator: Command, config: Path) -> None:
    outcome = rotator("--config", config, "audit", "billing")
    assert outcome.code == 0
    assert "Billing is its only app." in outcome.out
    assert "second-app: An app holds one certificate" in outcome.out
    assert "Make a second app like it" in outcome.out
    assert "Metadata API Developer Guide, ConnectedApp" in outcome.out
    assert "as they should be." in outcome.out
    assert "The key has 2048 bits." not in outcome.out


def test_what_is_as_it_should_be_is_told_to_who_asks(rotator: Command, config: Path) -> None:
    assert "The key has 2048 bits." in rotator("--config", config, "audit", "billing", "--all").out


def test_a_result_has_the_documented_members(rotator: Command, config: Path) -> None:
    found = rotator("--config", config, "audit", "billing", "--json").json
    assert set(found) == {"at", "results", "revoked", "ended_exceptions", "findings", "not_visible", "excepted", "ok"}
    assert set(found["results"][0]) == {
        "check", "severity", "verdict", "org", "credential", "seen", "needs", "asks", "why", "source", "remedy",
        "exception",
    }  # fmt: skip
    assert {each["credential"] for each in found["results"]} == {"billing"}
    assert sum(found["findings"].values()) == len([e for e in found["results"] if e["verdict"] == "finding"])


@pytest.mark.parametrize(("least", "code"), [("high", 0), ("medium", 1), ("low", 1)])
def test_a_pipeline_may_fail_by_severity(rotator: Command, config: Path, least: str, code: int) -> None:
    assert rotator("--config", config, "audit", "billing", "--json", "--fail-on", least).code == code


def test_exceptions_are_told_and_those_that_have_ended_as_well(rotator: Command, config: Path) -> None:
    config.write_text(config.read_text() + EXCEPTIONS)
    outcome = rotator("--config", config, "audit")
    assert "billing: second-app is excepted until 2999-01-01 (moves to a pair)." in outcome.out
    assert "The exception from app-kind for the org sandbox ended on 2020-01-01 (was late)." in outcome.out
    assert "1 excepted" in outcome.out
    assert [each["check"] for each in rotator("--config", config, "audit", "--json").json["ended_exceptions"]] == [
        "app-kind"
    ]


def test_an_org_that_is_away_is_told_and_the_others_are_audited(
    rotator: Command, config: Path, simulator: SimulatorServer
) -> None:
    simulator.org("production").faults.add(DOWN)
    outcome = rotator("--config", config, "audit", "--json")
    assert outcome.code == 3
    assert "production" in outcome.err
    verdicts = {(each["credential"], each["check"]): each for each in outcome.json["results"]}
    assert verdicts["billing", "app-open"]["verdict"] == "not visible"
    assert verdicts["billing", "app-open"]["needs"] == "the org production, which cannot be read"
    assert verdicts["billing", "second-app"]["verdict"] == "finding"
    assert verdicts["billing-sandbox", "app-open"]["verdict"] == "ok"
    assert rotator("--config", config, "audit", "--fail-on", "low").code == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nobody"], "There is no credential called 'nobody'."),
        (["--json", "--sarif"], "give one of them"),
        (["--fail-on", "severe"], "'severe' is not one of"),
    ],
)
def test_a_wrong_command_line_touches_nothing(rotator: Command, config: Path, arguments: list[str], told: str) -> None:
    outcome = rotator("--config", config, "audit", *arguments)
    assert outcome.code == 2
    assert told in outcome.err


def test_sarif_is_printed_for_a_pipeline(rotator: Command, config: Path) -> None:
    outcome = rotator("--config", config, "audit", "--sarif")
    assert (outcome.code, outcome.json["version"]) == (0, "2.1.0")
    assert outcome.json["runs"][0]["results"]
