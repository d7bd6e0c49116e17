"""Orgs under the host names of Salesforce: clients that know no others are led to them, and stay there."""

from __future__ import annotations

import errno
import socket
import time
from contextlib import ExitStack
from datetime import timedelta
from random import SystemRandom
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests
from simple_salesforce.api import Salesforce

from rotator.core.crypto.certificates import PrivateKey, SubjectName, self_signed
from rotator.errors import ConfigurationError
from rotator.simulator.org.org import Org
from rotator.simulator.serving.server import SimulatorServer, utc_now
from tests.contract.servers.proxy import leading_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.simulator.org.org import OrgKind
    from tests.contract.servers.proxy import Proxy

MY_DOMAIN = "acme.my.salesforce.com"
SANDBOX = "acme--uat.sandbox.my.salesforce.com"
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.generate()


def org_of(name: str, kind: OrgKind, host: str, key: PrivateKey, number: int = 1) -> Org:
    """An org with an administrator, who logs in by the key, by a password, or by the app's secret."""
    certificate = self_signed(key, SubjectName("app"), now=utc_now(), lifetime=timedelta(days=9))
    org = Org(name, kind, clock=utc_now, random=SystemRandom(), number=number)
    org.addresses.hosts.append(host)
    user = org.add_user(f"admin@{name}.example", may_use_metadata=True, password=PASSWORD)
    app = org.add_app("Management", certificate=certificate, username=user.username, private_key=key)
    app.oauth.update(isClientCredentialEnabled="true", oauthClientCredentialUser=user.username)
    return org


@pytest.fixture(scope="module")
def server(key: PrivateKey) -> Iterator[SimulatorServer]:
    orgs = [org_of("acme", "production", MY_DOMAIN, key), org_of("uat", "sandbox", SANDBOX, key, number=2)]
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
    return requests.post(f"https://{host}/services/oauth2/token", data=form, timeout=60).json()


@pytest.mark.parametrize("name", ["acme", "uat"])
def test_a_login_at_the_generic_host_leads_to_the_right_org_and_never_off_the_machine(
    server: SimulatorServer, proxy: Proxy, key: PrivateKey, name: str
) -> None:
    org = server.org(name)
    generic = org.addresses.login_host
    token = log_in(generic, org, key, f"https://{generic}")
    assert token["instance_url"] == f"https://{org.addresses.hosts[0]}"
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    who = requests.get(token["id"], headers=headers, timeout=60).json()
    assert who["username"] == f"admin@{name}.example"
    limits = requests.get(f"{token['instance_url']}/services/data/v67.0/limits", headers=headers, timeout=60)
    assert limits.status_code == 200
    assert proxy.asked == {f"{generic}:443", f"{org.addresses.hosts[0]}:443"}
    for url in who["urls"].values():
        assert url.startswith(token["instance_url"])


def test_orgs_of_one_server_share_the_space_of_consumer_keys(server: SimulatorServer) -> None:
    acme, uat = server.orgs
    assert (acme.neighbours, uat.neighbours) == ((uat,), (acme,))
    assert not uat.takes_key(acme.app("Management").client_id)
    assert uat.takes_key("NobodyHasThis")


def test_a_login_at_the_orgs_own_host_needs_no_port(server: SimulatorServer, proxy: Proxy, key: PrivateKey) -> None:
    token = log_in(SANDBOX, server.org("uat"), key, f"https://{SANDBOX}")
    assert token["instance_url"] == f"https://{SANDBOX}"
    assert proxy.asked == {f"{SANDBOX}:443"}


@pytest.fixture
def led_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name of Salesforce's leads to this machine, as a line of /etc/hosts would have it."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        is_ours = str(host).endswith(".salesforce.com")
        return look_up("127.0.0.1" if is_ours else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("led_by_name")
def test_a_client_that_knows_a_name_and_no_port_is_led_to_port_443(
    key: PrivateKey, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    org = org_of("acme", "production", MY_DOMAIN, key)
    with ExitStack() as stack:
        try:
            running = stack.enter_context(SimulatorServer([org], port=443))
        except ConfigurationError as refused:
            pytest.skip(f"{refused} {refused.hint}")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running.ca_file))
        file = tmp_path / "key.pem"
        file.write_text(key.pem().reveal())
        client_id = org.app("Management").client_id
        salesforce = Salesforce(username="admin@acme.example", consumer_key=client_id, privatekey_file=str(file))
        assert salesforce.base_url.startswith(f"https://{MY_DOMAIN}/")
        assert salesforce.query("SELECT Name FROM Organization")["totalSize"] == 1
        assert org.url == "https://127.0.0.1:443"


def test_who_may_not_listen_there_is_told_what_it_takes(key: PrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    server = SimulatorServer([org_of("acme", "production", MY_DOMAIN, key)], port=443)
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1:443: Permission denied") as refused, server:
        pass
    assert "ip_unprivileged_port_start=443" in refused.value.hint


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
