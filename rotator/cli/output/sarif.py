"""What an audit came to as SARIF 2.1.0, so that it can stand in a pipeline (OASIS, SARIF Version 2.1.0).

A finding is a result, and one that is excepted a result that is suppressed, with its reason. What could not be seen is
no result: it is a notification of the run, which says what it needs (section 3.20.21).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import rotator
from rotator.cli.output.audit_table import ended_in_words
from rotator.config.document import read_document
from rotator.core import words
from rotator.core.posture.checks import CHECKS, Risk
from rotator.core.posture.judgements import Verdict

if TYPE_CHECKING:
    from rotator.config.document import Document
    from rotator.core.posture.assessment import Result
    from rotator.core.posture.checks import Check
    from rotator.services.posture.auditing import Audit

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"

_LEVELS: Final = {Risk.HIGH: "error", Risk.MEDIUM: "warning", Risk.LOW: "note"}
_SCORES: Final = {Risk.HIGH: "8.0", Risk.MEDIUM: "5.0", Risk.LOW: "2.0"}
"""As GitHub's code scanning reads them from a rule: over 7 is high, over 4 medium."""


def as_sarif(found: Audit, config: Path | None) -> dict[str, Any]:
    """The log of one run; results are placed at the lines of config.yaml that their credentials and orgs have."""
    place = _Places(config)
    told = [each for each in found.results if each.verdict in {Verdict.FINDING, Verdict.EXCEPTED}]
    hidden = [each for each in found.results if each.verdict is Verdict.HIDDEN]
    notifications = [_notification(each) for each in hidden]
    notifications += [_told("error", str(problem)) for problem in found.problems]
    notifications += [_told("warning", ended_in_words(each)) for each in found.ended]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {**_ABOUT, "rules": [_rule(check) for check in CHECKS]}},
                "invocations": [
                    {
                        "executionSuccessful": not found.problems,
                        "endTimeUtc": words.timestamp(found.at),
                        "toolExecutionNotifications": notifications,
                    }
                ],
                "columnKind": "unicodeCodePoints",
                "results": [_result(each, place) for each in told],
            }
        ],
    }


_ABOUT: Final = {"name": "rotator", "version": rotator.__version__}


class _Places:
    """Where something stands in config.yaml."""

    def __init__(self, config: Path | None) -> None:
        self._uri: Final = _uri(config or Path("config.yaml"))
        self._document: Final = _document(config)

    def of(self, result: Result) -> dict[str, Any]:
        where = ("credentials", result.credential) if result.credential else ("orgs", result.org)
        return {
            "physicalLocation": {
                "artifactLocation": {"uri": self._uri},
                "region": {"startLine": self._document.line(where) if self._document else 1},
            },
            "logicalLocations": [{"fullyQualifiedName": f"{where[0]}.{where[1]}", "kind": "member"}],
        }


def _uri(config: Path) -> str:
    """Relative to where the command is run, which in a pipeline is the repository."""
    absolute, here = config.absolute(), Path.cwd()
    return quote(absolute.relative_to(here).as_posix()) if absolute.is_relative_to(here) else absolute.as_uri()


def _document(config: Path | None) -> Document | None:
    try:
        return read_document(config.read_text(encoding="utf-8-sig")) if config else None
    except (OSError, ValueError):
        return None  # It was there a moment ago; results are then at its first line.


def _rule(check: Check) -> dict[str, Any]:
    return {
        "id": check.name,
        "shortDescription": {"text": check.asks},
        "fullDescription": {"text": check.why},
        "help": {"text": f"{check.remedy} Source: {check.source}."},
        "defaultConfiguration": {"level": _LEVELS[check.risk]},
        "properties": {"security-severity": _SCORES[check.risk], "tags": ["security"]},
    }


def _result(result: Result, place: _Places) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ruleId": result.check.name,
        "ruleIndex": CHECKS.index(result.check),
        "kind": "fail",
        "level": _LEVELS[result.check.risk],
        "message": {"text": f"{result.subject}: {result.seen} {result.check.remedy_for(result.credential)}"},
        "locations": [place.of(result)],
        "partialFingerprints": {"rotatorFinding/v1": result.key},
    }
    if result.verdict is Verdict.EXCEPTED and result.exemption:
        until = words.day(result.exemption.until)
        justification = f"{result.exemption.reason} (until {until})"
        told["suppressions"] = [{"kind": "external", "status": "accepted", "justification": justification}]
    return told


def _notification(result: Result) -> dict[str, Any]:
    return {
        "associatedRule": {"id": result.check.name, "index": CHECKS.index(result.check)},
        "level": "note",
        "message": {"text": f"{result.subject}: {result.check.name} is not visible: needs {result.needs}."},
    }


def _told(level: str, sentence: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": sentence}}
