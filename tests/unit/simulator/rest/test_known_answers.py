"""Facts of logins, calls and rows (tests/unit/simulator/facts.py) that no other test here shows."""

# ruff: noqa: S608 - the queries go to the simulated org

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from rotator.simulator.oauth.login_checks import GRANT_TYPE
from rotator.simulator.oauth.token_endpoint import answer_login
from rotator.simulator.rest.tables import KEPT_TOKENS
from rotator.simulator.serving.endpoints import understand
from rotator.simulator.wire.request import Request
from tests.tiers import longer
from tests.unit.simulator.helpers import envelope, session_of

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from rotator.simulator.wire.answers import Answer
    from tests.unit.simulator.helpers import KeyPair, StandingClock

DATA = "/services/data/v67.0"


def send(org: Org, method: str, path: str, token: str = "", body: bytes = b"", **query: str) -> Answer:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return understand(org, Request(method, path, query, headers, body)).perform(None)


def ask(org: Org, text: str, version: str = "67.0", username: str = "admin@acme.example") -> Any:
    """The answer to a query."""
    app = "Management" if username.startswith("admin") else "Billing"
    path = f"/services/data/v{version}/query"
    return json.loads(send(org, "GET", path, session_of(org, username, app), q=text).body)


@pytest.mark.fact("4.1a")
def test_assertions_of_working_clients_are_taken(
    org: Org, clock: StandingClock, key_pairs: tuple[KeyPair, ...]
) -> None:
    claims = {
        "iss": org.app("Billing").client_id,
        "sub": "billing@acme.example",
        "aud": "https://login.salesforce.com",
        "exp": int(clock().timestamp()) + 60,
        "iat": int(clock().timestamp()),
        "alg": "RS256",
    }
    for headers in ({"typ": "JWT"}, {"typ": None}):
        text = jwt.encode(claims, key_pairs[0][0].signing_key(), "RS256", headers)
        assert answer_login(org, {"grant_type": GRANT_TYPE, "assertion": text}).status == 200


@pytest.mark.fact("4.9a")
def test_userinfo_tells_who_it_is(org: Org) -> None:
    told = json.loads(send(org, "GET", "/services/oauth2/userinfo", session_of(org)).body)
    user = org.users["admin@acme.example"]
    assert (told["user_id"], told["organization_id"]) == (user.id, org.id)
    assert (told["preferred_username"], told["name"]) == ("admin@acme.example", user.name)
    assert told["sub"].endswith(f"/id/{org.id}/{user.id}")


