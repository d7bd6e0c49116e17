"""Calls to simulated orgs in the tests' own process, without a connection.

Everything but the wire is as over HTTPS: the program's adapters on one side, the org's endpoints and faults on the
other. Connections, TLS and time-outs have tests of their own (tests/unit/salesforce/test_transport.py,
tests/unit/simulator/serving).
"""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from rotator.net.answer import Answer
from rotator.salesforce.transport import Transport
from rotator.simulator.serving.application import answered
from rotator.simulator.wire.faults import Effect
from rotator.simulator.wire.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rotator.simulator.org.org import Org


class NearTransport(Transport):
    """Calls orgs by their `url`."""

    def __init__(
        self, orgs: Iterable[Org], *, patience: float = 5.0, before: Callable[[str], None] | None = None
    ) -> None:
        """`patience`: how many seconds late an answer may be; nobody waits for it."""
        super().__init__(before=before)
        self._http.mount("https://", _Adapter(orgs, patience))


class Posting(BaseAdapter):
    """What a session needs of an adapter besides what requests needs of it."""

    def post(
        self, request: requests.PreparedRequest, body: bytes, headers: Mapping[str, str], _environment: object
    ) -> Answer:
        """As `rotator.net.adapter.BoundedAdapter` has it."""
        asked = request.copy()
        asked.body, asked.headers = body, CaseInsensitiveDict(headers)
        response = self.send(asked)
        return Answer(response.url, response.status_code, response.headers, response.content)


class _Adapter(Posting):
    def __init__(self, orgs: Iterable[Org], patience: float) -> None:
        super().__init__()
        self._orgs: Final = tuple(orgs)
        self._patience: Final = patience

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        address = urlsplit(str(request.url))
        org = next((org for org in self._orgs if urlsplit(org.url).netloc == address.netloc), None)
        if org is None:
            raise requests.ConnectTimeout(request=request)
        body = request.body or b""
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        asked = Request(
            str(request.method),
            address.path,
            dict(parse_qsl(address.query)),
            {"host": address.netloc, **headers},
            body if isinstance(body, bytes) else str(body).encode(),
        )
        answer, fault = answered(org, asked)
        effect = fault.effect if fault else None
        if effect is Effect.LOSE_ANSWER:
            raise requests.ConnectionError(request=request)
        if answer is None or (fault and effect is Effect.SLOW and fault.seconds > self._patience):
            raise requests.ReadTimeout(request=request)
        response = requests.Response()
        response.status_code, response.reason = answer.status, HTTPStatus(answer.status).phrase
        response.url, response.request, response.encoding = str(request.url), request, "utf-8"
        response.headers = CaseInsensitiveDict(
            {"Date": formatdate(usegmt=True), **answer.headers, "Content-Type": answer.content_type}
        )
        response._content = answer.body
        return response

    def close(self) -> None:
        """Nothing is open."""


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
