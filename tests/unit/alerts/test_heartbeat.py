"""The monitor is called with a plain GET, and what goes wrong never tells its address."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from rotator.alerts.base import DeliveryFailed
from rotator.alerts.heartbeat import send_heartbeat
from rotator.core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "5f1d0a52-ping-id"


@contextmanager
def monitor(status: int, seen: list[tuple[str, str]], said: bytes = b"") -> Iterator[str]:
    """A monitor that answers so, and the address to call."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers["User-Agent"]))
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{SECRET}"
        thread.join(60)


def test_a_beat_is_one_get_that_says_who_calls() -> None:
    seen: list[tuple[str, str]] = []
    with monitor(200, seen) as url:
        send_heartbeat(Secret(url), timeout=60)
    [(path, agent)] = seen
    assert path == f"/{SECRET}"
    assert agent.startswith("rotator/")


@pytest.mark.parametrize("status", [302, 404, 500])
def test_any_other_answer_is_a_failure(status: int) -> None:
    with monitor(status, []) as url, pytest.raises(DeliveryFailed, match=f"HTTP {status}") as failed:
        send_heartbeat(Secret(url), timeout=60)
    assert SECRET not in f"{failed.value} {failed.value.__cause__}"


@pytest.mark.parametrize(("said", "taken"), [(b"OK", True), (b"OK (not found)", False), (b"not found", True)])
def test_a_monitor_that_knows_no_such_check_has_not_taken_the_beat(said: bytes, *, taken: bool) -> None:
    with monitor(200, [], said) as url:
        if taken:
            send_heartbeat(Secret(url), timeout=60)
        else:
            with pytest.raises(DeliveryFailed, match="knows no check at this address"):
                send_heartbeat(Secret(url), timeout=60)


def test_a_monitor_that_is_away_is_a_failure_that_does_not_tell_its_address() -> None:
    with pytest.raises(DeliveryFailed, match="cannot be reached: connection refused") as failed:
        send_heartbeat(Secret(f"http://127.0.0.1:1/{SECRET}"), timeout=60)
    assert SECRET not in f"{failed.value} {failed.value.__cause__}"
    with pytest.raises(DeliveryFailed):
        send_heartbeat(Secret("no address"), timeout=60)
