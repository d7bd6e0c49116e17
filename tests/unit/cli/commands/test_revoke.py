"""`rotator revoke` against simulated orgs: what is asked for, what is refused, and what is told."""

from __future__ import annotations

import re
from pathlib import Path  # noqa: TC003 - pytest reads the annotations of fixtures
from typing import TYPE_CHECKING, Any

import click
import pytest

from rotator.errors import OrgUnavailable
from rotator.services.revocation.revocation_plan import plan_revocation
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.tiers import longer

if TYPE_CHECKING:
    from rotator.services.revocation.revocation_plan import RevocationPlan
    from rotator.services.rotation.observer import CredentialContext
    from rotator.simulator.org.org import Org
    from rotator.simulator.serving.server import SimulatorServer
    from tests.unit.cli.outcomes import Command

pytestmark = longer


@pytest.fixture
def production(simulator: SimulatorServer) -> Org:
    return simulator.org("production")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "No credential was named."),
        (("billing",), "--reason is missing or empty."),
        (("billing", "--reason", "  "), "--reason is missing or empty."),
        (("nobody", "--reason", "x"), "There is no credential called 'nobody'."),
        (("billing", "--reason", "x"), "Nobody can be asked here"),
        (("billing", "--only", "everything", "--reason", "x"), "'everything' is not one of"),
        (("billing", "--undo", "--only", "tokens", "--reason", "x"), "--undo and --only were given."),
        (("billing", "--undo", "--reason", "x", "--yes"), "billing is not revoked"),
        (("billing", "--undo", "--own-login", "--only", "certificate"), "--undo and --only were given."),
        (("billing", "--undo", "--own-login"), "--undo and --own-login were given."),
        (("billing", "--own-login", "--reason", "x"), "--own-login was given without --only certificate."),
    ],
)
def test_what_makes_no_sense_touches_nothing(
    rotator: Command, config: Path, production: Org, arguments: tuple[str, ...], words: str
) -> None:
    before = production.app("Billing").live_certificate
    arguments = arguments if arguments else ("--reason", "x")
    outcome = rotator("--config", config, "revoke", *arguments)
    assert (outcome.code, words in outcome.err) == (2, True), outcome.err
    assert production.app("Billing").live_certificate == before


def test_a_plan_changes_nothing(rotator: Command, config: Path, production: Org) -> None:
    before = production.app("Billing").live_certificate
    outcome = rotator("--config", config, "revoke", "billing", "--dry-run", "--json")
    assert outcome.code == 0
    [plan] = outcome.json
    assert set(plan) == {"credential", "org", "username", "steps", "apps", "tokens", "sessions", "grants"}
    assert [step["left"] for step in plan["steps"]] == [True, True, False]
    assert [grant["given_by"] for grant in plan["grants"]] == ["profile"]
    assert production.app("Billing").live_certificate == before
    shown = rotator("--config", config, "revoke", "billing", "--dry-run", "--only", "access")
    assert "loses the profile" in shown.out
    assert "certificate:" not in shown.out


