"""The login itself: one key after the other, round and round, until one fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.core.logins import LoginOutcome
from rotator.core.retry import Waiting
from rotator.errors import LoginRefused, OrgError, OrgUnavailable, RotatorError, StoreError, StoreUnavailable
from rotator.salesforce.login import LoginTarget, log_in, proof_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rotator.core.credentials import Version
    from rotator.core.logins import LoginAnswer
    from rotator.core.secret import Secret
    from rotator.salesforce.login import Login
    from rotator.salesforce.transport import Transport

PATIENCE: Final = 60.0
"""Seconds for which `token` tries again while the org's servers disagree about the certificate, or are away."""


@dataclass(frozen=True)
class Token:
    """What a consumer calls the org with."""

    access_token: Secret
    instance_url: str
    """Where the org's API is, without a slash at the end."""


class DualKeyLogin:
    """Logs in with `current`; with `pending`, then `previous`, when the org refuses a key as it may a wrong one.

    Which refusals these are says `rotator.core.logins.LoginAnswer.another_key_may_fit`.

    While a change of certificate spreads over the org's servers, each login may meet one that knows the old certificate
    or one that knows the new: the keys are tried round and round until one fits. The store is asked anew each round.
    """

    def __init__(
        self,
        versions: Callable[[], Iterable[Version]],
        transport: Transport,
        waiting: Waiting | None = None,
        *,
        logged_in: Callable[[Version], None] = lambda _version: None,
    ) -> None:
        """`versions` gives the stored versions, best first; a next one is taken only when it is needed.

        `logged_in` is told of each login that succeeds (`rotator.consumer.reporting.Reporter`).
        """
        self._logged_in: Final = logged_in
        self._versions: Final = versions
        self._transport: Final = transport
        self._waiting: Final = waiting or Waiting(PATIENCE)

    def token(self) -> Token:
        """A new access token.

        Raises LoginRefused when the org refuses for another reason than the key, or refuses every key until patience
        ends; OrgUnavailable when it is away until then, OrgError when something else stands in its place; StoreError
        when there is nothing to log in with.
        """
        try:
            return self._waiting.call(self._round, again=lambda error: isinstance(error, _NotYet))
        except _NotYet as reason:
            raise reason.error from None

    def _round(self) -> Token:
        try:
            return self._try(iter(self._versions()))
        except StoreUnavailable as error:
            raise _NotYet(error) from None

    def _try(self, versions: Iterable[Version]) -> Token:
        refused: LoginRefused | None = None
        for version in versions:
            login = self._log_in(version)
            if login.token is not None:
                self._logged_in(version)
                return Token(login.token, login.instance_url)
            # What stands first decides: a later version may be for an app that is not in use yet, or no longer.
            refused = refused or _of_the_key(version, login.answer)
        if refused is None:
            raise StoreError(
                "The store holds no version to log in with.",
                hint="Check the credential's name with `rotator status`.",
            )
        raise _NotYet(refused)

    def _log_in(self, version: Version) -> Login:
        return log_in(self._transport, LoginTarget.of(version), proof_of(version), self._waiting.now())


class _NotYet(Exception):
    """Nothing that a later attempt could not overcome; `error` is what to raise when patience ends."""

    def __init__(self, error: RotatorError) -> None:
        super().__init__()
        self.error = error


def _of_the_key(version: Version, answer: LoginAnswer) -> LoginRefused:
    """The error for a key that may be the wrong one. Raises what the answer means when it is about something else."""
    who = f"{version.credential} ({version.username} in the org {version.org})"
    if answer.outcome is LoginOutcome.TRANSIENT:
        raise _NotYet(OrgUnavailable(f"No login for {who} just now: {answer.reason}.", hint=answer.hint))
    if not answer.is_the_orgs:
        raise OrgError(
            f"No login for {who}: {answer.reason}.", hint=f"{answer.hint} In a program: `login(..., ca=PATH)`."
        )
    error = LoginRefused(f"The org refuses the login of {who}: {answer.reason}.", hint=answer.hint)
    if not answer.another_key_may_fit:
        raise error
    return error
