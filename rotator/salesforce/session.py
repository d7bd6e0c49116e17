"""The program's own login to an org: opened when first needed, kept open for the whole run."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.errors import LoginRefused, OrgError, OrgUnavailable
from rotator.salesforce.login import Login, LoginTarget, SessionExpired, log_in, same_org, userinfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from rotator.core.keys import PrivateKey
    from rotator.core.secret import Secret
    from rotator.salesforce.transport import Transport

_T = TypeVar("_T")
_LEFT: Final = "Nothing was changed."


@dataclass(frozen=True)
class _Open:
    """A session that the org gave."""

    token: Secret
    instance_url: str
    org_id: str
    server_time: datetime | None


class OrgSession:
    """The management app's session in one org.

    The session outlives the certificate that it was opened with, which is what makes it safe to rotate the management
    app itself: hold on to one OrgSession until the new key is proven. Safe to use from several threads.
    """

    def __init__(
        self,
        org: str,
        transport: Transport,
        target: LoginTarget,
        keys: Callable[[], Iterable[PrivateKey]],
        now: Callable[[], datetime],
    ) -> None:
        """`org` is the org's name for people. `keys` gives the keys to try, best first, afresh for every login; the
        next one is taken only after the org said that the one before does not match.
        """
        self.org: Final = org
        self.transport: Final = transport
        self._target: Final = target
        self._keys: Final = keys
        self._now: Final = now
        self._lock: Final = threading.Lock()
        self._session: _Open | None = None

    @property
    def instance_url(self) -> str:
        """Where the org's API is, without a slash at the end. Logs in when that has not happened."""
        return self._current().instance_url

    @property
    def org_id(self) -> str:
        """The org's id as the org itself tells it. Logs in when that has not happened."""
        return self._current().org_id

    @property
    def server_time(self) -> datetime | None:
        """The org's clock when it last gave a token. Logs in when that has not happened."""
        return self._current().server_time

    def call(self, operation: Callable[[str, Secret], _T]) -> _T:
        """Runs `operation(instance URL, access token)`; once more, with a new token, when it raises SessionExpired.

        Raises LoginRefused, OrgUnavailable, OrgError, and whatever the operation raises.
        """
        session = self._current()
        try:
            return operation(session.instance_url, session.token)
        except SessionExpired:
            session = self._renewed(session)
            return operation(session.instance_url, session.token)

    def ensure_alive(self) -> None:
        """Proves that the session is in force, with a new login if there has to be one. Raises as `call` does."""
        self.call(lambda instance_url, token: userinfo(self.transport, instance_url, token))

    def _current(self) -> _Open:
        with self._lock:
            if self._session is None:
                self._session = self._open(self._target.org_id)
            return self._session

    def _renewed(self, expired: _Open) -> _Open:
        with self._lock:
            # Another thread may have renewed it already.
            if self._session is None or self._session is expired:
                self._session = self._open(expired.org_id)
            return self._session

    def _open(self, org_id: str | None) -> _Open:
        login = self._first_that_matches()
        if login.token is None:
            raise self._refusal(login.answer)
        if org_id is not None and not same_org(login.org_id, org_id):
            raise self._wrong_org(login.org_id, org_id)
        if _is_jwt(login.token):
            raise self._unusable_token()
        return _Open(login.token, login.instance_url, login.org_id, login.server_time)

    def _first_that_matches(self) -> Login:
        login = Login(LoginAnswer(LoginOutcome.CONFIGURATION, "there is no key to log in with", "Check `login`."))
        for key in self._keys():
            login = log_in(self.transport, self._target, key, self._now())
            if login.answer.outcome is not LoginOutcome.MISMATCH:
                break
        return login

    def _refusal(self, answer: LoginAnswer) -> OrgError:
        if answer.outcome in {LoginOutcome.TRANSIENT, LoginOutcome.RATE}:
            return OrgUnavailable(
                f"No login to the org {self.org} just now: {answer.reason}.", left=_LEFT, advice=answer.advice
            )
        return LoginRefused(
            f"The org {self.org} refuses the program's own login as {self._target.username}: {answer.reason}.",
            left=_LEFT,
            advice=answer.advice,
        )

    def _wrong_org(self, got: str, expected: str) -> OrgError:
        return OrgError(
            f"The login for the org {self.org} led to the org {got}, not to {expected}.",
            left=_LEFT,
            advice="Set `login_url` to the org's My Domain URL: a generic login host may lead to another org.",
        )

    def _unusable_token(self) -> OrgError:
        return OrgError(
            f"The management app of the org {self.org} gives tokens in JWT format; the Metadata API refuses them.",
            left=_LEFT,
            advice='Switch off "Issue JSON Web Token (JWT)-based access tokens" on that app.',
        )


def _is_jwt(token: Secret) -> bool:
    """A session id is `<org id>!<opaque>`; a token in JWT format has three parts and no exclamation mark."""
    text = token.reveal()
    return "!" not in text and text.count(".") == 2