def test_a_person_is_shown_the_plan_and_asked(
    rotator: Command, config: Path, production: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def confirm(text: str, **_: Any) -> bool:
        asked.append(text)
        return False

    monkeypatch.setattr("rotator.cli.commands.revoke.somebody_is_there", lambda: True)
    monkeypatch.setattr(click, "confirm", confirm)
    before = production.app("Billing").live_certificate
    outcome = rotator("--config", config, "revoke", "billing", "--reason", "x")
    assert (outcome.code, asked) == (2, ["End this for billing?"])
    assert "a certificate whose key nobody has takes the place" in outcome.out
    as_json = rotator("--config", config, "revoke", "billing", "--reason", "x", "--json")
    assert "takes the place" in as_json.err
    assert "takes the place" not in as_json.out
    assert production.app("Billing").live_certificate == before


def test_what_was_revoked_says_so_everywhere_and_comes_back(rotator: Command, config: Path) -> None:
    ended = rotator("--config", config, "revoke", "reporting", "--reason", "laptop stolen", "--yes", "--json")
    assert ended.code == 0, ended.err
    [report] = ended.json
    assert set(report) == {
        *("credential", "outcome", "steps", "apps", "tokens", "sessions", "withdrawn", "login_refused", "warnings"),
        "exit_code",
    }
    assert (report["outcome"], report["apps"]) == ("revoked", ["Reporting"])
    shown = rotator("--config", config, "status", "reporting")
    assert "laptop stolen. `rotator revoke --undo reporting` brings it back." in shown.out
    [line] = rotator("--config", config, "status", "reporting", "--json").json
    assert line["state"] == "revoked"
    assert line["revocation"]["steps"] == ["certificate", "access", "tokens"]
    assert (line["refused_since"], line["drift"], line["due_at"]) == (None, False, None)
    refused = rotator("--config", config, "rotate", "restore", "reporting")
    assert (refused.code, "brings it back" in refused.err) == (1, True)
    undoing = rotator("--config", config, "revoke", "--undo", "reporting", "--dry-run")
    assert "uploading the certificate of the new version" in undoing.out
    [planned] = rotator("--config", config, "rotate", "plan", "reporting", "--json").json
    assert (planned["state"], planned["due"], planned["due_at"]) == ("revoked", False, None)
    back = rotator("--config", config, "revoke", "--undo", "reporting", "--yes")
    assert back.code == 0, back.err
    assert re.search(r"Gap: none of its own; since .* UTC consumers were refused on purpose\.", back.out)
    [line] = rotator("--config", config, "status", "reporting", "--json").json
    assert (line["state"], line["revocation"]) == ("ok", None)


def test_a_person_who_brings_it_back_is_shown_the_plan_and_asked(
    rotator: Command, config: Path, production: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rotator("--config", config, "revoke", "reporting", "--reason", "x", "--yes").code == 0
    ended_by, asked = production.app("Reporting").live_certificate, list[str]()
    monkeypatch.setattr("rotator.cli.commands.revoke.somebody_is_there", lambda: True)
    monkeypatch.setattr(click, "confirm", lambda text, **_: asked.append(text))
    outcome = rotator("--config", config, "revoke", "--undo", "reporting")
    assert (outcome.code, asked) == (2, ["Bring reporting back with a new key?"])
    assert "uploading the certificate of the new version to Reporting" in outcome.out
    as_json = rotator("--config", config, "revoke", "--undo", "reporting", "--json")
    assert "uploading the certificate" in as_json.err
    assert "uploading the certificate" not in as_json.out
    assert production.app("Reporting").live_certificate == ended_by


def test_who_cannot_be_shown_what_brings_it_back_is_told_why(
    rotator: Command, config: Path, production: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rotator("--config", config, "revoke", "reporting", "--reason", "x", "--yes").code == 0
    monkeypatch.setattr("rotator.cli.commands.revoke.somebody_is_there", lambda: True)
    monkeypatch.setattr(click, "confirm", lambda *_, **__: False)
    production.faults.add(Fault(Kind.TOKEN, Effect.FAIL, answer="http_503", times=None))
    outcome = rotator("--config", config, "revoke", "--undo", "reporting")
    assert outcome.code == 2
    assert "What a run would do for reporting is not known: " in outcome.err


@pytest.mark.usefixtures("production")
def test_what_cannot_be_seen_keeps_nobody_from_ending_the_rest(
    rotator: Command, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("rotator.cli.commands.revoke.somebody_is_there", lambda: True)
    monkeypatch.setattr(click, "confirm", lambda text, **_: asked.append(text))
    away = OrgUnavailable("The org is away.", effect="Nothing was changed.", rerun="Try again.")

    def plan(context: CredentialContext, *rest: object) -> RevocationPlan:
        if context.name == "billing":
            raise away
        return plan_revocation(context, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("rotator.services.revocation.revocation_plan.plan_revocation", plan)
    outcome = rotator("--config", config, "revoke", "billing", "reporting", "--reason", "x")
    assert "What there is to end of billing is not known: The org is away." in outcome.err
    assert "a certificate whose key nobody has takes the place" in outcome.out
    assert asked == ["End this for billing, reporting?"]
    planned = rotator("--config", config, "revoke", "billing", "reporting", "--dry-run", "--json")
    assert (planned.code, [each["credential"] for each in planned.json]) == (3, ["reporting"])
