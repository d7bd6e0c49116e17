"""What stands before every page: who may ask, by which name, by which method; and what every answer forbids."""

from __future__ import annotations

import hmac
import ipaddress
import logging
from asyncio import CancelledError
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from rotator.errors import ConfigurationError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from rotator.config.daemon import HttpSettings
    from rotator.core.secret import Secret

_LOG: Final = logging.getLogger(__name__)

OPEN_PATH: Final = "/healthz"
"""Needs no token: a supervisor asks there, and it tells nothing but whether the process makes progress."""

HEADERS: Final = {
    # No script, no frame, nothing from elsewhere; forms are searches on the page itself.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


REPORTS_PATH: Final = "/reports/"
"""What is below it takes a consumer's report, by a token of its own, and shows nothing."""


class Guard:
    """ASGI middleware around all pages."""

    def __init__(
        self, app: ASGIApp, *, settings: HttpSettings, token: Secret | None, reports_token: Secret | None = None
    ) -> None:
        """Raises ConfigurationError where others could ask and no token is there to ask for."""
        if token is None and not settings.is_loopback:
            raise ConfigurationError(
                f"The pages at {settings.host} would be open to everybody on the network.",
                effect="They are not served.",
                hint="Set `http.token` in config.yaml, or `http.host: 127.0.0.1`.",
            )
        self._app: Final = app
        self._token: Final = token.reveal().encode() if token else None
        self._reports_token: Final = reports_token.reveal().encode() if reports_token else None
        # Beyond loopback a page of somebody else's has no token to send, so names prove nothing more.
        self._names: Final = _names(settings) if settings.is_loopback else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers itself what is refused, and hands on the rest."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        answer = self._refusal(scope) or self._app
        try:
            await answer(scope, receive, send_guarded)
        except CancelledError:
            # The process stops and waits no longer. There is nobody left to hand the cancellation on to.
            if not begun:
                await _STOPPING(scope, receive, send_guarded)
        except Exception:  # whatever a page raises is logged and answered in our words: no trace reaches a reader
            _LOG.exception("A page failed: %s", scope["path"])
            if begun:
                raise
            await _FAULT(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if self._names is not None and not _is_ours(headers.get("host", ""), self._names):
            return refuse(400, "This address answers to localhost and to `http.names` in config.yaml only.")
        if scope["method"] == "POST" and self._reports_token is not None and scope["path"].startswith(REPORTS_PATH):
            if _is_admitted(headers, self._reports_token):
                return None
            what = "This needs `Authorization: Bearer TOKEN`, with the token of `http.reports_token` in config.yaml."
            return refuse(401, what, **{"WWW-Authenticate": 'Bearer realm="rotator reports"'})
        if scope["method"] not in {"GET", "HEAD"}:
            return refuse(405, "Nothing here can be changed: GET and HEAD only.", Allow="GET, HEAD")
        if self._token is not None and scope["path"] != OPEN_PATH and not _is_admitted(headers, self._token):
            what = "This needs `Authorization: Bearer TOKEN`, with the token of `http.token` in config.yaml."
            return refuse(401, what, **{"WWW-Authenticate": 'Bearer realm="rotator"'})
        # A text with a NUL is one that no database can be asked for.
        holds_nul = "\0" in scope["path"] or b"%00" in scope["query_string"]
        return refuse(404, "There is nothing at this address.") if holds_nul else None


def _is_admitted(headers: Headers, token: bytes) -> bool:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    # Both as bytes: a header may hold what is no text. In constant time, whatever was given.
    return hmac.compare_digest(given.strip().encode("latin-1", "replace"), token) and scheme.lower() == "bearer"


def refuse(status: int, sentence: str, **headers: str) -> PlainTextResponse:
    """An answer that is one sentence, with what every answer forbids."""
    return PlainTextResponse(f"{sentence}\n", status, {**HEADERS, **headers})


_STOPPING: Final = refuse(503, "rotator is stopping.")
_FAULT: Final = refuse(500, "This page failed, which is a fault of rotator; its log says more. Nothing else stopped.")


def _names(settings: HttpSettings) -> frozenset[str]:
    public = urlsplit(settings.public_url).hostname if settings.public_url else None
    names = ("localhost", settings.host, *settings.names, *([public] if public else []))
    return frozenset(name.strip("[]").rstrip(".").casefold() for name in names)


def _is_ours(host: str, names: frozenset[str]) -> bool:
    """Whether a browser that sends this `Host` was not led here by somebody else's name (DNS rebinding)."""
    name = _without_port(host).rstrip(".").casefold()
    if name in names:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host
