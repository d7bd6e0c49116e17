"""The HTTP face of one simulated org: requests taken in, answers given, and what a fault does to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from rotator.simulator.serving.control import control_routes
from rotator.simulator.serving.endpoints import org_of, understand
from rotator.simulator.wire.answers import NO_CACHE
from rotator.simulator.wire.faults import Effect
from rotator.simulator.wire.request import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request as HttpRequest

    from rotator.simulator.org.org import Org
    from rotator.simulator.wire.answers import Answer
    from rotator.simulator.wire.faults import Fault

BreakConnection = Callable[["HttpRequest"], None]

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class OrgApplication:
    """Answers HTTP requests for one org. `break_connection` cuts a request's connection without an answer."""

    org: Org
    break_connection: BreakConnection

    def starlette(self) -> Starlette:

        async def endpoint(request: HttpRequest) -> Response:
            return await self.answer(request, await _read(request))

        return Starlette(routes=[*control_routes(self.org), Route("/{path:path}", endpoint, methods=_METHODS)])

    async def answer(self, request: HttpRequest, read: Request) -> Response:
        """Answers a request that was read already."""
        answer, fault = answered(self.org, read)
        effect = fault.effect if fault else None
        if answer is None:
            return await _wait_for_disconnect(request)
        if effect is Effect.LOSE_ANSWER:
            self.break_connection(request)
            return await _wait_for_disconnect(request)
        if fault and effect is Effect.SLOW:
            with suppress(TimeoutError):
                async with asyncio.timeout(fault.seconds):
                    return await _wait_for_disconnect(request)
        return to_response(answer)


def answered(org: Org, request: Request) -> tuple[Answer | None, Fault | None]:
    """What an org answers to a request, and the fault that the answer meets on its way; no answer: it never comes."""
    call = understand(org, request)
    org.calls[call.kind] += 1
    fault = org.faults.take(call.kind, call.apps)
    if fault and fault.effect is Effect.FAIL:
        return fault.answer_for(call.kind), fault
    if fault and fault.effect is Effect.HANG:
        return None, fault
    with org.lock:
        org.jobs.settle(org.clock())
        return call.perform(fault), fault


@dataclass(frozen=True)
class LoginServers:
    """The generic login servers in front of several orgs."""

    orgs: Sequence[Org]
    break_connection: BreakConnection

    def starlette(self) -> Starlette:

        async def endpoint(request: HttpRequest) -> Response:
            read = await _read(request)
            return await OrgApplication(org_of(self.orgs, read), self.break_connection).answer(request, read)

        return Starlette(routes=[Route("/{path:path}", endpoint, methods=_METHODS)])


async def _read(request: HttpRequest) -> Request:
    return Request(
        request.method,
        request.url.path,
        dict(request.query_params),
        dict(request.headers),
        await request.body(),
        request.client.host if request.client else "",
    )


def to_response(answer: Answer) -> Response:
    """The answer with the headers that all answers carry."""
    headers = {"Cache-Control": NO_CACHE, "X-Content-Type-Options": "nosniff", **answer.headers}
    return Response(answer.body, answer.status, {**headers, "Content-Type": answer.content_type})


async def _wait_for_disconnect(request: HttpRequest) -> Response:
    """Returns when the client is gone; what is returned then reaches nobody."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response()
