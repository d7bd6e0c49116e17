"""Whoever stands where a history's database should be, and speaks no TLS, is told no password."""

from __future__ import annotations

import socket
import struct
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final

import pytest

from rotator.config.loading import parse
from rotator.errors import ConfigurationError, HistoryError
from rotator.history.engine.database import open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PASSWORD: Final = "planted-password"
SSL_REQUEST: Final = 80877103
"""What a client sends in the place of a version of the protocol (PostgreSQL, "Message Formats", SSLRequest)."""

CONFIGURATION: Final = """
database: {{url: "{url}", password: {{env: PASSWORD}}}}
orgs: {{}}
stores: {{}}
credentials: {{}}
"""


class FalseDatabase:
    """Has no TLS, asks every client for its password in the clear, and writes down all that it is told."""

    def __init__(self) -> None:
        self._listening: Final = socket.create_server(("127.0.0.1", 0))
        self.port: Final[int] = self._listening.getsockname()[1]
        self.told = b""
        self.thread: Final = Thread(target=self._serve)
        self.thread.start()

    def end(self) -> bytes:
        """All that it was told, when nobody calls any more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self._listening.close()
        return self.told

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listening.accept()
            except OSError:
                return
            with caller, closing(caller.makefile("rb")) as said:
                self._ask(caller, said.read)

    def _ask(self, caller: socket.socket, read: Callable[[int], bytes]) -> None:
        while length := read(4):
            message = read(struct.unpack("!i", length)[0] - 4)
            self.told += message
            if struct.unpack("!i", message[:4])[0] == SSL_REQUEST:
                caller.sendall(b"N")
                continue
            caller.sendall(b"R" + struct.pack("!ii", 8, 3))  # AuthenticationCleartextPassword
            self.told += read(1) and read(struct.unpack("!i", read(4))[0] - 4)
            return


@pytest.fixture
def database() -> Iterator[FalseDatabase]:
    fake = FalseDatabase()
    yield fake
    if fake.thread.is_alive():
        fake.end()


def call(fake: FalseDatabase, sslmode: str) -> bytes:
    """What it learns from a program whose history is at another machine, whose address leads here."""
    url = f"postgresql://rotator:{PASSWORD}@db.example:{fake.port}/rotator?hostaddr=127.0.0.1&sslmode={sslmode}"
    with pytest.raises(HistoryError), open_database(url, insecure=True) as history:
        history.upgrade()
    return fake.end()


def test_it_learns_no_password_where_the_server_is_proven(database: FalseDatabase) -> None:
    assert PASSWORD.encode() not in call(database, "verify-full")


def test_it_learns_it_where_the_server_is_not_proven(database: FalseDatabase) -> None:
    assert PASSWORD.encode() in call(database, "prefer")


def test_a_server_beyond_this_machine_that_is_not_proven_is_not_even_called(database: FalseDatabase) -> None:
    url = f"postgresql://rotator@db.example:{database.port}/rotator"
    with pytest.raises(ConfigurationError, match="sslmode=verify-full"):
        parse(CONFIGURATION.format(url=url), Path("/etc/rotator/config.yaml"))
    assert database.end() == b""
