"""What the answers of a token endpoint say (OAuth 2.0 JWT Bearer Flow, error codes)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.logins import LoginOutcome, classify_refusal, of_another_consumer_key

ACCEPTED, MISMATCH = LoginOutcome.ACCEPTED, LoginOutcome.MISMATCH
CONFIGURATION, CLOCK = LoginOutcome.CONFIGURATION, LoginOutcome.CLOCK
TRANSIENT, RATE = LoginOutcome.TRANSIENT, LoginOutcome.RATE


@pytest.mark.parametrize(
    ("error", "description", "outcome"),
    [
        ("invalid_grant", "invalid assertion", MISMATCH),
        ("invalid_grant", "Invalid Assertion", MISMATCH),
        ("invalid_grant", "user hasn't approved this consumer", CONFIGURATION),
        ("invalid_grant", "user hasn\u2019t approved this consumer", CONFIGURATION),
        ("invalid_grant", "audience is invalid", CONFIGURATION),
        ("invalid_grant", "Audience validation failed", CONFIGURATION),
        ("invalid_grant", "expired authorization code", CLOCK),
        ("invalid_grant", "inactive user", CONFIGURATION),
        ("invalid_grant", "authentication failure", CONFIGURATION),
        ("invalid_grant", "user is locked", CONFIGURATION),
        ("invalid_grant", "ip restricted", CONFIGURATION),
        ("invalid_grant", "no valid scopes defined", CONFIGURATION),
        ("invalid_client_id", "client identifier invalid", CONFIGURATION),
        ("invalid_client", "invalid client credentials", CONFIGURATION),
        ("invalid_app_access", "user is not admin approved to access this app", CONFIGURATION),
        ("app_not_found", "External client app is not installed in this org", CONFIGURATION),
        (
            "invalid_request",
            "refresh_token scope is required and the connected app should be installed and preauthorized",
            CONFIGURATION,
        ),
        ("unsupported_grant_type", "grant type not supported", CONFIGURATION),
        ("unknown_error", "retry your request", TRANSIENT),
        ("invalid_grant", "LOGIN_RATE_EXCEEDED", RATE),
        ("invalid_grant", "Login rate exceeded", RATE),
        ("OAUTH_APP_BLOCKED", "this app is blocked by admin", CONFIGURATION),
        ("invalid_grant", "login outside of login hours", CONFIGURATION),
        ("invalid_grant", "user is frozen", CONFIGURATION),
        ("invalid_grant", "API_DISABLED_FOR_ORG", CONFIGURATION),
        ("invalid_grant", "unknown user", CONFIGURATION),
        ("something_new", "that nobody has seen", CONFIGURATION),
        ("invalid_grant", "", CONFIGURATION),
    ],
)
def test_every_known_refusal_is_classed_and_comes_with_advice(
    error: str, description: str, outcome: LoginOutcome
) -> None:
    answer = classify_refusal(400, error, description)
    assert answer.outcome is outcome
    assert answer.hint
    assert answer.reason == (f"{error}: {description}" if description else error)


@pytest.mark.parametrize("status", [408, 420, 429, 500, 502, 503, 504])
def test_an_org_that_is_away_is_transient_whatever_it_says(status: int) -> None:
    assert classify_refusal(status, "", "").outcome is TRANSIENT
    assert classify_refusal(status, "", "").reason == f"HTTP {status}"
    assert classify_refusal(status, "server_error", "try later").outcome is TRANSIENT
    assert classify_refusal(status, "invalid_grant", "invalid assertion").outcome is TRANSIENT


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404])
def test_an_answer_without_an_oauth_error_proves_nothing(status: int) -> None:
    answer = classify_refusal(status, "", "")
    assert answer.outcome is TRANSIENT
    assert not answer.outcome.conclusive


def test_only_a_token_and_a_mismatch_say_anything_about_the_certificate() -> None:
    assert {outcome for outcome in LoginOutcome if outcome.conclusive} == {ACCEPTED, MISMATCH}


@given(st.integers(100, 599), st.text(), st.text())
def test_any_refusal_is_classed_and_only_the_right_words_are_a_mismatch(
    status: int, error: str, description: str
) -> None:
    answer = classify_refusal(status, error, description)
    assert answer.outcome is not ACCEPTED
    assert answer.reason.isprintable()
    assert answer.hint
    assert len(answer.reason) <= 300
    if answer.outcome is MISMATCH:
        assert "invalid assertion" in f"{error}: {description}".lower()


@pytest.mark.parametrize(
    ("status", "error", "description", "may_fit"),
    [
        (400, "invalid_grant", "invalid assertion", True),
        (400, "invalid_client", "invalid client credentials", True),
        (401, "invalid_client", "", True),
        (400, "invalid_client", "user is locked", False),
        (400, "invalid_client", "LOGIN_RATE_EXCEEDED", False),
        (503, "invalid_client", "invalid client credentials", False),
        (503, "invalid_grant", "invalid assertion", False),
        (400, "invalid_client_id", "client identifier invalid", False),
        (400, "invalid_grant", "authentication failure", False),
        (400, "unknown_error", "retry your request", False),
        (400, "invalid_grant", "expired authorization code", False),
    ],
)
def test_a_consumer_goes_on_to_its_next_key_for_what_an_org_says_of_a_wrong_one_alone(
    status: int, error: str, description: str, may_fit: bool
) -> None:
    assert classify_refusal(status, error, description).another_key_may_fit is may_fit


def test_a_reason_cannot_steer_a_terminal_or_fill_a_log() -> None:
    answer = classify_refusal(400, "invalid_grant", "\x1b[2J\r\n" + "x" * 10_000)
    assert answer.reason.isprintable()
    assert len(answer.reason) <= 300


@pytest.mark.parametrize(
    ("description", "what_to_do"),
    [
        ("this app is blocked by admin", "Connected Apps OAuth Usage"),
        ("login outside of login hours", "login hours"),
        ("user is frozen", "Unfreeze"),
        ("user is locked", "Unlock"),
        ("API_DISABLED_FOR_ORG", "API Enabled"),
        ("authentication failure", "Login History"),
    ],
)
def test_a_user_or_app_that_is_shut_out_has_its_own_advice_and_says_nothing_of_the_key(
    description: str, what_to_do: str
) -> None:
    answer = classify_refusal(400, "invalid_grant", description)
    assert what_to_do in answer.hint
    assert not answer.another_key_may_fit
    assert answer.may_speak_of_the_key == (description == "authentication failure")


def test_a_wrong_username_is_thought_of_where_an_org_does_not_tell() -> None:
    assert "`username` is wrong" in classify_refusal(400, "invalid_grant", "invalid assertion").hint


@pytest.mark.parametrize(
    ("status", "error", "description", "outcome"),
    [
        (400, "invalid_client_id", "client identifier invalid", LoginOutcome.MISMATCH),
        (400, "invalid_grant", "user is locked", LoginOutcome.CONFIGURATION),
        (400, "invalid_client_id", "user is locked", LoginOutcome.CONFIGURATION),
        (503, "", "", LoginOutcome.TRANSIENT),
    ],
)
def test_only_an_unknown_consumer_key_speaks_against_a_key_whose_app_has_another(
    status: int, error: str, description: str, outcome: LoginOutcome
) -> None:
    answer = of_another_consumer_key(classify_refusal(status, error, description))
    assert answer.outcome is outcome
    assert ("another consumer key by now" in answer.hint) == (outcome is LoginOutcome.MISMATCH)
