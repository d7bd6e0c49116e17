"""Sessions: what a login hands out and every later call shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

KEPT_SESSIONS: Final = 5_000
"""About how many live sessions an org remembers; the oldest are forgotten first."""


@dataclass(frozen=True)
class Session:
    """One live access token, for one user through one app."""

    token: str
    username: str
    app_id: str
    """Of the app that it was opened through; empty: by a password, without any."""
    started_at: datetime
    used_at: datetime
    login: int | None = None
    """Number of its row in the login history; None where it has none."""

    @property
    def is_jwt(self) -> bool:
        """Whether the token has the three parts of a JWT, as apps with isNamedUserJwtEnabled get."""
        return self.token.count(".") == 2 and "!" not in self.token


class Sessions:
    """The sessions of one org, by token. A session ends when it is revoked or unused for `lifetime`."""

    def __init__(self, lifetime: Callable[[], timedelta]) -> None:
        self._lifetime: Final = lifetime
        self._by_token: Final[dict[str, Session]] = {}
        self._swept_at = KEPT_SESSIONS

    def start(self, token: str, username: str, app_id: str, now: datetime, login: int | None = None) -> Session:
        """Keeps a new session; `login` is the number of its row in the login history."""
        session = Session(token, username, app_id, now, now, login)
        self._by_token[token] = session
        if len(self._by_token) > self._swept_at:
            self._forget_those_that_are_over(now)
        return session

    def _forget_those_that_are_over(self, now: datetime) -> None:
        for token in [s.token for s in self._by_token.values() if now - s.used_at > self._lifetime()]:
            del self._by_token[token]
        while len(self._by_token) > KEPT_SESSIONS:
            del self._by_token[next(iter(self._by_token))]
        self._swept_at = max(KEPT_SESSIONS, len(self._by_token) + KEPT_SESSIONS // 4)

    def find(self, token: str, now: datetime) -> Session | None:
        """The live session of a token, which this use keeps alive; None when it is over or never was."""
        session = self._by_token.get(token)
        if session is None:
            return None
        if now - session.used_at > self._lifetime():
            del self._by_token[token]
            return None
        self._by_token[token] = replace(session, used_at=now)
        return session

    def latest(self, username: str, app_id: str, now: datetime) -> Session | None:
        """The newest live session of a user through an app."""
        tokens = [s.token for s in self._by_token.values() if (s.username, s.app_id) == (username, app_id)]
        return next((found for token in reversed(tokens) if (found := self.find(token, now))), None)

    def end(self, token: str) -> bool:
        """Revokes a token; False when there is none."""
        return self._by_token.pop(token, None) is not None

    def end_of(self, app_id: str, username: str | None = None) -> None:
        """Ends every session that was opened through an app, by one user or by all."""
        for session in list(self._by_token.values()):
            if session.app_id == app_id and username in {None, session.username}:
                del self._by_token[session.token]

    def end_all(self) -> None:
        """Ends every session, as an administrator may."""
        self._by_token.clear()

    def live(self, now: datetime) -> list[Session]:
        """Those that are not over; to look at one keeps it alive no longer."""
        return [each for each in self._by_token.values() if now - each.used_at <= self._lifetime()]

    def __len__(self) -> int:
        return len(self._by_token)
