"""POST /services/oauth2/token for the JWT bearer grant."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.simulator.oauth.login_checks import CHECKS, GRANT_TYPE
from rotator.simulator.oauth.token_endpoint import answer_login
from rotator.simulator.org.org import Org
from rotator.simulator.org.settings import OrgSettings, Refusal
from tests.unit.simulator.helpers import START, KeyPair, StandingClock, seeded

if TYPE_CHECKING:
    from rotator.simulator.wire.answers import Answer

Assertion = Callable[..., dict[str, str]]


def body(answer: Answer) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(answer.body)
    return parsed


def refusal(answer: Answer) -> tuple[int, str, str]:
    parsed = body(answer)
    return answer.status, parsed["error"], parsed["error_description"]


@pytest.mark.fact("4.2a", "4.2c", "4.2e")
def test_a_login_with_the_key_of_the_live_certificate_gets_a_token(org: Org, assertion: Assertion) -> None:
    answer = answer_login(org, assertion())
    token = body(answer)
    assert answer.status == 200
    assert token["access_token"].startswith(org.id[:15] + "!")
    assert token["instance_url"] == org.url
    assert token["id"] == f"{org.url}/id/{org.id}/{org.users['billing@acme.example'].id}"
    assert token["scope"] == "api web refresh_token"
    assert set(token) == {"access_token", "scope", "instance_url", "id", "token_type"}


@pytest.mark.fact("4.2b")
def test_a_sandbox_says_test_in_identity_urls_and_takes_it_as_audience(
    clock: StandingClock, assertion: Assertion, key_pairs: tuple[KeyPair, ...]
) -> None:
    sandbox = Org("sandbox", "sandbox", clock=clock, random=seeded(1))
    sandbox.add_user("billing@acme.example")
    sandbox.add_app("Billing", certificate=key_pairs[0][1], username="billing@acme.example")
    form = assertion(iss=sandbox.app("Billing").client_id, aud="https://test.salesforce.com")
    sandbox.addresses.hosts.append("acme--uat.sandbox.my.salesforce.com")
    answer = answer_login(sandbox, form, "test.salesforce.com")
    assert body(answer)["id"].startswith("https://test.salesforce.com/id/")


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"iss": "3MVG9unknown"}, (400, "invalid_client_id", "client identifier invalid")),
        ({"aud": "https://elsewhere.example"}, (400, "invalid_grant", "audience is invalid")),
        ({"aud": "https://test.salesforce.com"}, (400, "invalid_grant", "audience is invalid")),
        ({"exp": int(START.timestamp()) - 60}, (400, "invalid_grant", "expired authorization code")),
        ({"exp": None}, (400, "invalid_grant", "expired authorization code")),
        ({"exp": "nan"}, (400, "invalid_grant", "expired authorization code")),
        ({"sub": "nobody@acme.example"}, (400, "invalid_grant", "invalid assertion")),
        (
            {"sub": "admin@acme.example"},
            (400, "invalid_app_access", "user is not admin approved to access this app"),
        ),
    ],
)
@pytest.mark.fact("4.3c", "4.3d", "4.3g", "4.3i")
def test_a_wrong_claim_is_refused_in_salesforces_words(
    org: Org, assertion: Assertion, claims: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert refusal(answer_login(org, assertion(**claims))) == expected


@pytest.mark.parametrize(
    "exp",
    [
        pytest.param(str(int(START.timestamp()) + 180), id="digits in a string"),
        pytest.param((int(START.timestamp()) + 300) * 1000, id="milliseconds"),
        pytest.param(int(START.timestamp()), id="now"),
        pytest.param(int(START.timestamp()) - 3, id="a few seconds ago"),
        pytest.param(START.timestamp() + 0.5, id="a fraction"),
    ],
)
@pytest.mark.fact("4.5a")
def test_what_working_clients_send_as_expiry_is_taken(org: Org, assertion: Assertion, exp: object) -> None:
    assert answer_login(org, assertion(exp=exp)).status == 200


@pytest.mark.parametrize("aud", ["https://login.salesforce.com", "https://login.salesforce.com/", None])
@pytest.mark.fact("4.4a")
def test_the_login_host_and_the_orgs_own_url_are_audiences(org: Org, assertion: Assertion, aud: str | None) -> None:
    assert answer_login(org, assertion(**({"aud": aud} if aud else {}))).status == 200


@pytest.mark.fact("4.3b")
def test_another_key_than_the_live_certificates_is_an_invalid_assertion(
    org: Org, assertion: Assertion, key_pairs: tuple[KeyPair, ...]
) -> None:
    answer = answer_login(org, assertion(key=key_pairs[1][0]))
    assert refusal(answer) == (400, "invalid_grant", "invalid assertion")


@pytest.mark.fact("4.3b")
def test_an_app_without_a_certificate_verifies_nothing(org: Org, assertion: Assertion) -> None:
    org.put_certificate("Billing", None)
    assert refusal(answer_login(org, assertion())) == (400, "invalid_grant", "invalid assertion")


@pytest.mark.fact("4.7a")
def test_another_algorithm_than_rs256_is_an_invalid_assertion(org: Org, assertion: Assertion) -> None:
    assert refusal(answer_login(org, assertion(algorithm="RS512")))[2] == "invalid assertion"
    org.settings = replace(org.settings, accepted_algorithms=("RS256", "RS512"))
    assert answer_login(org, assertion(algorithm="RS512")).status == 200


@pytest.mark.fact("4.3l")
def test_another_grant_type_is_not_supported(org: Org, assertion: Assertion) -> None:
    form = {**assertion(), "grant_type": "tea"}
    assert refusal(answer_login(org, form)) == (400, "unsupported_grant_type", "grant type not supported")


def test_a_grant_type_that_is_not_simulated_says_so(org: Org) -> None:
    assert refusal(answer_login(org, {"grant_type": "password"}))[:2] == (501, "SIMULATOR_UNSUPPORTED")


@pytest.mark.fact("4.3p")
def test_the_audience_is_reported_before_a_missing_approval(org: Org, assertion: Assertion) -> None:
    form = assertion(aud="https://elsewhere.example", sub="admin@acme.example")
    assert refusal(answer_login(org, form))[2] == "audience is invalid"


@pytest.mark.fact("4.3e")
def test_an_inactive_user_is_named(org: Org, assertion: Assertion) -> None:
    org.users["billing@acme.example"].active = False
    assert refusal(answer_login(org, assertion())) == (400, "invalid_grant", "inactive user")


@pytest.mark.fact("4.3a")
def test_where_users_approve_themselves_only_those_log_in_who_did(org: Org, assertion: Assertion) -> None:
    app = org.app("Billing")
    app.component["oauthConfig"]["isAdminApproved"] = "false"
    assert refusal(answer_login(org, assertion()))[2] == "user hasn't approved this consumer"
    app.approved_usernames.add("billing@acme.example")
    assert answer_login(org, assertion()).status == 200


@pytest.mark.fact("4.3k")
def test_an_app_without_offline_access_is_an_invalid_request(org: Org, assertion: Assertion) -> None:
    org.app("Billing").component["oauthConfig"]["scopes"] = ["Api"]
    assert refusal(answer_login(org, assertion()))[1] == "invalid_request"


@pytest.mark.fact("1.3e")
def test_an_app_that_demands_high_assurance_takes_no_jwt_login(org: Org, assertion: Assertion) -> None:
    org.app("Billing").component["sessionPolicy"] = {"policyAction": "Block", "sessionLevel": "HIGH_ASSURANCE"}
    assert refusal(answer_login(org, assertion()))[2] == "authentication failure"


def test_an_expired_certificate_still_logs_in_unless_the_org_is_strict(
    org: Org, assertion: Assertion, key_pairs: tuple[KeyPair, ...]
) -> None:
    expired = self_signed(key_pairs[0][0], SubjectName("x"), now=START - timedelta(days=9), lifetime=timedelta(days=1))
    org.put_certificate("Billing", expired)
    assert answer_login(org, assertion()).status == 200
    org.settings = replace(org.settings, reject_expired_certificate=True)
    assert refusal(answer_login(org, assertion()))[2] == "invalid assertion"


def test_a_far_expiry_is_refused_only_where_a_window_is_set(org: Org, assertion: Assertion) -> None:
    form = assertion(exp=int(START.timestamp()) + 3600)
    assert answer_login(org, form).status == 200
    org.settings = replace(org.settings, longest_exp_seconds=300)
    assert refusal(answer_login(org, form))[2] == "expired authorization code"


@pytest.mark.fact("4.3n")
def test_more_logins_than_an_hour_allows_are_refused_until_the_hour_is_over(
    org: Org, assertion: Assertion, clock: StandingClock
) -> None:
    org.settings = replace(org.settings, logins_per_hour=2)
    statuses = [answer_login(org, assertion()).status for _ in range(3)]
    assert statuses == [200, 200, 400]
    clock.advance(3601)
    assert answer_login(org, assertion()).status == 200


@pytest.mark.fact("3c")
def test_a_change_is_met_by_the_old_key_until_it_has_spread(
    org: Org, assertion: Assertion, clock: StandingClock, key_pairs: tuple[KeyPair, ...]
) -> None:
    org.settings = replace(org.settings, propagation_seconds=10)
    clock.advance(60)
    org.put_certificate("Billing", key_pairs[1][1])
    assert answer_login(org, assertion()).status == 200
    clock.advance(11)
    assert answer_login(org, assertion()).status == 400
    assert answer_login(org, assertion(key=key_pairs[1][0])).status == 200


@pytest.mark.fact("7.3b")
def test_every_login_is_written_into_the_login_history(
    org: Org, assertion: Assertion, key_pairs: tuple[KeyPair, ...]
) -> None:
    answer_login(org, assertion())
    answer_login(org, assertion(key=key_pairs[1][0]))
    rows = [(row.time, row.app, row.username, row.outcome) for row in org.logins]
    assert rows == [
        (START, "Billing", "billing@acme.example", "Success"),
        (START, "Billing", "billing@acme.example", "invalid_grant: invalid assertion"),
    ]


@pytest.mark.fact("4.2d")
def test_an_app_for_jwt_tokens_gets_a_token_of_three_parts(org: Org, assertion: Assertion) -> None:
    org.app("Billing").component["oauthConfig"]["isNamedUserJwtEnabled"] = "true"
    token = body(answer_login(org, assertion()))["access_token"]
    assert token.count(".") == 2
    session = org.sessions.find(token, START)
    assert session is not None
    assert session.is_jwt


def test_a_second_login_gets_a_session_of_its_own_unless_the_org_shares_them(org: Org, assertion: Assertion) -> None:
    tokens = {body(answer_login(org, assertion()))["access_token"] for _ in range(2)}
    assert len(tokens) == 2
    org.settings = replace(org.settings, same_session_for_second_login=True)
    assert body(answer_login(org, assertion()))["access_token"] in tokens


def test_settings_change_the_words_and_the_order_of_checks(
    org: Org, assertion: Assertion, key_pairs: tuple[KeyPair, ...]
) -> None:
    missing = Refusal("app_not_found", "External client app is not installed in this org")
    org.settings = OrgSettings(refusals={"app": missing}, check_order=("grant_type", "assertion", "expiry"))
    assert refusal(answer_login(org, assertion(iss="3MVG9unknown")))[1] == "app_not_found"
    form = assertion(key=key_pairs[1][0], exp=0)
    assert refusal(answer_login(org, form))[2] == "expired authorization code"


def test_every_check_has_a_name_of_its_own() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)


@given(
    assertion=st.one_of(
        st.text(),
        st.lists(st.text(alphabet="abcXYZ019-_"), min_size=2, max_size=4).map(".".join),
        st.just("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOjF9.AAAA"),
        st.just("eyJhbGciOlsxXX0.W10.AAAA"),
    ),
    grant=st.sampled_from([GRANT_TYPE, "", "client_credentials", "refresh_token"]),
)
def test_whatever_is_sent_is_answered_with_an_oauth_error(assertion: str, grant: str) -> None:
    org = Org("production", clock=StandingClock(), random=seeded(1))
    answer = answer_login(org, {"grant_type": grant, "assertion": assertion})
    assert answer.status == 400
    assert set(body(answer)) == {"error", "error_description"}
