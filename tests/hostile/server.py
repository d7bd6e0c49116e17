"""A server that answers in every bad way that HTTP has room for: without end, drop by drop, packed, astray, not at all.

Each way is a function that gets the connection after a request has come; the tables name them. They give up when the
other side does, or when the test is over.
"""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import zlib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

PAUSE: Final = 0.02
"""Seconds between two drops: far below every time-out of silence."""

MEGABYTE: Final = 1024 * 1024

CRC_OF_64_MEGABYTES: Final = 0xB2EB30ED


class Connection:
    """One connection, after a request has come."""

    def __init__(self, wire: socket.socket, is_over: threading.Event) -> None:
        self._wire: Final = wire
        self._is_over: Final = is_over

    def send(self, data: bytes) -> None:
        """Sends at once."""
        self._wire.sendall(data)

    def drip(self, data: bytes) -> None:
        """Sends a byte now and then, over and over."""
        while not self._is_over.is_set():
            for byte in data:
                self._wire.sendall(bytes([byte]))
                if self._is_over.wait(PAUSE):
                    return

    def flood(self, piece: bytes) -> None:
        """Sends the same for ever."""
        while not self._is_over.is_set():
            self._wire.sendall(piece)

    def wait(self) -> None:
        """Says nothing more."""
        self._is_over.wait()


Answer = "Callable[[Connection], None]"

