"""The server listens where it is told, says where, and lets go of it again."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from rotator.config.daemon import HttpSettings
from rotator.errors import ConfigurationError
from rotator.web.server import WebServer

if TYPE_CHECKING:
    from starlette.requests import Request


def hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


PAGES = Starlette(routes=[Route("/", hello)])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_it_takes_a_free_port_and_says_which(host: str) -> None:
    with WebServer(PAGES, HttpSettings(host=host, port=0)) as server:
        answer = requests.get(server.url, timeout=5)
    assert answer.text == "hello"
    assert "server" not in answer.headers


def test_it_lets_go_of_its_port() -> None:
    with WebServer(PAGES, HttpSettings(port=0)) as server:
        port = int(server.url.rpartition(":")[2])
        requests.get(server.url, timeout=5)
    with WebServer(PAGES, HttpSettings(port=port)) as again:
        assert requests.get(again.url, timeout=5).status_code == 200


def test_a_port_that_is_taken_is_a_mistake_in_the_configuration() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError) as caught:
            WebServer(PAGES, HttpSettings(port=port))
    assert f"127.0.0.1 port {port}" in caught.value.what
    assert "http.port" in caught.value.advice


def test_a_name_that_is_no_address_of_this_machine_is_a_mistake_in_the_configuration() -> None:
    settings = HttpSettings.model_validate({"host": "no such host", "token": {"env": "TOKEN"}})
    with pytest.raises(ConfigurationError, match="no such host port"):
        WebServer(PAGES, settings)


def test_a_browser_that_keeps_its_connection_open_does_not_hold_up_the_end() -> None:
    with requests.Session() as browser, WebServer(PAGES, HttpSettings(port=0)) as server:
        browser.get(server.url, timeout=5)
