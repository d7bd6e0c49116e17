"""moto keeps secrets and answers like AWS Secrets Manager and STS: in this process, or by its own server."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import requests
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from wsgiref.types import WSGIApplication

Service: TypeAlias = Literal["secretsmanager", "sts"]


class Ask(Protocol):
    """A way to ask moto: what it answers to a POST."""

    def __call__(self, service: Service, path: str, headers: Mapping[str, str], body: bytes) -> Response: ...


def answer(service: Service, path: str, headers: Mapping[str, str], body: bytes) -> Response:
    """What moto answers to a POST. There is no connection between: it would cost more than the answer."""
    builder = EnvironBuilder(path, method="POST", data=body, headers=list(headers.items()))
    return Response.from_app(_application(service), builder.get_environ(), buffered=True)


@cache
def _application(service: Service) -> WSGIApplication:
    with warnings.catch_warnings(action="ignore"):
        from moto.moto_server.werkzeug_app import create_backend_app  # noqa: PLC0415 - half a second to import
    application: WSGIApplication = create_backend_app(service)
    return application


@contextmanager
def own_server() -> Iterator[Ask]:
    """moto's own HTTP server on a free port of loopback. Every call goes over two connections, which costs time."""
    with warnings.catch_warnings(action="ignore"):
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 - half a second to import
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        with requests.Session() as session:

            def ask(service: Service, path: str, headers: Mapping[str, str], body: bytes) -> Response:  # noqa: ARG001 - the signature tells
                told = session.post(f"http://{host}:{port}{path}", data=body, headers=headers, timeout=60)
                return Response(told.content, told.status_code, content_type=told.headers["Content-Type"])

            yield ask
    finally:
        server.stop()
