"""Asks an ASGI application as a browser would, without a server."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode()

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.content)


class Client:
    """GET by default, from this machine, under the name `localhost`."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    def get(self, address: str, **headers: str | None) -> Answer:
        """One answer. An underscore in a header's name is a hyphen; None leaves a header out."""
        return self.ask("GET", address, **headers)

    def ask(self, method: str, address: str, **headers: str | None) -> Answer:
        """The same with another method."""
        return asyncio.run(self._ask(method, address, {"host": "localhost:9465", **headers}))

    def post(self, address: str, *body: bytes, **headers: str | None) -> Answer:
        """Sends a body, in parts."""
        return asyncio.run(self._ask("POST", address, {"host": "localhost:9465", **headers}, body))

    async def _ask(
        self, method: str, address: str, headers: dict[str, str | None], body: Sequence[bytes] = (b"",)
    ) -> Answer:
        path, _, query = address.partition("?")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode("latin-1"))
                        for name, value in headers.items() if value is not None],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 9465),
        }  # fmt: skip
        sent: list[Message] = []

        parts = list(body)

        async def receive() -> Message:
            part = parts.pop(0) if parts else b""
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._application(scope, receive, send)
        start = next(message for message in sent if message["type"] == "http.response.start")
        content = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
        return Answer(start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, content)
