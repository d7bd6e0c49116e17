"""Client credentials, refresh tokens, and what tokens stand for (facts 4.2, 4.3, 7.4)."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rotator.simulator.oauth import identity
from rotator.simulator.oauth.token_endpoint import answer_login

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.simulator.org.org import Org
    from rotator.simulator.wire.answers import Answer
    from tests.unit.simulator.helpers import KeyPair, StandingClock


def body(answer: Answer) -> Any:
    return json.loads(answer.body)


def words(answer: Answer) -> tuple[int, str]:
    return answer.status, body(answer)["error_description"]


@pytest.fixture
def form(org: Org) -> dict[str, str]:
    """A request of the client credentials flow through Billing, which has it switched on."""
    app = org.app("Billing")
    app.oauth.update(isClientCredentialEnabled="true", oauthClientCredentialUser="billing@acme.example")
    secret = app.secret.reveal()
    return {"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": secret}


class TestClientCredentials:
    def test_the_right_secret_opens_a_session_of_the_named_user(self, org: Org, form: dict[str, str]) -> None:
        token = body(answer_login(org, form))
        visitor = org.visitor(token["access_token"])
        assert visitor is not None
        assert visitor.user.username == "billing@acme.example"
        assert "refresh_token" not in token

    def test_key_and_secret_may_come_as_basic_authentication(self, org: Org, form: dict[str, str]) -> None:
        pair = base64.b64encode(f"{form['client_id']}:{form['client_secret']}".encode()).decode()
        only = {"grant_type": "client_credentials"}
        assert answer_login(org, only, authorization=f"Basic {pair}").status == 200
        assert words(answer_login(org, only, authorization="Basic ###"))[0] == 400

    @pytest.mark.fact("4.3h")
    def test_refusals_are_worded_as_salesforce_words_them(self, org: Org, form: dict[str, str]) -> None:
        assert words(answer_login(org, {**form, "client_secret": "no"})) == (400, "invalid client credentials")
        assert words(answer_login(org, {**form, "client_id": "no"})) == (400, "client identifier invalid")
        at_login = answer_login(org, form, "login.salesforce.com")
        assert words(at_login) == (400, "request not supported on this domain")
        app, profiles = org.app("Billing"), org.app("Billing").assigned_profiles
        app.assign(["Nobody"], [])
        assert words(answer_login(org, form)) == (400, "user is not admin approved to access this app")
        settings, org.settings = org.settings, replace(org.settings, client_credentials_take_approval=False)
        assert answer_login(org, form).status == 200
        org.settings = settings
        app.assign(profiles, [])
        org.users["billing@acme.example"].active = False
        assert words(answer_login(org, form)) == (400, "inactive user")
        org.app("Billing").oauth["isClientCredentialEnabled"] = "false"
        assert words(answer_login(org, form)) == (400, "no client credentials user enabled")
        assert org.logins[-1].outcome.startswith("invalid_grant")


class TestRefreshTokens:
    @pytest.mark.fact("4.3f", "7.4b")
    def test_an_approval_gives_one_and_it_gives_sessions_until_it_is_revoked(self, org: Org) -> None:
        app, user = org.app("Billing"), org.users["billing@acme.example"]
        token = org.approve(app, user).reveal()
        form = {"grant_type": "refresh_token", "client_id": app.client_id, "refresh_token": token}
        session = body(answer_login(org, form))["access_token"]
        assert org.visitor(session)
        assert identity.revoke(org, token).status == 200
        assert org.visitor(session) is None
        assert words(answer_login(org, form)) == (400, "expired access/refresh token")

    def test_the_secret_is_asked_for_where_the_app_says_so(self, org: Org) -> None:
        app = org.app("Billing")
        token = org.approve(app, org.users["billing@acme.example"]).reveal()
        form = {"grant_type": "refresh_token", "client_id": app.client_id, "refresh_token": token}
        app.oauth["isSecretRequiredForRefreshToken"] = "true"
        assert words(answer_login(org, form)) == (400, "invalid client credentials")
        assert answer_login(org, {**form, "client_secret": app.secret.reveal()}).status == 200


class TestIdentity:
    def test_the_identity_url_says_who_a_token_is(self, org: Org, assertion: Callable[..., dict[str, str]]) -> None:
        token = body(answer_login(org, assertion()))
        assert token["id"].startswith(f"{org.url}/id/")
        org_id, user_id = token["id"].split("/")[-2:]
        told = body(identity.identity(org, token["access_token"], org_id, user_id))
        assert (told["username"], told["organization_id"]) == ("billing@acme.example", org.id)
        assert told["urls"]["metadata"].startswith(org.url)
        for wrong, status in ((("00D000000000000", user_id), 403), ((org_id, "005000000000000"), 404)):
            assert identity.identity(org, token["access_token"], *wrong).status == status
        assert identity.identity(org, "gone", org_id, user_id).body == b"Bad_OAuth_Token"

    @pytest.mark.fact("7.4c")
    def test_introspection_tells_an_app_of_its_own_tokens_only(
        self, org: Org, assertion: Callable[..., dict[str, str]], clock: StandingClock
    ) -> None:
        token = body(answer_login(org, assertion()))["access_token"]
        own, other = org.app("Billing"), org.app("Management")
        form = {"token": token, "client_id": own.client_id, "client_secret": own.secret.reveal()}
        told = body(identity.introspect(org, form, ""))
        assert (told["active"], told["username"], told["client_id"]) == (True, "billing@acme.example", own.client_id)
        assert told["exp"] == int(clock().timestamp()) + 7200
        foreign = {**form, "client_id": other.client_id, "client_secret": other.secret.reveal()}
        assert body(identity.introspect(org, foreign, "")) == {"active": False}
        other.oauth["isIntrospectAllTokens"] = "true"
        assert body(identity.introspect(org, foreign, ""))["active"] is True
        assert body(identity.introspect(org, {**form, "token": "gone"}, "")) == {"active": False}
        assert identity.introspect(org, {**form, "client_secret": "no"}, "").status == 401

    def test_what_a_client_finds_out_beforehand_leads_back_to_the_org(self, org: Org) -> None:
        told = body(identity.openid_configuration(org))
        assert all(value.startswith(org.url) for value in told.values() if str(value).startswith("https://"))
        assert body(identity.keys(org))["keys"][0]["kid"] == org.id


class TestHostNames:
    """A client is led back to the name by which it came, with the port that it used."""

    @pytest.mark.parametrize(
        ("host", "instance", "identity_start"),
        [
            ("acme.my.salesforce.com", "https://acme.my.salesforce.com", "https://login.salesforce.com/id/"),
            ("acme.my.salesforce.com:8443", "https://acme.my.salesforce.com:8443", "https://login.salesforce.com:8443"),
            ("login.salesforce.com", "https://acme.my.salesforce.com", "https://login.salesforce.com/id/"),
            ("127.0.0.1:8443", "https://127.0.0.1:8443", "https://127.0.0.1:8443/id/"),
            ("elsewhere.example", "https://127.0.0.1:8443", "https://127.0.0.1:8443/id/"),
            ("", "https://127.0.0.1:8443", "https://127.0.0.1:8443/id/"),
        ],
    )
    def test_a_login(
        self, org: Org, assertion: Callable[..., dict[str, str]], host: str, instance: str, identity_start: str
    ) -> None:
        org.addresses.hosts.append("acme.my.salesforce.com")
        token = body(answer_login(org, assertion(), host))
        assert token["instance_url"] == instance
        assert token["id"].startswith(identity_start)

    @pytest.mark.fact("4.4a")
    def test_each_of_them_is_an_audience(self, org: Org, assertion: Callable[..., dict[str, str]]) -> None:
        form = assertion(aud="https://acme.my.salesforce.com")
        assert words(answer_login(org, form)) == (400, "audience is invalid")
        org.addresses.hosts.append("acme.my.salesforce.com")
        assert answer_login(org, form).status == 200


class TestExternalApps:
    @pytest.fixture
    def login(
        self, org: Org, assertion: Callable[..., dict[str, str]], key_pairs: tuple[KeyPair, ...]
    ) -> dict[str, str]:
        org.add_external_app(
            "Shipping", certificate=key_pairs[0][1], username="billing@acme.example", private_key=key_pairs[0][0]
        )
        return assertion(iss=org.external_app("Shipping").client_id)

    def test_they_log_in_at_the_orgs_own_address(self, org: Org, login: dict[str, str]) -> None:
        assert body(answer_login(org, login))["scope"] == "api web refresh_token"

    @pytest.mark.fact("5.4a", "4.3j")
    def test_the_generic_login_servers_do_not_know_them(
        self, org: Org, login: dict[str, str], assertion: Callable[..., dict[str, str]]
    ) -> None:
        unknown = (400, "External client app is not installed in this org")
        assert words(answer_login(org, login, "login.salesforce.com")) == unknown
        generic = assertion(iss=org.external_app("Shipping").client_id, aud="https://login.salesforce.com")
        assert words(answer_login(org, generic)) == unknown

    def test_a_disabled_one_lets_nobody_in(self, org: Org, login: dict[str, str]) -> None:
        policies = org.external_app("Shipping").satellites["ExtlClntAppConfigurablePolicies"]
        policies.component = {**policies.component, "isOauthPluginEnabled": "false"}
        assert answer_login(org, login).status == 400
