"""The pages by their addresses. Nothing behind any of them changes anything."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from rotator.errors import HistoryError
from rotator.plain_text import json_text, one_line
from rotator.process import give_memory_back
from rotator.web import health
from rotator.web.guard import OPEN_PATH, REPORTS_PATH, Guard
from rotator.web.health import Check
from rotator.web.reports import Reports
from rotator.web.source import PREPARED_FROM
from rotator.web.templates import ICON, STYLE, compile_first_page, page
from rotator.web.views import Views

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request

    from rotator.config.daemon import HttpSettings
    from rotator.core.secret import Secret
    from rotator.services.reporting.overview import Overview
    from rotator.web.exposition import Exposition
    from rotator.web.source import Liveness, Source

_LOG: Final = logging.getLogger(__name__)


def application(
    source: Source,
    settings: HttpSettings,
    *,
    token: Secret | None,
    alive: Callable[[], Liveness],
    reports_token: Secret | None = None,
) -> Pages:
    """The pages over a source (`rotator.services.reporting.reader.HistoryReader`).

    `alive` is asked at each request and must not wait for anything. Raises ConfigurationError where the settings let
    others ask and there is no token.
    """
    watch, views = _Watch(source, alive, settings.metrics_unmanaged), Views(source, alive)
    routes = [
        Route(OPEN_PATH, watch.healthz),
        Route("/readyz", watch.readyz),
        Route("/metrics", watch.metrics),
        Route("/style.css", _style),
        Route("/icon.svg", _icon),
        Route("/", views.status),
        Route("/certificates", views.certificates),
        Route("/certificates/{fingerprint}", views.certificate),
        Route("/credentials", views.credentials),
        Route("/credentials/{name}", views.credential),
        Route("/orgs", views.orgs),
        Route("/orgs/{name}", views.org),
        Route("/rotations", views.rotations),
        Route("/rotations/{id}", views.rotation),
        Route("/audit", views.audit),
        Route("/machines", views.machines),
        Route("/alerts", views.alerts),
        Route("/alerts/{id}", views.alert),
        Route(f"{REPORTS_PATH}{{credential}}/{{consumer}}", Reports(source, alive).post, methods=["POST"]),
    ]
    return Pages(
        watch,
        routes=routes,
        middleware=[
            Middleware(Guard, settings=settings, token=token, reports_token=reports_token),
            # Level 9 takes seven times as long, for an answer a sixth smaller.
            Middleware(GZipMiddleware, minimum_size=2000, compresslevel=4),
        ],
        exception_handlers={HistoryError: _history_away, HTTPException: _not_there},
    )


class Pages(Starlette):
    """The pages by their addresses, and what is made ready before anybody looks."""

    def __init__(self, watch: _Watch, **application: Any) -> None:
        super().__init__(**application)
        self._watch: Final = watch

    def prepare(self, source: Source) -> None:
        """Gets ready for who looks first, and for the first scrape where there are many orgs."""
        compile_first_page()
        # Who looks is told why it is away.
        with suppress(HistoryError):
            overview = source.overview()
            if len(overview.orgs) > PREPARED_FROM:
                self._watch.prepare(overview)
        # It takes more than is kept: of 4,000 certificates 2 MB.
        give_memory_back()


class _Watch:
    """The pages for programs that watch this one."""

    def __init__(self, source: Source, alive: Callable[[], Liveness], unmanaged: int) -> None:
        self._source: Final = source
        self._alive: Final = alive
        self._unmanaged: Final = unmanaged

    async def healthz(self, request: Request) -> Response:
        """Whether the process makes progress. It reads nothing, so that a database that is away restarts nobody."""
        return _checks(request, [health.of_scheduler(self._alive())])

    async def readyz(self, request: Request) -> Response:
        """Whether all that the work needs is there."""
        alive = self._alive()
        found = await run_in_threadpool(self._look, alive)
        return _checks(request, [health.of_scheduler(alive), health.of_worker(alive), *found])

    async def metrics(self, request: Request) -> Response:
        """For Prometheus, in the format that it asks for."""
        from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - as below

        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        # Also written in a thread: with many certificates it takes as long as to read them.
        text = await run_in_threadpool(lambda: self._exposition.text(self._overview(), self._alive(), encode))
        return Response(text, headers={"Content-Type": content_type})

    def prepare(self, overview: Overview) -> None:
        """Writes what monitoring is told; nearly all of it is the same in each format."""
        from prometheus_client.exposition import generate_latest  # noqa: PLC0415 - as below

        self._exposition.text(overview, self._alive(), generate_latest)

    @cached_property
    def _exposition(self) -> Exposition:
        from rotator.web.exposition import Exposition  # noqa: PLC0415 - for who asks for metrics, and nobody else

        return Exposition(self._unmanaged)

    def _look(self, alive: Liveness) -> list[Check]:
        try:
            ready = self._source.readiness()
            if not alive.only_reads:
                self._source.try_writing()
        except HistoryError as error:
            return [Check("history", False, str(error))]
        return [health.of_history(alive), *health.of_readiness(ready)]

    def _overview(self) -> Overview | None:
        try:
            return self._source.overview()
        except HistoryError as error:
            _LOG.warning("%s", error)
            return None


def _checks(request: Request, checks: Sequence[Check]) -> Response:
    """200 with all checks when each is well, otherwise 503 with those that are not first."""
    failing = [check for check in checks if not check.ok]
    status = 503 if failing else 200
    if "application/json" in request.headers.get("accept", ""):
        answer = json_text({"ok": not failing, "checks": [vars(check) for check in checks]})
        return Response(answer, status, media_type="application/json")
    ordered = [*failing, *(check for check in checks if check.ok)]
    lines = [f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {one_line(check.what)}" for check in ordered]
    return PlainTextResponse("\n".join([*lines, ""]), status)


async def _style(_request: Request) -> Response:
    return Response(STYLE, media_type="text/css")


async def _icon(_request: Request) -> Response:
    return Response(ICON, media_type="image/svg+xml")


def _history_away(_request: Request, error: Exception) -> Response:
    return page("away", {"error": error}, 503)


def _not_there(_request: Request, error: Exception) -> Response:
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (404, "")
    return page("missing", {"sentence": detail if detail != "Not Found" else "There is no such page."}, status)
