"""The login hosts of all orgs fail now and then: that is waited out, and the org's own host is advised."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
import requests

from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.salesforce.login import LoginTarget, log_in
from rotator.testing.versions import spare_key

if TYPE_CHECKING:
    from rotator.salesforce.transport import Transport

NOTHING = b""
JSON: dict[str, Any] = {"error": "invalid_grant", "error_description": "invalid assertion"}


class Answering:
    """A transport that gives one answer to everything."""

    def __init__(self, status: int, body: bytes) -> None:
        self.response = requests.Response()
        self.response.status_code, self.response._content = status, body

    def post(self, *_: object, **__: object) -> requests.Response:
        return self.response


def answer(host: str, status: int, body: bytes = NOTHING) -> LoginAnswer:
    target = LoginTarget(f"https://{host}", "client", "user@example.com", "https://login.salesforce.com")
    transport = cast("Transport", Answering(status, body))
    return log_in(transport, target, spare_key(0), datetime(2026, 11, 23, tzinfo=UTC)).answer


@pytest.mark.parametrize("host", ["login.salesforce.com", "test.salesforce.com"])
@pytest.mark.parametrize("status", [400, 500, 503])
def test_what_says_nothing_is_waited_out_and_my_domain_advised(host: str, status: int) -> None:
    found = answer(host, status)
    assert found.outcome is LoginOutcome.TRANSIENT
    assert f"{host} serves all orgs" in found.hint
    assert "https://NAME.my.salesforce.com" in found.hint
    assert "Check `login_url`: it must" not in found.hint


def test_of_an_orgs_own_host_a_400_without_a_word_is_a_mistake() -> None:
    found = answer("acme.my.salesforce.com", 400)
    assert found.outcome is LoginOutcome.CONFIGURATION
    assert "serves all orgs" not in found.hint


@pytest.mark.parametrize("host", ["test.salesforce.com", "acme.my.salesforce.com"])
def test_what_an_org_says_of_a_key_is_the_same_from_every_host(host: str) -> None:
    assert answer(host, 400, json.dumps(JSON).encode()).outcome is LoginOutcome.MISMATCH


@pytest.mark.parametrize("error", ["unknown_error", "server_error", "temporarily_unavailable"])
def test_a_server_that_says_that_it_is_at_fault_is_believed(error: str) -> None:
    body = json.dumps({"error": error, "error_description": "An unexpected error occurred."}).encode()
    assert answer("acme.my.salesforce.com", 400, body).outcome is LoginOutcome.TRANSIENT
    assert "serves all orgs" in answer("test.salesforce.com", 400, body).hint
