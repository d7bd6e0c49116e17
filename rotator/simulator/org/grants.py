"""What users granted to apps: the rows of OauthToken, and the refresh tokens behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rotator.core.secret import Secret
    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.users import User


@dataclass
class Grant:
    """One user's use of one app. A JWT login makes one too, and later logins count it up."""

    app: ClientApp
    user: User
    created_at: datetime
    used_at: datetime
    delete_token: Secret
    """What revokes the grant, as its row tells those who may see it."""
    uses: int = 1
    refresh_token: Secret | None = None
    """Of a flow that gives one; the JWT flow gives none."""


class Grants:
    """The grants of an org, one for an app and a user."""

    def __init__(self) -> None:
        self._by_key: Final[dict[tuple[str, str], Grant]] = {}

    def use(self, app: ClientApp, user: User, now: datetime, delete_token: Secret) -> Grant:
        """Counts a login; the first one makes the grant."""
        key = (app.id, user.username)
        found = self._by_key.get(key)
        if found is None:
            self._by_key[key] = found = Grant(app, user, now, now, delete_token)
        else:
            found.used_at, found.uses = now, found.uses + 1
        return found

    def by_refresh_token(self, token: str) -> Grant | None:
        """The grant that the refresh token belongs to."""
        return next((each for each in self if each.refresh_token and each.refresh_token.reveal() == token), None)

    def end(self, token: str) -> Grant | None:
        """Revokes the grant of a refresh or delete token; None when there is none."""
        for key, grant in self._by_key.items():
            if token in {grant.delete_token.reveal(), grant.refresh_token.reveal() if grant.refresh_token else ""}:
                return self._by_key.pop(key)
        return None

    def end_of(self, app: ClientApp) -> None:
        """Forgets the grants of an app that is gone."""
        for key in [key for key, grant in self._by_key.items() if grant.app.id == app.id]:
            del self._by_key[key]

    def clear(self) -> None:
        """Forgets all of them."""
        self._by_key.clear()

    def __iter__(self) -> Iterator[Grant]:
        return iter(tuple(self._by_key.values()))
