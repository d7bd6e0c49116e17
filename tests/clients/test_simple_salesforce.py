"""simple-salesforce, which knows hosts of salesforce.com alone: a proxy leads it here."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any, cast

import pytest
from simple_salesforce.api import Salesforce

from tests.clients.conftest import MY_DOMAIN, PASSWORD, USERNAME, archive_of, files_of, with_callback, with_label
from tests.contract.servers.proxy import leading_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.simulator.org.org import Org
    from rotator.simulator.serving.server import SimulatorServer


@pytest.fixture(autouse=True)
def _led_here(server: SimulatorServer, org: Org, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with leading_to(int(org.url.rpartition(":")[2])) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.ca_file))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield
        assert {asked.partition(":")[0] for asked in proxy.asked} <= {"login.salesforce.com", MY_DOMAIN}


@pytest.fixture
def salesforce(org: Org, key_file: Path) -> Salesforce:
    client_id = org.app("Management").client_id
    return Salesforce(username=USERNAME, consumer_key=client_id, privatekey_file=str(key_file), version="63.0")


@pytest.mark.operation("logs in by JWT")
def test_it_logs_in_by_jwt(salesforce: Salesforce) -> None:
    assert salesforce.sf_instance == MY_DOMAIN


@pytest.mark.operation("logs in by JWT through an external client app")
def test_it_logs_in_through_an_external_client_app_at_the_orgs_own_host(org: Org, key_file: Path) -> None:
    salesforce = Salesforce(
        username=USERNAME,
        consumer_key=org.external_app("Shipping").client_id,
        privatekey_file=str(key_file),
        domain=MY_DOMAIN.removesuffix(".salesforce.com"),
    )
    assert salesforce.limits()


@pytest.mark.operation("logs in by client credentials")
def test_it_logs_in_by_client_credentials(org: Org) -> None:
    app = org.app("Management")
    secret, domain = app.secret.reveal(), MY_DOMAIN.removesuffix(".salesforce.com")
    assert Salesforce(consumer_key=app.client_id, consumer_secret=secret, domain=domain).limits()


@pytest.mark.operation("logs in over SOAP")
def test_it_logs_in_by_a_password() -> None:
    assert Salesforce(username=USERNAME, password=PASSWORD, security_token="").limits()


@pytest.mark.operation("queries")
def test_it_queries(salesforce: Salesforce) -> None:
    found = salesforce.query_all("SELECT Name, CreatedBy.Username FROM ConnectedApplication ORDER BY Name")
    assert [row["Name"] for row in found["records"]] == ["Billing", "Management"]


@pytest.mark.operation("describes objects")
def test_it_describes_objects(salesforce: Salesforce) -> None:
    everything: Any = salesforce.describe()
    assert "OauthToken" in [each["name"] for each in everything["sobjects"]]


@pytest.mark.operation("lists metadata")
def test_it_lists_metadata(salesforce: Salesforce) -> None:
    mdapi: Any = salesforce.mdapi
    listed = mdapi.list_metadata([mdapi.ListMetadataQuery(type="ExtlClntAppGlobalOauthSettings")])
    assert [file.fullName for file in listed] == ["Shipping_glbloauth"]


@pytest.mark.operation("reads and updates a Connected App")
def test_it_reads_and_updates_an_app(salesforce: Salesforce, org: Org) -> None:
    apps: Any = salesforce.mdapi.ConnectedApp
    component = apps.read(["Billing"])
    component.oauthConfig.consumerKey = None
    component.label = "Updated"
    apps.update([component])
    assert org.app("Billing").label == "Updated"


def files_of_type(salesforce: Salesforce, type_name: str) -> dict[str, str]:
    mdapi: Any = salesforce.mdapi
    job, _ = mdapi.retrieve("wanted", unpackaged={type_name: ["*"]}, single_package=True)
    while mdapi.check_retrieve_status(job)[0] not in {"Succeeded", "Failed"}:
        time.sleep(0.05)
    _, _, _, data = mdapi.retrieve_zip(job)
    return files_of(data if data.startswith(b"PK") else base64.b64decode(data))


def deploy(salesforce: Salesforce, files: dict[str, str], folder: Path) -> str:
    archive, mdapi = folder / "deployed.zip", cast("Any", salesforce.mdapi)
    archive.write_bytes(archive_of(files))
    job, _ = mdapi.deploy(archive, sandbox=False, checkOnly=False, rollbackOnError=True, singlePackage=True)
    return str(mdapi.check_deploy_status(job)[0])


@pytest.mark.operation("retrieves and deploys a Connected App")
def test_it_retrieves_and_deploys_a_connected_app(salesforce: Salesforce, org: Org, tmp_path: Path) -> None:
    files = files_of_type(salesforce, "ConnectedApp")
    assert "connectedApps/Billing.connectedApp" in files
    changed = {name: with_label(text, "Deployed") for name, text in files.items()}
    assert deploy(salesforce, changed, tmp_path) == "Succeeded"
    assert org.app("Billing").label == "Deployed"
    assert org.app("Billing").live_certificate is not None


@pytest.mark.operation("retrieves and deploys an external client app")
def test_it_retrieves_and_deploys_an_external_client_app(salesforce: Salesforce, org: Org, tmp_path: Path) -> None:
    files = files_of_type(salesforce, "ExtlClntAppGlobalOauthSettings")
    assert "extlClntAppGlobalOauthSets/Shipping_glbloauth.ecaGlblOauth" in files
    changed = {name: with_callback(text, "https://acme.example/deployed") for name, text in files.items()}
    assert deploy(salesforce, changed, tmp_path) == "Succeeded"
    app = org.external_app("Shipping")
    assert app.part("ExtlClntAppGlobalOauthSettings")["callbackUrl"] == "https://acme.example/deployed"
    assert app.live_certificate is not None


@pytest.mark.operation("retrieves certificates and settings")
def test_it_retrieves_certificates_and_settings(salesforce: Salesforce, org: Org) -> None:
    org.add_certificate("Signing", None)
    assert files_of_type(salesforce, "Certificate")["certs/Signing.crt"].startswith("-----BEGIN CERTIFICATE-----")
    assert "settings/ExternalClientApp.settings" in files_of_type(salesforce, "Settings")
