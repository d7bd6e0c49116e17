"""Who is let in to the pages, for how long, and who has to go, so that no caller costs the process what its work needs.

A connection waits for a request, or is being answered. Whoever waits has a deadline that nothing he sends moves:

    accepted -> first byte -> whole header -> answer begun -> answer taken -> idle -> first byte of the next ...

There are only so many connections, and of those only a part can have a page being made for them. So when there are as
many as may be, some of them wait for a request, and the one that has waited longest goes to let a new one in: it is not
known before a header is read who asks for /healthz, and he gets his answer whoever else is there.

uvicorn has a time for idle connections and none for the others, and asyncio accepts 2,048 connections before it counts
one; where no descriptor is left it says so 2,048 times a second. So connections are accepted here, one at a time.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Self

from rotator.web.guard import OPEN_PATH, refuse

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from rotator.config.daemon import HttpSettings

_LOG: Final = logging.getLogger(__name__)

DESCRIPTORS: Final = 1024
"""So many a process may have open where nobody has said otherwise."""

LEAST_CONNECTIONS: Final = 8
"""So many there are however few descriptors the process may have."""

_SHARE: Final = 4
"""One in so many of the process' descriptors may be a connection to the pages; the others are for its work."""

_WITHOUT_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE: Final = 1.0
"""Seconds in which nobody is let in, after the system had no descriptor for it."""

