"""Sends what botocore has signed over our own session: its own has a time-out of silence, and no limit on an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore import exceptions as botocore
from botocore.awsrequest import AWSResponse

from rotator.net.client import Session, is_about_socks
from rotator.net.loading import requests
from rotator.stores.aws.aws_errors import NoAuthorities, ProxyIsForSocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.awsrequest import AWSPreparedRequest
    from botocore.session import Session as BotocoreSession

    from rotator.net.limits import Limits


def send_within(limits: Limits, session: BotocoreSession, verify: str | None) -> None:
    """Has every client that is made from a session of botocore's keep limits; `verify` is a PEM bundle.

    The event `before-send` asks whether somebody else sends (botocore, `Endpoint`). Not among its clients are the two
    that get credentials from a machine or a container, over addresses of the machine itself.
    """
    sender: Any = _Sender(limits, verify or session.get_config_variable("ca_bundle") or True)
    session.register("before-send", sender.send)


class _Sender:
    def __init__(self, limits: Limits, verify: str | bool) -> None:
        self._session: Final = Session(limits, user_agent="")
        self._verify: Final = verify

    def send(self, request: AWSPreparedRequest, **_event: Any) -> Any:
        """Botocore's answer to its own request. Raises errors of botocore's."""
        headers = {name: _text(value) for name, value in request.headers.items()}
        body: Any = request.body
        url = request.url
        try:
            response = self._session.request(
                request.method, url, data=body, headers=headers, verify=self._verify, allow_redirects=False
            )
        except requests.RequestException as error:
            failed = ProxyIsForSocks() if is_about_socks(error) else _as_botocore_says_it(error, url)
        except OSError:
            # What requests says, in no class of its own, of a file of authorities that is not there.
            failed = NoAuthorities()
        else:
            answered: Any = response.headers
            return AWSResponse(url, response.status_code, answered, _Body(response.content))
        # Outside of the handler: the error of requests holds the request, and with it the secret.
        raise failed


def _as_botocore_says_it(error: requests.RequestException, url: str) -> botocore.BotoCoreError:
    kind = type(error).__name__
    if isinstance(error, requests.exceptions.ProxyError):
        return botocore.ProxyConnectionError(proxy_url="the proxy", error=kind)
    if isinstance(error, requests.exceptions.SSLError):
        return botocore.SSLError(endpoint_url=url, error=requests.exceptions.SSLError(kind))
    if isinstance(error, requests.ConnectTimeout):
        return botocore.ConnectTimeoutError(endpoint_url=url, error=kind)
    if isinstance(error, requests.Timeout):
        return botocore.ReadTimeoutError(endpoint_url=url, error=kind)
    if isinstance(error, requests.ConnectionError):
        return botocore.EndpointConnectionError(endpoint_url=url, error=kind)
    return botocore.HTTPClientError(error=kind)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


class _Body:
    """A body that is read already, as botocore reads one."""

    def __init__(self, content: bytes) -> None:
        self._content: Final = content

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self._content
