"""How many calls and logins an org may be asked for in an hour, counted in this process."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.errors import OrgUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

WINDOW: Final = timedelta(hours=1)
"""What is counted lies no further back than this."""

_LOGIN: Final = "/services/oauth2/token"


class LimitReached(OrgUnavailable):
    """The configured limit of calls or logins in an hour is reached: repeats would only make it worse."""


class Budget:
    """The requests to one org in the last hour. Threads may share it; what was counted is lost with the process."""

    def __init__(
        self, org: str, *, calls_per_hour: int | None, logins_per_hour: int | None, now: Callable[[], datetime]
    ) -> None:
        """None: without a limit. A login is a request for a token, and a call as well."""
        self._org: Final = org
        self._now: Final = now
        self._calls: Final = _Window(calls_per_hour)
        self._logins: Final = _Window(logins_per_hour)
        self._lock: Final = Lock()

    def count(self, url: str) -> None:
        """Notes a request that is about to be sent, whether or not a limit is reached."""
        with self._lock:
            now = self._now()
            self._calls.add(now)
            if url.endswith(_LOGIN):
                self._logins.add(now)

    def claim(self, url: str) -> None:
        """Notes a request that is about to be sent. Raises LimitReached, and notes nothing, when there is no room."""
        with self._lock:
            room_at = self._room_at()
            if room_at is not None:
                raise self._reached(room_at)
        self.count(url)

    def room_at(self) -> datetime | None:
        """When there is room again for what is not begun yet; None when there is room now."""
        with self._lock:
            return self._room_at()

    def _room_at(self) -> datetime | None:
        now = self._now()
        full_until = [until for window in (self._calls, self._logins) if (until := window.full_until(now))]
        return max(full_until, default=None)

    def _reached(self, room_at: datetime) -> LimitReached:
        return LimitReached(
            f"The limit of calls or logins in an hour that is configured for the org {self._org} is reached.",
            effect="Nothing was changed.",
            hint=f"It goes on by itself at {words.moment(room_at)}; `limits` of the org in config.yaml may allow more.",
        )


class _Window:
    def __init__(self, limit: int | None) -> None:
        self._limit: Final = limit
        # What is older than the newest `limit` requests makes no difference.
        self._times: Final[deque[datetime]] = deque(maxlen=limit or 0)

    def add(self, now: datetime) -> None:
        self._times.append(now)

    def full_until(self, now: datetime) -> datetime | None:
        # A time ahead of now was noted before the clock was set back, and proves nothing.
        while self._times and self._times[-1] > now:
            self._times.pop()
        if not self._times or len(self._times) < (self._limit or 0):
            return None
        room_at = self._times[0] + WINDOW
        return room_at if room_at > now else None
