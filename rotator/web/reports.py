"""The one address that takes something: what a consumer says that it last logged in with.

    POST /reports/CREDENTIAL/CONSUMER    Authorization: Bearer TOKEN    FINGERPRINT TIME

It has a token of its own, so that a consumer sees no page; takes one line, from a consumer that the configuration
names, and notes it. All that it can bring about is that a previous version is retired sooner or later than its grace,
and only where `retire` or `require_confirmation` say so (`rotator docs security`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from rotator.core.usage.told_reports import LONGEST, ToldReport, parsed
from rotator.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from rotator.web.source import Liveness, Source

_LOG: Final = logging.getLogger(__name__)


class Reports:
    """Takes them. Who is let in says the guard (`rotator.web.guard`)."""

    def __init__(self, source: Source, alive: Callable[[], Liveness]) -> None:
        self._source: Final = source
        self._alive: Final = alive

    async def post(self, request: Request) -> Response:
        """204 when it is noted, or was known; else why not, in a sentence."""
        if self._alive().only_reads:
            return _no(503, "This process only reads: report to `rotator run`, with `http: {process: shared}`.")
        body = await _at_most(request, LONGEST)
        if body is None:
            return _no(413, f"A report is one line of at most {LONGEST} characters.")
        credential, consumer = request.path_params["credential"], request.path_params["consumer"]
        try:
            report = parsed(consumer, body.decode("ascii"))
        except ValueError:
            return _no(400, "A report is `FINGERPRINT TIME`: 64 hexadecimal digits, and such as 2026-11-23T12:00:00Z.")
        try:
            is_known = await run_in_threadpool(self._note, credential, report)
        except HistoryError as error:
            _LOG.warning("a report cannot be noted: %s", error.message)
            return _no(503, "It cannot be noted just now; say it again later.")
        return Response(status_code=204) if is_known else _no(404, "No consumer of this name is configured there.")

    def _note(self, credential: str, report: ToldReport) -> bool:
        return self._source.note_report(credential, report)


async def _at_most(request: Request, most: int) -> bytes | None:
    """The body; None where it is longer, of which no more is kept than that."""
    found = b""
    async for chunk in request.stream():
        found += chunk[: most + 1]
        if len(found) > most:
            return None
    return found


def _no(status: int, sentence: str) -> Response:
    return PlainTextResponse(f"{sentence}\n", status)
