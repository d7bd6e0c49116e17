"""HTTPS to one org: a time-out on every call, a private CA, a proxy, and failures in a person's words."""

from __future__ import annotations

import logging
import ssl
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import requests
from requests import exceptions as failures
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError

import rotator
from rotator.errors import ConfigurationError, OrgError, OrgUnavailable
from rotator.http_session import HttpSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from rotator.core.secret import Secret

LOG: Final = logging.getLogger(__name__)

CONNECT_TIMEOUT: Final = 10.0
"""Seconds to wait for a connection."""

READ_TIMEOUT: Final = 60.0
"""Seconds of silence after which an answer is given up; a metadata call in a large org takes tens of them."""

_UNCHANGED: Final = "Nothing was changed."
_E = TypeVar("_E", bound=BaseException)


class AnswerLost(OrgUnavailable):
    """A request was sent and no usable answer came: what it asked for may or may not have been done."""


class Transport:
    """Calls one org over HTTPS. It never repeats a call and never follows a redirect.

    All calls raise OrgUnavailable when the org certainly did not get the request, AnswerLost when it may have got it,
    and OrgError when its TLS certificate is not to be trusted or it redirects.
    """

    def __init__(
        self,
        *,
        ca: Path | None = None,
        proxy: str | None = None,
        timeout: tuple[float, float] = (CONNECT_TIMEOUT, READ_TIMEOUT),
        before: Callable[[str], None] | None = None,
    ) -> None:
        """`ca` is a PEM bundle to trust instead of the system's, `proxy` a URL to use instead of the environment's.

        `timeout` is (to connect, of silence) in seconds. `before` is called with the URL of every request, which is not
        sent when it raises (`rotator.salesforce.budget`). Raises ConfigurationError when `ca` cannot be used.
        """
        if ca is not None:
            _require_bundle(ca)
        self._before = before or _nothing
        self._http = _Session(_Adapter(ca, proxy, timeout))

    def get(self, url: str, *, token: Secret) -> requests.Response:
        """GET with a bearer token (RFC 6750 section 2.1)."""
        self._before(url)
        with _in_our_words(url):
            return _not_redirected(self._http.get(url, headers={"Authorization": f"Bearer {token.reveal()}"}))

    def post(
        self, url: str, data: bytes | Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """POST of bytes, or of a form."""
        self._before(url)
        with _in_our_words(url):
            return _not_redirected(self._http.post(url, data=data, headers=headers))

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()


def server_time(response: requests.Response) -> datetime | None:
    """The clock of the server that answered (RFC 9110 section 6.6.1), aware, in whole seconds; None without one."""
    try:
        return parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None


class _Session(HttpSession):
    def __init__(self, adapter: HTTPAdapter) -> None:
        super().__init__()
        self.headers["User-Agent"] = f"rotator/{rotator.__version__}"
        # With an `auth` of its own, requests leaves the Authorization header alone instead of looking into ~/.netrc.
        self.auth = _unchanged
        self.hooks["response"].append(_log)
        self.mount("https://", adapter)

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - the name is requests' own
        return None


class _Adapter(HTTPAdapter):
    """Sets the time-outs, which have no default, and what REQUESTS_CA_BUNDLE and HTTPS_PROXY would override."""

    def __init__(self, ca: Path | None, proxy: str | None, timeout: tuple[float, float]) -> None:
        super().__init__()
        self._fixed: dict[str, Any] = {"timeout": timeout}
        if ca is not None:
            self._fixed["verify"] = str(ca)
        if proxy is not None:
            self._fixed["proxies"] = {"https": proxy}

    def send(self, request: requests.PreparedRequest, *_args: Any, **options: Any) -> requests.Response:
        return super().send(request, **(options | self._fixed))


def _log(response: requests.Response, **_options: Any) -> None:
    # Neither query, headers nor bodies: a secret may be in each of them.
    address = urlsplit(response.url)
    extra = {"status": response.status_code, "seconds": round(response.elapsed.total_seconds(), 3)}
    LOG.debug("%s %s%s", response.request.method, address.netloc, address.path, extra=extra)


def _nothing(_url: str) -> None:
    """What is done before a request that nobody counts."""


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _require_bundle(ca: Path) -> None:
    try:
        ssl.create_default_context(cafile=str(ca))
    except OSError as error:  # ssl.SSLError is one
        reason = error.strerror or "it holds no certificate"
        raise ConfigurationError(
            f"The CA bundle {ca} cannot be used: {reason}.", effect=_UNCHANGED, hint="Set `ca` to a readable PEM file."
        ) from None


def _not_redirected(response: requests.Response) -> requests.Response:
    if not response.is_redirect:
        return response
    asked, location = urlsplit(response.url).netloc, urlsplit(response.headers["Location"]).netloc
    raise OrgError(
        f"{asked} redirects to {location or 'another page'} instead of answering.",
        effect=_UNCHANGED,
        hint="Set `login_url` to the org's present My Domain URL.",
    )


@contextmanager
def _in_our_words(url: str) -> Iterator[None]:
    host = urlsplit(url).netloc
    try:
        yield
    except failures.ProxyError:
        raise OrgUnavailable(
            f"{host} cannot be reached: the proxy does not answer, or refuses.",
            effect=_UNCHANGED,
            hint="Check `proxy` in config.yaml, or HTTPS_PROXY and NO_PROXY in the environment.",
        ) from None
    except failures.SSLError as error:
        raise _tls_failure(host, error) from None
    except failures.ConnectTimeout:
        raise _unreachable(host, "no connection within the time-out") from None
    except failures.ConnectionError as error:
        raise _connection_failure(host, error) from None
    except (failures.Timeout, failures.ChunkedEncodingError, failures.ContentDecodingError):
        raise _lost(host) from None
    except failures.RequestException as error:
        raise OrgError(
            f"{url} cannot be called ({type(error).__name__}).",
            effect=_UNCHANGED,
            hint="Check `login_url`: https:// and a host.",
        ) from None


def _tls_failure(host: str, error: Exception) -> OrgError:
    problem = _cause(error, ssl.SSLCertVerificationError)
    if problem is None:
        return _lost(host)
    if "mismatch" in problem.verify_message:
        return OrgError(
            f"The TLS certificate that {host} shows is for another host.",
            effect=_UNCHANGED,
            hint="Use the name that the certificate is for; if it is right, something stands in between.",
        )
    return OrgError(
        f"The TLS certificate that {host} shows is not trusted: {problem.verify_message}.",
        effect=_UNCHANGED,
        hint="Set `ca` of the org to the PEM bundle of the CA behind it (a proxy that inspects TLS has its own).",
    )


def _connection_failure(host: str, error: Exception) -> OrgUnavailable:
    problem = _cause(error, NewConnectionError)
    if problem is None:
        return _lost(host)
    system = _cause(problem, OSError)
    return _unreachable(host, (system.strerror or "no connection").lower() if system else "no connection")


def _unreachable(host: str, reason: str) -> OrgUnavailable:
    return OrgUnavailable(
        f"{host} cannot be reached: {reason}.",
        effect=_UNCHANGED,
        hint="Check the address, name resolution and firewall.",
        rerun="Then run it again.",
    )


def _lost(host: str) -> AnswerLost:
    return AnswerLost(
        f"{host} gave no answer: the connection broke, or nothing came within the time-out.",
        hint="See status.salesforce.com if it lasts.",
        rerun="Run it again.",
    )


def _cause(error: BaseException, kind: type[_E]) -> _E | None:
    """The nearest error of that kind among those that led to this one."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, kind):
        seen = seen.__cause__ or seen.__context__
    return seen
