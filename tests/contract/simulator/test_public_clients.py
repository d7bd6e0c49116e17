"""Programs of other people against the simulated org, over TLS verified with its authority, as against Salesforce."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from random import SystemRandom
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests
from lxml import etree
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceMalformedRequest
from zeep.exceptions import Fault as ZeepFault

from rotator.core.crypto.certificates import PrivateKey, SubjectName, self_signed
from rotator.simulator.org.org import Org
from rotator.simulator.serving.server import SimulatorServer, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.core.crypto.certificates import Certificate

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
METADATA = "http://soap.sforce.com/2006/04/metadata"


@pytest.fixture(scope="module")
def new_pair() -> tuple[PrivateKey, Certificate]:
    key = PrivateKey.generate()
    return key, self_signed(key, SubjectName("new"), now=utc_now(), lifetime=timedelta(days=365))


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    key = PrivateKey.generate()
    certificate = self_signed(key, SubjectName("old"), now=utc_now(), lifetime=timedelta(days=365))
    org = Org("acme", clock=utc_now, random=SystemRandom())
    org.add_user("admin@acme.example", may_use_metadata=True, profile="System Administrator")
    org.add_app("Management", certificate=certificate, username="admin@acme.example", private_key=key)
    with SimulatorServer([org]) as running:
        yield running


@pytest.fixture
def org(server: SimulatorServer, monkeypatch: pytest.MonkeyPatch) -> Org:
    """The org with a fresh app `Billing`; clients find the authority where operators put it, in the environment."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.ca_file))
    org = server.org("acme")
    management = org.app("Management")
    org.add_app(
        "Billing",
        certificate=management.live_certificate,
        username="admin@acme.example",
        private_key=management.private_key,
    )
    return org


def log_in(org: Org, app: str = "Management", key: PrivateKey | None = None) -> requests.Response:
    """A JWT login with PyJWT and requests, as blog posts show it."""
    signing = key or org.app(app).private_key
    assert signing is not None
    claims = {"iss": org.app(app).client_id, "sub": "admin@acme.example", "aud": org.url, "exp": int(time.time()) + 180}
    assertion = jwt.encode(claims, signing.signing_key(), algorithm="RS256")
    form = {"grant_type": GRANT_TYPE, "assertion": assertion}
    return requests.post(f"{org.url}/services/oauth2/token", data=form, timeout=60)


@pytest.fixture
def salesforce(org: Org) -> Salesforce:
    token = log_in(org).json()
    return Salesforce(instance_url=token["instance_url"], session_id=token["access_token"], version="63.0")


