"""The proof that no login succeeds any more with what is stored of a credential."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.logins import LoginOutcome
from rotator.errors import OrgError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.core.credentials import Version
    from rotator.core.logins import LoginAnswer
    from rotator.services.rotation.observer import CredentialContext


class RefusalProof:
    """Tries every stored version until each was refused as often and as long as one must be accepted to hold.

    That long as a change takes minutes to arrive on every login server, which may disagree meanwhile.
    """

    def __init__(
        self,
        credential: CredentialContext,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        check_lock: Callable[[], None],
    ) -> None:
        """`check_lock` is called while it waits, which may be for minutes; what it raises ends the proof."""
        self._credential: Final = credential
        self._rules: Final = credential.policy.verification
        self._now: Final = now
        self._sleep: Final = sleep
        self._check_lock: Final = check_lock

    def prove(self) -> str:
        """What the org says to the current version's key, in its words; empty where none is current.

        Raises OrgError where a key is still accepted, or nothing is proven, after any change has had the time to
        arrive; StoreError where nothing is stored, or it cannot be read.
        """
        said = ""
        for stage, version in self._stored():
            answer = self._refusal_of(version)
            said = answer.reason if stage == "current" else said
        return said

    def _stored(self) -> list[tuple[str, Version]]:
        store, name = self._credential.store, self._credential.name
        found = [(str(stage), store.read(name, fingerprint)) for stage, fingerprint in store.stages(name)]
        if not found:
            raise StoreError(
                f"The store {store.name} holds no version of {name} to try a login with.",
                effect="The org was changed all the same.",
                hint="See in Setup, Login History, that its logins are refused.",
            )
        return found

    def _refusal_of(self, version: Version) -> LoginAnswer:
        began, since, streak = self._now(), self._now(), 0
        while True:
            answer, at = self._credential.prove(version), self._now()
            if answer.outcome.is_refusal:
                since, streak = (at, 1) if streak == 0 else (since, streak + 1)
                if streak >= self._rules.confirmations and at - since >= self._rules.hold:
                    return answer
            else:
                streak = 0
            if at - began >= 2 * self._rules.timeout + self._rules.hold:
                raise self._not_refused(version, answer)
            self._sleep(self._pause(streak))
            self._check_lock()

    def _pause(self, streak: int) -> float:
        spread = self._rules.hold / max(1, self._rules.confirmations - 1) if streak else timedelta(0)
        return max(self._rules.interval, spread).total_seconds()

    def _not_refused(self, version: Version, answer: LoginAnswer) -> OrgError:
        is_accepted = answer.outcome is LoginOutcome.ACCEPTED
        said = "is still accepted" if is_accepted else f"is answered {answer.reason}, which proves nothing"
        return OrgError(
            f"A login with the stored key {version.fingerprint} of {self._credential.name} {said}.",
            effect="What was changed in the org stays so.",
            hint=answer.hint or f"Look in Setup at the app {version.app}: block it, or freeze its user.",
            rerun="Then run it again.",
        )
