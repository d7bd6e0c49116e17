"""The HTTP face of one simulated org: which path is which call, and what a fault does to it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import jwt
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from rotator.simulator.metadata.api import OPERATIONS, perform
from rotator.simulator.metadata.call import MetadataCall
from rotator.simulator.oauth.token_endpoint import answer_login
from rotator.simulator.rest import resources
from rotator.simulator.rest.query import more, query
from rotator.simulator.rest.tables import TABLES, TOOLING_TABLES
from rotator.simulator.serving.control import control_routes
from rotator.simulator.wire.answers import NO_CACHE, Answer, json_answer
from rotator.simulator.wire.faults import Effect, Fault, Kind
from rotator.simulator.wire.soap import FaultError, SoapCall, child_texts, envelope_answer, fault_answer

if TYPE_CHECKING:
    from starlette.requests import Request

    from rotator.simulator.org.org import Org

BreakConnection = Callable[["Request"], None]

_BEARER: Final = re.compile(r"(?:Bearer|OAuth)\s+(\S+)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """One call, understood but not yet performed: a fault can still come between."""

    kind: Kind
    perform: Callable[[Fault | None], Answer]
    apps: tuple[str, ...] = ()
    """The apps it is about, for faults that wait for one app."""


@dataclass(frozen=True)
class OrgApplication:
    """Answers HTTP requests for one org. `break_connection` cuts a request's connection without an answer."""

    org: Org
    break_connection: BreakConnection

    def starlette(self) -> Starlette:
        """The ASGI application."""
        data = "/services/data"
        return Starlette(
            routes=[
                self._route("/services/oauth2/token", self._token, "POST", "GET"),
                self._route("/services/oauth2/userinfo", self._userinfo, "GET", "POST"),
                self._route("/services/oauth2/revoke", self._revoke, "GET", "POST"),
                self._route(data, self._data, "GET"),
                self._route(data + "/{rest:path}", self._data, "GET"),
                self._route("/services/Soap/m/{version}", self._soap, "POST"),
                self._route("/services/Soap/m/{version}/{org_id:path}", self._soap, "POST"),
                *control_routes(self.org),
                self._route("/{rest:path}", self._unknown, "GET", "POST", "PUT", "PATCH", "DELETE"),
            ]
        )

    def _route(self, path: str, understand: Callable[[Request, bytes], Call], *methods: str) -> Route:
        async def endpoint(request: Request) -> Response:
            call = understand(request, await request.body())
            return await self._answer(call, request)

        return Route(path, endpoint, methods=list(methods))

    async def _answer(self, call: Call, request: Request) -> Response:
        self.org.calls[call.kind] += 1
        fault = self.org.faults.take(call.kind, call.apps)
        effect = fault.effect if fault else None
        if fault and effect is Effect.FAIL:
            return to_response(fault.answer_for(call.kind))
        if effect is Effect.HANG:
            return await _wait_for_disconnect(request)
        with self.org.lock:
            answer = call.perform(fault)
        if effect is Effect.LOSE_ANSWER:
            self.break_connection(request)
            return await _wait_for_disconnect(request)
        if fault and effect is Effect.SLOW:
            with suppress(TimeoutError):
                async with asyncio.timeout(fault.seconds):
                    return await _wait_for_disconnect(request)
        return to_response(answer)

    def _token(self, request: Request, body: bytes) -> Call:
        if request.method != "POST":
            refusal = json_answer(400, {"error": "invalid_request", "error_description": "must use HTTP POST"})
            return Call(Kind.TOKEN, lambda _: refusal)
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        return Call(Kind.TOKEN, lambda _: answer_login(self.org, form), self._issuer(form.get("assertion", "")))

    def _issuer(self, assertion: str) -> tuple[str, ...]:
        """The app that an assertion says it is from."""
        try:
            claims = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.PyJWTError:
            return ()
        app = self.org.app_of(str(claims.get("iss")))
        return (app.name,) if app else ()

    def _userinfo(self, request: Request, body: bytes) -> Call:
        token = _bearer(request) or _parameter(request, body, "access_token")
        return Call(Kind.USERINFO, lambda _: resources.userinfo(self.org, token))

    def _revoke(self, request: Request, body: bytes) -> Call:
        token = _parameter(request, body, "token")
        return Call(Kind.REVOKE, lambda _: resources.revoke(self.org, token))

    def _data(self, request: Request, _body: bytes) -> Call:
        is_tooling = "/tooling/" in request.url.path
        return Call(Kind.TOOLING if is_tooling else Kind.DATA, lambda _: self._data_answer(request))

    def _data_answer(self, request: Request) -> Answer:
        path = request.path_params.get("rest", "").strip("/")
        if not path:
            return resources.versions(self.org)
        refusal = resources.refused(self.org, _bearer(request))
        if refusal:
            return refusal
        version, _, resource = path.removeprefix("v").partition("/")
        text = request.query_params.get("q", "")
        answers: dict[str, Callable[[], Answer]] = {
            "": lambda: resources.resources(version),
            "limits": lambda: resources.limits(self.org),
            "query": lambda: query(self.org, text, TABLES, request.url.path),
            "tooling/query": lambda: query(self.org, text, TOOLING_TABLES, request.url.path),
        }
        if resource.rpartition("/")[0].endswith("query"):
            return more(self.org, request.url.path)
        return answers.get(resource, resources.not_found)()

    def _soap(self, request: Request, body: bytes) -> Call:
        try:
            call = SoapCall.parse(body)
        except FaultError as fault:
            refusal = fault_answer(fault)
            return Call(Kind.SOAP_OTHER, lambda _: refusal)
        operation = OPERATIONS.get(call.operation)
        version = request.path_params["version"]
        return Call(
            operation.kind if operation else Kind.SOAP_OTHER,
            lambda fault: self._soap_answer(call, version, fault),
            _apps_of(call),
        )

    def _soap_answer(self, call: SoapCall, version: str, fault: Fault | None) -> Answer:
        lose = fault is not None and fault.effect is Effect.LOSE_CERTIFICATE
        try:
            metadata_call = MetadataCall.open(self.org, call, version, lose_certificate=lose)
            return envelope_answer(perform(metadata_call))
        except FaultError as refused:
            return fault_answer(refused)

    def _unknown(self, _request: Request, _body: bytes) -> Call:
        return Call(Kind.DATA, lambda _: resources.not_found())


def to_response(answer: Answer) -> Response:
    """The answer with the headers that all answers carry."""
    headers = {"Cache-Control": NO_CACHE, "X-Content-Type-Options": "nosniff", **answer.headers}
    return Response(answer.body, answer.status, {**headers, "Content-Type": answer.content_type})


def _bearer(request: Request) -> str:
    match = _BEARER.fullmatch(request.headers.get("authorization", ""))
    return match[1] if match else ""


def _parameter(request: Request, body: bytes, name: str) -> str:
    return dict(parse_qsl(body.decode("utf-8", "replace"))).get(name) or request.query_params.get(name, "")


def _apps_of(call: SoapCall) -> tuple[str, ...]:
    written = [name for element in call.children("metadata") for name in child_texts(element, "fullName")]
    return (*call.texts("fullNames"), *written)


async def _wait_for_disconnect(request: Request) -> Response:
    """Returns when the client is gone; what is returned then reaches nobody."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response()
