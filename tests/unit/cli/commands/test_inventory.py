"""`rotator inventory` against simulated orgs."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rotator.core import words
from rotator.core.crypto.certificates import Certificate, SubjectName, self_signed
from rotator.simulator.serving.server import SimulatorServer
from rotator.simulator.wire.faults import Effect, Fault, Kind
from rotator.testing.versions import spare_key
from tests.tiers import longer
from tests.unit.cli.outcomes import Command

pytestmark = longer

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
    assert (login["type"], login["state"]) == ("SamlSsoConfig", "due")
    assert login["certificate"]["fingerprint"] == Certificate.parse(trusted).fingerprint
    signing = lines["production", "Document_Signing"]
    assert (signing["type"], signing["state"], signing["certificate"]) == ("Certificate", "due", None)
    assert (signing["not_after"][10:], signing["key_bits"]) == ("T12:00:00Z", 2048)
    assert lines["production", "Single_Sign_On"]["used_by"] == ["SAML requests to Company_Login"]
    assert lines["production", "Imported_Service_Account"]["not_after"] == "9999-12-31T00:00:00Z"
    assert lines["production", "Partner_Connection"]["state"] == "unusable"
    assert ("production", "Document_Signing_Old") not in lines


def test_people_are_shown_what_else_can_expire_in_a_table_of_its_own(rotator: Command, config: Path) -> None:
    apps, _, others = rotator("--config", config, "inventory").out.partition("Other certificates:")
    assert "Billing" in apps
    lines = {line.split()[1]: line for line in others.splitlines() if line.startswith("production")}
    assert re.search(r"org's own +. due \(\w+\) +in \d days", lines["Document_Signing"])
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
        assert "sandbox: Archive has vanished, last seen" in rotator("--config", config, "inventory").out
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
        "client_secret": None,
        "certificate": {
            "fingerprint": certificate.fingerprint,
            "subject": "CN=Billing",
            "issuer": "CN=Billing",
            "serial_number": f"{certificate.serial_number:x}",
            "not_before": words.timestamp(certificate.not_before),
            "not_after": words.timestamp(certificate.not_after),
            "key_algorithm": "RSA",
            "key_bits": 2048,
            "signature_algorithm": "sha256",
        },
        "not_after": words.timestamp(certificate.not_after),
        "key_bits": 2048,
        "shown": True,
        "used_by": [],
        "credential": "billing",
        "managed_by": "billing",
        "stage": "current",
        "drift": False,
        "state": "due",
        "former_state": "expiring",
        "urgency": "warning",
        "due_at": words.timestamp(certificate.not_after - timedelta(days=30)),
        "last_modified_by": "Rotator",
        "last_seen": None,
    }


def test_the_inventory_tells_states_for_people(rotator: Command, config: Path) -> None:
    outcome = rotator("--config", config, "inventory")
    assert outcome.code == 0
    lines = {line.split()[1]: line for line in outcome.out.splitlines() if line.startswith("production")}
    assert "expired" in lines["Legacy_Sync"]
    assert "days ago" in lines["Legacy_Sync"]
    assert "! due (warning)" in lines["Billing"]
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
        assert (line["drift"], line["stage"], line["state"]) == (True, None, "drift")
        status = rotator("--config", config, "status", "billing-sandbox")
        assert "drift" in status.out
        assert "rotate restore billing-sandbox" in status.out
    finally:
        slot.put(ours, now)


def test_a_history_that_cannot_be_opened_is_told_and_hides_no_certificate(
    rotator: Command, config: Path, simulator: SimulatorServer
) -> None:
    config.write_text(
        re.sub(r"^database:.*$", "database: sqlite:////proc/none/rotator.db", config.read_text(), flags=re.M)
    )
    outcome = rotator("--config", config, "inventory", "--json")
    assert outcome.code == 1
    assert outcome.err.count("The history database /proc/none/rotator.db cannot be made") == 1
    apps = [line for line in outcome.json if line["type"] == "ConnectedApp"]
    assert set(by_app(apps)) == {(org.name, app) for org in simulator.orgs for app in org.apps}