IDLE: Final = 5.0
"""Seconds that a connection may stay without a further request."""


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """How many there may be, and for how many seconds each may do what."""

    connections: int
    per_address: int
    """From one IPv4 address, or one /64 of IPv6, which one machine has for itself."""
    proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    """Addresses that many people come from, for which `per_address` does not count; loopback is one."""
    first_byte: float = 5.0
    header: float = 5.0
    """From its first byte to its last."""
    answer: float = 30.0
    """From the header to the last byte of the answer that was taken."""
    late: float = 24.0
    """From the header on: of which nothing was answered by then, it is said that it takes too long."""
    idle: float = IDLE

    @classmethod
    def of(cls, settings: HttpSettings, *, descriptors: int = DESCRIPTORS) -> Self:
        """As config.yaml has them, and no more than a share of the descriptors that the process may have."""
        most = min(settings.connections, max(LEAST_CONNECTIONS, descriptors // _SHARE))
        return cls(connections=most, per_address=min(settings.connections_per_address, most), proxies=settings.proxies)

    @property
    def answers(self) -> int:
        """So many pages are made at once, or wait for their turn; whoever asks for more is told to come back later."""
        return self.connections // 2

    def is_limited(self, address: str) -> bool:
        """Whether `per_address` counts for who comes from there."""
        there = _address(address)
        return not there.is_loopback and not any(there in network for network in self.proxies)


class Connections:
    """All connections to the pages, in one event loop."""

    def __init__(self, limits: ConnectionLimits, new_protocol: Callable[[], asyncio.Protocol]) -> None:
        """`new_protocol` makes what speaks HTTP on one connection."""
        self.limits: Final = limits
        self._new_protocol: Final = new_protocol
        self._loop: Final = asyncio.get_running_loop()
        self._listening: Final[list[socket.socket]] = []
        self._open: Final[dict[_Connection, None]] = {}
        self._beginning: Final[set[asyncio.Task[None]]] = set()
        self._is_full = False

    def listen(self, listening: socket.socket) -> None:
        """Lets in who connects to a bound socket."""
        listening.setblocking(False)
        # Who is not accepted yet takes none of our descriptors, and a queue that is full costs a caller a second.
        listening.listen(1024)
        self._listening.append(listening)
        self._loop.add_reader(listening, self._accept, listening)

    def stop_listening(self) -> None:
        """Lets nobody in any more."""
        while self._listening:
            self._loop.remove_reader(self._listening.pop())

    async def end(self) -> None:
        """Ends every connection at once, those too that are just beginning."""
        for connection in list(self._open):
            connection.drop()
        if self._beginning:
            await asyncio.wait(self._beginning)
        # What was aborted is closed in the next turn of the loop.
        await asyncio.sleep(0)

    def _accept(self, listening: socket.socket) -> None:
        try:
            accepted, address = listening.accept()
        except OSError as error:
            # Others say that who called is gone again.
            if error.errno in _WITHOUT_DESCRIPTORS:
                _LOG.warning("no connection to the pages can be taken: %s", error.strerror)
                self._loop.remove_reader(listening)
                self._loop.call_later(_PAUSE, self._listen_again, listening)
            return
        accepted.setblocking(False)
        if self._makes_room(address[0]):
            connection = _Connection(self, address[0], self._new_protocol())
            self._open[connection] = None
            beginning = self._loop.create_task(self._begin(connection, accepted))
            self._beginning.add(beginning)
            beginning.add_done_callback(self._beginning.discard)
        else:
            accepted.close()

    def _listen_again(self, listening: socket.socket) -> None:
        if listening in self._listening:
            self._loop.add_reader(listening, self._accept, listening)

    async def _begin(self, connection: _Connection, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: connection, accepted)
        except OSError:
            accepted.close()
            self.forget(connection)

    def _makes_room(self, address: str) -> bool:
        """Whether one more may come from there; others that wait for a request may have to go for it."""
        if self.limits.is_limited(address):
            neighbours = [each for each in self._open if each.place == place_of(address)]
            if len(neighbours) >= self.limits.per_address and not self._drops_one_of(neighbours):
                return False
        if len(self._open) < self.limits.connections:
            self._is_full = self._is_full and len(self._open) > self.limits.answers
            return True
        if not self._is_full:
            self._is_full = True
            _LOG.warning(
                "the pages have as many connections as they may; those that wait longest for a request are closed",
                extra={"connections": self.limits.connections},
            )
        return self._drops_one_of(self._open)

    @staticmethod
    def _drops_one_of(these: Collection[_Connection]) -> bool:
        """Drops the one that can best be spared; False when for each of them a page is being made."""
        spare = min((each for each in these if not each.is_asking), key=_Connection.rank, default=None)
        if spare is not None:
            spare.drop()
        return spare is not None

    def forget(self, connection: _Connection) -> None:
        """It has ended, or is about to."""
        self._open.pop(connection, None)


class _Stage(Enum):
    QUIET = auto()
    SENDING = auto()
    ANSWERED = auto()


_ASKING: Final[ContextVar[_Connection | None]] = ContextVar("_ASKING", default=None)
"""The connection that a request came by: a task begins with the context of what it was begun by."""


class _Connection(asyncio.Protocol):
    """Stands between a transport and what speaks HTTP, and looks at the clock."""

    def __init__(self, connections: Connections, address: str, http: asyncio.Protocol) -> None:
        self.place: Final = place_of(address)
        self._connections: Final = connections
        self._limits: Final = connections.limits
        self._http: Final = http
        self._loop: Final = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._is_over = False
        self._pages = 0
        self._has_unsent = False
        self._stage, self._since = _Stage.QUIET, self._loop.time()
        self._deadline = self._loop.call_later(self._limits.first_byte, self.drop)

    @property
    def is_asking(self) -> bool:
        """Whether a page is being made for it."""
        return self._pages > 0

    def rank(self) -> tuple[bool, float]:
        """The lowest can best be spared: who waits for a request before who takes his answer, and since when."""
        return self._stage is _Stage.ANSWERED, self._since

    def drop(self) -> None:
        """Ends it at once, whatever is still to be sent."""
        self._is_over = True
        self._deadline.cancel()
        self._connections.forget(self)
        if self._transport is not None:
            self._transport.abort()

    # Of the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a socket it is one
        self._transport = transport
        # `pause_writing` comes as soon as anything waits to be taken, `resume_writing` when all of it was.
        transport.set_write_buffer_limits(high=0)
        self._http.connection_made(transport)
        if self._is_over:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._stage is _Stage.QUIET:
            self._enter(_Stage.SENDING, self._limits.header)
        before = _ASKING.set(self)
        try:
            self._http.data_received(data)
        finally:
            _ASKING.reset(before)

    def eof_received(self) -> bool | None:
        return self._http.eof_received()

    def pause_writing(self) -> None:
        self._has_unsent = True
        self._http.pause_writing()

    def resume_writing(self) -> None:
        self._has_unsent = False
        self._http.resume_writing()
        self._may_rest()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_over = True
        self._deadline.cancel()
        self._connections.forget(self)
        self._http.connection_lost(exc)

    # Of its requests.

    def asked(self) -> None:
        """A request has come in whole."""
        self._pages += 1
        self._enter(_Stage.ANSWERED, self._limits.answer)

    def answered(self) -> None:
        """All of the answer was handed to the transport."""
        self._pages -= 1
        self._may_rest()

    def _may_rest(self) -> None:
        if self._stage is _Stage.ANSWERED and not self._pages and not self._has_unsent:
            self._enter(_Stage.QUIET, self._limits.idle)

    def _enter(self, stage: _Stage, seconds: float) -> None:
        self._deadline.cancel()
        if self._is_over:
            return
        self._stage, self._since = stage, self._loop.time()
        self._deadline = self._loop.call_later(seconds, self.drop)


class AnswersLimited:
    """ASGI middleware: only so many requests are answered at once, and /healthz besides."""

    def __init__(self, app: ASGIApp, limits: ConnectionLimits) -> None:
        self._app: Final = _AnswersInTime(app, limits.late)
        self._most: Final = limits.answers
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands on, or refuses; the connection knows that it is being answered meanwhile."""
        connection = _ASKING.get()
        counts = scope.get("path") != OPEN_PATH
        is_refused = counts and self._under_way >= self._most
        # A caller who goes away leaves his page being made, so it is counted here and not by connections.
        self._under_way += counts
        if connection is not None:
            connection.asked()
        try:
            await (_BUSY if is_refused else self._app)(scope, receive, send)
        finally:
            self._under_way -= counts
            if connection is not None:
                connection.answered()


_BUSY: Final = refuse(
    503, "Too many ask at once. Come back in a few seconds.", Connection="close", **{"Retry-After": "2"}
)


class _AnswersInTime:
    """ASGI middleware: where nothing was answered in so many seconds, it says 503. What comes later is dropped.

    It ends with what makes the answer, as a thread that waits for the history cannot be ended.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app: Final = app
        self._seconds: Final = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands on, and waits."""
        has_begun = is_late = False

        async def send_unless_late(message: Message) -> None:
            nonlocal has_begun
            if not is_late:
                has_begun = True
                await send(message)

        making = asyncio.ensure_future(self._app(scope, receive, send_unless_late))
        try:
            await asyncio.wait({making}, timeout=self._seconds)
            if not making.done() and not has_begun:
                is_late = True
                await _LATE(scope, receive, send)
        except asyncio.CancelledError:
            # The server stops. What makes the answer says so, where nothing was answered.
            making.cancel()
        await making


_LATE: Final = refuse(503, "This takes too long: the history may be away.", Connection="close", **{"Retry-After": "10"})


def place_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or the network of an IPv6 address that one machine has."""
    there = _address(address)
    return str(there) if there.version == 4 else str(ipaddress.ip_network((there, 64), strict=False))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    there = ipaddress.ip_address(text.partition("%")[0])
    # A socket for both versions has callers by IPv4 in addresses of IPv6 (RFC 4291 section 2.5.5.2).
    return (there.ipv4_mapped or there) if isinstance(there, ipaddress.IPv6Address) else there
