"""Orgs under the host names of Salesforce: clients that know no others are led to them, and stay there."""

from __future__ import annotations

import time
from datetime import timedelta
from random import SystemRandom
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests
from simple_salesforce.api import Salesforce

from rotator.core.crypto.certificates import PrivateKey, SubjectName, self_signed
from rotator.simulator.org.org import Org
from rotator.simulator.serving.server import SimulatorServer, utc_now
from tests.contract.servers.proxy import leading_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.servers.proxy import Proxy

MY_DOMAIN = "acme.my.salesforce.com"
SANDBOX = "acme--uat.sandbox.my.salesforce.com"
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture(scope="module")
def server(key: PrivateKey) -> Iterator[SimulatorServer]:
    certificate = self_signed(key, SubjectName("app"), now=utc_now(), lifetime=timedelta(days=9))
    orgs = [
        Org("acme", "production", clock=utc_now, random=SystemRandom()),
        Org("uat", "sandbox", clock=utc_now, random=SystemRandom(), number=2),
    ]
    for org, host in zip(orgs, (MY_DOMAIN, SANDBOX), strict=True):
        org.addresses.hosts.append(host)
        user = org.add_user(f"admin@{org.name}.example", may_use_metadata=True, password=PASSWORD)
        app = org.add_app("Management", certificate=certificate, username=user.username, private_key=key)
        app.oauth.update(isClientCredentialEnabled="true", oauthClientCredentialUser=user.username)
    with SimulatorServer(orgs) as running:
        yield running


@pytest.fixture
def proxy(server: SimulatorServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Everything that a client asks for leads to the first org's port."""
    with leading_to(int(server.orgs[0].url.rpartition(":")[2])) as running:
        monkeypatch.setenv("HTTPS_PROXY", running.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.ca_file))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        yield running


def log_in(host: str, org: Org, key: PrivateKey, audience: str) -> Any:
    claims = {"iss": org.app("Management").client_id, "sub": f"admin@{org.name}.example", "aud": audience}
    assertion = jwt.encode({**claims, "exp": int(time.time()) + 60}, key.signing_key(), "RS256")
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    return requests.post(f"https://{host}/services/oauth2/token", data=form, timeout=5).json()


@pytest.mark.parametrize("name", ["acme", "uat"])
def test_a_login_at_the_generic_host_leads_to_the_right_org_and_never_off_the_machine(
    server: SimulatorServer, proxy: Proxy, key: PrivateKey, name: str
) -> None:
    org = server.org(name)
    generic = org.addresses.login_host
    token = log_in(generic, org, key, f"https://{generic}")
    assert token["instance_url"] == f"https://{org.addresses.hosts[0]}"
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    who = requests.get(token["id"], headers=headers, timeout=5).json()
    assert who["username"] == f"admin@{name}.example"
    limits = requests.get(f"{token['instance_url']}/services/data/v67.0/limits", headers=headers, timeout=5)
    assert limits.status_code == 200
    assert proxy.asked == {f"{generic}:443", f"{org.addresses.hosts[0]}:443"}
    for url in who["urls"].values():
        assert url.startswith(token["instance_url"])


def test_a_login_at_the_orgs_own_host_needs_no_port(server: SimulatorServer, proxy: Proxy, key: PrivateKey) -> None:
    token = log_in(SANDBOX, server.org("uat"), key, f"https://{SANDBOX}")
    assert token["instance_url"] == f"https://{SANDBOX}"
    assert proxy.asked == {f"{SANDBOX}:443"}


class TestSimpleSalesforce:
    """It knows hosts of salesforce.com alone."""

    def test_it_logs_in_by_jwt_and_queries(
        self, server: SimulatorServer, proxy: Proxy, key: PrivateKey, tmp_path: Path
    ) -> None:
        file = tmp_path / "key.pem"
        file.write_text(key.pem().reveal())
        client_id = server.org("acme").app("Management").client_id
        salesforce = Salesforce(username="admin@acme.example", consumer_key=client_id, privatekey_file=str(file))
        assert salesforce.sf_instance == MY_DOMAIN
        assert salesforce.query("SELECT Name FROM Organization")["records"][0]["Name"] == "acme"
        described: Any = salesforce.restful("sobjects/User/describe")
        assert described["keyPrefix"] == "005"
        assert proxy.asked == {"login.salesforce.com:443", f"{MY_DOMAIN}:443"}

    @pytest.mark.usefixtures("proxy")
    def test_it_logs_in_by_client_credentials(self, server: SimulatorServer) -> None:
        app = server.org("acme").app("Management")
        salesforce = Salesforce(
            consumer_key=app.client_id,
            consumer_secret=app.secret.reveal(),
            domain=MY_DOMAIN.removesuffix(".salesforce.com"),
        )
        assert salesforce.limits()["DailyApiRequests"]["Max"] > 0

    @pytest.mark.usefixtures("proxy")
    @pytest.mark.parametrize(("username", "domain"), [("admin@acme.example", "login"), ("admin@uat.example", "test")])
    def test_it_logs_in_by_a_password_over_soap(self, username: str, domain: str) -> None:
        salesforce = Salesforce(username=username, password=PASSWORD, security_token="", domain=domain)
        assert salesforce.query("SELECT COUNT() FROM User")["totalSize"] == 1
