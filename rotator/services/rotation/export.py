"""Writing the current version into a keystore file, for a consumer that reads nothing else."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rotator.core.credentials import Stage, key_version
from rotator.core.crypto.keystores import Format, keystore
from rotator.errors import ConfigurationError, StoreError
from rotator.history.journal.journal import EXPORT
from rotator.stores.base import read_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from rotator.core.actor import Actor
    from rotator.core.secret import Secret
    from rotator.stores.base import Store


class RecordExport(Protocol):
    """Appends an event of the credential to the history."""

    def __call__(self, kind: str, **details: str | int) -> object:
        """Raises HistoryError."""
        ...


@dataclass(frozen=True)
class ExportRequest:
    """What a person wants written, and where."""

    credential: str
    format: Format
    path: Path
    password: Secret
    actor: Actor


@dataclass(frozen=True)
class Exported:
    """What was written."""

    credential: str
    fingerprint: str
    not_after: datetime
    format: Format
    path: Path
    alias: str
    """The name of the entry in the keystore."""


def export(request: ExportRequest, store: Store, record: RecordExport) -> Exported:
    """Writes the current version to a file, 0600, whole or not at all; the history knows of it first.

    Raises StoreError without a current version, CertificateError for a bad password, ConfigurationError for a file that
    cannot be written, HistoryError.
    """
    version = read_stage(store, request.credential, Stage.CURRENT)
    if version is None:
        raise StoreError(
            f"The store {store.name!r} holds no current version of {request.credential}.",
            effect="Nothing was written.",
            hint=f"`rotator status {request.credential}` says whether it was there before, and what to do.",
        )
    # Java lowers the case of names, and finds them by any.
    alias = request.credential.lower()
    content = keystore(key_version(version), request.format, request.password, alias)
    details = {
        **request.actor.details(),
        "fingerprint": version.fingerprint,
        "format": request.format,
        "path": str(request.path),
    }
    try:
        with _private_file(request.path) as write:
            record(EXPORT, **details)
            write(content)
    except OSError as error:
        raise _not_written(request.path, error) from None
    expires = version.not_after
    return Exported(request.credential, version.fingerprint, expires, request.format, request.path, alias)


@contextmanager
def _private_file(path: Path) -> Iterator[Callable[[bytes], None]]:
    """A file beside the requested one that takes its place at the end; nothing is left of it after an error."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    prepared = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        prepared.unlink()
    descriptor = os.open(prepared, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield lambda content: _write(file.fileno(), content)
        prepared.replace(path)
    except BaseException:  # an interruption, too: no half of a key is left on the disk
        prepared.unlink(missing_ok=True)
        raise
    _synchronise(path.parent)


def _write(descriptor: int, content: bytes) -> None:
    rest = content
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)


def _synchronise(folder: Path) -> None:
    # A folder that may be written to and not be read cannot be opened; the file is there all the same.
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _not_written(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"The keystore {path} cannot be written: {error.strerror or type(error).__name__}.",
        effect="What was there before was left as it was.",
        hint="Check the folder, its permissions and its space, and name a file in it.",
    )
