"""What every store does, whatever it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from rotator.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

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
        """A stored version, its parts checked against each other. Raises StoreError when it is not there."""
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


class Examined(Protocol):
    """What a store has besides, if the place of one credential has settings of its own: `rotator check` asks for it."""

    def examine(self, credential: str) -> Sequence[str]:
        """What is worth knowing of them, a sentence each; nothing is changed.

        Raises StoreError for what would hinder the next rotation, or lose a version.
        """
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


@dataclass(frozen=True)
class UnreadVersion:
    """A version that stands in a stage and cannot be read."""

    stage: Stage
    fingerprint: Fingerprint
    error: StoreError


_LOOKS: Final = 3
"""How often versions are looked at again because they were promoted or destroyed meanwhile."""


def read_versions(store: Store, credential: str) -> tuple[dict[Stage, Version], tuple[UnreadVersion, ...]]:
    """Each version that stands in a stage and can be read, and what stands there and cannot.

    Raises StoreError when the store does not tell what stands where, StoreUnavailable when it is away.
    """
    for _ in range(_LOOKS):
        versions: dict[Stage, Version] = {}
        unread: list[UnreadVersion] = []
        stages = store.stages(credential)
        for stage, fingerprint in stages:
            try:
                versions[stage] = store.read(credential, fingerprint)
            except StoreUnavailable:
                raise
            except StoreError as error:
                unread.append(UnreadVersion(stage, fingerprint, error))
        if not unread or store.stages(credential) == stages:
            break
    return versions, tuple(unread)


Reader: TypeAlias = "Callable[[], Iterable[Version]]"
"""What a consumer reads of one credential: at each call the stored versions, in the order in which to try them.

A next one is looked for when it is asked for, so a login that succeeds at once costs one version.
"""


class Readable(Protocol):
    """The part of a store that a consumer needs."""

    def stages(self, credential: str) -> Stages:
        """What stands where."""
        ...

    def read(self, credential: str, fingerprint: Fingerprint) -> Version:
        """A stored version."""
        ...


class StoredVersions:
    """What a store holds of one credential, in the order in which to try it.

    The stages are looked up anew each time. A version never changes, and checking its key costs more than a login, so
    it is read once while it stands in a stage.
    """

    def __init__(self, store: Readable, credential: str) -> None:
        self._store: Final = store
        self._credential: Final = credential
        self._known: dict[Fingerprint, Version] = {}

    def __call__(self) -> Iterator[Version]:
        """The versions as they stand now, `current` first; each is read when it is asked for.

        One that cannot be read is passed over. Raises StoreError once the others were tried, where it stands first:
        what is wrong is then more than that a change of certificate has not spread yet.
        """
        stages = self._store.stages(self._credential)
        self._known = {name: version for name, version in self._known.items() if name in stages.fingerprints}
        unread: StoreError | None = None
        for place, (_, fingerprint) in enumerate(stages):
            try:
                version = self._known.get(fingerprint) or self._read(fingerprint)
            except StoreUnavailable:
                raise
            except StoreError as error:
                unread = error if place == 0 else unread
                continue
            if version is not None:
                self._known[fingerprint] = version
                yield version
        if unread:
            raise unread

    def _read(self, fingerprint: Fingerprint) -> Version | None:
        try:
            return self._store.read(self._credential, fingerprint)
        except StoreUnavailable:
            raise
        except StoreError:
            if fingerprint in self._store.stages(self._credential).fingerprints:
                raise
            # A rotation went on between the two looks and took it away; what replaced it is met in the next round.
            return None
