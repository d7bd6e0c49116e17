"""moto in this process: it keeps secrets and answers like AWS Secrets Manager and STS."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Literal, TypeAlias

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from collections.abc import Mapping
    from wsgiref.types import WSGIApplication

Service: TypeAlias = Literal["secretsmanager", "sts"]


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
