"""The adapter that puts limits on every call of a session, whatever library the session is given to."""

from __future__ import annotations

import io
import zlib
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from urllib3 import HTTPResponse, Timeout
from urllib3 import exceptions as urllib3

from rotator.net import trust
from rotator.net.answer import Answer, as_requests_tells
from rotator.net.exchange import BoundedResponse, Exchange, under_way
from rotator.net.limits import Limits, Misleading
from rotator.net.loading import requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping
    from pathlib import Path

_PIECE: Final = 64 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
_SIZE: Final[ContextVar[int | None]] = ContextVar("size", default=None)


@contextmanager
def answers_of(size: int | None) -> Iterator[None]:
    """Within it, answers have another limit than the session's; None for the session's."""
    before = _SIZE.set(size)
    try:
        yield
    finally:
        _SIZE.reset(before)


class BoundedAdapter(requests.adapters.HTTPAdapter):
    """Reads every answer whole, within limits, before anybody sees it. Raises what requests raises, and `limits`."""

    def __init__(
        self, limits: Limits, *, ca: Path | None = None, proxy: str | None = None, follows: bool = False
    ) -> None:
        """`ca` and `proxy` come before what the environment says.

        An answer that leads elsewhere is an error here unless it `follows`: then the session decides.
        """
        super().__init__()
        self._guard: Final = Lock()
        self._limits: Final = limits
        self._follows: Final = follows
        self._fixed: dict[str, Any] = {}
        self._pools: Final[dict[str, tuple[Any, str]]] = {}
        """Of connections, with what is asked of them, for `post`: a session has the same environment for every call."""
        if ca is not None:
            self._fixed["verify"] = str(ca)
        if proxy is not None:
            self._fixed["proxies"] = {"https": proxy}

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """As requests does it, with connections that heed the limits."""
        super().init_poolmanager(*arguments, **options)
        _bound(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        """As requests does it, with connections that heed the limits."""
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options)
        return manager if known else _bound(manager)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """As requests does it, with authorities that are read once."""
        # One pool of connections is for all threads that call a host by this session, and each sets this anew.
        with self._guard:
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call] # untyped in requests
            # A context is for what is behind a proxy; to a proxy with TLS of its own urllib3 gives the file alone.
            if conn.ca_certs and not cert and not (conn.proxy and conn.proxy.scheme == "https"):
                # A file that is none is left to urllib3, which says so when it connects.
                with suppress(OSError):
                    conn.conn_kw["ssl_context"], conn.ca_certs = trust.context(conn.ca_certs), None

    def send(self, request: requests.PreparedRequest, *_args: Any, **options: Any) -> requests.Response:
        """One request, and its whole answer."""
        request.headers["Accept-Encoding"] = "gzip"
        with self._exchange(request) as (limits, exchange):
            chosen = options | self._fixed | {"stream": True, "timeout": limits.timeout}
            response = super().send(request, **chosen)
            body = _read(response.raw, response.headers, limits.size, exchange)
        response.raw = HTTPResponse(io.BytesIO(body), status=response.status_code, preload_content=False)
        if response.is_redirect and not self._follows:
            raise Misleading(f"HTTP {response.status_code}", request=request, response=response)
        return response

    def post(
        self, request: requests.PreparedRequest, body: bytes, headers: Mapping[str, str], environment: Mapping[str, Any]
    ) -> Answer:
        """A POST to where `request` goes, and its whole answer, by urllib3 alone; raises as `send` does.

        Its connections are kept for each address: it is for a few that are called again and again.
        """
        chosen = {**environment, **self._fixed}
        url, verify, proxies, cert = request.url or "", chosen["verify"], chosen["proxies"], chosen["cert"]
        with self._exchange(request) as (limits, exchange):
            known = self._pools.get(url)
            if known is None:
                found: Any = self.get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
                self.cert_verify(found, url, verify, cert)
                known = self._pools[url] = found, self.request_url(request, proxies)
            pool, target = known
            try:
                raw = pool.urlopen(
                    "POST",
                    target,
                    body=body,
                    headers={**headers, "Accept-Encoding": "gzip"},
                    redirect=False,
                    assert_same_host=False,
                    preload_content=False,
                    decode_content=False,
                    retries=self.max_retries,
                    timeout=Timeout(*limits.timeout),
                )
            except (OSError, urllib3.HTTPError) as error:
                told = as_requests_tells(error, request)
                if told is error:
                    raise
                raise told from error
            content = _read(raw, raw.headers, limits.size, exchange)
        return Answer(url, raw.status, raw.headers, bytes(content))

    def close(self) -> None:
        """As requests does it."""
        self._pools.clear()
        super().close()

    @contextmanager
    def _exchange(self, request: requests.PreparedRequest) -> Iterator[tuple[Limits, Exchange]]:
        """Within it, connections heed the limits, which are given with what is left of them."""
        size = _SIZE.get()
        limits = Limits(*self._limits.timeout, self._limits.total, self._limits.size if size is None else size)
        with Exchange(limits) as exchange:
            try:
                yield limits, exchange
            except (OSError, urllib3.HTTPError, ValueError) as error:
                # Inside of the libraries a limit that was passed is told as a broken connection.
                told = exchange.passed or _told(error, request)
                if told is error:
                    raise
                raise told from error


