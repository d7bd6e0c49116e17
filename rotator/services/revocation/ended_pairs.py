"""The end of a client secret: its consumer gets a pair of key and secret that nobody has, and no other is taken.

What was rotated away the org takes for 30 days still, so it is deleted; and what somebody has staged goes, too. Nobody
has the new pair, as nobody stores it: the org alone shows it to those who may see secrets.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rotator.core.decision.actions import ActionKind, begins
from rotator.core.lifecycle.revocation import RevocationStep
from rotator.errors import NOTHING_CHANGED, RotationHalted

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.history.journal.journal import Journal
    from rotator.salesforce.client_secrets import ClientSecrets, Pairs
    from rotator.services.rotation.observer import CredentialContext


class EndedPairs:
    """The pairs of one credential's app. All calls raise OrgError, OrgUnavailable and LoginRefused."""

    def __init__(self, credential: CredentialContext, secrets: ClientSecrets) -> None:
        """Looks at nothing yet."""
        self._credential = credential
        self._secrets = secrets
        [self.app] = credential.settings.app_names

    def are_ended(self, ended_by: str | None) -> bool:
        """Whether no other pair is taken than the one that ended those before it."""
        pairs = self._read()
        return pairs.in_use.fingerprint == ended_by and pairs.second is None

    def end(self, journal: Journal, ended_by: str | None, now: Callable[[], datetime], *, why: str) -> None:
        """Does what is left of it, whatever a process that died has done. Raises HistoryError, too."""
        record = partial(journal.record, credential=self._credential.name, app=self.app, why=why)
        pairs = self._read()
        if pairs.in_use.fingerprint != ended_by:
            record(begins(ActionKind.DISABLE), now=now())
            self._delete_second(pairs)
            made = self._secrets.stage(self.app).fingerprint
            # Before it is in use: no later look could tell it from a pair that somebody rotated in by hand.
            record(begins(ActionKind.DISABLE), now=now(), ended_by=made)
            self._secrets.rotate(self.app, expecting=made)
            record(ActionKind.DISABLE, now=now(), ended_by=made)
            pairs = self._read()
        self._delete_second(pairs)

    def _read(self) -> Pairs:
        pairs = self._secrets.read(self.app)
        if pairs is None:
            raise self._secrets.absent(self.app)
        return pairs

    def _delete_second(self, pairs: Pairs) -> None:
        if pairs.second:
            self._secrets.delete(self.app, expecting=pairs.second.pair.fingerprint)


def steps_of_kind(credential: CredentialContext, steps: tuple[RevocationStep, ...]) -> tuple[RevocationStep, ...]:
    """Those of `steps` that the credential has; raises RotationHalted where it has none of them.

    By client credentials an app logs in as the one user whom its policies name, whatever sets and profiles let in.
    """
    if credential.secrets is None:
        return steps
    found = tuple(step for step in steps if step is not RevocationStep.ACCESS)
    if not found:
        raise RotationHalted(
            f"{credential.name} is a client secret: its app logs in as the user whom its policies name, and no"
            " permission set or profile lets it in.",
            effect=NOTHING_CHANGED,
            hint="`--only certificate` ends its consumer key and secret. Setup, External Client App Manager, Policies,"
            " turns the client credentials flow off for all of them.",
        )
    return found
