"""The server listens where it is told, says where, and lets go of it again."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, NoReturn
from unittest.mock import Mock

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from rotator.config.daemon import HttpSettings
from rotator.errors import ConfigurationError
from rotator.web import server
from rotator.web.connections import ConnectionLimits
from rotator.web.routes import application
from rotator.web.server import WebServer, pages_server
from tests.tiers import longer
from tests.unit.web.test_health import Away

if TYPE_CHECKING:
    from starlette.requests import Request

    from rotator.web.source import Liveness

pytestmark = longer


def hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


PAGES = Starlette(routes=[Route("/", hello)])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_it_takes_a_free_port_and_says_which(host: str) -> None:
    with WebServer(PAGES, HttpSettings(host=host, port=0)) as running:
        answer = requests.get(running.url, timeout=60)
    assert answer.text == "hello"
    assert "server" not in answer.headers


def test_it_lets_go_of_its_port() -> None:
    with WebServer(PAGES, HttpSettings(port=0)) as running:
        port = int(running.url.rpartition(":")[2])
        requests.get(running.url, timeout=60)
    with WebServer(PAGES, HttpSettings(port=port)) as again:
        assert requests.get(again.url, timeout=60).status_code == 200


def test_a_port_that_is_taken_is_a_mistake_in_the_configuration() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError) as caught:
            WebServer(PAGES, HttpSettings(port=port))
    assert f"127.0.0.1 port {port}" in caught.value.message
    assert "http.port" in caught.value.hint


def test_a_name_that_is_no_address_of_this_machine_is_a_mistake_in_the_configuration() -> None:
    settings = HttpSettings.model_validate({"host": "no such host", "token": {"env": "TOKEN"}})
    with pytest.raises(ConfigurationError, match="no such host port"):
        WebServer(PAGES, settings)


def test_pages_that_hang_hold_up_neither_health_nor_the_end(
    alive: Liveness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "_LAST_ANSWERS", 1)
    never = Event()

    class Hanging(Away):
        def overview(self) -> NoReturn:
            never.wait(300)
            raise AssertionError

    settings = HttpSettings(port=0)
    pages = application(Hanging(), settings, token=None, alive=lambda: alive)
    with ThreadPoolExecutor(8) as browsers:
        with WebServer(pages, settings) as running:
            asked = [browsers.submit(requests.get, running.url, timeout=200) for _ in range(8)]
            assert requests.get(f"{running.url}/healthz", timeout=60).status_code == 200
            begun = time.monotonic()
        assert time.monotonic() - begun < 60
        assert {each.result().status_code for each in asked} == {503}
    never.set()
    assert "Traceback" not in caplog.text


def test_head_is_answered_without_a_body() -> None:
    with WebServer(PAGES, HttpSettings(port=0)) as running:
        answer = requests.head(running.url, timeout=60)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "5", b"")


def test_a_browser_that_keeps_its_connection_open_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever waited for one of these times would wait for longer than a test may take."""
    monkeypatch.setattr(server, "_LAST_ANSWERS", 3600)
    limits = replace(ConnectionLimits.of(HttpSettings()), idle=3600.0)
    with requests.Session() as browser:
        with WebServer(PAGES, HttpSettings(port=0), limits) as running:
            address = running.url
            browser.get(address, timeout=60)
        with pytest.raises(requests.ConnectionError):
            browser.get(address, timeout=60)


def test_what_is_shown_first_is_read_before_anybody_looks(alive: Liveness) -> None:
    looked = Event()

    def overview() -> Mock:
        looked.set()
        return Mock(orgs=())

    with pages_server(Away(), HttpSettings(port=0), environ={}, alive=lambda: alive, descriptors=1024) as running:
        running.prepare(Mock(overview=overview))
        assert looked.wait(60)


@pytest.mark.parametrize(("orgs", "written"), [(200, 0), (201, 1)])
def test_what_monitoring_is_told_of_many_orgs_is_written_before_it_asks(
    alive: Liveness, monkeypatch: pytest.MonkeyPatch, orgs: int, written: int
) -> None:
    text = Mock()
    monkeypatch.setattr("rotator.web.exposition.Exposition.text", text)
    source = Mock(overview=lambda: Mock(orgs=range(orgs)))
    application(source, HttpSettings(), token=None, alive=lambda: alive).prepare(source)
    assert text.call_count == written


def test_a_history_that_is_away_keeps_nothing_from_being_prepared(
    alive: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = Mock()
    monkeypatch.setattr("rotator.web.routes.compile_first_page", compiled)
    application(Away(), HttpSettings(), token=None, alive=lambda: alive).prepare(Away())
    assert compiled.called
