"""An answer as it came, and what went wrong before there was one, where a call goes over urllib3 alone.

requests takes as much of the processor again for one call (`rotator docs performance`, "One call"), which counts where
an org is asked some hundred times. The limits, the authorities and the errors are those of a call by requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from urllib3 import exceptions as urllib3

from rotator.net.loading import requests

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_GIVEN_UP: Final = (
    # It is among those that took too long, and did not.
    (urllib3.NewConnectionError, requests.ConnectionError),
    (urllib3.ConnectTimeoutError, requests.ConnectTimeout),
    (urllib3.ProxyError, requests.exceptions.ProxyError),
    (urllib3.SSLError, requests.exceptions.SSLError),
    (Exception, requests.ConnectionError),
)
"""By why no connection was tried again."""

_BROKEN_OFF: Final = (
    (OSError, requests.ConnectionError),
    (urllib3.ProtocolError, requests.ConnectionError),
    (urllib3.ClosedPoolError, requests.ConnectionError),
    (urllib3.ProxyError, requests.exceptions.ProxyError),
    (urllib3.SSLError, requests.exceptions.SSLError),
    (urllib3.ReadTimeoutError, requests.ReadTimeout),
    (urllib3.InvalidHeader, requests.exceptions.InvalidHeader),
)


@dataclass(frozen=True)
class Answer:
    """An answer, read whole, that leads nowhere else by itself; with the names that requests has for its parts."""

    url: str
    status_code: int
    headers: MutableMapping[str, str]
    """By names in any case."""
    content: bytes

    @property
    def is_redirect(self) -> bool:
        """Whether it says that the answer is elsewhere."""
        return self.status_code in requests.models.REDIRECT_STATI and "Location" in self.headers


def as_requests_tells(error: Exception, request: requests.PreparedRequest) -> Exception:
    """An error of sending a request, in the class in which `HTTPAdapter.send` tells it; itself where that has none."""
    is_given_up = isinstance(error, urllib3.MaxRetryError)
    reason = error.reason if isinstance(error, urllib3.MaxRetryError) else error
    for kind, told in _GIVEN_UP if is_given_up else _BROKEN_OFF:
        if isinstance(reason, kind):
            return told(error, request=request)
    return error
