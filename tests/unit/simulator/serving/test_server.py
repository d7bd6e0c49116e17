"""A running simulated org: HTTP answers, control paths, and what faults do to connections."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jwt
import pytest
import requests

from rotator.errors import ConfigurationError
from rotator.simulator.oauth.login_checks import GRANT_TYPE
from rotator.simulator.org.org import Org
from rotator.simulator.serving.server import SimulatorServer, utc_now
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.tiers import longer
from tests.unit.simulator.helpers import envelope, seeded, session_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.simulator.helpers import KeyPair

PATIENCE: Final = 60.0
"""Seconds that a busy machine may need for what takes a moment."""

READ = "<readMetadata><type>ConnectedApp</type><fullNames>Billing</fullNames></readMetadata>"


@pytest.fixture(scope="module")
def server(key_pairs: tuple[KeyPair, ...]) -> Iterator[SimulatorServer]:
    orgs = [Org(name, clock=utc_now, random=seeded(), number=number) for number, name in enumerate(("one", "two"), 1)]
    for org in orgs:
        org.add_user("admin@acme.example", may_use_metadata=True, profile="System Administrator")
        for app in ("Management", "Billing"):
            key, certificate = key_pairs[0]
            org.add_app(app, certificate=certificate, username="admin@acme.example", private_key=key)
    with SimulatorServer(orgs) as running:
        yield running


@pytest.fixture
def served(server: SimulatorServer) -> Iterator[Org]:
    """The first org; no fault is left over."""
    yield server.org("one")
    server.org("one").faults.clear()


@pytest.fixture
def http(server: SimulatorServer) -> Iterator[requests.Session]:
    with trusting(server) as session:
        yield session


def trusting(server: SimulatorServer) -> requests.Session:
    """A client that trusts the server's authority, whatever the environment says."""
    session = requests.Session()
    session.trust_env = False
    session.verify = str(server.ca_file)
    return session


def login(http: requests.Session, org: Org, app: str = "Billing") -> requests.Response:
    key = org.app(app).private_key
    assert key is not None
    claims = {"iss": org.app(app).client_id, "sub": "admin@acme.example", "aud": org.url, "exp": int(time.time()) + 60}
    assertion = jwt.encode(claims, key.signing_key(), "RS256")
    form = {"grant_type": GRANT_TYPE, "assertion": assertion}
    return http.post(f"{org.url}/services/oauth2/token", data=form, timeout=60)


def soap(http: requests.Session, org: Org, body: str = READ, timeout: float = 5) -> requests.Response:
    url = f"{org.url}/services/Soap/m/63.0/{org.id[:15]}"
    headers = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""'}
    return http.post(url, data=envelope(body, session_of(org)), headers=headers, timeout=timeout)


def bearer(response: requests.Response) -> dict[str, str]:
    return {"Authorization": f"Bearer {response.json()['access_token']}"}


