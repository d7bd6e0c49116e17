"""What every session of requests has here, whichever system it calls."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import requests


class HttpSession(requests.Session):
    """Asks the environment of proxies once for each host: requests reads all of it for every request, twice."""

    def __init__(self) -> None:
        super().__init__()
        self._environment: Final[dict[str, Any]] = {}

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """As requests does, from what it found at the first request to this host."""
        host = urlsplit(url).netloc
        if host not in self._environment:
            self._environment[host] = super().merge_environment_settings(url, proxies, stream, verify, cert)
        return self._environment[host].copy()
