"""How many calls and logins an org may be asked for in an hour."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from rotator.core import words
from rotator.errors import NOTHING_CHANGED, OrgUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

WINDOW: Final = timedelta(hours=1)
"""What is counted lies no further back than this."""

_LOGIN: Final = "/services/oauth2/token"


class LimitReached(OrgUnavailable):
    """The configured limit of calls or logins in an hour is reached: repeats would only make it worse."""


class Calls(Protocol):
    """The requests to one org in the last hour, against its limits. Threads may share them.

    Those of this process are `OwnCalls`; those of all machines over one history in Postgres,
    `rotator.queue.org_calls.SharedCalls`. A login is a request for a token, and a call as well.
    """

    def add(self, *, is_login: bool) -> None:
        """Counts a request, whether or not a limit is reached."""
        ...

    def claim(self, *, is_login: bool) -> datetime | None:
        """Counts a request, and gives None; where a limit is reached nothing is counted, and when there is room."""
        ...

    def room_at(self) -> datetime | None:
        """When there is room again for what is not begun yet; None when there is room now."""
        ...


class Budget:
    """The limits of one org, kept by those who send requests. Threads may share it."""

    def __init__(self, org: str, calls: Calls) -> None:
        self._org: Final = org
        self._calls: Final = calls

    def count(self, url: str) -> None:
        """Notes a request that is about to be sent, whether or not a limit is reached."""
        self._calls.add(is_login=url.endswith(_LOGIN))

    def claim(self, url: str) -> None:
        """Notes a request that is about to be sent. Raises LimitReached, and notes nothing, when there is no room."""
        room_at = self._calls.claim(is_login=url.endswith(_LOGIN))
        if room_at is not None:
            raise self._reached(room_at)

    def room_at(self) -> datetime | None:
        """When there is room again for what is not begun yet; None when there is room now."""
        return self._calls.room_at()

    def _reached(self, room_at: datetime) -> LimitReached:
        return LimitReached(
            f"The limit of calls or logins in an hour that is configured for the org {self._org} is reached.",
            effect=NOTHING_CHANGED,
            hint=f"It goes on by itself at {words.moment(room_at)}; `limits` of the org in config.yaml may allow more.",
        )


class OwnCalls:
    """See Calls: the requests of this process, which are lost with it."""

    def __init__(self, *, calls_per_hour: int | None, logins_per_hour: int | None, now: Callable[[], datetime]) -> None:
        """None: without a limit."""
        self._now: Final = now
        self._calls: Final = _Window(calls_per_hour)
        self._logins: Final = _Window(logins_per_hour)
        self._lock: Final = Lock()

    def add(self, *, is_login: bool) -> None:
        """See Calls."""
        with self._lock:
            self._add(is_login=is_login)

    def claim(self, *, is_login: bool) -> datetime | None:
        """See Calls."""
        with self._lock:
            room_at = self._room_at()
            if room_at is None:
                self._add(is_login=is_login)
            return room_at

    def room_at(self) -> datetime | None:
        """See Calls."""
        with self._lock:
            return self._room_at()

    def _add(self, *, is_login: bool) -> None:
        now = self._now()
        self._calls.add(now)
        if is_login:
            self._logins.add(now)

    def _room_at(self) -> datetime | None:
        now = self._now()
        full_until = [until for window in (self._calls, self._logins) if (until := window.full_until(now))]
        return max(full_until, default=None)


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
