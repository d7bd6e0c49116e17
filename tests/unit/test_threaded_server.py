"""A server in a thread: it answers while its block runs, and a start that fails is told to whoever waits for it."""

from __future__ import annotations

import socket
import threading
from random import Random
from typing import NoReturn

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from rotator.config.daemon import HttpSettings
from rotator.simulator.org.org import Org
from rotator.simulator.serving.server import SimulatorServer, utc_now
from rotator.threaded_server import ThreadedServer
from rotator.web.server import WebServer

APPLICATION = Starlette(routes=[Route("/", lambda _request: PlainTextResponse("hello"))])


class CannotStartError(Exception):
    pass


def cannot_start(*_arguments: object) -> NoReturn:
    raise CannotStartError


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_it_answers_while_its_block_runs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        with ThreadedServer(APPLICATION, [listening], name="tried") as server:
            assert requests.get(url, timeout=60).text == "hello"
            assert "tried" in threads()
        assert server.started
        assert "tried" not in threads()


@pytest.mark.timeout(20)
def test_a_start_that_fails_is_raised_and_leaves_nothing_running() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = ThreadedServer(APPLICATION, [listening], name="tried", ssl_context_factory=cannot_start)
        with pytest.raises(CannotStartError), server:
            raise AssertionError
    assert "tried" not in threads()


@pytest.mark.timeout(20)
def test_the_simulated_orgs_and_the_pages_say_that_they_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with WebServer(APPLICATION, HttpSettings(port=0)) as pages:
        port = int(pages.url.rpartition(":")[2])
    orgs = SimulatorServer([Org("one", clock=utc_now, random=Random(1))])
    monkeypatch.setattr("uvicorn.Config.load", cannot_start)
    for server in (WebServer(APPLICATION, HttpSettings(port=port)), orgs):
        with pytest.raises(CannotStartError), server:
            raise AssertionError
    socket.create_server(("127.0.0.1", port)).close()
