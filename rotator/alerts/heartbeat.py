"""The call that tells an outside monitor (Healthchecks, Uptime Kuma, Dead Man's Snitch) that all is well.

That it fails is no alert: the monitor notices the silence by itself, and tells people by other ways than ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

import rotator
from rotator.alerts.base import DeliveryFailed

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.core.secret import Secret


def send_heartbeat(url: Secret, *, timeout: float, ca: Path | None = None) -> None:
    """Calls the URL with GET; `timeout` in seconds to connect, and again of silence. Redirects are not followed.

    Raises DeliveryFailed, which does not name the URL: who knows it can pretend to be this program.
    """
    headers = {"User-Agent": f"rotator/{rotator.__version__}"}
    try:
        with requests.get(
            url.reveal(),
            headers=headers,
            timeout=timeout,
            verify=str(ca) if ca else True,
            allow_redirects=False,
            stream=True,
        ) as response:
            if not response.ok or response.is_redirect:
                raise _failed(f"it answered HTTP {response.status_code}")
    except requests.Timeout:
        raise _failed("no answer within the time-out") from None
    except (requests.RequestException, OSError) as error:
        # Not its text: the URL is in it.
        raise _failed(f"it cannot be reached ({type(error).__name__})") from None


def _failed(why: str) -> DeliveryFailed:
    return DeliveryFailed(
        f"The monitor did not take the heartbeat: {why}.",
        effect="Everything else goes on.",
        hint="Check `daemon.heartbeat` in config.yaml.",
    )
