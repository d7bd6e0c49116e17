"""An ASGI application over HTTP in a thread of its own: uvicorn as the pages and the simulated orgs use it.

uvicorn is made for a process's main thread: it logs there that a start failed, and ends. In another thread nobody would
hear of it, and whoever waits until it answers would wait for ever. So a failed start is raised where it was asked for.
"""

from __future__ import annotations

import asyncio
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final, Self

import uvicorn

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from starlette.types import ASGIApp


class ThreadedServer(uvicorn.Server):
    """Answers on bound sockets while the `with` block runs, which begins when it does.

    `options` are uvicorn.Config's. Entering raises whatever kept it from starting; the sockets stay the caller's.
    """

    def __init__(self, application: ASGIApp, sockets: Sequence[socket.socket], *, name: str, **options: Any) -> None:
        """`name` is the thread's."""
        config = uvicorn.Config(
            application,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            **options,
        )
        super().__init__(config)
        self._sockets: Final = list(sockets)
        self._thread: Final = Thread(target=self._run, name=name, daemon=True)
        self._has_begun: Final = Event()
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._has_begun.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(self, *_error: object) -> None:
        self.should_exit = True
        self._thread.join()

    def new_protocol(self) -> asyncio.Protocol:
        """What speaks HTTP on one more connection, for a server that accepts connections itself."""
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg] # as uvicorn calls it
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's, which returns when clients can connect."""
        await super().startup(sockets)
        self._has_begun.set()

    def _run(self) -> None:
        try:
            asyncio.run(self.serve(self._sockets))
        except BaseException as error:  # raised again by whoever waits for the start
            if self._has_begun.is_set():
                raise
            self._failure = error
            self._has_begun.set()
