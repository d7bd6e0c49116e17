"""Nothing that a client is told leads off the machine: every answer that holds an address, by each name of an org."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import jwt
import pytest
from lxml import etree

from rotator.core.crypto.certificates import PrivateKey, SubjectName, self_signed
from rotator.simulator.oauth.login_checks import GRANT_TYPE
from rotator.simulator.org.org import Org
from rotator.simulator.serving.endpoints import understand
from rotator.simulator.serving.server import utc_now
from rotator.simulator.wire.request import Request
from rotator.simulator.wire.soap import ENVELOPE, METADATA

if TYPE_CHECKING:
    from collections.abc import Iterator

MY_DOMAIN, USER, PASSWORD = "acme.my.salesforce.com", "admin@acme.example", "correct horse"
AT_HOME = "127.0.0.1:8443"
LEADS_HERE = {MY_DOMAIN, "login.salesforce.com", AT_HOME}
"""What the server answers to; the names lead to it by /etc/hosts or a proxy."""
GIVEN = {"http://localhost:1717/OauthRedirect", "https://login.example/saml", "https://saml.salesforce.com"}
"""What a person put into a component; it is data here, and no address of the org."""
NAMESPACE = re.compile(r"http://(?:schemas\.xmlsoap\.org|soap\.sforce\.com|www\.w3\.org)/")


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture
def org(key: PrivateKey) -> Org:
    certificate = self_signed(key, SubjectName("app"), now=utc_now(), lifetime=timedelta(days=9))
    org = Org("acme", clock=utc_now, random=Random(1))
    org.url = f"https://{AT_HOME}"
    org.addresses.hosts.append(MY_DOMAIN)
    user = org.add_user(USER, may_use_metadata=True, password=PASSWORD)
    app = org.add_app("Management", certificate=certificate, username=USER, private_key=key)
    app.oauth.update(isClientCredentialEnabled="true", oauthClientCredentialUser=USER)
    org.add_external_app("Shipping", certificate=certificate, username=USER)
    org.add_identity_provider("Login", certificate)
    org.approve(app, user)
    org.settings = replace(org.settings, query_batch=1, external_secrets_over_rest=True)
    return org


@dataclass
class Client:
    """Somebody who reached the org by one of its names."""

    org: Org
    host: str
    token: str = ""

    def ask(self, method: str, path: str, body: str = "", **query: str) -> str:
        headers = {"host": self.host, "authorization": f"Bearer {self.token}"}
        answer = understand(self.org, Request(method, path, query, headers, body.encode())).perform(None)
        assert answer.status < 400, f"{path}: {answer.body!r}"
        return answer.body.decode()

    def log_in(self, **form: str) -> str:
        return self.ask("POST", "/services/oauth2/token", urlencode(form))

    def soap(self, address: str, namespace: str, body: str) -> str:
        header = f"<SessionHeader><sessionId>{self.token}</sessionId></SessionHeader>"
        return self.ask(
            "POST",
            address,
            f'<e:Envelope xmlns:e="{ENVELOPE}" xmlns="{namespace}"><e:Header>{header}</e:Header><e:Body>{body}</e:Body>'
            "</e:Envelope>",
        )


def answers(client: Client, key: PrivateKey) -> Iterator[str]:
    """Every kind of answer with an address in it."""
    org = client.org
    app = org.app("Management")
    login = app.client_id, app.secret.reveal()
    claims = {"iss": app.client_id, "sub": USER, "aud": "https://login.salesforce.com", "exp": 2**31}
    token = client.log_in(grant_type=GRANT_TYPE, assertion=jwt.encode(claims, key.signing_key(), "RS256"))
    client.token = json.loads(token)["access_token"]
    yield token
    [grant] = [each for each in org.grants if each.refresh_token]
    assert grant.refresh_token
    refresh = {"client_id": login[0], "client_secret": login[1], "refresh_token": grant.refresh_token.reveal()}
    yield client.log_in(grant_type="refresh_token", **refresh)
    yield client.ask("GET", json.loads(token)["id"].partition("/id/")[2].join(["/id/", ""]))
    for path in ("/services/oauth2/userinfo", "/.well-known/openid-configuration"):
        yield client.ask("GET", path)
    asked = {"client_id": login[0], "client_secret": login[1], "token": client.token}
    yield client.ask("POST", "/services/oauth2/introspect", urlencode(asked))
    for api, namespace in (("u", "urn:partner.soap.sforce.com"), ("c", "urn:enterprise.soap.sforce.com")):
        credentials = f"<username>{USER}</username><password>{PASSWORD}</password>"
        yield client.soap(f"/services/Soap/{api}/67.0", namespace, f"<login>{credentials}</login>")
    if org.addresses.is_generic(client.host):
        return
    yield client.log_in(grant_type="client_credentials", client_id=login[0], client_secret=login[1])
    yield from resources(client)
    yield from components(client)


def resources(client: Client) -> Iterator[str]:
    """Of the REST API."""
    root = "/services/data/v67.0"
    for path in ("/services/data", root, f"{root}/sobjects", f"{root}/sobjects/User", f"{root}/sobjects/User/describe"):
        yield client.ask("GET", path)
    page = client.ask("GET", f"{root}/query", q="SELECT Id, (SELECT Id FROM Assignments) FROM PermissionSet")
    yield page
    yield client.ask("GET", json.loads(page)["nextRecordsUrl"])
    yield client.ask("GET", f"{root}/sobjects/User/{client.org.users[USER].id}")
    yield client.ask("GET", f"{root}/apps/oauth/usage")
    shipping = client.org.external_app("Shipping")
    consumers = client.ask("GET", f"{root}/apps/oauth/credentials/{shipping.id}")
    yield consumers
    [consumer] = json.loads(consumers)["consumers"]
    yield client.ask("GET", consumer["stagedCredentialsUrl"])
    yield client.ask("POST", consumer["stagedCredentialsUrl"])
    shipping.consumer = client.org.build_consumer()


def components(client: Client) -> Iterator[str]:
    """Of the Metadata API: an archive's files, and components."""
    package = "".join(
        f"<types><members>*</members><name>{name}</name></types>"
        for name in ("ConnectedApp", "ExtlClntAppGlobalOauthSettings", "SamlSsoConfig")
    )
    wanted = f"<retrieveRequest><unpackaged>{package}<version>67.0</version></unpackaged></retrieveRequest>"
    queued = client.soap("/services/Soap/m/67.0", METADATA, f"<retrieve>{wanted}</retrieve>")
    job = etree.fromstring(queued.encode()).findtext(f".//{{{METADATA}}}id")
    status = f"<checkRetrieveStatus><asyncProcessId>{job}</asyncProcessId></checkRetrieveStatus>"
    told = etree.fromstring(client.soap("/services/Soap/m/67.0", METADATA, status).encode())
    data = base64.b64decode(told.findtext(f".//{{{METADATA}}}zipFile") or "")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        yield from (archive.read(name).decode() for name in archive.namelist())


