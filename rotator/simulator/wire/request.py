"""One HTTP request, without a server behind it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

_BEARER: Final = re.compile(r"(?:Bearer|OAuth)\s+(\S+)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """What a client sent. Names of headers are in small letters."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    address: str = "127.0.0.1"
    """Where it came from."""

    @property
    def host(self) -> str:
        """The Host header: by which of its names the client reached the org."""
        return self.headers.get("host", "")

    @property
    def head_lengths(self) -> tuple[int, int]:
        """Characters of the address, and of the headers."""
        address = len(self.path) + len(f"?{urlencode(self.query)}" if self.query else "")
        return address, sum(len(f"{name}: {value}\r\n") for name, value in self.headers.items())

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")

    @property
    def bearer(self) -> str:
        """The access token; empty when there is none."""
        match = _BEARER.fullmatch(self.authorization)
        return match[1] if match else ""

    @cached_property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace")))

    @cached_property
    def json_object(self) -> dict[str, Any] | None:
        """The body as a JSON object; None when it is none."""
        try:
            sent = json.loads(self.body)
        except ValueError:
            return None
        return sent if isinstance(sent, dict) else None

    def parameter(self, name: str) -> str:
        """A value of the form, or of the query."""
        return self.form.get(name) or self.query.get(name, "")
