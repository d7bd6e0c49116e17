"""Who connects and says nothing, says half, or takes nothing, keeps neither a page nor /healthz from anybody."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.client import HTTPResponse
from threading import Event
from typing import TYPE_CHECKING, Any, Final

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from rotator.config.daemon import HttpSettings
from rotator.web import connections
from rotator.web.connections import ConnectionLimits, Connections, place_of
from rotator.web.server import WebServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

HOST: Final = "127.0.0.1"
FOREVER: Final = 600.0
"""Seconds that no test lasts."""
SOON: Final = 0.2
PATIENT: Final = ConnectionLimits(
    connections=8, per_address=8, first_byte=FOREVER, header=FOREVER, answer=FOREVER, late=FOREVER, idle=FOREVER
)

HEALTH: Final = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
PAGE: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
LENGTH: Final = 20_000_000
"""More than is ever on its way."""

LARGE: Final = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Pages:
    """An application whose page is made when the test lets it."""

    def __init__(self) -> None:
        self.may_end: Final = Event()
        self.app: Final = Starlette(
            routes=[Route("/healthz", _health), Route("/", self._page), Route("/large", self._large)]
        )

    def _page(self, _request: Request) -> PlainTextResponse:
        self.may_end.wait(FOREVER)
        return PlainTextResponse("the page")

    def _large(self, _request: Request) -> PlainTextResponse:
        return PlainTextResponse("x" * LENGTH)


async def _health(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("well")


@pytest.fixture
def pages() -> Iterator[Pages]:
    pages = Pages()
    pages.may_end.set()
    yield pages
    pages.may_end.set()


@contextmanager
def served(pages: Pages, **limits: Any) -> Iterator[int]:
    """The port at which they are served under these limits, with every caller of the test still there."""
    with WebServer(pages.app, HttpSettings(port=0), replace(PATIENT, **limits)) as server:
        yield int(server.url.rpartition(":")[2])


def call(port: int, said: bytes = b"", source: str = HOST) -> socket.socket:
    caller = socket.create_connection((HOST, port), timeout=60, source_address=(source, 0))
    caller.sendall(said)
    return caller


def status(caller: socket.socket) -> int:
    """The status of the next answer, which is taken whole."""
    answer = HTTPResponse(caller)
    answer.begin()
    answer.read()
    return answer.status


def ends(caller: socket.socket) -> bool:
    """Waits until the other side has ended the connection."""
    try:
        while caller.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def adds_until_it_ends(caller: socket.socket, piece: bytes) -> bool:
    """Sends again and again until the other side has ended the connection."""
    caller.settimeout(0.01)
    while True:
        try:
            caller.sendall(piece)
            if not caller.recv(1):
                return True
        except TimeoutError:
            pass
        except ConnectionError:
            return True


def test_who_says_nothing_is_closed(pages: Pages) -> None:
    with served(pages, first_byte=SOON) as port, call(port) as silent:
        assert ends(silent)


def test_who_never_ends_his_header_is_closed_however_often_he_adds_to_it(pages: Pages) -> None:
    with served(pages, header=SOON) as port, call(port, b"GET / HTTP/1.1\r\n") as slow:
        assert adds_until_it_ends(slow, b"X-More: 1\r\n")


def test_who_asks_no_more_is_closed(pages: Pages) -> None:
    with served(pages, idle=SOON) as port, call(port, HEALTH) as idle:
        assert status(idle) == 200
        assert ends(idle)


def test_who_sends_a_body_without_end_after_his_answer_is_closed(pages: Pages) -> None:
    begun = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
    with served(pages, idle=FOREVER, header=SOON) as port, call(port, begun) as endless:
        assert status(endless) == 200
        assert adds_until_it_ends(endless, b"x")


def test_who_does_not_take_his_answer_is_closed(pages: Pages) -> None:
    with WebServer(pages.app, HttpSettings(port=0), replace(PATIENT, answer=SOON)) as server:
        door = server._server._connections
        assert door
        with call(int(server.url.rpartition(":")[2]), LARGE) as slow:
            taken = len(slow.recv(65536))
            # To take more would be to take it all, on a machine that is slow to look at the clock.
            while door._open:
                time.sleep(0.01)
            while more := slow.recv(1_000_000):
                taken += len(more)
    assert taken < LENGTH


def test_who_asks_for_what_is_not_made_in_time_is_told_so(pages: Pages) -> None:
    pages.may_end.clear()
    with served(pages, late=SOON) as port, call(port, PAGE) as waiting:
        assert status(waiting) == 503
        assert ends(waiting)
        pages.may_end.set()
        with call(port, PAGE) as next_one:
            assert status(next_one) == 200


def test_who_takes_his_answer_slowly_gets_all_of_it(pages: Pages) -> None:
    with served(pages, idle=SOON) as port, call(port, LARGE) as slow:
        Event().wait(2 * SOON)
        taken = 0
        while taken < LENGTH:
            more = slow.recv(1_000_000)
            assert more
            taken += len(more)


def test_who_has_been_silent_longest_goes_for_the_next_caller(pages: Pages) -> None:
    with served(pages) as port, ExitStack() as stack:
        silent = [stack.enter_context(call(port)) for _ in range(PATIENT.connections)]
        for number in range(5):
            with call(port, HEALTH) as healthy:
                assert status(healthy) == 200
                assert ends(silent[number])
            # The caller is gone; another takes his place before the next.
            silent.append(stack.enter_context(call(port)))


def test_health_is_answered_while_every_page_is_refused(pages: Pages) -> None:
    pages.may_end.clear()
    with served(pages) as port, ExitStack() as stack:
        asking = [stack.enter_context(call(port, PAGE)) for _ in range(PATIENT.answers)]
        refused: list[bytes] = []
        while not refused:
            # Those before it may not have been heard yet.
            more = stack.enter_context(call(port, PAGE))
            more.settimeout(SOON)
            try:
                refused = [more.recv(65536)]
            except TimeoutError:
                asking.append(more)
        assert b"503" in refused[0]
        assert b"retry-after" in refused[0].lower()
        assert b"x-content-type-options" in refused[0].lower()
        for _ in range(3 * PATIENT.connections):
            stack.enter_context(call(port))
        with call(port, HEALTH) as healthy:
            assert status(healthy) == 200
        pages.may_end.set()
        # For who was asking first nothing was lost.
        assert {status(each) for each in asking[: PATIENT.answers]} == {200}


def test_many_requests_on_one_connection_are_answered_one_by_one(pages: Pages) -> None:
    with served(pages) as port, call(port, HEALTH * 50 + PAGE) as caller:
        said = b""
        while b"the page" not in said:
            said += caller.recv(65536)
        assert said.count(b"HTTP/1.1 200") == 51


class _FromOneMachine(ConnectionLimits):
    """Counts 127.0.0.2 as a machine of its own."""

    def is_limited(self, address: str) -> bool:
        return address == "127.0.0.2"


def test_one_address_takes_the_place_of_its_own_callers(pages: Pages) -> None:
    limits = _FromOneMachine(**{**vars(PATIENT), "per_address": 2})
    with WebServer(pages.app, HttpSettings(port=0), limits) as server, ExitStack() as stack:
        port = int(server.url.rpartition(":")[2])
        ours = stack.enter_context(call(port, HEALTH))
        assert status(ours) == 200
        theirs = [stack.enter_context(call(port, source="127.0.0.2")) for _ in range(5)]
        assert all(map(ends, theirs[:3]))
        theirs[4].sendall(HEALTH)
        assert status(theirs[4]) == 200
        # Neither was full, nor closed to others.
        ours.sendall(HEALTH)
        assert status(ours) == 200


@pytest.mark.parametrize(
    ("address", "is_limited"),
    [
        ("127.0.0.1", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("2001:db8::1", True),
        ("198.51.100.9", False),
        ("::ffff:198.51.100.9", False),
        ("fe80::1%eth0", True),
    ],
)
def test_behind_a_proxy_and_on_this_machine_are_many_people(address: str, is_limited: bool) -> None:
    settings = HttpSettings.model_validate({"proxies": ["198.51.100.0/24"]})
    assert ConnectionLimits.of(settings).is_limited(address) is is_limited


def test_one_machine_has_a_whole_network_of_ipv6() -> None:
    assert place_of("2001:db8::1") == place_of("2001:db8::ffff:1") != place_of("2001:db8:0:1::1")
    assert place_of("::ffff:192.0.2.7") == "192.0.2.7"


@pytest.mark.parametrize(
    ("descriptors", "connections", "answers"), [(20, 8, 4), (256, 64, 32), (1024, 100, 50), (65_536, 100, 50)]
)
def test_most_descriptors_are_left_for_the_work(descriptors: int, connections: int, answers: int) -> None:
    limits = ConnectionLimits.of(HttpSettings(), descriptors=descriptors)
    assert (limits.connections, limits.answers) == (connections, answers)
    assert limits.per_address <= limits.connections


class _Starved(socket.socket):
    """The system has no descriptor for the first callers."""

    refusals = 3

    def accept(self) -> tuple[socket.socket, Any]:
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_without_a_descriptor_it_waits_and_says_so_once_each_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connections, "_PAUSE", 0.05)

    async def let_in() -> None:
        with _Starved() as listening, socket.socket() as caller:
            listening.bind((HOST, 0))
            begun = asyncio.Event()

            class Protocol(asyncio.Protocol):
                def connection_made(self, _transport: asyncio.BaseTransport) -> None:
                    begun.set()

            door = Connections(PATIENT, Protocol)
            door.listen(listening)
            caller.setblocking(False)
            await asyncio.get_running_loop().sock_connect(caller, listening.getsockname())
            await begun.wait()
            door.stop_listening()
            await door.end()

    asyncio.run(let_in())
    assert caplog.text.count("no connection to the pages can be taken: Too many open files") == 3


def test_who_is_let_in_at_the_very_end_is_shown_out_as_well() -> None:
    async def ends() -> None:
        with socket.create_server((HOST, 0)) as listening, socket.socket() as caller:
            door = Connections(PATIENT, asyncio.Protocol)
            door.listen(listening)
            caller.setblocking(False)
            await asyncio.get_running_loop().sock_connect(caller, listening.getsockname())
            while not door._beginning:
                await asyncio.sleep(0)
            door.stop_listening()
            await door.end()
            assert not door._beginning
            # Unclosed, it would be a warning.
            assert await asyncio.get_running_loop().sock_recv(caller, 1) == b""

    asyncio.run(ends())


def test_addresses_of_proxies_are_networks() -> None:
    settings = HttpSettings.model_validate({"proxies": ["192.0.2.10", "2001:db8::/32"]})
    assert settings.proxies == (ipaddress.ip_network("192.0.2.10/32"), ipaddress.ip_network("2001:db8::/32"))
