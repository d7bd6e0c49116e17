"""An HTTP server that answers as Slack does: `chat.postMessage`, `chat.update`, `auth.test`, incoming webhooks.

It takes what docs.slack.dev documents and nothing else, and answers as ordered where a test wants trouble. That a reply
to an unknown `ts` is refused is a guess: Slack documents no answer.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.serving.authority import CertificateAuthority
from tests.contract.servers.block_kit import complaints
from tests.contract.servers.silence import FOR_GOOD

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN: Final = "xoxb-planted-1234567890-planted"
CHANNEL: Final = "C0123ABCD"
NAME: Final = "alerts"
WEBHOOK: Final = "/services/T000/B000/plantedplantedplanted"

_POST_FIELDS: Final = {
    *("channel", "text", "blocks", "attachments", "thread_ts", "reply_broadcast", "unfurl_links", "unfurl_media"),
    *("parse", "link_names", "metadata", "mrkdwn", "icon_emoji", "icon_url", "username"),
}
_UPDATE_FIELDS: Final = {"channel", "ts", "text", "blocks", "attachments", "metadata", "parse", "link_names"}
_WEBHOOK_FIELDS: Final = {"text", "blocks", "attachments", "unfurl_links", "unfurl_media", "response_type"}


@dataclass
class Ordered:
    """One answer that a test has ordered instead of the usual one."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    takes_effect: bool = False
    """The message arrives all the same, and its answer is lost."""
    hangs: bool = False
    breaks: bool = False
    """The connection is closed instead of an answer."""


@dataclass
class Posted:
    """A message as people would see it."""

    channel: str
    ts: str
    content: dict[str, Any]
    thread_ts: str | None = None
    updates: int = 0

    @property
    def title(self) -> str:
        """Its header."""
        title: str = self.content["blocks"][0]["text"]["text"]
        return title


class FakeSlack(ThreadingHTTPServer):
    """One workspace with one channel, one bot and one webhook."""

    daemon_threads = True

    def __init__(self, *, tls: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scheme = "https" if tls else "http"
        self.ca = ""
        if tls:
            authority = CertificateAuthority.create(datetime.now(UTC))
            self.socket = authority.server_context(datetime.now(UTC)).wrap_socket(self.socket, server_side=True)
            self.ca = authority.pem
        self.scopes = "chat:write"
        self.posted: list[Posted] = []
        self.taken: list[dict[str, Any]] = []
        """What came to /take/, which is none of Slack's: for channels that post JSON anywhere."""
        self.ordered: list[Ordered] = []
        self.refused: list[str] = []
        """What a request broke of the rules."""
        self.requests: list[tuple[str, dict[str, str]]] = []
        """Path and headers of each call."""
        self.is_over = Event()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    @property
    def api_url(self) -> str:
        """For `api_url`."""
        return f"{self.address}/api/"

    @property
    def webhook_url(self) -> str:
        """The address of the webhook, which is a secret."""
        return f"{self.address}{WEBHOOK}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""

    def answer(self, method: str, headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        """What Slack says to a call."""
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return _no("invalid_auth" if headers.get("authorization") else "not_authed")
        if method == "auth.test":
            return {"ok": True, "user": "rotator", "team": "Example"}
        fields = {"chat.postMessage": _POST_FIELDS, "chat.update": _UPDATE_FIELDS}.get(method)
        if fields is None:
            return _no("unknown_method")
        problem = self._problem(body, fields)
        return _no(problem) if problem else self._update(body) if method == "chat.update" else self._post(body)

    def hook(self, body: dict[str, Any]) -> tuple[int, str]:
        """What a webhook says."""
        problem = self._problem(body, _WEBHOOK_FIELDS)
        if problem:
            return 400, problem
        self._keep(CHANNEL, body)
        return 200, "ok"

    def _problem(self, body: dict[str, Any], fields: set[str]) -> str:
        unknown = [f"unknown field {name}" for name in body.keys() - fields]
        wrong = complaints(body["blocks"]) if "blocks" in body else []
        self.refused += unknown + wrong
        if unknown:
            return "invalid_arguments"
        if not isinstance(body.get("text"), str) or not body["text"]:
            return "no_text"
        if len(body["text"]) > 40_000:
            return "msg_too_long"
        return "invalid_blocks" if wrong else ""

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("channel") not in {CHANNEL, NAME}:
            return _no("channel_not_found")
        thread = body.get("thread_ts")
        if thread is not None and self._find(thread) is None:
            return _no("thread_not_found")
        if "reply_broadcast" in body and not isinstance(body["reply_broadcast"], bool):
            return _no("invalid_arguments")
        return {"ok": True, "channel": CHANNEL, "ts": self._keep(CHANNEL, body, thread).ts, "message": {}}

    def _update(self, body: dict[str, Any]) -> dict[str, Any]:
        # By id only: a name is not taken here.
        found = self._find(body.get("ts", ""))
        if body.get("channel") != CHANNEL:
            return _no("channel_not_found")
        if found is None:
            return _no("message_not_found")
        # Unlike of a new message the usual `parse` is another one here (docs.slack.dev, "chat.update").
        found.content = {"parse": "client"} | body
        found.updates += 1
        return {"ok": True, "channel": CHANNEL, "ts": found.ts}

    def _keep(self, channel: str, body: dict[str, Any], thread: str | None = None) -> Posted:
        posted = Posted(channel, f"1700000000.{len(self.posted) + 1:06}", body, thread)
        self.posted.append(posted)
        return posted

    def _find(self, ts: str) -> Posted | None:
        return next((posted for posted in self.posted if posted.ts == ts and posted.thread_ts is None), None)


class _Handler(BaseHTTPRequestHandler):
    server: FakeSlack
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """One call."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        raw = self.rfile.read(int(headers.get("content-length", "0")))
        self.server.requests.append((self.path, headers))
        ordered = self.server.ordered.pop(0) if self.server.ordered else None
        if ordered is None or ordered.takes_effect:
            status, body = self._usual(headers, raw)
            if ordered is None:
                self._say(status, body, {"X-OAuth-Scopes": self.server.scopes})
                return
        if ordered.hangs or ordered.breaks:
            self.server.is_over.wait(FOR_GOOD if ordered.hangs else 0)
            self.close_connection = True
            return
        self._say(ordered.status, ordered.body, ordered.headers)

    def _usual(self, headers: dict[str, str], raw: bytes) -> tuple[int, str]:
        is_json = headers.get("content-type", "").startswith("application/json")
        body = json.loads(raw) if raw and is_json else {}
        if self.path == WEBHOOK:
            return self.server.hook(body) if is_json else (400, "invalid_payload")
        if self.path.startswith("/take/"):
            self.server.taken.append(body)
            return 200, ""
        if self.path.startswith("/services/"):
            return 404, "no_service"
        return 200, json.dumps(self.server.answer(self.path.removeprefix("/api/"), headers, body))

    def _say(self, status: int, text: str, headers: dict[str, str]) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8" if text.startswith("{") else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name for it
        """Nothing."""


def refusal(error: str) -> Ordered:
    """Slack's way of saying no to a bot."""
    return Ordered(body=json.dumps({"ok": False, "error": error}))


def _no(error: str) -> dict[str, Any]:
    return {"ok": False, "error": error}


@contextmanager
def fake_slack(*, tls: bool = False) -> Iterator[FakeSlack]:
    """One that answers."""
    with FakeSlack(tls=tls) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.is_over.set()
            server.shutdown()
            thread.join()
