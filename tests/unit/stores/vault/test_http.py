"""What a Vault says that passes by itself is waited for."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from rotator.core.retry import Waiting
from rotator.errors import StoreError, StoreUnavailable
from rotator.stores.vault.http import VaultHttp, VaultServer
from tests.virtual_time import VirtualTime

UPGRADING = (
    "Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period and will"
    " resume service shortly."
)


@pytest.fixture
def http() -> VaultHttp:
    return VaultHttp("keys", VaultServer("http://127.0.0.1:1"), VirtualTime().waiting(30.0))


def response(status: int, body: dict[str, object]) -> requests.Response:
    answer = requests.Response()
    answer.status_code = status
    answer._content = json.dumps(body).encode()
    return answer


def test_an_engine_that_has_just_been_enabled_is_waited_for(http: VaultHttp) -> None:
    answers = [response(400, {"errors": [UPGRADING]}), response(200, {"data": {"keys": []}})]
    assert http.send(lambda _client: answers.pop(0), None).ok
    assert not answers


def test_an_engine_that_never_becomes_ready_is_told(http: VaultHttp) -> None:
    with pytest.raises(StoreUnavailable, match="not ready yet"):
        http.send(lambda _client: response(400, {"errors": [UPGRADING]}), None)


@pytest.mark.parametrize(
    ("status", "errors", "told"),
    [
        (503, ["Vault is sealed"], "it is sealed"),
        (500, ["local node not active but active cluster node not found"], "active cluster node not found"),
        (503, [], "no node is active"),
        (429, ['request path "kv/data/x": rate limit quota exceeded'], "rate limit quota exceeded"),
        (412, [], "has not caught up"),
        (472, [], "standby for disaster recovery"),
        (473, [], "performance standby"),
        (502, [], "cannot reach it"),
    ],
)
def test_a_server_that_is_sealed_a_standby_or_throttles_is_waited_for_and_told(
    http: VaultHttp, status: int, errors: list[str], told: str
) -> None:
    answers = [response(status, {"errors": errors}), response(200, {"data": {}})]
    assert http.send(lambda _client: answers.pop(0), None).ok
    with pytest.raises(StoreUnavailable) as away:
        http.send(lambda _client: response(status, {"errors": errors}), None)
    assert told in away.value.message
    assert "(tried for 30 seconds)" in away.value.message


@pytest.mark.parametrize(
    ("target", "followed"),
    [
        ("https://node-2.example/v1/x", True),
        ("/v1/y", True),
        ("https://elsewhere.example/v1/x", False),
        ("http://node-2.example/v1/x", False),
        ("https://node-2.example:8200/v1/x", False),
        ("https://node-2.example@elsewhere.example/v1/x", False),
        ("https://[::1", False),
    ],
)
def test_a_standby_is_followed_to_nodes_that_are_configured(target: str, *, followed: bool) -> None:
    server = VaultServer("https://node-1.example", nodes=("https://node-2.example",))
    session = VaultHttp("keys", server, Waiting())._client.adapter.session
    answer = response(307, {})
    answer.url, answer.headers["Location"] = "https://node-1.example/v1/x", target
    assert bool(session.get_redirect_target(answer)) is followed


def test_where_a_redirect_leads_that_is_not_followed_is_told(http: VaultHttp) -> None:
    answer = response(307, {})
    answer.url, answer.headers["Location"] = "http://127.0.0.1:1/v1/x", "https://node-2.example:8200/v1/x"
    with pytest.raises(StoreError, match=r"it redirects \(HTTP 307\) to node-2\.example:8200") as refused:
        http.send(lambda _client: answer, None)
    assert "`nodes`" in refused.value.hint


def test_a_redirect_that_makes_a_read_of_a_write_is_told(http: VaultHttp) -> None:
    answer = response(302, {})
    answer.url, answer.headers["Location"] = "http://127.0.0.1:1/v1/x", "https://node-2.example:8200/v1/x"
    with pytest.raises(StoreError, match=r"it redirects \(HTTP 302\)") as refused:
        http.send(lambda _client: answer, None)
    assert "307" in refused.value.hint


def test_another_refusal_is_an_answer_at_once(http: VaultHttp) -> None:
    answers = [response(400, {"errors": ["check-and-set parameter did not match the current version"]})]
    assert http.send(lambda _client: answers.pop(0), None).status == 400


def test_what_was_written_is_read_from_no_node_that_does_not_have_it_yet(http: VaultHttp) -> None:
    behind = response(412, {"errors": ["required index state not present"]})
    written, read = response(200, {"data": {}}), response(200, {"data": {}})
    written.headers["X-Vault-Index"] = "state-after-the-write"
    answers, sent = [response(200, {"data": {}}), written, behind, read], list[str | None]()

    def call(client: Any) -> requests.Response:
        sent.append(client.adapter.session.headers.get("X-Vault-Index"))
        return answers.pop(0)

    assert all(http.send(call, None).ok for _ in range(3))
    assert sent == [None, None, "state-after-the-write", "state-after-the-write"]


def test_a_state_that_no_node_reaches_any_more_is_not_asked_for_again(http: VaultHttp) -> None:
    written = response(200, {"data": {}})
    written.headers["X-Vault-Index"] = "state-before-the-backup-was-restored"
    assert http.send(lambda _client: written, None).ok

    def call(client: Any) -> requests.Response:
        is_asked_for = "X-Vault-Index" in client.adapter.session.headers
        return response(412, {"errors": []}) if is_asked_for else response(200, {"data": {}})

    with pytest.raises(StoreUnavailable, match="has not caught up"):
        http.send(call, None)
    assert http.send(call, None).ok
