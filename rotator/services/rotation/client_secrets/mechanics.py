"""What observes a credential, and what changes it, by its kind; and both of a client secret.

They take the places of those of key pairs in the same run: the strategy `staged`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotator.core.decision.actions import Action, ActionKind
from rotator.core.lifecycle.secret_age import aged
from rotator.core.observed import ObservedApp
from rotator.errors import OrgError
from rotator.salesforce.client_secrets import State
from rotator.salesforce.transport import AnswerLost
from rotator.services.rotation.client_secrets.pair_adoption import pair_in_use, version_of
from rotator.services.rotation.executor import Executor
from rotator.services.rotation.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from rotator.core.credentials import Fingerprint, Stages
    from rotator.core.decision.observations import Observation
    from rotator.core.observed import ObservedCertificate
    from rotator.history.journal.projection import CredentialRecord
    from rotator.salesforce.client_secrets import ClientSecrets, Pair, Pairs
    from rotator.services.rotation.observer import CredentialContext


def observer_of(credential: CredentialContext, *, settles: bool = False) -> Observer:
    """What observes the credential, a key pair or a client secret; see Observer."""
    if credential.secrets is None:
        return Observer(credential, settles=settles)
    return PairsObserver(credential, credential.secrets)


def executor_of(
    credential: CredentialContext, observer: Observer, *, rotation_id: str, keep_key: bool = False
) -> Executor:
    """What changes its store and its app; see Executor."""
    if credential.secrets is None:
        return Executor(credential, observer, rotation_id=rotation_id, keep_key=keep_key)
    return PairsExecutor(credential, observer, credential.secrets, rotation_id=rotation_id)


def discard_pending(credential: CredentialContext, pending: Fingerprint) -> None:
    """Discards a pending version; of a client secret its pair leaves the org first, where that is staged only."""
    if credential.secrets is not None:
        [app] = credential.settings.app_names
        pairs = credential.secrets.read(app)
        staged = pairs.second_as(State.STAGED) if pairs else None
        if staged is not None and staged.fingerprint == pending:
            credential.secrets.delete(app, expecting=pending)
    credential.store.discard(credential.name, pending)


class PairsObserver(Observer):
    """Observes one client secret, again and again."""

    def __init__(self, credential: CredentialContext, secrets: ClientSecrets) -> None:
        """Looks at nothing yet."""
        super().__init__(credential)
        self._secrets = secrets
        self._pairs: Pairs | None = None

    def recheck(self) -> None:
        """The resources of a consumer are changed at once, or not at all."""

    def _look(self) -> Observation:
        """When its versions are to be replaced follows from their age."""
        self._last = aged(super()._look(), self._credential.settings.max_age)
        return self._last

    def _observe_apps(self, names: Sequence[str], stages: Stages, known: CredentialRecord) -> dict[str, ObservedApp]:
        [name] = names
        self._pairs = self._secrets.read(name)
        if self._pairs is None:
            return {name: ObservedApp(name, readable=False, by_secret=True)}
        seen = self._pairs.observed(name)
        stored = stages.fingerprints
        is_ours = seen.staged is not None and seen.staged not in stored and self._credential.is_staging()
        is_known = seen.live in stored and (seen.rotated is None or seen.rotated in stored)
        ended_by = known.revoked.ended_by.get(name) if known.revoked and not is_known else None
        return {name: replace(seen, staging=is_ours, ended_by=ended_by)}

    @property
    def client_ids(self) -> dict[str, str]:
        """See Observer."""
        if self._pairs is None:
            return {}
        return dict.fromkeys(self._credential.settings.app_names, self._pairs.in_use.client_id)

    def _absent(self, names: Sequence[str]) -> OrgError:
        [name] = names
        return self._secrets.absent(name)

    def _held(self) -> list[ObservedCertificate]:
        if self._pairs is None or self._last is None:
            return []
        return [self._pairs.in_place(self._credential.settings.org, name, self._last) for name in self._last.apps]


class PairsExecutor(Executor):
    """Changes the store, and the pairs of a consumer."""

    def __init__(
        self, credential: CredentialContext, observer: Observer, secrets: ClientSecrets, *, rotation_id: str
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
