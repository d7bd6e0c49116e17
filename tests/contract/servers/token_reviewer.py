"""The one part of Kubernetes that Vault's login asks: TokenReview, over TLS (Kubernetes API, authentication.k8s.io)."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

from rotator.simulator.serving.authority import CertificateAuthority

if TYPE_CHECKING:
    from collections.abc import Iterator


class TokenReviewer(ThreadingHTTPServer):
    """Knows the tokens of service accounts."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        authority = CertificateAuthority.create(datetime.now(UTC))
        context = authority.server_context(datetime.now(UTC))
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.ca = authority.pem
        self.accounts: dict[str, str] = {}
        """Token -> user name, such as `system:serviceaccount:default:rotator`."""

    @property
    def address(self) -> str:
        """Where Vault asks."""
        return f"https://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that ends early is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: TokenReviewer

    def do_POST(self) -> None:
        """Says whose token it is."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        user = self.server.accounts.get(asked["spec"]["token"], "")
        status = {"authenticated": bool(user), "user": {"username": user, "uid": f"uid of {user.rpartition(':')[2]}"}}
        body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name for it
        """Nothing: the tokens are in the requests."""


@contextmanager
def token_reviewer() -> Iterator[TokenReviewer]:
    """One that answers."""
    with TokenReviewer() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
