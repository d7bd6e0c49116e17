"""HTTPS to one org: limits on every call, a private CA, a proxy, and failures in a person's words."""

from __future__ import annotations

import logging
import re
import ssl
import time
from contextlib import contextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from urllib3.exceptions import NewConnectionError

import rotator
from rotator.errors import NOTHING_CHANGED, ConfigurationError, OrgError, OrgUnavailable
from rotator.net import trust
from rotator.net.adapter import answers_of
from rotator.net.client import NO_SOCKS, Session, cause_of, host_of, is_about_socks, location, why_unreached
from rotator.net.limits import Limits, TooLarge, TooSlow
from rotator.net.loading import requests
from rotator.net.shapes import parsed
from rotator.salesforce.hosts import InstanceHosts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from rotator.core.secret import Secret
    from rotator.net.answer import Answer

_Answered = TypeVar("_Answered", "requests.Response", "Answer")

LOG: Final = logging.getLogger(__name__)

LIMITS: Final = Limits()
"""Of a call to an org; a metadata call in a large org takes tens of seconds."""

_CHECK_PROXY: Final = "Check `proxy` in config.yaml, or HTTPS_PROXY and NO_PROXY in the environment."
_TUNNEL_REFUSED: Final = re.compile(r"Tunnel connection failed: (\d{3}[A-Za-z ]{0,40})")
"""In what urllib3 says of a CONNECT that a proxy answered (RFC 9110 section 9.3.6)."""


class AnswerLost(OrgUnavailable):
    """A request was sent and no usable answer came: what it asked for may or may not have been done."""


class AnswerTooLarge(AnswerLost):
    """The answer is larger than what was asked for can be: to ask again brings the same."""

    transient = False


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
        limits: Limits = LIMITS,
        instance_domains: Collection[str] = (),
        before: Callable[[str], None] | None = None,
    ) -> None:
        """`ca` is a PEM bundle to trust instead of the system's, `proxy` a URL to use instead of the environment's.

        `instance_domains`: see InstanceHosts. `before` is called with the URL of every request, which is not sent when
        it raises (`rotator.salesforce.budget`). Raises ConfigurationError when `ca` cannot be used.
        """
        if ca is not None:
            _require_bundle(ca)
        self.instance_hosts: Final = InstanceHosts(instance_domains)
        self._before = before or _nothing
        self._http = Session(limits, user_agent=f"rotator/{rotator.__version__}", ca=ca, proxy=proxy)
        self._http.hooks["response"].append(_log_response)

    def get(self, url: str, *, token: Secret, size: int | None = None) -> requests.Response:
        """GET with a bearer token (RFC 6750 section 2.1); `size`: how large the answer may be, if not as usual."""
        return self.request("GET", url, size=size, headers={"Authorization": f"Bearer {token.reveal()}"})

    def post(self, url: str, form: Mapping[str, str], *, size: int | None = None) -> requests.Response:
        """POST of a form; `size`: how large the answer may be, if not as usual."""
        return self.request("POST", url, size=size, data=form)

    def post_bytes(
        self, url: str, body: bytes, headers: Mapping[str, str] | None = None, *, size: int | None = None
    ) -> Answer:
        """POST of bytes, to an address that is called again and again."""
        self._before(url)
        began = time.perf_counter()
        with _in_our_words(url), answers_of(size):
            answer = self._http.post_bytes(url, body, headers or {})
            _log("POST", url, answer.status_code, time.perf_counter() - began)
            return _not_redirected(answer)

    def lent(self, size: int) -> LentSession:
        """For a library that calls by a session of requests: each call as one of ours; `size` of each answer."""
        return LentSession(self, size)

    def request(self, method: str, url: str, *, size: int | None, **options: Any) -> requests.Response:
        """A call as requests has it; `size`: how large the answer may be."""
        self._before(url)
        with _in_our_words(url), answers_of(size):
            return _not_redirected(self._http.request(method, url, **options))

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()


class LentSession:
    """As much of a session of requests as a library needs that is not to keep anything, or to see what is too much."""

    def __init__(self, transport: Transport, size: int) -> None:
        self._transport: Final = transport
        self._size: Final = size
        self.proxies: Final[dict[str, str]] = {}
        """Those of the transport are none of the library's business."""

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """One call. Raises as Transport does, and WrongShape when the answer is asked for its JSON and has none."""
        response = self._transport.request(method, url, size=self._size, **options)
        # What JSON may be before it is looked at, says `shapes`.
        response.json = lambda **_: parsed(response.content)  # type: ignore[method-assign]
        # Where it is none its text is taken, and to guess the encoding of a few megabytes takes seconds.
        response.encoding = "utf-8"
        # A header of two numbers, which simple-salesforce reads whatever they are.
        response.headers.pop("Sforce-Limit-Info", None)
        return response


def server_time(response: requests.Response) -> datetime | None:
    """The clock of the server that answered (RFC 9110 section 6.6.1), aware, in whole seconds; None without one."""
    try:
        told = parsedate_to_datetime(response.headers.get("Date", ""))
    except (ValueError, OverflowError, TypeError, LookupError):
        return None
    # `-0000` stands for UTC as well, and is read as no zone (RFC 5322 section 3.3).
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _log_response(response: requests.Response, **_options: Any) -> None:
    _log(response.request.method, response.url, response.status_code, response.elapsed.total_seconds())