_JSON: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def whole(
    body: bytes, *, status: int = 200, kind: str = "application/json", headers: Mapping[str, str] | None = None
) -> Callable[[Connection], None]:
    """A proper answer with this body."""
    lines = {"Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close", **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return lambda to: to.send(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode("latin-1") + body)


def _after(head: bytes, then: Callable[[Connection], None]) -> Callable[[Connection], None]:
    def answer(to: Connection) -> None:
        to.send(head)
        then(to)

    return answer


def _bomb() -> bytes:
    """64 megabytes of nothing, packed as one: a megabyte over and over, as to pack all of it takes 0.2 seconds."""
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    megabyte = packing.compress(bytes(MEGABYTE)) + packing.flush(zlib.Z_FULL_FLUSH)
    head = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    # RFC 1952: zlib.crc32(bytes(64 * MEGABYTE)), and the length.
    return head + megabyte * 64 + packing.flush() + struct.pack("<LL", CRC_OF_64_MEGABYTES, 64 * MEGABYTE)


def _packed(members: int) -> Callable[[Connection], None]:
    return whole(_bomb() * members, headers={"Content-Encoding": "gzip"})


def _packed_in_a_chunk(to: Connection) -> None:
    head = _JSON + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = _bomb() * 16
    to.send(head + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")


SLOW: Final[Mapping[str, Callable[[Connection], None]]] = {
    "says nothing": lambda to: to.wait(),
    "drips the status line": lambda to: to.drip(b"HTTP/1.1 "),
    "drips headers": _after(b"HTTP/1.1 200 OK\r\n", lambda to: to.drip(b"X: y\r\n")),
    "drips a body of known length": _after(_JSON + b"Content-Length: 999999\r\n\r\n", lambda to: to.drip(b" ")),
    "drips a body without a length": _after(_JSON + b"\r\n", lambda to: to.drip(b" ")),
    "drips chunks": _after(_JSON + b"Transfer-Encoding: chunked\r\n\r\n", lambda to: to.drip(b"1\r\n \r\n")),
    "drips the length of a chunk": _after(_JSON + b"Transfer-Encoding: chunked\r\n\r\n", lambda to: to.drip(b"0")),
    "drips trailers": _after(_JSON + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", lambda to: to.drip(b"X: y\r\n")),
    "drips interim answers": lambda to: to.drip(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "stops within the body": _after(_JSON + b"Content-Length: 99\r\n\r\n{", lambda to: to.wait()),
}
"""Ways never to come to an end."""

LARGE: Final[Mapping[str, Callable[[Connection], None]]] = {
    "a body without an end": _after(_JSON + b"\r\n", lambda to: to.flood(b" " * 65536)),
    "a gigabyte of known length": _after(
        _JSON + b"Content-Length: 1073741824\r\n\r\n", lambda to: to.flood(b" " * 65536)
    ),
    "chunks without an end": _after(
        _JSON + b"Transfer-Encoding: chunked\r\n\r\n", lambda to: to.flood(b"10000\r\n" + b" " * 65536 + b"\r\n")
    ),
    "a chunk's length without an end": _after(
        _JSON + b"Transfer-Encoding: chunked\r\n\r\n", lambda to: to.flood(b"0" * 65536)
    ),
    "trailers without an end": _after(
        _JSON + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", lambda to: to.flood(b"X: y\r\n" * 9999)
    ),
    "a status line without an end": lambda to: to.flood(b"HTTP/1.1 200 " + b"O" * 65536),
    "headers without an end": _after(_JSON, lambda to: to.flood(b"X: y\r\n" * 9999)),
    "a header without an end": _after(_JSON + b"X: ", lambda to: to.flood(b"y" * 65536)),
    "interim answers without an end": lambda to: to.flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 999),
    "a gigabyte that is packed": _packed(16),
    "a gigabyte that is packed, in chunks": _packed_in_a_chunk,
    "64 megabytes that are packed": _packed(1),
}
"""Ways to be larger than anybody asked for."""

BROKEN: Final[Mapping[str, Callable[[Connection], None]]] = {
    "hangs up": lambda _to: None,
    "hangs up within the body": lambda to: to.send(_JSON + b"Content-Length: 99\r\n\r\n{"),
    "hangs up within a chunk": lambda to: to.send(_JSON + b"Transfer-Encoding: chunked\r\n\r\n99\r\n{"),
    "no HTTP": lambda to: to.send(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "bytes": lambda to: to.send(bytes(range(256)) * 8),
    "a status that is none": lambda to: to.send(b"HTTP/1.1 what OK\r\n\r\n"),
    "a status of 999": lambda to: to.send(b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n"),
    "a length that is none": lambda to: to.send(_JSON + b"Content-Length: many\r\n\r\n{}"),
    "a length below zero": lambda to: to.send(_JSON + b"Content-Length: -1\r\n\r\n{}"),
    "two lengths": lambda to: to.send(_JSON + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "a chunk's length that is none": lambda to: to.send(_JSON + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}"),
    "packed as gzip and is not": whole(b"{}", headers={"Content-Encoding": "gzip"}),
    "packed and cut off": whole(gzip.compress(b"{}" * 999)[:20], headers={"Content-Encoding": "gzip"}),
    "packed in a way of its own": whole(b"{}", headers={"Content-Encoding": "br"}),
    "packed in many ways": whole(b"{}", headers={"Content-Encoding": "gzip, " * 99 + "gzip"}),
    "a header with bytes": lambda to: to.send(_JSON + b"X-\xff: \xfe\x00\x01\r\nContent-Length: 2\r\n\r\n{}"),
    "a hundred headers": lambda to: to.send(_JSON + b"X: y\r\n" * 200 + b"\r\n{}"),
    "cookies": lambda to: to.send(_JSON + b"Set-Cookie: a=b; Expires=Mon, 99 Foo 999999\r\n" * 50 + b"\r\n{}"),
}
"""Ways to be no answer."""


def redirects(elsewhere: str) -> Mapping[str, Callable[[Connection], None]]:
    """Ways to lead a request, and what is in it, away; `elsewhere` is `127.0.0.1:PORT`."""
    targets = ("http://HOST/", "//HOST/", "https://user@HOST/x", "https://[::1", "\x80:", "")
    return {
        f"{status} to {target!r}": whole(b"", status=status, headers={"Location": target.replace("HOST", elsewhere)})
        for status in (301, 302, 303, 307, 308)
        for target in targets
    }


class HostileServer:
    """Listens on loopback, and answers every request in one way, which can be changed."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._listening: Final = socket.create_server(("127.0.0.1", 0))
        self._tls: Final = tls
        self._is_over = threading.Event()
        self.port: Final = int(self._listening.getsockname()[1])
        self.answer: Callable[[Connection], None] = whole(b"{}")
        self.requests: list[bytes] = []
        self.keeps = False
        """Takes further requests over the same connection."""
        self._threads: Final[list[threading.Thread]] = []

    @property
    def netloc(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self._tls else 'http'}://{self.netloc}"

    def let_go(self) -> None:
        """Ends the answers that are under way."""
        self._is_over.set()
        self._is_over = threading.Event()

    def start(self) -> None:
        """Begins to listen."""
        self._threads.append(threading.Thread(target=self._accept, daemon=True, name="hostile"))
        self._threads[0].start()

    def stop(self) -> None:
        """Hangs up, and does not listen any more."""
        self._is_over.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(60.0)

    def _accept(self) -> None:
        while True:
            try:
                wire, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(wire,), daemon=True, name="hostile answer")
            self._threads.append(thread)
            thread.start()

    def _serve(self, wire: socket.socket) -> None:
        with suppress(OSError):
            wire.settimeout(30.0)
            with self._tls.wrap_socket(wire, server_side=True) if self._tls else wire as connection:
                is_asked = True
                while is_asked:
                    self.requests.append(_request(connection))
                    self.answer(Connection(connection, self._is_over))
                    is_asked = self.keeps
        wire.close()


def _request(connection: socket.socket) -> bytes:
    """One request, with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    left = (int(lengths[0].partition(b":")[2]) if lengths else 0) - len(body)
    while left > 0:
        piece = connection.recv(65536)
        left -= len(piece)
        data += piece
        if not piece:
            break
    return data


@contextmanager
def hostile_server(tls: ssl.SSLContext | None = None) -> Iterator[HostileServer]:
    """One that listens."""
    server = HostileServer(tls)
    server.start()
    try:
        yield server
    finally:
        server.stop()
