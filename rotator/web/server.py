"""Serves the pages in a thread of their own, beside the work of the daemon."""

from __future__ import annotations

import asyncio
import socket
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, Self

import uvicorn
from anyio.to_thread import current_default_thread_limiter

from rotator.errors import ConfigurationError

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
        self._server: Final = _Server(_config(application))
        self._thread: Final = Thread(target=self._run, name="web", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, such as `http://127.0.0.1:9465`."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._server.ready.wait()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            # Whoever waits for it to be ready must not wait for ever.
            self._server.ready.set()

    async def _serve(self) -> None:
        current_default_thread_limiter().total_tokens = _PAGES_AT_ONCE
        await self._server.serve([self._socket])


class _Server(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready: Final = Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _config(application: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_LAST_ANSWERS,
    )


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
