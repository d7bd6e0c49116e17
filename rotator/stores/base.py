"""What every store does, whatever it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rotator.errors import StoreError

if TYPE_CHECKING:
    from rotator.core.credentials import Fingerprint, Stage, Stages, Version


class Store(Protocol):
    """Keeps the versions of credentials and the stages that they stand in.

    Every call either takes effect whole or not at all as a reader sees it, is durable when it returns, and does nothing
    more when it is repeated. All raise StoreError when the store says no, StoreUnavailable when it cannot be reached.
    """

    @property
    def name(self) -> str:
        """The store's name in the configuration, for people."""
        ...

    def stages(self, credential: str) -> Stages:
        """What stands where. A credential that the store does not know has nothing.

        A half-finished promotion is read as what it already means: a pending version that is current is no longer
        pending, a previous one that is current is not yet previous.
        """
        ...

    def read(self, credential: str, fingerprint: Fingerprint) -> Version:
        """A stored version, with its key checked against its certificate. Raises StoreError when it is not there."""
        ...

    def put_pending(self, version: Version) -> None:
        """Stores a new version and makes it `pending`. One that was there before must be discarded first."""
        ...

    def recall(self, credential: str, fingerprint: Fingerprint) -> None:
        """Makes the `previous` version `pending` as well, so that it can be promoted again."""
        ...

    def promote(self, credential: str, fingerprint: Fingerprint, *, replaces: Fingerprint | None) -> None:
        """`pending` becomes `current`, and `current` becomes `previous`; what was `previous` is destroyed.

        Raises StoreError, and changes nothing, when `current` is not `replaces`: another program promoted meanwhile.
        """
        ...

    def discard(self, credential: str, fingerprint: Fingerprint) -> None:
        """Takes `pending` away, and destroys the version unless it stands in another stage."""
        ...

    def retire(self, credential: str, fingerprint: Fingerprint) -> None:
        """Takes `previous` away, and destroys the version for good unless it stands in another stage."""
        ...

    def sweep(self, credential: str) -> int:
        """Destroys what an interrupted call left behind: versions in no stage, temporary files. Returns how many."""
        ...

    def check(self) -> None:
        """Proves that a secret can be written, read back and destroyed."""
        ...


def read_stage(store: Store, credential: str, stage: Stage) -> Version | None:
    """The version in a stage, or None; looks again when it was replaced and destroyed between two calls.

    Raises StoreError when the version that still stands there cannot be read.
    """
    fingerprint = dict(store.stages(credential)).get(stage)
    while fingerprint is not None:
        try:
            return store.read(credential, fingerprint)
        except StoreError:
            seen, fingerprint = fingerprint, dict(store.stages(credential)).get(stage)
            if fingerprint == seen:
                raise
    return None
