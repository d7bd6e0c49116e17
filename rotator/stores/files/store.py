"""The files store: a directory for each credential, a directory for each version, stages as symbolic links.

    ROOT/CREDENTIAL/versions/FINGERPRINT/{private_key.pem,certificate.pem,credential.json}
    ROOT/CREDENTIAL/versions/FINGERPRINT/{client_secret,credential.json}
    ROOT/CREDENTIAL/{pending,current,previous} -> versions/FINGERPRINT

Directories are 0700 and files 0600; of a credential that is lent to a group 2750 and 0640. A consumer reads
CREDENTIAL/current/private_key.pem as it is, such as `sf org login jwt --jwt-key-file`; `current` names a whole version
at every instant once there is one.

Whatever happens in the middle of a call, a kill, a full disk, a mount that goes away, each stage names a whole version.
Files are written where nobody looks and synchronised; only then a link is renamed to point there, which happens at one
instant (rename(2)). `disk` has these steps, and `folder` the one instant at which a promotion happens. What a call that
died has left stands in no stage; the next one that changes the credential destroys it (`sweep`).

One changes a credential at a time, by a lock on its folder (flock(2)), which dies with its process. Who reads takes no
lock. Names that come from outside become paths only after they were checked, and no link is followed but the stages'.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import Stage, Stages
from rotator.core.words import short
from rotator.errors import StoreError, StoreUnavailable
from rotator.stores.files.disk import Directory, make_root, unmake
from rotator.stores.files.folder import CredentialFolder
from rotator.stores.files.lending import check_lent
from rotator.stores.files.modes import AS_LENT, AS_LENT_INSIDE, OWN, WAY, Access, lent_to
from rotator.stores.files.report_folder import ReportFolder
from rotator.stores.refusals import (
    STAGES_WHOLE,
    refuse_name,
    refuse_other_current,
    refuse_other_pending,
    refuse_stored,
    refuse_unfit,
    refused,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from rotator.core.credentials import Fingerprint, Version
    from rotator.core.usage.told_reports import ToldReport

_LOG: Final = logging.getLogger(__name__)

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_ALLOWED: Final = frozenset({errno.EACCES, errno.EPERM})
_NO_DIRECTORY: Final = frozenset({errno.ENOTDIR, errno.ELOOP})
_FOR_A_WHILE: Final = frozenset(
    {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOLCK, errno.EMFILE, errno.ENFILE, errno.EBUSY}
)


class FilesStore:
    """A store in a directory of a local or network file system that has symbolic links and atomic renaming.

    A call that is interrupted, whatever the system call, leaves the state before or the state after; the next call that
    changes the credential tidies up.
    """

    def __init__(
        self,
        name: str,
        root: Path,
        *,
        groups: Mapping[str, str | int] | None = None,
        only_reads: bool = False,
        reports: Path | None = None,
    ) -> None:
        """`groups` are those to which credentials are lent; `only_reads` is for a consumer, who takes them as lent.

        `reports` is the folder in which consumers say what they log in with.
        """
        self._reports: Final = ReportFolder(reports) if reports else None
        self.name: Final = name
        self._root: Final = root
        self._groups: Final = dict(groups or {})
        self._only_reads: Final = only_reads
        self._way: Final = AS_LENT if only_reads else WAY if self._groups else OWN

    def reports(self, credential: str, consumers: Collection[str]) -> list[ToldReport]:
        """What consumers have left beside it (`rotator.core.usage.told_reports.TakesReports`)."""
        return self._reports.read(credential, consumers) if self._reports else []

    def stages(self, credential: str) -> Stages:
        with self._folder(credential) as folder:
            return folder.stages() if folder else Stages()

    def read(self, credential: str, fingerprint: Fingerprint) -> Version:
        """A stored version, its files checked against each other. Raises StoreError when it is not there."""
        with self._folder(credential) as folder:
            if folder is None:
                raise self._refused(f"there is no version {short(fingerprint)} of {credential}")
            return folder.read(fingerprint)

    def put_pending(self, version: Version) -> None:
        refuse_unfit(self._where, version)
        with self._explained():
            refuse_name(self._where, version.credential)
            access = self._access(version.credential)
            make_root(self._root, self._way)
            CredentialFolder.make(self._root, version.credential, self._way, access)
        with self._changed(version.credential) as folder:
            if folder is not None and self._is_new(folder, version):
                self._put(folder, version)
                self._log("stored", version.credential, version.fingerprint)

    def recall(self, credential: str, fingerprint: Fingerprint) -> None:
        with self._changed(credential) as folder:
            stages = folder.stages() if folder else Stages()
            if folder is None or stages.previous != fingerprint:
                raise self._refused(f"version {short(fingerprint)} of {credential} is not previous")
            refuse_other_pending(self._where, credential, stages.pending, fingerprint)
            if stages.pending is None:
                folder.put(Stage.PENDING, fingerprint)
                self._log("recalled", credential, fingerprint)

    def promote(self, credential: str, fingerprint: Fingerprint, *, replaces: Fingerprint | None) -> None:
        with self._changed(credential) as folder:
            stages = folder.stages() if folder else Stages()
            if folder is None or fingerprint not in {stages.pending, stages.current}:
                raise self._refused(f"version {short(fingerprint)} of {credential} is not pending")
            if stages.current != fingerprint:
                refuse_other_current(self._where, credential, stages.current, replaces)
                folder.promote(fingerprint, replaces)
                self._log("promoted", credential, fingerprint)
            folder.sweep()

    def discard(self, credential: str, fingerprint: Fingerprint) -> None:
        self._take_away(credential, fingerprint, Stage.PENDING)

    def retire(self, credential: str, fingerprint: Fingerprint) -> None:
        self._take_away(credential, fingerprint, Stage.PREVIOUS)

    def sweep(self, credential: str) -> int:
        with self._changed(credential) as folder:
            return folder.sweep() if folder else 0

    def check(self) -> None:
        """Proves that a secret can be written, pointed to, read back and destroyed. It leaves no folder behind."""
        name, proof = f".check-{secrets.token_hex(8)}", secrets.token_hex(32)
        with self._explained():
            made = make_root(self._root, self._way)
            try:
                with Directory.open(self._root, self._way) as root:
                    try:
                        found = _write_and_read_back(root, name, proof)
                    finally:
                        root.remove_directory(name)
                if found != proof:
                    raise self._refused("what is written is not what is read back")
                for credential in self._groups:
                    check_lent(self._root, credential, self._access(credential))
            finally:
                unmake(made)

    def _is_new(self, folder: CredentialFolder, version: Version) -> bool:
        stages, fingerprint = folder.stages(), version.fingerprint
        refuse_other_pending(self._where, version.credential, stages.pending, fingerprint)
        refuse_stored(self._where, version.credential, stages, fingerprint)
        return stages.pending is None

    def _put(self, folder: CredentialFolder, version: Version) -> None:
        try:
            folder.write(version)
            folder.put(Stage.PENDING, version.fingerprint)
        except OSError:
            # Best effort: a full disk should not keep a key that nobody will use; the next call sweeps again.
            with suppress(OSError, StoreError):
                folder.sweep()
            raise

    def _take_away(self, credential: str, fingerprint: Fingerprint, stage: Stage) -> None:
        with self._changed(credential) as folder:
            if folder is None:
                return
            if (stage, fingerprint) in list(folder.stages()):
                folder.clear(stage)
                self._log("discarded" if stage is Stage.PENDING else "retired", credential, fingerprint)
            folder.sweep()

    @contextmanager
    def _folder(self, credential: str) -> Iterator[CredentialFolder | None]:
        with self._explained():
            refuse_name(self._where, credential)
            with CredentialFolder.open(self._root, credential, self._way, self._access(credential)) as folder:
                yield folder

    def _access(self, credential: str) -> Access:
        if self._only_reads:
            return AS_LENT_INSIDE
        return lent_to(self._groups[credential]) if credential in self._groups else OWN

    @contextmanager
    def _changed(self, credential: str) -> Iterator[CredentialFolder | None]:
        with self._folder(credential) as folder:
            if folder is None:
                yield None
            else:
                with folder.locked():
                    yield folder

    def _log(self, event: str, credential: str, version: Fingerprint) -> None:
        _LOG.debug(event, extra={"store": self.name, "credential": credential, "version": version})

    @property
    def _where(self) -> str:
        return f"The store {self.name!r} ({self._root})"

    def _refused(self, reason: str) -> StoreError:
        return refused(self._where, reason)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._explain(error) from None

    def _explain(self, error: OSError) -> StoreError:
        where = self._where
        reason, effect = error.strerror or type(error).__name__, STAGES_WHOLE
        if error.errno in _FULL:
            what = f"{where} is full: {reason}."
            return StoreUnavailable(what, effect=effect, hint="Make room there.", rerun=_RERUN)
        if error.errno in _FOR_A_WHILE:
            what = f"{where} cannot be used just now: {reason}."
            return StoreUnavailable(what, effect=effect, hint="Look at the disk or the mount.", rerun=_RERUN)
        if error.errno == errno.EROFS:
            hint = "Mount it for writing, or set `path` of the store to another directory."
            return StoreError(f"{where} is read-only.", effect=effect, hint=hint)
        if error.errno in _NOT_ALLOWED:
            hint = f"Give it to the user that this runs as (id {os.geteuid()}): `chown -R` and `chmod 700`."
            return StoreError(f"{where} may not be used: {reason}.", effect=effect, hint=hint)
        if error.errno in _NO_DIRECTORY:
            hint = "A store has directories of its own, never links to others: look what was put there."
            return StoreError(f"{where} is not a directory, or one in it is not: {reason}.", effect=effect, hint=hint)
        hint = "Look at the disk and its permissions."
        return StoreError(f"{where} cannot be used: {reason}.", effect=effect, hint=hint, rerun=_RERUN)


_RERUN: Final = "Then run it again."


def _write_and_read_back(root: Directory, name: str, proof: str) -> str:
    root.make(name)
    with root.inside(name) as directory:
        directory.write("secret", proof)
        directory.point("link", "secret")
        directory.sync()
        return directory.read(directory.link("link") or "")
