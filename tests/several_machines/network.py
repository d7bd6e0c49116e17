"""The network between one machine and everything else: a forwarder of connections that can be held or cut.

A network that is held lets nothing through in either direction and breaks nothing, as where packets are lost for a
while; one that is cut ends all connections and takes no more.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager, suppress
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

_T = TypeVar("_T")

HOST: Final = "127.0.0.1"
_AT_ONCE: Final = 65536
"""Bytes."""


class State(Enum):
    """What a network does with what is sent."""

    UP = "up"
    HELD = "held"
    CUT = "cut"


class Network:
    """The network of one machine. Its coroutines run in one thread, its methods are called from any other."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop: Final = loop
        self._flows: Final = asyncio.Event()
        self._state = State.UP
        self._writers: Final[set[asyncio.StreamWriter]] = set()
        self._servers: Final[list[asyncio.Server]] = []
        loop.call_soon_threadsafe(self._flows.set)

    def leading_to(self, port: int) -> int:
        """A port that leads to another one of this machine."""

        async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._join(reader, writer, port)

        return self._call(self._listen(lead))

    def proxy(self) -> str:
        """The address of an HTTP proxy that knows CONNECT alone, to ports of this machine."""
        return f"http://{HOST}:{self._call(self._listen(self._connect))}"

    @property
    def is_up(self) -> bool:
        """Whether it lets through what is sent."""
        return self._state is State.UP

    def becomes(self, state: State) -> None:
        """Holds, cuts or mends it, and returns when that is so."""
        self._call(self._become(state))

    def ends(self) -> None:
        """Ends all connections, and takes no more."""
        self._call(self._end())

    def _call(self, work: Coroutine[None, None, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _listen(self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> int:
        async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writers.add(writer)
            try:
                with suppress(OSError, asyncio.IncompleteReadError):
                    await serve(reader, writer)
            finally:
                self._drop(writer)

        self._servers.append(await asyncio.start_server(served, HOST, 0))
        port: int = self._servers[-1].sockets[0].getsockname()[1]
        return port

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target = head.split()[:2]
        if method != b"CONNECT":
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        await self._join(
            reader, writer, int(target.rpartition(b":")[2]), b"HTTP/1.1 200 Connection established\r\n\r\n"
        )

    async def _join(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, greeting: bytes = b""
    ) -> None:
        await self._flows.wait()
        if self._state is State.CUT:
            return
        far_reader, far_writer = await asyncio.open_connection(HOST, port)
        self._writers.add(far_writer)
        try:
            writer.write(greeting)
            await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))
        finally:
            self._drop(far_writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_AT_ONCE):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        await self._flows.wait()
        # The other end is told of the end at once: no client and no server here goes on with half a connection.
        writer.close()

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.transport.abort()

    async def _become(self, state: State) -> None:
        self._state = state
        if state is State.CUT:
            for writer in [*self._writers]:
                writer.transport.abort()
        # Also where it is cut: what waits finds its connection gone.
        if state is State.HELD:
            self._flows.clear()
        else:
            self._flows.set()

    async def _end(self) -> None:
        await self._become(State.CUT)
        for server in self._servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def network() -> Iterator[Network]:
    """One that is up, until the context ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="network", daemon=True)
    thread.start()
    made = Network(loop)
    try:
        yield made
    finally:
        made.ends()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
