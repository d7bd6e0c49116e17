"""A webhook: what is sent, how it is signed, and what counts as accepted."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from rotator.config.rotation.hooks import WebhookSettings
from rotator.core.secret import Secret
from rotator.errors import ConfigurationError
from rotator.hooks.base import HookFailed
from rotator.hooks.signed_request import WebhookHook, signing_key
from tests.unit.hooks.calls import CALL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

KEY = b"k" * 32
SECRET = Secret("whsec_" + base64.b64encode(KEY).decode())
NOW = datetime(2027, 1, 4, 8, 0, 30, 500, tzinfo=UTC)

Seen = list[tuple[str, "Message[str, str]", bytes]]


@contextmanager
def receiver(status: int, seen: Seen) -> Iterator[str]:
    """A receiver that answers so, and its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, self.headers, body))
            answer = b"thank\x1b[2J you"
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook?for=us"
        thread.join(60)


def webhook(url: str, secret: Secret = SECRET) -> WebhookHook:
    settings = WebhookSettings.model_validate({"type": "webhook", "url": url, "secret": {"env": "X"}, "timeout": "60s"})
    return WebhookHook("cmdb", settings, secret, lambda: NOW)


def test_it_sends_what_happened_and_no_more() -> None:
    seen: Seen = []
    with receiver(204, seen) as url:
        webhook(url).call(CALL)
    [(path, headers, body)] = seen
    assert path == "/hook?for=us"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {
        "type": "credential.rotated",
        "timestamp": "2027-01-04T08:00:00Z",
        "data": CALL.facts,
    }


def test_the_signature_is_over_id_time_and_body() -> None:
    """Standard Webhooks, "Signature scheme": HMAC-SHA256 over `id.timestamp.body`, in base64 after `v1,`."""
    seen: Seen = []
    with receiver(200, seen) as url:
        webhook(url).call(CALL)
    [(_, headers, body)] = seen
    assert headers["webhook-id"] == CALL.id
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    signed = f"{CALL.id}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_a_test_says_that_it_is_one() -> None:
    seen: Seen = []
    with receiver(200, seen) as url:
        said = webhook(url).call(replace(CALL, is_test=True))
    assert json.loads(seen[0][2])["data"]["test"] is True
    assert said == "thank?[2J you"


@pytest.mark.parametrize(
    ("status", "is_transient"),
    [(302, False), (304, False), (400, False), (404, False), (410, False), (429, True), (500, True)],
)
def test_any_other_answer_than_success_is_a_failure(status: int, is_transient: bool) -> None:
    with receiver(status, []) as url, pytest.raises(HookFailed, match=f"answered HTTP {status}") as failed:
        webhook(url).call(CALL)
    assert failed.value.transient is is_transient
    # An answer 304 has no body (RFC 9110 section 15.4.5).
    assert failed.value.output == ("" if status == 304 else "thank?[2J you")


def test_one_that_is_away_is_told_without_its_whole_address() -> None:
    with socket.socket() as nobodys:
        nobodys.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobodys.getsockname()[1]}/hook?for=us"
        with pytest.raises(HookFailed, match="cannot be reached: connection refused") as failed:
            webhook(url).call(CALL)
    assert "for=us" not in f"{failed.value} {failed.value.__cause__}"
    assert failed.value.transient


@pytest.mark.parametrize("secret", ["", "whsec_", "not base64!", "c2hvcnQ=", "whsec_" + "ä" * 32])
def test_a_secret_that_signs_nothing_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ConfigurationError, match="not at least 24 bytes in base64") as refused:
        signing_key("cmdb", Secret(secret))
    assert not secret or secret not in str(refused.value)


def test_a_secret_may_go_without_its_prefix() -> None:
    assert signing_key("cmdb", Secret(base64.b64encode(KEY).decode())) == KEY