@pytest.mark.fact("4.9b")
def test_refusals_of_the_rest_api_have_their_words(org: Org) -> None:
    def refused(token: str) -> tuple[int, str, str]:
        answer = send(org, "GET", f"{DATA}/limits", token)
        [told] = json.loads(answer.body)
        return answer.status, told["errorCode"], told["message"]

    assert refused("") == (401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
    assert refused("nothing") == (401, "INVALID_SESSION_ID", "Session expired or invalid")
    org.app("Billing").oauth["scopes"] = ["RefreshToken"]
    other = session_of(org, "billing@acme.example", "Billing")
    assert refused(other) == (401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API")
    user = org.add_user("old@acme.example", password="right")
    user.password_expired = True
    token = org.start_password_session(user).token
    sentence = "Your password has expired. Please reset your password."
    assert refused(token) == (401, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", sentence)
    org.settings = replace(org.settings, rest_api_enabled=False)
    sentence = "The REST API is not enabled for this Organization."
    assert refused(session_of(org)) == (403, "API_DISABLED_FOR_ORG", sentence)


@pytest.mark.fact("5.3c")
def test_the_credentials_of_an_external_client_app_hold_no_certificate(
    org: Org, key_pairs: tuple[KeyPair, ...]
) -> None:
    app = org.add_external_app("Shipping", certificate=key_pairs[0][1])
    org.settings = replace(org.settings, external_secrets_over_rest=True)
    base = f"{DATA}/apps/oauth/credentials/{app.id}"
    consumers = send(org, "GET", base, session_of(org)).body
    [consumer] = json.loads(consumers)["consumers"]
    secret = send(org, "GET", f"{base}/{consumer['id']}", session_of(org), part="keyandsecret").body
    assert set(json.loads(secret)) == {"key", "secret"}
    assert b"certificate" not in (consumers + secret).lower()


APPLICATION_FIELDS = {
    *("Id", "Name", "CreatedById", "CreatedDate", "LastModifiedById", "LastModifiedDate", "SystemModstamp"),
    *("MobileSessionTimeout", "MobileStartUrl", "NamedUserUvidTimeout", "OptionsAllowAdminApprovedUsersOnly"),
    *("OptionsCodeCredentialGuestEnabled", "OptionsFullContentPushNotifications", "OptionsHasSessionLevelPolicy"),
    *("OptionsIsInternal", "OptionsRefreshTokenValidityMetric", "OptionsTokenExchangeManageBitEnabled"),
    *("PinLength", "RefreshTokenValidityPeriod", "StartUrl", "UvidTimeout"),
}


@pytest.mark.fact("7.1a")
def test_connected_application_has_its_fields_and_is_read_only(org: Org) -> None:
    path = f"{DATA}/sobjects/ConnectedApplication"
    told = json.loads(send(org, "GET", f"{path}/describe", session_of(org)).body)
    assert {field["name"] for field in told["fields"]} == APPLICATION_FIELDS
    assert not any(told[flag] for flag in ("createable", "updateable", "deletable"))
    assert ask(org, "SELECT ConsumerKey FROM ConnectedApplication")[0]["errorCode"] == "INVALID_FIELD"


@pytest.mark.fact("7.1b")
def test_its_name_is_the_label_and_its_date_follows_changes(
    org: Org, clock: StandingClock, key_pairs: tuple[KeyPair, ...]
) -> None:
    org.app("Billing").component["label"] = "Billing of invoices"
    clock.advance(3600)
    org.put_certificate("Billing", key_pairs[1][1])
    text = "SELECT Name, CreatedDate, LastModifiedDate FROM ConnectedApplication WHERE LastModifiedDate > "
    [row] = ask(org, f"{text}2026-11-23T12:30:00Z")["records"]
    assert row["Name"] == "Billing of invoices"
    assert (row["CreatedDate"], row["LastModifiedDate"]) == (
        "2026-11-23T12:00:00.000+0000",
        "2026-11-23T13:00:00.000+0000",
    )


@longer
@pytest.mark.fact("7.2c")
def test_tokens_come_by_the_five_hundred_and_end_with_twenty_five_hundred(org: Org) -> None:
    app = org.app("Billing")
    for number in range(KEPT_TOKENS + 10):
        org.start_session(org.add_user(f"{number}@acme.example"), app)
    page = ask(org, "SELECT UserId FROM OauthToken")
    sizes = [len(page["records"])]
    while not page["done"]:
        page = json.loads(send(org, "GET", page["nextRecordsUrl"], session_of(org)).body)
        sizes.append(len(page["records"]))
    assert sizes == [500] * 5
    assert ask(org, "SELECT COUNT() FROM OauthToken WHERE AppName = 'Billing'")["totalSize"] == KEPT_TOKENS + 10


@pytest.mark.fact("7.2d")
def test_a_token_names_the_item_of_an_app_that_is_installed(org: Org) -> None:
    made = org.add_external_app("Shipping", username="billing@acme.example")
    for app in (made, org.app("Billing")):
        org.start_session(org.users["billing@acme.example"], app)
    del org.apps["Billing"]
    rows = ask(org, "SELECT AppName, AppMenuItemId FROM OauthToken WHERE AppName != 'Management'")["records"]
    found = {row["AppName"]: row["AppMenuItemId"] for row in rows}
    assert found["Billing"] is None
    [item] = ask(org, f"SELECT ApplicationId FROM AppMenuItem WHERE Id = '{found['Shipping']}'")["records"]
    assert item["ApplicationId"] == made.id
    assert made.id.startswith("0xI")


@pytest.mark.fact("7.2e", "7.4a")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_tokens_are_revoked_by_themselves_or_by_their_row(org: Org, method: str) -> None:
    session = session_of(org, "billing@acme.example", "Billing")
    [row] = ask(org, "SELECT DeleteToken FROM OauthToken WHERE AppName = 'Billing'")["records"]
    for token in (session, row["DeleteToken"]):
        query, form = ({"token": token}, b"") if method == "GET" else ({}, f"token={token}".encode())
        answer = understand(org, Request(method, "/services/oauth2/revoke", query, {}, form)).perform(None)
        assert (answer.status, answer.body) == (200, b"")
    assert org.visitor(session) is None
    again = send(org, "POST", "/services/oauth2/revoke", body=f"token={session}".encode())
    assert (again.status, json.loads(again.body)["error"]) == (400, "invalid_token")


@pytest.mark.fact("7.3c")
def test_a_field_of_the_login_history_came_with_a_version(org: Org) -> None:
    org.record_login("Billing", "billing@acme.example", "Success")
    text = "SELECT AuthMethodReference FROM LoginHistory"
    assert ask(org, text, version="51.0")["totalSize"] == 1
    assert ask(org, text, version="50.0")[0]["errorCode"] == "INVALID_FIELD"


@pytest.mark.fact("6c")
@pytest.mark.parametrize(("version", "code"), [("36.0", "INVALID_TYPE"), ("37.0", "")])
def test_certificates_are_in_the_tooling_api_from_version_37_on(org: Org, version: str, code: str) -> None:
    path = f"/services/data/v{version}/tooling"
    told = json.loads(send(org, "GET", f"{path}/query", session_of(org), q="SELECT Id FROM Certificate").body)
    assert (told[0]["errorCode"] if isinstance(told, list) else "") == code
    listed = json.loads(send(org, "GET", f"{path}/sobjects", session_of(org)).body)["sobjects"]
    assert bool(listed) == (code == "")


@pytest.mark.fact("8.1a", "8.1b")
def test_the_metadata_api_answers_with_and_without_the_orgs_id(org: Org) -> None:
    body = envelope("<describeMetadata><asOfVersion>66.0</asOfVersion></describeMetadata>", session_of(org))
    for path in ("/services/Soap/m/66.0", f"/services/Soap/m/66.0/{org.id[:15]}"):
        for headers in ({}, {"soapaction": '""'}, {"soapaction": '"anything"'}):
            answer = understand(org, Request("POST", path, {}, headers, body)).perform(None)
            assert (answer.status, answer.content_type) == (200, "text/xml; charset=utf-8")
    refused = understand(org, Request("POST", "/services/Soap/m/66.0", {}, {}, envelope("<describeMetadata/>")))
    answer = refused.perform(None)
    assert (answer.status, answer.content_type) == (500, "text/xml; charset=utf-8")


@pytest.mark.parametrize("path", ["/secur/frontdoor.jsp", "/setup", "/lightning/page/home", "/.well-known/assetlinks"])
def test_a_page_of_salesforces_is_not_simulated_and_no_wrong_address(org: Org, path: str) -> None:
    answer = send(org, "GET", path)
    assert (answer.status, answer.content_type.partition(";")[0]) == (501, "text/html")
    assert f"SIMULATOR_UNSUPPORTED: The page {path} is not simulated".encode() in answer.body
    assert send(org, "GET", "/no/such/page").status == 404
