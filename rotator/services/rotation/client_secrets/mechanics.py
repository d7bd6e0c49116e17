"""What observes a credential, and what changes it, by its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.services.rotation.client_secrets.pair_adoption import unstage
from rotator.services.rotation.client_secrets.pairs_executor import PairsExecutor
from rotator.services.rotation.client_secrets.pairs_observer import PairsObserver
from rotator.services.rotation.executor import Executor
from rotator.services.rotation.observer import Observer

if TYPE_CHECKING:
    from rotator.core.credentials import Fingerprint
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
    if credential.secrets is None:
        credential.store.discard(credential.name, pending)
    else:
        unstage(credential, credential.secrets, pending)
