"""Serves the pages in a thread of their own, beside the work of the daemon."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Self

from anyio.to_thread import current_default_thread_limiter

from rotator.errors import ConfigurationError
from rotator.threaded_server import ThreadedServer

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from rotator.config.daemon import HttpSettings

_PAGES_AT_ONCE: Final = 4
"""Pages that read the history at the same time; the others wait for their turn."""

_CONNECTIONS: Final = 100
"""More are told to come back later."""

_LAST_ANSWERS: Final = 3
"""Seconds that an answer which has begun may take when the server stops."""


class WebServer:
    """The pages are served while the `with` block runs.

    It listens at once, on `settings.host` and `settings.port`; 0 takes any that is free, and `url` says which. Raises
    ConfigurationError when it cannot listen there.
    """

    def __init__(self, application: ASGIApp, settings: HttpSettings) -> None:
        self._socket: Final = _listen(settings.host, settings.port)
        self._server: Final = _Server(
            application,
            [self._socket],
            name="web",
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_LAST_ANSWERS,
        )

    @property
    def url(self) -> str:
        """Where it listens, such as `http://127.0.0.1:9465`."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._socket)
            stack.enter_context(self._server)
            self._running = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._running.close()


class _Server(ThreadedServer):
    """Few pages at once read the history."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # A limiter is its event loop's.
        current_default_thread_limiter().total_tokens = _PAGES_AT_ONCE
        await super().startup(sockets)


def _listen(host: str, port: int) -> socket.socket:
    try:
        # The first address counts: a name with several would need a port that is free on each of them.
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise _cannot(host, port, error, "Correct `http.host` in config.yaml: an address of this machine.") from None
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()
    except OSError as error:
        bound.close()
        hint = "Another program is there (`ss -ltnp` shows which): set another `http.port` in config.yaml."
        raise _cannot(host, port, error, hint) from None
    return bound


def _cannot(host: str, port: int, error: OSError, hint: str) -> ConfigurationError:
    reason = (error.strerror or type(error).__name__).lower()
    return ConfigurationError(
        f"The pages cannot be served at {host} port {port}: {reason}.", effect="Nothing was started.", hint=hint
    )
