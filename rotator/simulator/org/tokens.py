"""Sessions: what a login hands out and every later call shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta


@dataclass(frozen=True)
class Session:
    """One live access token, for one user through one app."""

    token: str
    username: str
    app: str
    used_at: datetime

    @property
    def is_jwt(self) -> bool:
        """Whether the token has the three parts of a JWT, as apps with isNamedUserJwtEnabled get."""
        return self.token.count(".") == 2 and "!" not in self.token


class Sessions:
    """The sessions of one org, by token. A session ends when it is revoked or unused for `lifetime`."""

    def __init__(self, lifetime: Callable[[], timedelta]) -> None:
        self._lifetime: Final = lifetime
        self._by_token: Final[dict[str, Session]] = {}

    def start(self, token: str, username: str, app: str, now: datetime) -> Session:
        """Keeps a new session."""
        session = Session(token, username, app, now)
        self._by_token[token] = session
        return session

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

    def latest(self, username: str, app: str, now: datetime) -> Session | None:
        """The newest live session of a user through an app."""
        tokens = [s.token for s in self._by_token.values() if (s.username, s.app) == (username, app)]
        return next((found for token in reversed(tokens) if (found := self.find(token, now))), None)

    def end(self, token: str) -> bool:
        """Revokes a token; False when there is none."""
        return self._by_token.pop(token, None) is not None

    def end_of(self, app: str) -> None:
        """Ends every session that was opened through an app."""
        for token in [session.token for session in self._by_token.values() if session.app == app]:
            del self._by_token[token]

    def end_all(self) -> None:
        """Ends every session, as an administrator may."""
        self._by_token.clear()

    def __len__(self) -> int:
        return len(self._by_token)
