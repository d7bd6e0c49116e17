"""inventory, status, check, history and db against simulated orgs."""

import re
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rotator.core.crypto.certificates import Certificate, SubjectName, self_signed
from rotator.history.engine.database import open_database
from rotator.history.journal.journal import Journal
from rotator.history.records import NewRotation
from rotator.simulator.serving.server import SimulatorServer
from rotator.simulator.wire.faults import Effect, Fault, Kind
from rotator.testing.versions import spare_key
from tests.unit.cli.outcomes import Command

DOWN = Fault(Kind.TOKEN, Effect.FAIL, times=None)


def by_app(lines: list[dict[str, Any]]) -> dict[tuple[str, str | None], dict[str, Any]]:
    return {(line["org"], line["app"]): line for line in lines}


def test_the_inventory_lists_every_app_of_every_org(rotator: Command, config: Path, simulator: SimulatorServer) -> None:
    outcome = rotator("--config", config, "inventory", "--json")
    assert outcome.code == 0
    apps = [line for line in outcome.json if line["type"] == "ConnectedApp"]
    assert set(by_app(apps)) == {(org.name, app) for org in simulator.orgs for app in org.apps}


def test_the_inventory_lists_what_else_can_expire(rotator: Command, config: Path, simulator: SimulatorServer) -> None:
    lines = by_app(rotator("--config", config, "inventory", "--json").json)
    trusted = simulator.org("production").identity_providers["Company_Login"].component["validationCert"]
    login = lines["production", "Company_Login"]
    assert (login["type"], login["state"]) == ("SamlSsoConfig", "ok")
    assert login["certificate"]["fingerprint"] == Certificate.parse(trusted).fingerprint
    signing = lines["production", "Document_Signing"]
    assert (signing["type"], signing["state"], signing["certificate"]) == ("Certificate", "expiring", None)
    assert (signing["not_after"][10:], signing["key_bits"]) == ("T12:00:00+00:00", 2048)
    assert lines["production", "Single_Sign_On"]["used_by"] == ["SAML requests to Company_Login"]
    assert lines["production", "Imported_Service_Account"]["not_after"] == "9999-12-31T00:00:00+00:00"
    assert lines["production", "Partner_Connection"]["state"] == "unusable"
    assert ("production", "Document_Signing_Old") not in lines


def test_people_are_shown_what_else_can_expire_in_a_table_of_its_own(rotator: Command, config: Path) -> None:
    apps, _, others = rotator("--config", config, "inventory").out.partition("Other certificates:")
    assert "Billing" in apps
    lines = {line.split()[1]: line for line in others.splitlines() if line.startswith("production")}
    assert re.search(r"org's own +! expiring +in \d days", lines["Document_Signing"])
    assert "never" in lines["Imported_Service_Account"]
    assert "SAML sign-on" in lines["Company_Login"]
    assert "unusable" in lines["Partner_Connection"]


def test_what_has_vanished_is_told(rotator: Command, config: Path, simulator: SimulatorServer) -> None:
    org = simulator.org("sandbox")
    rotator("--config", config, "inventory")
    archive = org.apps.pop("Archive")
    try:
        line = by_app(rotator("--config", config, "inventory", "--json").json)["sandbox", "Archive"]
        assert (line["state"], line["certificate"]) == ("vanished", None)
        assert line["last_seen"]
        assert line["not_after"]
        assert "Archive has vanished from sandbox: last seen" in rotator("--config", config, "inventory").out
    finally:
        org.apps["Archive"] = archive


def test_what_the_user_may_not_see_is_told_with_the_permission_and_the_rest_shown(
    rotator: Command, config: Path, simulator: SimulatorServer
) -> None:
    org = simulator.org("production")
    before, org.settings = org.settings, replace(org.settings, hidden_types=("Certificate", "SamlSsoConfig"))
    try:
        outcome = rotator("--config", config, "inventory", "--json")
    finally:
        org.settings = before
    assert outcome.code == 1
    assert ("production", "Billing") in by_app(outcome.json)
    assert 'permission "View Setup and Configuration"' in outcome.err
    assert 'permission "Customize Application"' in outcome.err


