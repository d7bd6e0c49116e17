"""The call that tells an outside monitor (Healthchecks, Uptime Kuma, Dead Man's Snitch) that all is well.

That it fails is no alert: the monitor notices the silence by itself, and tells people by other ways than ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import rotator
from rotator.alerts.base import DeliveryFailed
from rotator.net.client import NO_SOCKS, USE_HTTP_PROXY, Session, is_about_socks, why_unreached
from rotator.net.limits import KILOBYTE, Limits
from rotator.net.loading import requests

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.core.secret import Secret

SIZE: Final = 256 * KILOBYTE
"""Of an answer, of which the status counts, and of one monitor what it says."""

_UNKNOWN: Final = b"OK (not found)"
"""What Healthchecks says with status 200 of an address at which there is no check, as after one was deleted."""


def send_heartbeat(url: Secret, *, timeout: float, ca: Path | None = None) -> None:
    """Calls the URL with GET; `timeout` in seconds, for all of the call. Redirects are not followed.

    Raises DeliveryFailed, which does not name the URL: who knows it can pretend to be this program.
    """
    limits = Limits(connect=timeout, silence=timeout, total=timeout, size=SIZE)
    try:
        with Session(limits, user_agent=f"rotator/{rotator.__version__}", ca=ca) as session:
            response = session.get(url.reveal())
    except requests.Timeout:
        raise _failed("no answer within the time-out") from None
    except (requests.RequestException, OSError) as error:
        socks = f"{NO_SOCKS}. {USE_HTTP_PROXY}".removesuffix(".")
        raise _failed(socks if is_about_socks(error) else f"it cannot be reached: {why_unreached(error)}") from None
    if not response.ok or response.is_redirect:
        raise _failed(f"it answered HTTP {response.status_code}")
    if response.content.strip() == _UNKNOWN:
        raise _failed("it knows no check at this address")


def _failed(why: str) -> DeliveryFailed:
    return DeliveryFailed(
        f"The monitor did not take the heartbeat: {why}.",
        effect="Everything else goes on.",
        hint="Check `daemon.heartbeat` in config.yaml.",
    )
