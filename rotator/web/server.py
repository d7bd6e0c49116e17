"""Serves the pages in a thread of their own, beside the work of the daemon."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Self

from anyio.to_thread import current_default_thread_limiter

from rotator.config.daemon import HOW_TO_MAKE_ONE, can_be_guessed
from rotator.errors import ConfigurationError
from rotator.threaded_server import ThreadedServer
from rotator.web.connections import AnswersLimited, ConnectionLimits, Connections
from rotator.web.routes import application

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp

    from rotator.config.daemon import HttpSettings
    from rotator.web.source import Liveness, Source

_LOG: Final = logging.getLogger(__name__)

_PAGES_AT_ONCE: Final = 4
"""Pages that read the history at the same time; the others wait for their turn."""

_LAST_ANSWERS: Final = 3
"""Seconds that an answer which has begun may take when the server stops."""

_LAST_WORDS: Final = 1
"""Seconds that an answer which was cut off may take to say so."""


def pages_server(
    source: Source,
    settings: HttpSettings,
    *,
    environ: Mapping[str, str],
    alive: Callable[[], Liveness],
    descriptors: int,
) -> WebServer:
    """The pages over a source, as config.yaml has them. Raises ConfigurationError for a token that will not do."""
    token, reports_token = settings.tokens(environ)
    if token is not None and can_be_guessed(token):
        _LOG.warning("others on this machine can guess the token of the pages", extra={"hint": HOW_TO_MAKE_ONE})
    limits = ConnectionLimits.of(settings, descriptors=descriptors)
    if limits.connections < settings.connections:
        wanted = {"connections": limits.connections, "configured": settings.connections, "descriptors": descriptors}
        _LOG.warning("this process may open so few files that the pages take fewer connections", extra=wanted)
    pages = application(source, settings, token=token, alive=alive, reports_token=reports_token)
    return WebServer(pages, settings, limits, pages.prepare)


def _nothing(_source: Source) -> None:
    """Nothing has to be made ready."""


class WebServer:
    """The pages are served while the `with` block runs.

    It listens at once, on `settings.host` and `settings.port`; 0 takes any that is free, and `url` says which. Raises
    ConfigurationError when it cannot listen there.
    """

    def __init__(
        self,
        application: ASGIApp,
        settings: HttpSettings,
        limits: ConnectionLimits | None = None,
        prepare: Callable[[Source], None] = _nothing,
    ) -> None:
        """`prepare` gets the pages ready by what stands in a source."""
        self._prepare: Final = prepare
        self._socket: Final = _listen(settings.host, settings.port)
        self._server: Final = _Server(application, self._socket, limits or ConnectionLimits.of(settings))

    @property
    def url(self) -> str:
        """Where it listens, such as `http://127.0.0.1:9465`."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def prepare(self, source: Source) -> None:
        """Gets ready for who looks first, by what stands in a source, while the caller goes on."""
        threading.Thread(target=self._prepare, args=(source,), name="first page", daemon=True).start()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._socket)
            stack.enter_context(self._server)
            self._running = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._running.close()


class _Server(ThreadedServer):
    """Few pages at once read the history, and connections are let in by `Connections`."""

    def __init__(self, application: ASGIApp, listening: socket.socket, limits: ConnectionLimits) -> None:
        super().__init__(
            AnswersLimited(application, limits),
            [listening],
            name="web",
            proxy_headers=False,
            timeout_keep_alive=limits.idle,
            timeout_graceful_shutdown=_LAST_ANSWERS,
        )
        self._limits: Final = limits
        self._connections: Connections | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # A limiter is its event loop's.
        current_default_thread_limiter().total_tokens = _PAGES_AT_ONCE
        self._connections = Connections(self._limits, self.new_protocol)
        for listening in sockets or ():
            self._connections.listen(listening)
        await super().startup(sockets=[])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._connections is not None:
            self._connections.stop_listening()
        await super().shutdown(sockets)
        if self.server_state.tasks:
            # They were cancelled, and say so to who waits for their answer.
            await asyncio.wait(self.server_state.tasks, timeout=_LAST_WORDS)
        if self._connections is not None:
            await self._connections.end()


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