def test_a_line_of_the_inventory_has_the_documented_members(
    rotator: Command, config: Path, simulator: SimulatorServer
) -> None:
    line = by_app(rotator("inventory", "--json", "--config", config).json)["production", "Billing"]
    app = simulator.org("production").app("Billing")
    certificate = app.live_certificate
    assert certificate
    changed_at = datetime.fromisoformat(line.pop("last_modified_at"))
    assert abs(changed_at - app.modified_at) < timedelta(seconds=1)
    assert line == {
        "org": "production",
        "app": "Billing",
        "type": "ConnectedApp",
        "client_id": app.client_id,
        "certificate": {
            "fingerprint": certificate.fingerprint,
            "subject": "CN=Billing",
            "issuer": "CN=Billing",
            "serial_number": f"{certificate.serial_number:x}",
            "not_before": certificate.not_before.isoformat(),
            "not_after": certificate.not_after.isoformat(),
            "key_algorithm": "RSA",
            "key_bits": 2048,
            "signature_algorithm": "sha256",
        },
        "not_after": certificate.not_after.isoformat(),
        "key_bits": 2048,
        "used_by": [],
        "managed_by": "billing",
        "stage": "current",
        "drift": False,
        "state": "expiring",
        "last_modified_by": "Rotator",
        "last_seen": None,
    }


def test_the_inventory_tells_states_for_people(rotator: Command, config: Path) -> None:
    outcome = rotator("--config", config, "inventory")
    assert outcome.code == 0
    lines = {line.split()[1]: line for line in outcome.out.splitlines() if line.startswith("production")}
    assert "expired" in lines["Legacy_Sync"]
    assert "days ago" in lines["Legacy_Sync"]
    assert "! expiring" in lines["Billing"]
    assert "ok" in lines["Reporting"]
    assert "none" in lines["Onboarding"]
    assert re.search(r"warehouse +current", lines["Warehouse_B"])


def test_an_org_that_is_down_is_told_and_left_out(rotator: Command, config: Path, simulator: SimulatorServer) -> None:
    simulator.org("sandbox").faults.add(DOWN)
    outcome = rotator("--config", config, "--json", "inventory")
    lines = by_app(outcome.json)
    assert outcome.code == 3
    assert lines["sandbox", None]["state"] == "unreadable"
    assert ("production", "Billing") in lines
    assert "org sandbox just now: HTTP 503" in outcome.err


def test_drift_is_shown(rotator: Command, config: Path, simulator: SimulatorServer) -> None:
    org = simulator.org("sandbox")
    slot, ours = org.app("Billing").slot, org.app("Billing").live_certificate
    now = datetime.now(UTC)
    slot.put(self_signed(spare_key(0), SubjectName("by hand"), now=now, lifetime=timedelta(days=90)), now)
    try:
        line = by_app(rotator("--config", config, "inventory", "--json").json)["sandbox", "Billing"]
        assert (line["drift"], line["stage"], line["state"]) == (True, None, "ok")
        status = rotator("--config", config, "status", "billing-sandbox")
        assert "drift" in status.out
        assert "rotate restore billing-sandbox" in status.out
    finally:
        slot.put(ours, now)


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
        "credential", "org", "store", "strategy", "state", "stages", "current_app", "apps", "drift", "not_after",
        "days_left", "due_at", "previous_until", "last_rotation", "problem",
    }  # fmt: skip
    assert (line["strategy"], line["current_app"], line["drift"]) == ("alternating", "Warehouse_A", False)
    assert [app["app"] for app in line["apps"]] == ["Warehouse_A", "Warehouse_B"]
    assert line["stages"]["current"] == line["apps"][0]["certificate"]["fingerprint"]
    assert 0 < line["days_left"] < 30


def test_the_status_tells_people_what_to_do(rotator: Command, config: Path) -> None:
    outcome = rotator("--config", config, "status")
    assert outcome.code == 0
    assert "onboarding: not in the store yet. `rotator adopt onboarding --key FILE`" in outcome.out


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


