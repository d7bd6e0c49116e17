"""A wire to a simulated org on which any answer may be another: broken, late, endless, of another shape, changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import requests
from requests.structures import CaseInsensitiveDict

from rotator.net.limits import TooLarge, TooSlow
from tests.hostile.shapes import JSON, TOKENS
from tests.hostile.soap import ENVELOPES
from tests.near_orgs import NearTransport, Posting

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from rotator.simulator.org.org import Org

_FAILURES: Final[tuple[type[requests.RequestException], ...]] = (
    TooSlow,
    TooLarge,
    requests.ReadTimeout,
    requests.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    requests.exceptions.InvalidURL,
)
_STATUSES: Final = (200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 407, 420, 429, 500, 500, 502, 503, 599, 999)
_KINDS: Final = ("application/json", "text/xml", "text/html", "multipart/related", "", "\x00")
_DATES: Final = ("Thu, 26 Nov 99999999999999999999 08:00:00 GMT", "Thu, 26 Nov 2026 08:00:00 -0000", "now", "")
_COMPONENTS: Final = b"readMetadataResponse"
_VALUES: Final = (b"null", b"[]", b"{}", b"5", b"true", b'""', b'"\\u0000\\ud800"', b"1e999", b'"x"', b'"https://a..b"')
_TEXTS: Final = (b"", b"<a/>", b"false", b"true", b"nothing", b"&#x202e;", b"9" * 400, b"2027-13-45")


class HostileTransport(NearTransport):
    """Calls an org; so many of a hundred calls get another answer."""

    def __init__(self, org: Org, random: Random, share: int, beside: Callable[[], None]) -> None:
        """`beside` is called before each answer that is another one."""
        super().__init__([org])
        self.answers = 0
        """How many answers were others."""
        self._random: Final = random
        self._share: Final = share
        self._beside: Final = beside
        inner = self._http.get_adapter("https://")
        self._http.mount("https://", _Adapter(self, inner))

    def answer(self, asked: requests.PreparedRequest, send: Callable[[], requests.Response]) -> requests.Response:
        """What the program gets."""
        random = self._random
        if random.randrange(100) >= self._share:
            return send()
        self.answers += 1
        self._beside()
        # Whether the org does what it was asked, nobody who gets another answer knows.
        real = send() if random.random() < 0.6 else None
        if random.random() < 0.2:
            raise random.choice(_FAILURES)("planted", request=asked)
        body = self._changed(real.content) if real is not None and random.random() < 0.6 else self._other()
        said = requests.Response()
        said.url, said.request, said.encoding = str(asked.url), asked, "utf-8"
        said.status_code = real.status_code if real is not None and random.random() < 0.7 else random.choice(_STATUSES)
        kind = real.headers["Content-Type"] if real is not None else random.choice(_KINDS)
        said.headers = CaseInsensitiveDict({"Content-Type": kind, "Date": random.choice(_DATES)})
        if said.status_code == 302:
            said.headers["Location"] = random.choice(("https://[::1", "http://elsewhere.example/", "//x", "\xff"))
        said._content = body
        return said

    def _other(self) -> bytes:
        random = self._random
        which = random.randrange(4)
        if which == 0:
            return random.randbytes(random.randrange(200))
        if which == 1:
            return random.choice(TOKENS).replace(":PORT", "").encode()
        return random.choice(JSON if which == 2 else ENVELOPES)

    def _changed(self, body: bytes) -> bytes:
        """A real answer with something in it that is another thing."""
        random = self._random
        which = random.randrange(4)
        if _COMPONENTS in body and which != 1:
            # Another field than these is written back as it was read: what an org says of an app is what it gets.
            return self._replaced(body, rb"(?<=<certificate>|...<fullName>)[^<>]+(?=</)", _TEXTS)
        if which == 0 and body:
            at = random.randrange(len(body))
            return body[:at] + random.randbytes(1) + body[at + 1 :]
        if which == 1:
            return body[: random.randrange(len(body) + 1)]
        if body.lstrip()[:1] in {b"{", b"["}:
            return self._replaced(body, rb'(?<=":)\s*("[^"]*"|\w+|\{\}|\[\])', _VALUES)
        return self._replaced(body, rb"(?<=>)[^<>]+(?=</)", _TEXTS) if which == 2 else self._without(body)

    def _replaced(self, body: bytes, pattern: bytes, values: tuple[bytes, ...]) -> bytes:
        found = list(re.finditer(pattern, body))
        if not found:
            return body
        part = self._random.choice(found)
        return body[: part.start()] + self._random.choice(values) + body[part.end() :]

    def _without(self, body: bytes) -> bytes:
        """An element taken out, or doubled."""
        found = list(re.finditer(rb"<(\w+)[^<>]*>[^<>]*</\1>", body))
        if not found:
            return body
        part = self._random.choice(found)
        again = part[0] * self._random.choice((0, 0, 2))
        return body[: part.start()] + again + body[part.end() :]


class _Adapter(Posting):
    def __init__(self, transport: HostileTransport, inner: Any) -> None:
        super().__init__()
        self._transport: Final = transport
        self._inner: Final = inner

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        return self._transport.answer(request, lambda: self._inner.send(request, *args, **options))

    def close(self) -> None:
        """Nothing is open."""
