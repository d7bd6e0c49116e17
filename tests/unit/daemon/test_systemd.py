from __future__ import annotations

import os
import socket
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from rotator.daemon import systemd
from rotator.daemon.systemd import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """What systemd has: a socket, and its name for $NOTIFY_SOCKET."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@rotator-{uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name[1:] if name.startswith("@") else name)
        listening.settimeout(60)
        yield listening, name


def test_systemd_is_told_in_its_own_words(manager: tuple[socket.socket, str]) -> None:
    listening, name = manager
    notifier = Notifier.from_environ({"NOTIFY_SOCKET": name})
    notifier.ready("working:\n2 orgs")
    notifier.reloading(lambda: 12.5)
    notifier.status("rotating")
    notifier.alive()
    notifier.extend(timedelta(minutes=1))
    notifier.stopping("on its way")
    assert [listening.recv(4096).decode() for _ in range(6)] == [
        "READY=1\nSTATUS=working: 2 orgs",
        "RELOADING=1\nMONOTONIC_USEC=12500000",
        "STATUS=rotating",
        "WATCHDOG=1",
        "EXTEND_TIMEOUT_USEC=60000000",
        "STOPPING=1\nSTATUS=on its way",
    ]


def test_where_nobody_listens_nothing_happens(tmp_path: Path) -> None:
    Notifier.from_environ({}).ready("working")
    Notifier.from_environ({"NOTIFY_SOCKET": ""}).ready("working")
    Notifier.from_environ({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("working")


def test_a_systemd_that_reads_nothing_holds_nothing_up(
    manager: tuple[socket.socket, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it was not told it hears with the next line, once it reads again."""
    listening, name = manager
    listening.setblocking(False)
    monkeypatch.setattr(systemd, "_SEND_TIMEOUT", 0.001)
    notifier = Notifier.from_environ({"NOTIFY_SOCKET": name})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as others, suppress(BlockingIOError):
        others.setblocking(False)
        while others.sendto(b"full", listening.getsockname()):
            pass
    notifier.status("lost")
    with suppress(BlockingIOError):
        while listening.recv(4096) == b"full":
            pass
    notifier.status("working")
    assert listening.recv(4096) == b"STATUS=working"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, timedelta(seconds=30)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "{pid}"}, timedelta(seconds=30)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_as_systemd_asks_this_very_process(environ: dict[str, str], expected: timedelta | None) -> None:
    # Found here: the process that has collected the tests may be another.
    mine = {name: value.format(pid=os.getpid()) for name, value in environ.items()}
    assert Notifier.from_environ(mine).watchdog == expected


@pytest.mark.parametrize(
    ("watchdog", "seconds"),
    [(None, 1.0), (timedelta(seconds=30), 1.0), (timedelta(seconds=4), 0.5), (timedelta(seconds=8), 1.0)],
)
def test_the_main_thread_is_checked_often_enough_for_the_watchdog(watchdog: timedelta | None, seconds: float) -> None:
    assert Notifier(watchdog=watchdog).pulse == seconds
