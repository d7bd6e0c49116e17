"""The connection between a store and its server, to look at, cut or slow at every single request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.stores.vault.store import VaultStore


class Crash(BaseException):
    """The program ends here."""


def nothing(_at: int, _request: requests.PreparedRequest) -> None:
    """Lets a request pass."""


@dataclass
class Wire:
    """What happens before each request is sent, and after each was answered; requests are counted from 0."""

    before: Callable[[int, requests.PreparedRequest], None] = nothing
    after: Callable[[int, requests.PreparedRequest], None] = nothing
    requests: list[str] = field(default_factory=list)
    """Method and path of each."""


class _Adapter(HTTPAdapter):
    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        at = len(self._wire.requests)
        self._wire.requests.append(f"{request.method} {request.path_url.removeprefix('/v1/')}")
        self._wire.before(at, request)
        response = super().send(request, *arguments, **options)
        self._wire.after(at, request)
        return response


def attach(store: VaultStore, wire: Wire) -> Wire:
    """Puts the wire between a store and its server."""
    session = store._session.http._client.adapter.session
    for prefix in ("https://", "http://"):
        session.mount(prefix, _Adapter(wire))
    return wire


def crash_at(place: int, *, when: str) -> Wire:
    """Ends the program before a request is sent, or when it has taken effect and nobody knows yet."""

    def crash(at: int, _request: requests.PreparedRequest) -> None:
        if at == place:
            raise Crash

    return Wire(before=crash) if when == "before" else Wire(after=crash)


def lose_answer(place: int) -> Wire:
    """Breaks the connection when a request has taken effect."""

    def lose(at: int, _request: requests.PreparedRequest) -> None:
        if at == place:
            raise requests.ConnectionError("the connection was cut by a test")

    return Wire(after=lose)