def test_the_check_passes_where_a_rotation_would(rotator: Command, config: Path) -> None:
    outcome = rotator("--config", config, "check", "--json")
    assert outcome.code == 0
    assert {line["result"] for line in outcome.json} == {"ok", "skipped"}
    assert [line["name"] for line in outcome.json if line["result"] == "skipped"] == ["key of onboarding"]


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


def test_the_history_of_a_new_set_up_is_empty_and_intact(rotator: Command, config: Path) -> None:
    assert rotator("--config", config, "history").out == "No rotation yet.\n"
    assert rotator("--config", config, "history", "--json").json == {"rotations": [], "events": []}
    assert rotator("--config", config, "history", "billing", "--json").json == {"rotations": [], "events": []}
    assert rotator("--config", config, "history", "verify", "--json").json["intact"]


def test_the_history_of_a_name_that_never_was_is_refused(rotator: Command, config: Path) -> None:
    assert rotator("--config", config, "history", "nobody").code == 2


@pytest.fixture
def written(config: Path) -> Path:
    """The configuration of a set-up with two rotations in its history."""
    with open_database(f"sqlite:///{config.parent / 'rotator.db'}") as database:
        journal = Journal(database)
        for credential in ("billing", "retired-long-ago"):
            new = NewRotation(
                credential=credential, org="production", strategy="in_place", trigger="manual", actor="ada",
                reason="a test",
            )  # fmt: skip
            rotation = journal.begin_rotation(new, datetime.now(UTC))
            journal.record(
                "upload", now=datetime.now(UTC), credential=credential, rotation_id=rotation.id, app="Bill\x1b[2Jing"
            )
            journal.finish_rotation(
                rotation.id, outcome="rotated", now=datetime.now(UTC), new_fingerprint="ab" * 32, gap_seconds=1.25
            )
    return config


def test_the_history_lists_rotations_newest_first(rotator: Command, written: Path) -> None:
    rotations = rotator("--config", written, "history", "--json").json["rotations"]
    assert [rotation["credential"] for rotation in rotations] == ["retired-long-ago", "billing"]
    assert (rotations[1]["outcome"], rotations[1]["gap_seconds"], rotations[1]["actor"]) == ("rotated", 1.25, "ada")
    shown = rotator("--config", written, "history").out
    assert "1.2 s" in shown
    assert "abababababab" in shown


def test_the_history_of_one_credential_shows_its_steps(rotator: Command, written: Path) -> None:
    told = rotator("--config", written, "history", "billing", "--json").json
    assert [rotation["credential"] for rotation in told["rotations"]] == ["billing"]
    assert [event["kind"] for event in told["events"]] == ["begin", "upload", "finish"]
    shown = rotator("--config", written, "history", "billing").out
    assert "app: Bill?[2Jing" in shown
    assert "\x1b" not in shown


def test_a_credential_that_is_no_longer_configured_keeps_its_history(rotator: Command, written: Path) -> None:
    assert rotator("--config", written, "history", "retired-long-ago").code == 0


@pytest.mark.parametrize("arguments", [["--limit", "1"], ["billing", "--limit", "1"], ["--limit", "1", "billing"]])
def test_the_history_can_be_cut_short(rotator: Command, written: Path, arguments: list[str]) -> None:
    assert len(rotator("--config", written, "history", *arguments, "--json").json["rotations"]) == 1


def test_a_history_that_somebody_rewrote_is_found_out(rotator: Command, written: Path) -> None:
    assert "6 events, none changed" in rotator("--config", written, "history", "verify").out
    with sqlite3.connect(written.parent / "rotator.db") as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE event SET kind = 'nothing' WHERE sequence = 3")
    connection.close()
    outcome = rotator("--config", written, "history", "verify")
    assert outcome.code == 1
    assert "Event 3 is not what was written." in outcome.out


def test_the_database_is_upgraded_on_demand(rotator: Command, config: Path) -> None:
    outcome = rotator("--config", config, "db", "upgrade")
    assert outcome.code == 0
    assert f"sqlite:///{config.parent / 'rotator.db'} is at version" in outcome.out
