"""HTTP answers as Salesforce words them: status, content type, caching."""

from __future__ import annotations

import json
from collections.abc import Mapping  # noqa: TC003 - resolved when settings and answers are read from JSON
from dataclasses import dataclass, field
from typing import Any, Final

NO_CACHE: Final = "no-cache,must-revalidate,max-age=0,no-store,private"
"""The Cache-Control header of REST and SOAP answers."""


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(status: int, body: Any) -> Answer:
    """A JSON answer of the REST API or of an OAuth endpoint."""
    return Answer(status, json.dumps(body).encode(), "application/json;charset=UTF-8")


def oauth_error(status: int, error: str, description: str) -> Answer:
    """A refusal of an OAuth endpoint (RFC 6749 section 5.2)."""
    return json_answer(status, {"error": error, "error_description": description})


def xml_answer(status: int, body: str) -> Answer:
    """An answer of the SOAP API."""
    return Answer(status, body.encode(), "text/xml; charset=utf-8")


def html_answer(status: int, body: str) -> Answer:
    """A page, as proxies in front of the servers send when those are away."""
    return Answer(status, body.encode(), "text/html; charset=utf-8")


def rest_error(status: int, code: str, message: str) -> Answer:
    """An error of the REST API: a list of one (REST API Developer Guide, status codes and error responses)."""
    return json_answer(status, [{"message": message, "errorCode": code}])


def not_found() -> Answer:
    """The REST API's answer for a resource that is not there."""
    return rest_error(404, "NOT_FOUND", "The requested resource does not exist")