@pytest.mark.parametrize("host", [AT_HOME, MY_DOMAIN, f"{MY_DOMAIN}:8443", "login.salesforce.com"])
def test_every_address_leads_here(org: Org, key: PrivateKey, host: str) -> None:
    addresses: set[str] = set()
    for answer in answers(Client(org, host), key):
        found = [each for each in re.findall(r"https?://[^\s\"<>\\]+", answer) if not NAMESPACE.match(each)]
        assert not [each for each in found if not leads_here(each)], answer
        addresses.update(found)
        addresses.update(paths_in(answer))
    assert len(addresses) > 10


def leads_here(address: str) -> bool:
    name = urlsplit(address).netloc
    return name in LEADS_HERE or name.removesuffix(":8443") in LEADS_HERE or address in GIVEN


def paths_in(answer: str) -> set[str]:
    """Addresses without a host, which a client puts behind the org's own: each begins at the root."""
    found: list[Any] = [json.loads(answer)] if answer.startswith(("{", "[")) else []
    paths = set()
    while found:
        value = found.pop()
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, inner in items:
            if isinstance(inner, dict | list):
                found.append(inner)
            elif "url" in str(name).lower() and isinstance(inner, str) and "://" not in inner:
                assert inner.startswith("/services/data/"), (name, inner)
                paths.add(inner)
    return paths
