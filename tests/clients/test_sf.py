"""The official command line (@salesforce/cli)."""

from __future__ import annotations

import json
from random import SystemRandom
from typing import TYPE_CHECKING, Any

import pytest

from rotator.services.org_project import NewApp, new_client_id, write_project
from tests.clients.conftest import USERNAME, run, with_callback, with_label

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.simulator.org.org import Org

APPS = "force-app/main/default/connectedApps"
NEW_CALLBACK = "https://acme.example/callback"
ECA_TYPES = ("ExternalClientApplication", "ExtlClntAppGlobalOauthSettings", "ExtlClntAppOauthConfigurablePolicies")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "force-app").mkdir()
    directories = [{"path": "force-app", "default": True}]
    (folder / "sfdx-project.json").write_text(
        json.dumps({"packageDirectories": directories, "sourceApiVersion": "67.0"})
    )
    return folder


class Sf:
    """The command line, logged in."""

    def __init__(self, environment: dict[str, str], project: Path) -> None:
        self.environment, self.project = environment, project

    def __call__(self, *arguments: str) -> str:
        return run(["sf", *arguments], self.environment, self.project)

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))["result"]


@pytest.fixture(scope="module")
def sf(node_environment: dict[str, str], project: Path, org: Org, key_file: Path) -> Sf:
    sf = Sf({**node_environment, "SF_TARGET_ORG": USERNAME}, project)
    login = ["--client-id", org.app("Management").client_id, "--jwt-key-file", str(key_file)]
    sf("org", "login", "jwt", *login, "--username", USERNAME, "--instance-url", org.url)
    return sf


@pytest.mark.operation("logs in by JWT")
def test_it_logs_in(sf: Sf, org: Org) -> None:
    assert sf.environment
    assert [(login.app, login.outcome) for login in org.logins][:1] == [("Management", "Success")]


@pytest.mark.operation("shows the org and its users")
def test_it_displays_the_org(sf: Sf, org: Org) -> None:
    shown = sf.json("org", "display")
    assert (shown["id"], shown["instanceUrl"], shown["apiVersion"]) == (org.id, org.url, "67.0")
    assert [user["username"] for user in sf.json("org", "list", "users")] == [USERNAME]


@pytest.mark.operation("queries")
def test_it_queries_in_a_table_and_in_json(sf: Sf) -> None:
    query = "SELECT Name, Profile.Name FROM User"
    assert "System Administrator" in sf("data", "query", "--query", query)
    [row] = sf.json("data", "query", "--query", query)["records"]
    assert row["Profile"]["Name"] == "System Administrator"


@pytest.mark.operation("describes objects")
def test_it_describes_an_object(sf: Sf) -> None:
    assert sf.json("sobject", "describe", "--sobject", "ConnectedApplication")["keyPrefix"] == "0H4"


@pytest.mark.operation("lists metadata")
def test_it_lists_metadata(sf: Sf) -> None:
    listed = sf.json("org", "list", "metadata", "--metadata-type", "ConnectedApp")
    assert {each["fullName"] for each in listed} == {"Management", "Billing"}


@pytest.mark.operation("retrieves and deploys a Connected App")
def test_it_retrieves_and_deploys_a_connected_app(sf: Sf, project: Path, org: Org) -> None:
    sf("project", "retrieve", "start", "--metadata", "ConnectedApp:Billing")
    file = project / APPS / "Billing.connectedApp-meta.xml"
    file.write_text(with_label(file.read_text(), "Invoices"))
    sf("project", "deploy", "start", "--source-dir", APPS, "--dry-run")
    assert org.app("Billing").label == "Billing"
    sf("project", "deploy", "start", "--source-dir", APPS)
    assert org.app("Billing").label == "Invoices"
    assert org.app("Billing").live_certificate is not None


@pytest.mark.operation("retrieves and deploys an external client app")
def test_it_retrieves_and_deploys_an_external_client_app(sf: Sf, project: Path, org: Org) -> None:
    sf("project", "retrieve", "start", *(part for name in ECA_TYPES for part in ("--metadata", name)))
    folder = "force-app/main/default/extlClntAppGlobalOauthSets"
    [file] = (project / folder).iterdir()
    file.write_text(with_callback(file.read_text(), NEW_CALLBACK))
    app = org.external_app("Shipping")
    sf("project", "deploy", "start", "--source-dir", folder, "--dry-run")
    assert app.part("ExtlClntAppGlobalOauthSettings")["callbackUrl"] != NEW_CALLBACK
    sf("project", "deploy", "start", "--source-dir", folder)
    assert app.part("ExtlClntAppGlobalOauthSettings")["callbackUrl"] == NEW_CALLBACK
    assert app.live_certificate is not None


@pytest.mark.operation("deploys what `rotator config project` writes")
def test_it_deploys_what_sets_up_an_org(sf: Sf, org: Org, tmp_path: Path) -> None:
    app = NewApp("Rotator_Management", "rotator@acme.example", "Rotator", new_client_id(SystemRandom().choice))
    write_project(app, tmp_path / "project")
    deploying = Sf(sf.environment, tmp_path / "project")
    deploying("project", "deploy", "start", "--source-dir", "force-app", "--dry-run")
    assert "Rotator_Management" not in org.external_apps
    deploying("project", "deploy", "start", "--source-dir", "force-app")
    assert org.external_app("Rotator_Management").client_id == app.client_id
    assert set(org.permission_sets) == {"Rotator", "Rotator_Client_Secrets", "Rotator_Connected_Apps"}
    deploying("org", "assign", "permset", "--name", "Rotator")
    assert org.users[USERNAME].permission_sets == ("Rotator",)
    org.permission_sets.clear()
    deploying("project", "deploy", "start", "--source-dir", "force-app/main/default/permissionsets")
    assert org.permission_sets["Rotator"].component["userPermissions"]
    deploying("project", "deploy", "start", "--source-dir", "revocation")
    assert org.permission_sets["Rotator_Revocation"].allows("ManageUsers")


@pytest.mark.operation("retrieves certificates and settings")
def test_it_retrieves_certificates_and_settings(sf: Sf, org: Org, project: Path) -> None:
    org.add_certificate("Signing", None)
    sf("project", "retrieve", "start", "--metadata", "Certificate", "--metadata", "Settings:ExternalClientApp")
    source = project / "force-app/main/default"
    assert (source / "certs/Signing.crt").read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert "keySize" in (source / "certs/Signing.crt-meta.xml").read_text()
    assert "enableConsumerSecretApiAccess" in (source / "settings/ExternalClientApp.settings-meta.xml").read_text()


@pytest.mark.operation("deploys over REST")
def test_it_deploys_over_rest(sf: Sf, org: Org, project: Path) -> None:
    environment = {**sf.environment, "SF_ORG_METADATA_REST_DEPLOY": "true"}
    before = org.calls["deploy"]
    Sf(environment, project)("project", "deploy", "start", "--source-dir", APPS)
    assert org.calls["deploy"] > before


@pytest.mark.operation("logs in by JWT through an external client app")
def test_it_logs_in_through_an_external_client_app(sf: Sf, org: Org, key_file: Path) -> None:
    login = ["--client-id", org.external_app("Shipping").client_id, "--jwt-key-file", str(key_file)]
    sf("org", "login", "jwt", *login, "--username", USERNAME, "--instance-url", org.url, "--alias", "eca")
    assert org.logins[-1].app == "Shipping"
