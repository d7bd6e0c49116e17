"""The tokens and sessions that apps have given out to a user, and their end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rotator.core import words
from rotator.errors import LoginRefused, OrgError, OrgUnavailable, RotatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from rotator.history.journal.journal import Journal
    from rotator.salesforce.access.oauth_tokens import OauthToken
    from rotator.salesforce.access.org_access import AuthSession, OrgAccess
    from rotator.salesforce.apps.app import App


@dataclass(frozen=True)
class IssuedTokens:
    """What apps have given out to one user."""

    tokens: Sequence[OauthToken] = ()
    sessions: Sequence[AuthSession] = ()
    hidden: str = ""
    """Why the org does not show sessions, and what to do about it; empty where it does."""

    def __str__(self) -> str:
        tokens = words.count(len(self.tokens), "token")
        return tokens if self.hidden else f"{tokens} and {words.count(len(self.sessions), 'live session')}"

    @property
    def is_none(self) -> bool:
        """Whether there is none that the org shows."""
        return not (self.tokens or self.sessions)


def issued(access: OrgAccess, apps: Iterable[App], username: str) -> IssuedTokens:
    """What these apps have given out to a user, as far as the org shows it.

    Sessions are shown to those alone who may manage users: without that permission the tokens are what is known.
    Raises OrgError where tokens are not shown, OrgUnavailable and LoginRefused.
    """
    tokens: list[OauthToken] = []
    sessions: list[AuthSession] = []
    hidden = ""
    for app in apps:
        tokens += access.tokens(app, username)
        try:
            sessions += access.sessions(app, username)
        except (OrgUnavailable, LoginRefused):
            raise
        except OrgError as error:
            hidden = words.sentences(f"Live sessions are not shown. {error.message}", error.hint)
    return IssuedTokens(tokens, sessions, hidden)


def end_tokens(
    access: OrgAccess,
    journal: Journal,
    credential: str,
    apps: Sequence[App],
    username: str,
    now: Callable[[], datetime],
) -> IssuedTokens:
    """Ends all of it, and gives what was ended. Raises as `issued` does, and HistoryError; what is ended stays so.

    What there is to end is written down before, and what was ended afterwards, also where the rest could not be. With a
    token end the sessions that were given out for it, so those that are left are looked for afterwards.
    """
    before = issued(access, apps, username)
    if before.is_none:
        return before
    record = partial(journal.record, credential=credential)
    record("revoke_tokens_begins", now=now(), tokens=len(before.tokens), sessions=len(before.sessions))
    tokens = sessions = 0
    try:
        for token in before.tokens:
            access.revoke(token)
            tokens += 1
        for session in issued(access, apps, username).sessions if before.sessions else ():
            access.end(session)
            sessions += 1
    except RotatorError:
        record("revoke_tokens", now=now(), tokens=tokens, sessions=sessions, succeeded=False)
        raise
    record("revoke_tokens", now=now(), tokens=tokens, sessions=len(before.sessions))
    return before