def _log(method: str | None, url: str, status: int, seconds: float) -> None:
    if not LOG.isEnabledFor(logging.DEBUG):
        return
    # Neither query, headers nor bodies: a secret may be in each of them.
    address = urlsplit(url)
    extra = {"status": status, "seconds": round(seconds, 3)}
    LOG.debug("%s %s%s", method, address.netloc, address.path, extra=extra)


def _nothing(_url: str) -> None:
    """What is done before a request that nobody counts."""


def _require_bundle(ca: Path) -> None:
    try:
        trust.context(ca)
    except OSError as error:  # ssl.SSLError is one
        reason = error.strerror or "it holds no certificate"
        raise ConfigurationError(
            f"The CA bundle {ca} cannot be used: {reason}.",
            effect=NOTHING_CHANGED,
            hint="Set `ca` to a readable PEM file.",
        ) from None


def _not_redirected(response: _Answered) -> _Answered:
    if not response.is_redirect:
        return response
    raise OrgError(
        f"{host_of(response.url)} redirects to {host_of(location(response)) or 'another page'} instead of answering.",
        effect=NOTHING_CHANGED,
        hint="Set `login_url` to the org's present My Domain URL.",
    )


@contextmanager
def _in_our_words(url: str) -> Iterator[None]:
    host = host_of(url)
    try:
        yield
    except TooSlow:
        raise AnswerLost(
            f"{host} did not answer whole within the time-out.",
            hint="See status.salesforce.com if it lasts.",
            rerun="Run it again.",
        ) from None
    except TooLarge as error:
        raise AnswerTooLarge(
            f"{host} answers with {error}, and what was asked for is never that large.",
            hint="Check that nothing answers in the org's place.",
        ) from None
    except requests.exceptions.ProxyError as error:
        refusal = _TUNNEL_REFUSED.search(str(error))
        how = f"refuses ({refusal[1]})" if refusal else "does not answer, or refuses"
        raise OrgUnavailable(
            f"{host} cannot be reached: the proxy {how}.",
            effect=NOTHING_CHANGED,
            hint=_CHECK_PROXY,
        ) from None
    except requests.exceptions.InvalidSchema as error:
        if not is_about_socks(error):
            raise _not_callable(host, error) from None
        raise OrgError(
            f"{host} cannot be called: {NO_SOCKS}.",
            effect=NOTHING_CHANGED,
            hint=f"Name a proxy for HTTP (http://HOST:PORT). {_CHECK_PROXY}",
        ) from None
    except requests.exceptions.SSLError as error:
        raise _tls_failure(host, error) from None
    except requests.ConnectTimeout:
        raise _unreachable(host, "no connection within the time-out") from None
    except requests.ConnectionError as error:
        raise _connection_failure(host, error) from None
    except (
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ContentDecodingError,
    ):
        raise _lost(host) from None
    except requests.RequestException as error:
        raise _not_callable(host, error) from None
    except OSError:
        # What requests says, in no class of its own, of a file of authorities that is not there.
        raise OrgError(
            f"{host} cannot be called: the file of the authorities to trust cannot be read.",
            effect=NOTHING_CHANGED,
            hint="Check `ca` of the org, and REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE in the environment.",
        ) from None


def _not_callable(host: str, error: Exception) -> OrgError:
    return OrgError(
        f"{host or 'The address'} cannot be called ({type(error).__name__}).",
        effect=NOTHING_CHANGED,
        hint="Check `login_url`: https:// and a host.",
    )


def _tls_failure(host: str, error: Exception) -> OrgError:
    problem = cause_of(error, ssl.SSLCertVerificationError)
    if problem is None:
        return _lost(host)
    if "mismatch" in problem.verify_message:
        return OrgError(
            f"The TLS certificate that {host} shows is for another host.",
            effect=NOTHING_CHANGED,
            hint="Use the name that the certificate is for; if it is right, something stands in between.",
        )
    return OrgError(
        f"The TLS certificate that {host} shows is not trusted: {problem.verify_message}.",
        effect=NOTHING_CHANGED,
        hint="Set `ca` of the org to the PEM bundle of the CA behind it (a proxy that inspects TLS has its own).",
    )


def _connection_failure(host: str, error: Exception) -> OrgUnavailable:
    return _unreachable(host, why_unreached(error)) if cause_of(error, NewConnectionError) else _lost(host)


def _unreachable(host: str, reason: str) -> OrgUnavailable:
    return OrgUnavailable(
        f"{host} cannot be reached: {reason}.",
        effect=NOTHING_CHANGED,
        hint="Check the address, name resolution and firewall.",
        rerun="Then run it again.",
    )


def _lost(host: str) -> AnswerLost:
    return AnswerLost(
        f"{host} gave no answer: the connection broke, or nothing came within the time-out.",
        hint="See status.salesforce.com if it lasts.",
        rerun="Run it again.",
    )