class TestAnswers:
    def test_a_token_opens_userinfo_the_rest_api_and_the_metadata_api(
        self, http: requests.Session, served: Org
    ) -> None:
        headers = bearer(login(http, served))
        user = http.get(f"{served.url}/services/oauth2/userinfo", headers=headers, timeout=60).json()
        assert (user["organization_id"], user["preferred_username"]) == (served.id, "admin@acme.example")
        limits = http.get(f"{served.url}/services/data/v63.0/limits", headers=headers, timeout=60)
        assert limits.json()["DailyApiRequests"]["Max"] > 0
        found = http.get(f"{served.url}/services/data/v63.0/query?q=SELECT+Id+FROM+User", headers=headers, timeout=60)
        assert found.json()["totalSize"] == 1
        assert "query" in http.get(f"{served.url}/services/data/v63.0/", headers=headers, timeout=60).json()
        assert soap(http, served).status_code == 200

    def test_answers_carry_salesforces_content_types_and_are_not_cached(
        self, http: requests.Session, served: Org
    ) -> None:
        token, read = login(http, served), soap(http, served)
        assert token.headers["Content-Type"] == "application/json;charset=UTF-8"
        assert read.headers["Content-Type"] == "text/xml; charset=utf-8"
        assert "no-store" in token.headers["Cache-Control"]
        assert "no-store" in read.headers["Cache-Control"]

    def test_the_versions_need_no_session_and_the_rest_does(self, http: requests.Session, served: Org) -> None:
        versions = http.get(f"{served.url}/services/data/", timeout=60).json()
        assert versions[-1]["version"] == "67.0"
        limits = f"{served.url}/services/data/v63.0/limits"
        refused = http.get(limits, headers={"Authorization": "Bearer 00D!gone"}, timeout=60)
        assert (refused.status_code, refused.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
        assert http.get(limits, timeout=60).json()[0]["errorCode"] == "INVALID_AUTH_HEADER"
        userinfo = http.get(f"{served.url}/services/oauth2/userinfo", timeout=60)
        assert (userinfo.status_code, userinfo.text) == (403, "Missing_OAuth_Token")

    def test_a_token_of_an_app_without_the_api_scope_does_not_open_the_rest_api(
        self, http: requests.Session, served: Org
    ) -> None:
        oauth = served.app("Billing").component["oauthConfig"]
        headers = bearer(login(http, served))
        oauth["scopes"] = ["RefreshToken"]
        refused = http.get(f"{served.url}/services/data/v63.0/limits", headers=headers, timeout=60)
        oauth["scopes"] = ["Api", "RefreshToken"]
        assert "not valid for use with the REST API" in refused.json()[0]["message"]

    @pytest.mark.parametrize(
        ("path", "status", "words"),
        [
            ("/services/data/v63.0/rockets", 404, '"errorCode": "NOT_FOUND"'),
            ("/services/data/v70.0/limits", 404, '"errorCode": "NOT_FOUND"'),
            ("/services/data/v63.0/composite", 501, '"errorCode": "SIMULATOR_UNSUPPORTED"'),
            ("/services/apexrest/rockets", 501, '"errorCode": "SIMULATOR_UNSUPPORTED"'),
            ("/services/oauth2/authorize", 501, '"error": "SIMULATOR_UNSUPPORTED"'),
            ("/services/Soap/s/63.0/X", 500, "sf:SIMULATOR_UNSUPPORTED"),
            ("/rockets", 404, "<html>"),
        ],
    )
    def test_what_is_not_there_is_answered_in_the_form_of_its_kind_of_address(
        self, http: requests.Session, served: Org, path: str, status: int, words: str
    ) -> None:
        answer = http.get(served.url + path, headers=bearer(login(http, served)), timeout=60)
        assert answer.status_code == status
        assert words in answer.text

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_a_revoked_token_is_over(self, http: requests.Session, served: Org, method: str) -> None:
        response = login(http, served)
        revoke, token = f"{served.url}/services/oauth2/revoke", {"token": response.json()["access_token"]}
        sent = {"params": token} if method == "GET" else {"data": token}
        assert http.request(method, revoke, timeout=60, **sent).status_code == 200  # type: ignore[arg-type] # one of two
        limits = http.get(f"{served.url}/services/data/v63.0/limits", headers=bearer(response), timeout=60)
        assert limits.status_code == 401
        again = http.post(revoke, data=token, timeout=60)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_token")

    def test_the_token_endpoint_takes_posts_only(self, http: requests.Session, served: Org) -> None:
        answer = http.get(f"{served.url}/services/oauth2/token", timeout=60)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")

    def test_a_fault_is_http_500(self, http: requests.Session, served: Org) -> None:
        assert soap(http, served, "<launchRocket/>").status_code == 500
        broken = http.post(f"{served.url}/services/Soap/m/63.0", data=b"<", timeout=60)
        assert (broken.status_code, "soapenv:Client" in broken.text) == (500, True)

    def test_orgs_on_one_server_know_nothing_of_each_other(
        self, http: requests.Session, server: SimulatorServer
    ) -> None:
        one, two = server.orgs
        headers = bearer(login(http, one))
        assert http.get(f"{two.url}/services/data/v63.0/limits", headers=headers, timeout=60).status_code == 401
        assert one.users["admin@acme.example"].id != two.users["admin@acme.example"].id


class TestFaults:
    def test_a_failing_call_takes_no_effect(self, http: requests.Session, served: Org) -> None:
        served.faults.add(Fault(Kind.TOKEN, Effect.FAIL, answer="http_503"))
        before = len(served.logins)
        assert login(http, served).status_code == 503
        assert len(served.logins) == before
        assert login(http, served).status_code == 200

    def test_a_lost_answer_breaks_the_connection_after_the_effect(self, http: requests.Session, served: Org) -> None:
        served.faults.add(Fault(Kind.TOKEN, Effect.LOSE_ANSWER))
        before = len(served.logins)
        with pytest.raises(requests.ConnectionError):
            login(http, served)
        assert len(served.logins) == before + 1

    def test_a_hanging_call_is_never_answered_and_takes_no_effect(self, http: requests.Session, served: Org) -> None:
        served.faults.add(Fault(Kind.SOAP_READ, Effect.HANG))
        with pytest.raises(requests.ReadTimeout):
            soap(http, served, timeout=0.2)
        assert soap(http, served).status_code == 200

    def test_a_slow_call_is_answered_late(self, http: requests.Session, served: Org) -> None:
        served.faults.add(Fault(Kind.SOAP_READ, Effect.SLOW, seconds=0.2))
        begun = time.monotonic()
        assert soap(http, served).status_code == 200
        assert time.monotonic() - begun >= 0.2

    def test_a_fault_can_wait_for_logins_through_one_app(self, http: requests.Session, served: Org) -> None:
        served.faults.add(Fault(Kind.TOKEN, Effect.FAIL, answer="unknown_error", app="Billing"))
        assert login(http, served, "Management").status_code == 200
        assert login(http, served, "Billing").json()["error_description"] == "retry your request"

    def test_other_processes_add_see_and_clear_faults(self, http: requests.Session, served: Org) -> None:
        faults = f"{served.url}/simulator/faults"
        sent = [{"kind": "token", "effect": "fail", "answer": "login_rate_exceeded"}, {"kind": "any", "effect": "slow"}]
        assert len(http.post(faults, json=sent, timeout=60).json()) == 2
        assert "LOGIN_RATE_EXCEEDED" in login(http, served).text
        assert [fault["kind"] for fault in http.get(faults, timeout=60).json()] == ["any"]
        assert http.delete(faults, timeout=60).json() == []

    @pytest.mark.parametrize("sent", [b"no json", b"\xff", b'{"kind": "tea"}', b"[1]"])
    def test_a_fault_that_is_none_is_refused_in_a_sentence(
        self, http: requests.Session, served: Org, sent: bytes
    ) -> None:
        answer = http.post(f"{served.url}/simulator/faults", data=sent, timeout=60)
        assert answer.status_code == 400
        assert answer.json()["error"]


class TestControl:
    def test_the_state_shows_apps_calls_and_logins_and_no_token(self, http: requests.Session, served: Org) -> None:
        token = login(http, served).json()["access_token"]
        served.add_certificate("Signing", datetime(9999, 12, 31, tzinfo=UTC))
        answer = http.get(f"{served.url}/simulator/state", timeout=60)
        state: dict[str, Any] = answer.json()
        live = served.app("Billing").live_certificate
        assert live is not None
        assert state["apps"]["Billing"] == live.fingerprint
        assert state["certificates"] == {"Signing": "9999-12-31"}
        assert state["calls"]["token"] >= 1
        assert state["logins"][-1]["outcome"] == "Success"
        assert token not in answer.text

    @longer
    def test_settings_change_while_the_org_runs(self, http: requests.Session, served: Org) -> None:
        path = f"{served.url}/simulator/settings"
        assert http.patch(path, json={"propagation_seconds": 5}, timeout=60).json()["propagation_seconds"] == 5
        assert served.settings.propagation_seconds == 5
        wrong = ({"colour": 1}, {"propagation_seconds": "long"}, {"omitted_elements": "burn"}, [1])
        beyond = ({"propagation_seconds": 1e300}, {"session_seconds": -1}, {"flap_probability": 7}, {"query_batch": 0})
        for each in (*wrong, *beyond):
            assert http.patch(path, json=each, timeout=60).status_code == 400
        assert http.patch(path, data='{"propagation_seconds": NaN}', timeout=60).status_code == 400
        assert http.patch(path, json={"propagation_seconds": 0}, timeout=60).json() == http.get(path, timeout=60).json()


class TestServing:
    def test_clients_verify_the_certificate_against_the_authority_and_no_other(self, server: SimulatorServer) -> None:
        url = server.orgs[0].url
        assert Path(server.ca_file).read_text() == server.ca_pem
        assert (
            requests.get(url.replace("127.0.0.1", "localhost"), verify=str(server.ca_file), timeout=60).status_code
            == 404
        )
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(url, timeout=60)

    def test_it_starts_fast_and_stops_with_calls_hanging(self, key_pairs: tuple[KeyPair, ...]) -> None:
        org = Org("brief", clock=utc_now, random=seeded())
        org.add_user("admin@acme.example", may_use_metadata=True)
        org.add_app("Billing", certificate=key_pairs[0][1], username="admin@acme.example", private_key=key_pairs[0][0])
        org.faults.add(Fault(Kind.TOKEN, Effect.HANG), Fault(Kind.TOKEN, Effect.SLOW, seconds=10 * PATIENCE))
        begun = time.monotonic()
        with SimulatorServer([org]) as server, trusting(server) as http:
            assert time.monotonic() - begun < PATIENCE
            clients = [threading.Thread(target=_log_in_for_nothing, args=(http, org)) for _ in range(2)]
            for client in clients:
                client.start()
            while org.calls[Kind.TOKEN] < 2:
                assert time.monotonic() - begun < 2 * PATIENCE
                time.sleep(0.01)
            begun = time.monotonic()
        assert time.monotonic() - begun < PATIENCE
        for client in clients:
            client.join()

    def test_a_port_that_is_taken_is_said_in_a_sentence(self) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            with (
                pytest.raises(ConfigurationError, match=str(port)),
                SimulatorServer([Org("one", clock=utc_now, random=seeded())], port=port),
            ):
                pass

    def test_old_tls_is_refused(self, server: SimulatorServer) -> None:
        context = ssl.create_default_context(cafile=str(server.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        port = int(server.orgs[0].url.rpartition(":")[2])
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
        ):
            assert secured.version() in {"TLSv1.2", "TLSv1.3"}


def _log_in_for_nothing(http: requests.Session, org: Org) -> None:
    with suppress(requests.RequestException):
        login(http, org)
