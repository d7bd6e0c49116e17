"""login and logout over SOAP (facts 8.3, 8.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lxml import etree

from rotator.simulator.oauth.partner_api import NAMESPACES, answer_soap
from rotator.simulator.rest.resources import answer_data
from rotator.simulator.wire.request import Request

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org

USERNAME = "human@acme.example"


def ask(org: Org, api: str, body: str, session: str = "", version: str = "67.0") -> tuple[int, str]:
    header = f"<SessionHeader><sessionId>{session}</sessionId></SessionHeader>"
    text = (
        f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns="{NAMESPACES[api]}">'
        f"<e:Header>{header}</e:Header><e:Body>{body}</e:Body></e:Envelope>"
    )
    answer = answer_soap(org, text.encode(), api, version)
    return answer.status, answer.body.decode()


def log_in(password: str, username: str = USERNAME) -> str:
    return f"<login><username>{username}</username><password>{password}</password></login>"


@pytest.fixture
def org(org: Org) -> Org:
    org.add_user(USERNAME, password="right")
    return org


@pytest.mark.parametrize("api", ["u", "c"])
@pytest.mark.fact("8.1c")
def test_a_login_opens_a_session_until_the_logout(org: Org, api: str) -> None:
    status, text = ask(org, api, log_in("right"))
    assert status == 200
    found = {str(element.tag).rpartition("}")[2]: element.text for element in etree.fromstring(text.encode()).iter()}
    assert found["metadataServerUrl"] == f"{org.url}/services/Soap/m/67.0/{org.id[:15]}"
    assert (found["userName"], found["organizationId"], found["sandbox"]) == (USERNAME, org.id, "false")
    session = str(found["sessionId"])
    assert ask(org, api, "<logout/>", session)[0] == 200
    assert org.visitor(session) is None
    assert "INVALID_SESSION_ID" in ask(org, api, "<logout/>", session)[1]


@pytest.mark.parametrize(
    ("username", "password"), [(USERNAME, "wrong"), ("nobody", "right"), ("admin@acme.example", "")]
)
@pytest.mark.fact("8.4b")
def test_a_wrong_password_is_a_fault_with_a_detail(org: Org, username: str, password: str) -> None:
    status, text = ask(org, "u", log_in(password, username))
    assert status == 500
    assert "<faultcode>INVALID_LOGIN</faultcode>" in text
    assert '<sf:LoginFault xsi:type="sf:LoginFault">' in text


@pytest.mark.fact("8.3f")
def test_a_login_with_an_expired_password_succeeds_and_opens_nothing(org: Org) -> None:
    org.users[USERNAME].password_expired = True
    _, text = ask(org, "u", log_in("right"))
    assert "<passwordExpired>true</passwordExpired>" in text
    session = text.partition("<sessionId>")[2].partition("<")[0]
    headers = {"authorization": f"Bearer {session}"}
    answer = answer_data(org, Request("GET", "/services/data/v67.0/limits", {}, headers), ["v67.0", "limits"])
    assert (answer.status, b"INVALID_OPERATION_WITH_EXPIRED_PASSWORD" in answer.body) == (401, True)


def test_other_calls_of_this_api_are_not_simulated(org: Org) -> None:
    assert "sf:SIMULATOR_UNSUPPORTED" in ask(org, "u", "<query/>")[1]


@pytest.mark.parametrize("version", ["68.0", "28.0", "x", ""])
def test_a_version_that_is_not_offered_opens_no_session(org: Org, version: str) -> None:
    status, text = ask(org, "u", log_in("right"), version=version)
    assert status == 500
    assert "UNSUPPORTED_API_VERSION: Invalid Api version specified on URL" in text
    assert not org.sessions