class TestSimpleSalesforce:
    def test_its_metadata_client_reads_and_replaces_a_certificate(
        self, org: Org, salesforce: Salesforce, new_pair: tuple[PrivateKey, Certificate]
    ) -> None:
        key, certificate = new_pair
        apps: Any = salesforce.mdapi.ConnectedApp
        component = apps.read(["Billing"])
        live = org.app("Billing").live_certificate
        assert live is not None
        assert component.oauthConfig.certificate == live.base64
        component.oauthConfig.certificate = certificate.pem
        component.oauthConfig.consumerKey = None
        apps.update([component])
        assert apps.read(["Billing"]).oauthConfig.certificate == certificate.base64
        assert log_in(org, "Billing", key).status_code == 200
        refused = log_in(org, "Billing")
        assert (refused.status_code, refused.json()["error_description"]) == (400, "invalid assertion")

    def test_its_metadata_client_lists_describes_and_deletes(self, org: Org, salesforce: Salesforce) -> None:
        mdapi: Any = salesforce.mdapi
        listed = mdapi.list_metadata([mdapi.ListMetadataQuery(type="ConnectedApp")])
        assert [file.fullName for file in listed] == ["Management", "Billing"]
        described = [described.xmlName for described in mdapi.describe_metadata().metadataObjects]
        assert {"Certificate", "ConnectedApp", "ExtlClntAppGlobalOauthSettings", "SamlSsoConfig"} <= set(described)
        assert "oauthConfig" in [field.name for field in mdapi.ConnectedApp.describe().valueTypeFields]
        mdapi.ConnectedApp.delete(["Billing"])
        assert "Billing" not in org.apps

    def test_it_reads_what_else_in_the_org_can_expire(
        self, org: Org, salesforce: Salesforce, new_pair: tuple[PrivateKey, Certificate]
    ) -> None:
        signing = org.add_certificate("Signing", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
        org.add_identity_provider("Company_Login", new_pair[1], requestSigningCertId=signing.id)
        found = salesforce.toolingexecute("query/?q=SELECT+Id,DeveloperName,ExpirationDate+FROM+Certificate")
        assert [(row["Id"], row["ExpirationDate"]) for row in found["records"]] == [(signing.id, "9999-12-31")]
        mdapi: Any = salesforce.mdapi
        provider = mdapi.SamlSsoConfig.read(["Company_Login"])
        assert (provider.validationCert, provider.requestSigningCertId) == (new_pair[1].base64, signing.id)
        queries = [mdapi.ListMetadataQuery(type=name) for name in ("Certificate", "SamlSsoConfig")]
        assert [(file.type, file.fullName) for file in mdapi.list_metadata(queries)] == [
            ("Certificate", "Signing"),
            ("SamlSsoConfig", "Company_Login"),
        ]

    def test_its_metadata_client_understands_refusals_and_faults(self, org: Org, salesforce: Salesforce) -> None:
        apps: Any = salesforce.mdapi.ConnectedApp
        component = apps.read(["Billing"])
        with pytest.raises(Exception, match="You cannot provide a Consumer Key"):
            apps.update([component])
        assert apps.read(["Nobody"]).fullName is None
        org.sessions.end_all()
        with pytest.raises(ZeepFault, match="INVALID_SESSION_ID") as refused:
            apps.read(["Billing"])
        assert refused.value.code == "sf:INVALID_SESSION_ID"

    def test_its_rest_client_queries_and_understands_refusals(self, org: Org, salesforce: Salesforce) -> None:
        found = salesforce.query("SELECT Id, Name FROM ConnectedApplication WHERE Name = 'Billing'")
        assert [record["Name"] for record in found["records"]] == ["Billing"]
        assert salesforce.limits()["DailyApiRequests"]["Max"] > 0
        with pytest.raises(SalesforceMalformedRequest):
            salesforce.query("SELECT Colour FROM ConnectedApplication")
        org.sessions.end_all()
        with pytest.raises(SalesforceExpiredSession):
            salesforce.limits()


def test_an_assertion_with_milliseconds_as_the_official_command_line_sends_it_logs_in(org: Org) -> None:
    key = org.app("Management").private_key
    assert key is not None
    claims: dict[str, Any] = {"iss": org.app("Management").client_id, "sub": "admin@acme.example"}
    claims |= {"aud": "https://login.salesforce.com", "exp": int(time.time() * 1000) + 300}
    form = {"grant_type": GRANT_TYPE, "assertion": jwt.encode(claims, key.signing_key(), "RS256")}
    assert requests.post(f"{org.url}/services/oauth2/token", data=form, timeout=60).status_code == 200


def test_hand_written_xml_with_prefixes_of_its_own_updates_an_app(
    org: Org, new_pair: tuple[PrivateKey, Certificate]
) -> None:
    body = f"""<?xml version="1.0" encoding="utf-8"?>
    <env:Envelope xmlns:env="{ENVELOPE}" xmlns:met="{METADATA}" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">
      <env:Header><met:SessionHeader><met:sessionId>{log_in(org).json()["access_token"]}</met:sessionId>
      </met:SessionHeader><met:CallOptions><met:client>scripts/1.0</met:client></met:CallOptions></env:Header>
      <env:Body><met:updateMetadata><met:metadata i:type="met:ConnectedApp">
        <met:fullName>Billing</met:fullName><met:contactEmail>a@acme.example</met:contactEmail>
        <met:label>Billing</met:label>
        <met:oauthConfig><met:callbackUrl>https://acme.example/cb</met:callbackUrl>
          <met:certificate>{new_pair[1].pem}</met:certificate>
          <met:isAdminApproved>true</met:isAdminApproved><met:scopes>Api</met:scopes><met:scopes>RefreshToken</met:scopes>
        </met:oauthConfig></met:metadata></met:updateMetadata></env:Body>
    </env:Envelope>"""
    answer = requests.post(
        f"{org.url}/services/Soap/m/66.0/{org.id[:15]}",
        data=body.encode(),
        headers={"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""'},
        timeout=60,
    )
    assert answer.status_code == 200
    assert etree.fromstring(answer.content).findtext(f".//{{{METADATA}}}success") == "true"
    assert org.app("Billing").live_certificate == new_pair[1]


def _curl(server: SimulatorServer, *arguments: str) -> Any:
    command = ["curl", "--silent", "--show-error", "--max-time", "5", "--cacert", str(server.ca_file), *arguments]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if shutil.which("curl"):

    def test_curl_logs_in_and_asks_who_it_is(org: Org, server: SimulatorServer) -> None:
        key = org.app("Management").private_key
        assert key is not None
        claims = {"iss": org.app("Management").client_id, "sub": "admin@acme.example", "aud": org.url}
        assertion = jwt.encode({**claims, "exp": int(time.time()) + 180}, key.signing_key(), "RS256")
        form = ["--data-urlencode", f"grant_type={GRANT_TYPE}", "--data-urlencode", f"assertion={assertion}"]
        token = _curl(server, *form, f"{org.url}/services/oauth2/token")
        bearer = f"Authorization: Bearer {token['access_token']}"
        user = _curl(server, "--header", bearer, f"{org.url}/services/oauth2/userinfo")
        assert user["preferred_username"] == "admin@acme.example"
