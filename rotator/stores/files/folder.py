"""One credential's folder in the files store: its versions, and the links that say where each stands.

A promotion moves several links and has one instant at which it happens: the renaming of `current`. Before it, the link
`.replaced` is made to name the version that `current` is about to leave. While the two are the same, nothing has
happened; once they differ, `.replaced` is the previous version, whatever `previous` still says. The rest tidies up.
"""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, Self

from rotator.core.credentials import Fingerprint, Stage, Stages, Version, is_fingerprint
from rotator.core.secret import Secret
from rotator.core.words import short
from rotator.errors import NOTHING_CHANGED, StoredDamaged, StoreError, StoreUnavailable
from rotator.stores.files.disk import Directory, prepared_link
from rotator.stores.files.modes import OWN, Access

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSIONS: Final = "versions"
DOCUMENT: Final = "credential.json"
PRIVATE_KEY: Final = "private_key.pem"
CERTIFICATE: Final = "certificate.pem"
CLIENT_SECRET: Final = "client_secret"  # noqa: S105 - the name of a file
FILES: Final = {"private_key": PRIVATE_KEY, "certificate": CERTIFICATE, "client_secret": CLIENT_SECRET}
"""The file beside the document in which a member of it lies as well, for programs that read files."""

_REPLACED: Final = ".replaced"
_LOCK: Final = ".lock"
_LINKS: Final = (Stage.CURRENT, _REPLACED, Stage.PENDING, Stage.PREVIOUS)
_LEFT_BEHIND: Final = re.compile(r"\.[0-9a-f]{64}\.(new|gone)")
_LOOKS: Final = 100


