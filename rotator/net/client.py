"""Sessions of requests for everything that is outside, and what they never do."""

from __future__ import annotations

import ssl
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import urljoin, urlsplit

from urllib3.exceptions import NewConnectionError

from rotator.net.adapter import BoundedAdapter
from rotator.net.loading import requests

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from rotator.net.answer import Answer
    from rotator.net.limits import Limits

E = TypeVar("E", bound=BaseException)

_LONGEST_CHAIN: Final = 100
"""Of errors: one that is raised again somewhere else may have come from itself."""

_SAME_REQUEST: Final = frozenset({307, 308})
"""Redirects after which method and body are the same (RFC 9110 section 15.4)."""

MOST_REDIRECTS: Final = 3
"""From one configured address to another, in one call."""


class Session(requests.Session):
    """Calls one system within limits, with no login but its own.

    Threads may share it. It follows no redirect, save to addresses that it was given: a request is sent again with all
    the secrets in it. It looks into no ~/.netrc, and asks the environment of proxies once for each host, where requests
    reads all of it for every request, twice.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        user_agent: str,
        ca: Path | None = None,
        proxy: str | None = None,
        redirects_to: Collection[str] = (),
    ) -> None:
        """`ca` is a PEM bundle to trust and `proxy` a URL to use, both before what the environment says.

        `redirects_to` are addresses such as https://vault-2.example:8200.
        """
        super().__init__()
        self._guard: Final = Lock()
        self._environment: Final[dict[str, Any]] = {}
        self._prepared: Final[dict[str, tuple[requests.PreparedRequest, dict[str, str]]]] = {}
        self._redirects_to: Final = frozenset(map(_origin, redirects_to))
        self.headers["User-Agent"] = user_agent
        self.max_redirects = MOST_REDIRECTS
        # With an `auth` of its own, requests leaves the Authorization header alone instead of looking into ~/.netrc.
        self.auth = _unchanged
        for scheme in ("https://", "http://"):
            self.mount(scheme, BoundedAdapter(limits, ca=ca, proxy=proxy, follows=True))

    def post_bytes(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """A POST to an address that is called again and again: what its requests have in common is prepared once.

        No cookies go with it, none are kept, and no redirect is followed. Raises what every call raises.
        """
        if url not in self._prepared:
            prepared = self.prepare_request(requests.Request("POST", url))
            self.get_adapter(url)  # raises for what is no HTTP
            common = {name: value for name, value in prepared.headers.items() if name.lower() != "cookie"}
            # Whole before it is kept: other threads take it as they find it.
            self._prepared[url] = prepared, common
        request, common = self._prepared[url]
        environment = self.merge_environment_settings(url, {}, None, None, None)
        adapter = cast("BoundedAdapter", self.get_adapter(url))
        return adapter.post(request, body, {**common, **headers, "Content-Length": str(len(body))}, environment)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where to go on; None to stay with this answer.

        With 301, 302 and 303 a write would be sent on as a read, whose answer looks as if it were done.
        """
        target = location(resp)
        is_kept = resp.status_code in _SAME_REQUEST or resp.request.method == "GET"
        return target if target and is_kept and _origin(target) in self._redirects_to else None

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """The same request goes on, to an address that was given; requests would look into ~/.netrc here."""

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """As requests does, from what it found at the first request to this host."""
        host = urlsplit(url).netloc
        with self._guard:
            if host not in self._environment:
                self._environment[host] = super().merge_environment_settings(url, proxies, stream, verify, cert)
            return self._environment[host].copy()


def location(response: requests.Response | Answer) -> str:
    """The address that a redirect leads to, whole; empty where the answer is none, or leads to no address."""
    if not response.is_redirect:
        return ""
    try:
        return urljoin(response.url, response.headers["Location"])
    except ValueError:
        return ""


def host_of(address: str) -> str:
    """The host of an address, with its port if it has one, for people; empty where there is none."""
    try:
        return urlsplit(address).netloc.rpartition("@")[2]
    except ValueError:
        return ""


NO_SOCKS: Final = "its proxy is a SOCKS proxy, which is not supported"
USE_HTTP_PROXY: Final = "Name a proxy for HTTP (http://HOST:PORT) in HTTPS_PROXY, or except the host in NO_PROXY."


def is_about_socks(error: BaseException) -> bool:
    """Whether a call was not made because the environment names a proxy for SOCKS, which requests cannot use here."""
    return isinstance(error, requests.exceptions.InvalidSchema) and "SOCKS" in str(error)


def cause_of(error: BaseException, kind: type[E]) -> E | None:
    """The nearest error of that kind among those that led to this one."""
    seen: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if seen is None or isinstance(seen, kind):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def why_unreached(error: BaseException) -> str:
    """Why nothing answered, in a few words, and none of the error's own: they name the address, with secrets in it."""
    if distrusted := cause_of(error, ssl.SSLCertVerificationError):
        return f"its TLS certificate is not trusted ({distrusted.verify_message})"
    if not isinstance(error, requests.RequestException):
        return "the file of the authorities to trust cannot be read"
    new = cause_of(error, NewConnectionError)
    if new is None:
        return "the connection broke"
    system = cause_of(new, OSError)
    return ((system.strerror if system else None) or "no connection").lower()


def _origin(address: str) -> tuple[str, str, int]:
    """Scheme, host and port; of what is no address, none that anything else has."""
    try:
        parts = urlsplit(address)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
        return parts.scheme, (parts.hostname or "").lower(), port
    except ValueError:
        return "", address, -1


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
