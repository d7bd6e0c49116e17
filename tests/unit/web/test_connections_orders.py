"""Callers who come, say, ask, take and go in any order: there are never too many, and nobody stays beyond his time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import Mock, patch

from hypothesis import given
from hypothesis import strategies as st

from rotator.web.connections import _ASKING, ConnectionLimits, Connections, _Connection
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

LIMITS: Final = ConnectionLimits(connections=6, per_address=3, first_byte=5, header=4, answer=30, idle=3)
LONGEST: Final = {"QUIET": max(LIMITS.first_byte, LIMITS.idle), "SENDING": LIMITS.header, "ANSWERED": LIMITS.answer}

HERE, NEAR, FAR = "127.0.0.1", "192.0.2.1", "192.0.2.2"


class Transport(asyncio.Transport):
    """Open until it is aborted, or the caller goes."""

    is_open = True

    def abort(self) -> None:
        self.is_open = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is ever written here."""


class Http(asyncio.Protocol):
    """Takes a `?` for a whole request, and everything else for a part of one."""

    def data_received(self, data: bytes) -> None:
        if data == b"?":
            connection = _ASKING.get()
            assert connection
            connection.asked()


@dataclass
class Timer:
    at: float
    action: Callable[[], None]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


@dataclass
class Loop:
    """An event loop whose time is the test's, and in which a connection begins at once."""

    now: float = 0.0
    timers: list[Timer] = field(default_factory=list)
    newest: tuple[_Connection, Transport] | None = None

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self.now + seconds, action))
        return self.timers[-1]

    def create_task(self, begins: Coroutine[Any, Any, None]) -> Mock:
        try:
            begins.send(None)
        except StopIteration:
            return Mock()
        raise AssertionError("it waited")

    async def connect_accepted_socket(self, factory: Callable[[], _Connection], _accepted: object) -> None:
        connection, transport = factory(), Transport()
        connection.connection_made(transport)
        self.newest = connection, transport

    def begun(self) -> tuple[_Connection, Transport] | None:
        """The connection that began since this was last asked."""
        newest, self.newest = self.newest, None
        return newest

    def passes(self, seconds: float) -> None:
        """Time passes, and every timer goes off when it is due."""
        until = self.now + seconds
        while due := [each for each in self.timers if not each.is_cancelled and each.at <= until]:
            first = min(due, key=lambda each: each.at)
            self.now, first.is_cancelled = first.at, True
            first.action()
        self.now = until


class Door:
    """The connections, and whoever has called."""

    def __init__(self) -> None:
        self.loop: Final = Loop()
        with patch("asyncio.get_running_loop", return_value=self.loop):
            self.connections: Final = Connections(LIMITS, Http)
        self.callers: Final[list[tuple[_Connection, Transport]]] = []

    def call(self, address: str) -> None:
        asking = [each for each in self.inside if each[0].is_asking]
        could_spare = [each for each, _ in self.inside if not each.is_asking]
        near = [each for each, _ in self.inside if LIMITS.is_limited(address) and each.place == address]
        with patch("asyncio.get_running_loop", return_value=self.loop):
            self.connections._accept(Mock(accept=lambda: (Mock(), (address, 50_000))))
        assert all(transport.is_open for _, transport in asking), "a page was being made for him"
        begun = self.loop.begun()
        if begun is not None:
            self.callers.append(begun)
        elif len(near) >= LIMITS.per_address:
            assert all(each.is_asking for each in near)
        else:
            assert not could_spare, "somebody could have gone for him"

    @property
    def inside(self) -> list[tuple[_Connection, Transport]]:
        return [each for each in self.callers if each[1].is_open]

    def does(self, what: str, number: int) -> None:
        if not self.inside:
            return
        connection, transport = self.inside[number % len(self.inside)]
        if what == "says a part":
            connection.data_received(b"G")
        elif what == "asks":
            connection.data_received(b"?")
        elif what == "is answered" and connection.is_asking:
            connection.answered()
        elif what == "takes nothing":
            connection.pause_writing()
        elif what == "takes all":
            connection.resume_writing()
        elif what == "goes":
            transport.is_open = False
            connection.connection_lost(None)

    def is_as_promised(self) -> None:
        places = [connection.place for connection, _ in self.inside]
        assert len(places) <= LIMITS.connections
        assert all(places.count(each) <= LIMITS.per_address for each in (NEAR, FAR))
        assert set(self.connections._open) == {connection for connection, _ in self.inside}
        for connection, _ in self.inside:
            assert self.loop.now - connection._since <= LONGEST[connection._stage.name]


CALLS: Final = st.tuples(st.just("calls"), st.sampled_from([HERE, HERE, NEAR, FAR]))
DOES: Final = st.tuples(
    st.sampled_from(["says a part", "asks", "asks", "is answered", "takes nothing", "takes all", "goes"]),
    st.integers(0, 5),
)
# More call than go, or there would never be too many.
STEPS: Final = st.one_of(CALLS, CALLS, DOES, DOES, st.tuples(st.just("time passes"), st.floats(0, 2)))


@longer
@given(st.lists(STEPS, min_size=20, max_size=40))
def test_in_any_order_there_are_never_too_many_and_nobody_stays_beyond_his_time(
    steps: list[tuple[str, Any]],
) -> None:
    door = Door()
    for what, value in steps:
        if what == "calls":
            door.call(value)
        elif what == "time passes":
            door.loop.passes(value)
        else:
            door.does(what, value)
        door.is_as_promised()
    # Who asks no more is out in the end, whatever he says.
    for _ in range(int(LIMITS.answer + LIMITS.header + LIMITS.idle) + 2):
        door.loop.passes(1.0)
        for number in range(len(door.inside)):
            door.does("says a part", number)
    assert not door.inside
