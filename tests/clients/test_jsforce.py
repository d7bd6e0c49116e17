"""jsforce, with a login over SOAP."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.conftest import PASSWORD, USERNAME, archive_of, files_of, run, with_callback, with_label

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org


class Jsforce:
    """Runs one operation in a process of its own."""

    def __init__(self, environment: dict[str, str], org: Org) -> None:
        self.environment, self.org = environment, org

    def __call__(self, operation: str) -> Any:
        script = Path(__file__).with_name("jsforce.mjs")
        command = ["node", str(script), operation, self.org.url, USERNAME, PASSWORD]
        return json.loads(run(command, self.environment, script.parent))


@pytest.fixture(scope="module")
def jsforce(node_environment: dict[str, str], org: Org) -> Jsforce:
    return Jsforce(node_environment, org)


@pytest.mark.operation("logs in and out over SOAP")
def test_it_logs_in_and_out(jsforce: Jsforce, org: Org) -> None:
    told = jsforce("login")
    assert told["identity"] == USERNAME
    assert told["url"].startswith(org.url)
    assert told["refused"] == "INVALID_SESSION_ID"


@pytest.mark.operation("queries")
def test_it_queries_and_retrieves_rows(jsforce: Jsforce) -> None:
    told = jsforce("query")
    assert told["records"][0]["Profile"]["Name"] == "System Administrator"
    assert told["username"] == USERNAME


@pytest.mark.operation("describes objects")
def test_it_describes_objects(jsforce: Jsforce) -> None:
    told = jsforce("describe")
    assert "ExternalClientApplication" in told["names"]
    assert told["prefix"] == "005"


@pytest.mark.operation("lists metadata")
def test_it_lists_metadata(jsforce: Jsforce) -> None:
    told = jsforce("list")
    assert told["listed"] == ["Management", "Billing"]
    assert "ExtlClntAppGlobalOauthSettings" in told["types"]


@pytest.mark.operation("reads and updates a Connected App")
def test_it_reads_and_updates_an_app(jsforce: Jsforce, org: Org) -> None:
    assert jsforce("update")["success"] is True
    assert org.app("Billing").label == "Read and updated"
    assert org.app("Billing").live_certificate is not None


def files_of_type(jsforce: Jsforce, type_name: str) -> dict[str, str]:
    told = jsforce(f"retrieve:{type_name}")
    assert told["status"] == "Succeeded"
    return files_of(base64.b64decode(told["archive"]))


def deploy(jsforce: Jsforce, files: dict[str, str], folder: Path) -> Any:
    archive = folder / "deployed.zip"
    archive.write_bytes(archive_of(files))
    return jsforce(f"deploy:{archive}")


@pytest.mark.operation("retrieves and deploys a Connected App")
def test_it_retrieves_and_deploys_a_connected_app(jsforce: Jsforce, org: Org, tmp_path: Path) -> None:
    files = files_of_type(jsforce, "ConnectedApp")
    # As Salesforce does: what was retrieved holds the key, which no deployment may bring.
    assert deploy(jsforce, files, tmp_path)["problems"] == ["You cannot provide a Consumer Key"] * 2
    changed = {name: with_label(text, f"Deployed {len(name)}") for name, text in files.items()}
    assert deploy(jsforce, changed, tmp_path) == {"status": "Succeeded", "problems": []}
    assert org.app("Billing").label == f"Deployed {len('connectedApps/Billing.connectedApp')}"
    assert org.app("Billing").live_certificate is not None


@pytest.mark.operation("retrieves and deploys an external client app")
def test_it_retrieves_and_deploys_an_external_client_app(jsforce: Jsforce, org: Org, tmp_path: Path) -> None:
    files = files_of_type(jsforce, "ExtlClntAppGlobalOauthSettings")
    changed = {name: with_callback(text, "https://acme.example/jsforce") for name, text in files.items()}
    assert deploy(jsforce, changed, tmp_path) == {"status": "Succeeded", "problems": []}
    app = org.external_app("Shipping")
    assert app.part("ExtlClntAppGlobalOauthSettings")["callbackUrl"] == "https://acme.example/jsforce"
    assert app.live_certificate is not None
