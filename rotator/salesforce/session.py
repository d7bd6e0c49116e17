"""The program's own login to an org: opened when first needed, kept open for the whole run."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from rotator.core.kept import Kept
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.errors import NOTHING_CHANGED, LoginRefused, OrgError, OrgUnavailable
from rotator.plain_text import one_line
from rotator.salesforce.login import Login, LoginTarget, SessionExpired, log_in, same_org

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from rotator.core.crypto.keys import PrivateKey
    from rotator.core.secret import Secret
    from rotator.salesforce.transport import Transport

LOG: Final = logging.getLogger(__name__)

_T = TypeVar("_T")
_MEND: Final = (
    "Put the certificate of this key on the management app again, in Setup, or correct `login` of the org in"
    " config.yaml."
)


NoteLogin: TypeAlias = "Callable[[str, str], Callable[[LoginAnswer], None]]"
"""Takes the username and the consumer key of a login that is about to be made; what it gives takes the answer."""


def note_nothing(_username: str, _client_id: str) -> Callable[[LoginAnswer], None]:
    """Where nobody wants to know."""
    return lambda _answer: None


@dataclass(frozen=True)
class Candidate:
    """One way to log in: as whom, and with which key."""

    target: LoginTarget
    key: PrivateKey


@dataclass(frozen=True)
class Opened:
    """A session that the org gave."""

    token: Secret
    instance_url: str
    org_id: str
    server_time: datetime | None
    user_id: str


class OrgSession:
    """The management app's session in one org.

    The session outlives the certificate that it was opened with, which is what makes it safe to rotate the management
    app itself: hold on to one OrgSession until the new key is proven. Safe to use from several threads.
    """

    def __init__(
        self,
        org: str,
        transport: Transport,
        candidates: Callable[[], Iterable[Candidate]],
        now: Callable[[], datetime],
        *,
        kept: Kept[Opened] | None = None,
        begins: NoteLogin = note_nothing,
        before_change: Callable[[], None] = lambda: None,
    ) -> None:
        """Connects to nothing yet.

        `org` is the org's name for people. `candidates` gives the ways to log in, best first, afresh for every login;
        the next one is taken only after the org refused the one before for its key, or in words of which nobody knows
        what they mean: an app may have its own for a wrong key. `kept` has the sessions that orgs gave before: one that
        is still in force costs no login, and an org refuses one that is not. `begins` is told of each login before it
        is made; `before_change` is called just before anything is sent that changes the org, and nothing is when it
        raises an error.
        """
        self.org: Final = org
        self.transport: Final = transport
        self._candidates: Final = candidates
        self._now: Final = now
        self._lock: Final = threading.Lock()
        self._kept: Final[Kept[Opened]] = Kept(1) if kept is None else kept
        self._session: Opened | None = None
        self._begins: Final = begins
        self._before_change: Final = before_change

    @property
    def instance_url(self) -> str:
        """Where the org's API is, without a slash at the end. Logs in when that has not happened."""
        return self._current().instance_url

    @property
    def org_id(self) -> str:
        """The org's id as the org itself tells it. Logs in when that has not happened."""
        return self._current().org_id

    @property
    def user_id(self) -> str:
        """Id of the user that the program logs in as. Logs in when that has not happened."""
        return self._current().user_id

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

    def change(self, operation: Callable[[str, Secret], _T]) -> _T:
        """The same for what changes the org, which never goes by `call`. Raises what `before_change` raises, too."""

        def now_or_never(instance_url: str, token: Secret) -> _T:
            # The last thing of all: a login may have come between.
            self._before_change()
            return operation(instance_url, token)

        return self.call(now_or_never)

    def ensure_open(self) -> None:
        """Logs in when that has not happened: before what is repeated when it fails, as a login that fails is not.

        Raises as `call` does.
        """
        self._current()

    def log_in(self) -> None:
        """Opens a session anew, which proves that the program can. Raises as `call` does."""
        with self._lock:
            self._session = self._open(None)

    def _current(self) -> Opened:
        with self._lock:
            if self._session is None:
                self._session = self._kept.get(self.org) or self._open(None)
            return self._session

    def _renewed(self, expired: Opened) -> Opened:
        with self._lock:
            # Another thread may have renewed it already.
            if self._session is None or self._session is expired:
                self._session = self._open(expired.org_id)
            return self._session

    def _open(self, expected: str | None) -> Opened:
        """A new session, in the org of the id that is `expected` if one is."""
        target, login = self._first_that_matches()
        if login.token is None:
            raise self._refusal(target, login.answer)
        if expected is not None and not same_org(login.org_id, expected):
            raise self._wrong_org(login.org_id, expected)
        if _is_jwt(login.token):
            raise self._unusable_token()
        opened = Opened(login.token, login.instance_url, login.org_id, login.server_time, login.user_id)
        self._kept.put(self.org, opened)
        return opened

    def _first_that_matches(self) -> tuple[LoginTarget, Login]:
        """The answer to the first candidate whose key is not refused, else the last one."""
        tried: tuple[LoginTarget, Login] | None = None
        for candidate in self._candidates():
            ended = self._begins(candidate.target.username, candidate.target.client_id)
            login = log_in(self.transport, candidate.target, candidate.key, self._now())
            ended(login.answer)
            extra = {"org": self.org, "username": candidate.target.username, "outcome": login.answer.outcome}
            LOG.debug("own login", extra=extra)
            tried, answer = (candidate.target, login), login.answer
            if not (answer.another_key_may_fit or (answer.may_speak_of_the_key and not answer.is_understood)):
                break
        if tried is None:
            raise LoginRefused(
                f"There is no key to log in to the org {self.org} with.",
                effect=NOTHING_CHANGED,
                hint="Check `login` of the org.",
            )
        return tried

    def _refusal(self, target: LoginTarget, answer: LoginAnswer) -> OrgError:
        if answer.outcome in {LoginOutcome.TRANSIENT, LoginOutcome.RATE}:
            return OrgUnavailable(
                f"No login to the org {self.org} just now: {answer.reason}.",
                effect=NOTHING_CHANGED,
                hint=answer.hint,
                rerun="Run it again in a while.",
            )
        return LoginRefused(
            f"The org {self.org} refuses the program's own login as {target.username}: {answer.reason}.",
            effect=NOTHING_CHANGED,
            hint=f"{answer.hint} {_MEND}" if answer.outcome is LoginOutcome.MISMATCH else answer.hint,
        )

    def _wrong_org(self, got: str, expected: str) -> OrgError:
        return OrgError(
            f"The login for the org {self.org} led to the org {one_line(got, 80)}, not to {expected}.",
            effect=NOTHING_CHANGED,
            hint="Set `login_url` to the org's My Domain URL: a generic login host may lead to another org.",
        )

    def _unusable_token(self) -> OrgError:
        return OrgError(
            f"The management app of the org {self.org} gives tokens in JWT format; the Metadata API refuses them.",
            effect=NOTHING_CHANGED,
            hint='Switch off "Issue JSON Web Token (JWT)-based access tokens" on that app.',
        )


def _is_jwt(token: Secret) -> bool:
    """A session id is `<org id>!<opaque>`; a token in JWT format has three parts and no exclamation mark."""
    text = token.reveal()
    return "!" not in text and text.count(".") == 2