_OF_OTHERS: Final[ContextVar[Limits | None]] = ContextVar("limits", default=None)


@contextmanager
def calls_of_others(limits: Limits) -> Iterator[None]:
    """Within it, sessions that a library makes for itself keep limits as well, and follow no redirect.

    Such a session takes its adapter from where requests has it. That is changed for good, as threads share it, and
    makes no difference to sessions outside of such a `with` statement.
    """
    requests.sessions.HTTPAdapter = _AdapterOfOthers
    before = _OF_OTHERS.set(limits)
    try:
        yield
    finally:
        _OF_OTHERS.reset(before)


class _AdapterOfOthers(requests.adapters.HTTPAdapter):
    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        limits = _OF_OTHERS.get()
        if limits is None:
            return super().send(request, *arguments, **options)
        return BoundedAdapter(limits).send(request, *arguments, **options)


def _told(error: OSError | urllib3.HTTPError | ValueError, request: requests.PreparedRequest) -> OSError:
    """What requests itself lets through as it is: errors of urllib3's, and of names that are none."""
    if isinstance(error, urllib3.ReadTimeoutError):
        return requests.ReadTimeout(error, request=request)
    # Errors of requests, and of the file of `ca`.
    if isinstance(error, OSError):
        return error
    if isinstance(error, urllib3.LocationValueError | ValueError):
        return requests.exceptions.InvalidURL(error, request=request)
    return requests.exceptions.ChunkedEncodingError(error, request=request)


def _bound(manager: Any) -> Any:
    """A pool manager of urllib3's, whose connections read within the limits."""
    known = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _bounded_pool(pool) for scheme, pool in known.items()}
    return manager


@cache
def _bounded_pool(pool: Any) -> Any:
    connection = type("BoundedConnection", (_Bounded, pool.ConnectionCls), {})
    return type("BoundedPool", (pool,), {"ConnectionCls": connection})


class _Bounded:
    """What is added to a connection of urllib3's."""

    response_class = BoundedResponse
    sock: Any

    def send(self, data: Any) -> None:
        exchange = under_way()
        if exchange is not None and self.sock is not None:
            # A connection that is used again still has the time-out of what it read last.
            self.sock.settimeout(exchange.wait())
        super().send(data)  # type: ignore[misc]


def _read(raw: Any, headers: MutableMapping[str, str], size: int, exchange: Exchange) -> bytearray:
    """The whole body, unpacked, which the headers say no more that it was packed."""
    packing = headers.pop("Content-Encoding", "").strip().lower()
    try:
        if packing not in {"", "identity", "gzip", "x-gzip"}:
            raise requests.exceptions.ContentDecodingError(f"packed as {packing[:20]!r}, which was not asked for")
        with suppress(ValueError):
            if int(headers.get("Content-Length", "0")) > size:
                raise exchange.too_large()
        pieces = raw.stream(_PIECE, decode_content=False)
        body = bytearray()
        for piece in _unpacked(pieces, size) if "gzip" in packing else pieces:
            body += piece
            if len(body) > size:
                raise exchange.too_large()
    except BaseException:  # an interruption, too: no connection is left open
        raw.close()
        raise
    return body


def _unpacked(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Unpacks gzip (RFC 1952, of one member or more), and stops when it has given more than `size` bytes."""
    unpacking, given, begun = zlib.decompressobj(_GZIP), 0, False
    try:
        for packed in pieces:
            piece = packed
            while piece:
                begun = True
                plain = unpacking.decompress(piece, size - given + 1)
                given += len(plain)
                yield plain
                if given > size:
                    return
                piece = unpacking.unconsumed_tail
                if unpacking.eof:
                    piece, unpacking, begun = unpacking.unused_data, zlib.decompressobj(_GZIP), False
    except zlib.error as error:
        raise requests.exceptions.ContentDecodingError(f"it is no gzip ({error})") from None
    if begun:
        raise requests.exceptions.ContentDecodingError("it breaks off within what is packed")
