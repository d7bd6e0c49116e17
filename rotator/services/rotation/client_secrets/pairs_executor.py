"""Carries out the single actions of the strategy `staged`, on the store and on the org. It decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.decision.actions import Action, ActionKind
from rotator.errors import OrgError
from rotator.salesforce.client_secrets import State
from rotator.salesforce.transport import AnswerLost
from rotator.services.rotation.client_secrets.pair_adoption import pair_in_use, version_of
from rotator.services.rotation.executor import Executor

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.core.decision.observations import Observation
    from rotator.salesforce.client_secrets import Pair
    from rotator.services.rotation.client_secrets.secrets_of_org import Secrets
    from rotator.services.rotation.observer import CredentialContext, Observer


class PairsExecutor(Executor):
    """Changes the store, and the pairs of a consumer."""

    def __init__(
        self, credential: CredentialContext, observer: Observer, secrets: Secrets, *, rotation_id: str
    ) -> None:
        """`rotation_id` goes into the versions that are stored."""
        super().__init__(credential, observer, rotation_id=rotation_id, keep_key=False)
        self._secrets = secrets

    def carry_out(self, action: Action, seen: Observation, now: datetime, sends: Callable[[], None]) -> None:
        """See Executor."""
        match action.kind:
            case ActionKind.TAKE:
                self._store_pair(pair_in_use(self._credential, self._secrets), now)
            case ActionKind.STAGE:
                sends()
                self._store_pair(self._staged(action, seen), now)
            case ActionKind.ROTATE:
                self._secrets.rotate(action.its_app, expecting=action.its_version)
            case ActionKind.UNSTAGE:
                self._secrets.delete(action.its_app, expecting=action.its_version)
            case _:
                super().carry_out(action, seen, now, sends)

    def _staged(self, action: Action, seen: Observation) -> Pair:
        """The pair that an earlier try has staged, else a new one; the org refuses one beside another's."""
        if seen.apps[action.its_app].staging:
            pairs = self._secrets.read(action.its_app)
            staged = pairs.second_as(State.STAGED) if pairs else None
            if staged is not None:
                return staged
        try:
            return self._secrets.stage(action.its_app)
        except OrgError as error:
            error.wrote_nothing = not isinstance(error, AnswerLost)
            raise

    def _store_pair(self, pair: Pair, now: datetime) -> None:
        version = version_of(self._credential, pair, now, self._rotation_id)
        self.made = version.fingerprint
        self._credential.store.put_pending(version)