class CredentialFolder:
    """The open folder of one credential. Its methods raise OSError when the system says no, and StoreError."""

    def __init__(self, links: Directory, versions: Directory) -> None:
        self._links: Final = links
        self._versions: Final = versions

    @classmethod
    @contextmanager
    def open(cls, root: Path, credential: str, way: Access = OWN, access: Access = OWN) -> Iterator[Self | None]:
        """The folder while it is in use; None where the store does not know the credential.

        `way` is the access of the root, `access` that of the credential.
        """
        with ExitStack() as opened:
            try:
                base = opened.enter_context(Directory.open(root, way))
                links = opened.enter_context(base.inside(credential, access))
                folder = cls(links, opened.enter_context(links.inside(VERSIONS)))
            except FileNotFoundError:
                folder = None
            yield folder

    @staticmethod
    def make(root: Path, credential: str, way: Access = OWN, access: Access = OWN) -> None:
        """Makes the folder durably, unless it is there. The root is there already."""
        with Directory.open(root, way) as base:
            base.make(credential)
            base.sync()
            with base.inside(credential, access) as links:
                links.make(VERSIONS)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone while it changes, and never on top of a promotion that was left half tidied."""
        with self._links.locked(_LOCK):
            # An interrupted call may have moved what it did not live to synchronise, and this one may find it moved.
            self._versions.sync()
            self._links.sync()
            self._settle()
            self._lend()
            yield

    def _lend(self) -> None:
        """Gives all of it to its group, if it has one: it was private before, or comes from a backup."""
        if not self._links.is_lent:
            return
        for name in self._versions.names():
            if self._versions.holds(name):
                with self._versions.inside(name) as version:
                    version.give()
        self._versions.give()
        self._links.give()

    def stages(self) -> Stages:
        """What stands where, as it was at one instant.

        Raises StoredDamaged for a link that leads outside or nowhere.
        """
        for _ in range(_LOOKS):
            seen = self._look()
            if self._look() != seen:
                continue
            stages = _meaning(seen)
            lost = [(stage, fingerprint) for stage, fingerprint in stages if not self._versions.holds(fingerprint)]
            if not lost:
                return stages
            if self._look() == seen:
                raise self._dangling(*lost[0])
        raise StoreUnavailable(
            f"The links in {self._links.path} change faster than they can be read.",
            effect=NOTHING_CHANGED,
            hint="Find out what changes them; the program itself moves each once a rotation.",
        )

    def read(self, fingerprint: Fingerprint) -> Version:
        """A stored version, its files checked against each other."""
        for _ in range(2):
            try:
                return self._read_files(fingerprint)
            except FileNotFoundError:
                # Destroyed between opening the directory and the file, or a file is missing: the second look tells.
                continue
            except PermissionError as error:
                raise _damaged(
                    self._versions.path / fingerprint, f"a file in it may not be read: {error.strerror}"
                ) from None
        raise self._missing(fingerprint)

    def holds(self, fingerprint: Fingerprint) -> bool:
        """Whether the version is stored."""
        return is_fingerprint(fingerprint) and self._versions.holds(fingerprint)

    def write(self, version: Version) -> None:
        """Stores a version whole and durably, in no stage yet; what stands there in no stage is replaced."""
        prepared = f".{version.fingerprint}.new"
        self._versions.remove_directory(prepared)
        if self.holds(version.fingerprint):
            self._destroy(version.fingerprint)
        self._versions.make(prepared)
        with self._versions.inside(prepared) as directory:
            for member, value in version.proof_members().items():
                directory.write(FILES[member], value.reveal())
            directory.write(DOCUMENT, version.to_document().reveal())
            directory.give()
            directory.sync()
        self._versions.rename(prepared, version.fingerprint)
        self._versions.sync()

    def put(self, stage: Stage, fingerprint: Fingerprint) -> None:
        """Lets the stage hold a stored version."""
        self._links.point(stage, f"{VERSIONS}/{fingerprint}")

    def clear(self, stage: Stage) -> None:
        """Lets the stage hold nothing."""
        if self._links.remove(stage):
            self._links.sync()

    def promote(self, fingerprint: Fingerprint, replaces: Fingerprint | None) -> None:
        """Makes a stored version current, and the one that it replaces previous; see the module."""
        if replaces is not None:
            self._links.point(_REPLACED, f"{VERSIONS}/{replaces}")
        self.put(Stage.CURRENT, fingerprint)
        self._settle()

    def sweep(self) -> int:
        """Destroys versions in no stage and what was prepared and never used. Returns how many."""
        kept = self.stages().fingerprints
        found = [self._links.remove(prepared_link(name)) for name in _LINKS].count(True)
        for name in self._versions.names():
            if _LEFT_BEHIND.fullmatch(name):
                self._versions.remove_directory(name)
            elif is_fingerprint(name) and name not in kept:
                self._destroy(name)
            else:
                continue
            found += 1
        if found:
            self._links.sync()
            self._versions.sync()
        return found

    def _settle(self) -> None:
        links = self._look()
        current, replaced = links[Stage.CURRENT], links[_REPLACED]
        if replaced is not None and replaced != current:
            self._links.rename(_REPLACED, Stage.PREVIOUS)
        elif replaced is not None:
            self._links.remove(_REPLACED)
        if links[Stage.PENDING] is not None and links[Stage.PENDING] == current:
            self._links.remove(Stage.PENDING)
        if self._look() != links:
            self._links.sync()

    def _look(self) -> dict[str, Fingerprint | None]:
        return {name: self._target(name) for name in _LINKS}

    def _target(self, name: str) -> Fingerprint | None:
        target = self._links.link(name)
        if target is None:
            return None
        folder, _, fingerprint = target.partition("/")
        if folder != VERSIONS or not is_fingerprint(fingerprint):
            raise StoredDamaged(
                f"The link {self._links.path / name} leads to {target!r}, and not to a version of its credential.",
                effect="Nothing was read or changed.",
                hint=f"Find out who changed it, and point it to {VERSIONS}/FINGERPRINT again, or remove it.",
            )
        return fingerprint

    def _read_files(self, fingerprint: Fingerprint) -> Version:
        if not self.holds(fingerprint):
            raise self._missing(fingerprint)
        with self._versions.inside(fingerprint) as directory:
            version = Version.from_document(Secret(directory.read(DOCUMENT)), where=str(directory.path))
            proof = {name: Secret(directory.read(FILES[name])) for name in version.proof_members()}
        if version.fingerprint != fingerprint or version.credential != self._links.path.name:
            raise _damaged(directory.path, f"it holds {short(version.fingerprint)} of {version.credential}")
        if proof != version.proof_members():
            files = " or ".join(FILES[name] for name in proof)
            raise _damaged(directory.path, f"{files} is not the one in {DOCUMENT}")
        return version

    def _destroy(self, fingerprint: Fingerprint) -> None:
        gone = f".{fingerprint}.gone"
        self._versions.rename(fingerprint, gone)
        self._versions.sync()
        self._versions.remove_directory(gone)

    def _missing(self, fingerprint: Fingerprint) -> StoreError:
        if self.holds(fingerprint):
            return _damaged(self._versions.path / fingerprint, "a file is missing")
        return StoreError(
            f"There is no version {short(fingerprint)} in {self._links.path}.",
            effect=NOTHING_CHANGED,
            hint="See what is stored with `rotator status`.",
        )

    def _dangling(self, stage: Stage, fingerprint: Fingerprint) -> StoredDamaged:
        return StoredDamaged(
            f"The stage `{stage}` in {self._links.path} holds {short(fingerprint)}, and that version is not there.",
            effect="Nothing was read or changed.",
            hint=f"Put {self._versions.path / fingerprint} back from a backup, or remove the link `{stage}`.",
        )


def _meaning(links: dict[str, Fingerprint | None]) -> Stages:
    current, replaced = links[Stage.CURRENT], links[_REPLACED]
    pending, previous = links[Stage.PENDING], links[Stage.PREVIOUS]
    if replaced is not None and replaced != current:
        previous = replaced
    return Stages.as_found(pending, current, previous)


def _damaged(path: Path, reason: str) -> StoredDamaged:
    return StoredDamaged(
        f"The stored version {path} is damaged: {reason}.",
        effect=NOTHING_CHANGED,
        hint="Put the version back from a backup, or move it away by hand if a later one is current.",
    )
