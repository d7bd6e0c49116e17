"""What an installation remembers outside of its history: which one its configuration used last.

A wrong letter in `database` would begin an empty history beside the one in use: everything would look as if it had
never been rotated, and no lock would hold back a second rotation. So the last one is noted, in the first of these
folders that can be written: that of the service's state, that of config.yaml, that of the user's state. Where none can,
as in a container whose file system is read-only, nothing is remembered, and every history is taken as it is found.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OF_THE_UNIT: Final = Path("/var/lib/rotator")
_LARGEST: Final = 4096


def state_folder(environ: Mapping[str, str]) -> Path:
    """Where this machine's rotator keeps what belongs to no database.

    $STATE_DIRECTORY; without it /var/lib/rotator, which the unit has, so that who types a command beside the service
    means the same folder; else the one of the user (XDG Base Directory).
    """
    configured = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if configured:
        return Path(configured)
    if _OF_THE_UNIT.is_dir():
        return _OF_THE_UNIT
    return Path(environ.get("XDG_STATE_HOME") or Path(environ.get("HOME", "/")) / ".local/state") / "rotator"


class Installation:
    """The memory of one configuration on one machine: a copy of its folder elsewhere remembers nothing."""

    def __init__(self, config: Path | None, environ: Mapping[str, str]) -> None:
        """Of a configuration that is in no file nothing is remembered."""
        self._files: Final = [] if config is None else [*_files(config.resolve(), environ)]

    def last_history(self) -> str:
        """The URL, without a password, of the history that was used last; empty where none is remembered."""
        return next(filter(None, map(_read, self._files)), "")

    def remember(self, history: str) -> None:
        """Notes which history is used now. That it cannot be noted keeps nobody from working."""
        if history == self.last_history():
            return
        for file in sorted(self._files, key=lambda each: not _read(each)):
            with suppress(OSError):
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with prepared(file, f"{history}\n") as new:
                    new.replace(file)
                return


def _files(config: Path, environ: Mapping[str, str]) -> list[Path]:
    name = f".{config.name}.{hashlib.sha256(os.fsencode(config)).hexdigest()[:12]}.history"
    state = state_folder(environ)
    is_shared = state == _OF_THE_UNIT or "STATE_DIRECTORY" in environ
    return [folder / name for folder in ((state, config.parent) if is_shared else (config.parent, state))]


def _read(file: Path) -> str:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, _LARGEST).decode("utf-8", "replace").strip()
    except OSError:
        return ""
    finally:
        os.close(descriptor)


@contextmanager
def prepared(file: Path, text: str, *, synchronised: bool = False) -> Iterator[Path]:
    """A new file, 0600, beside the one whose place it is to take; else it is gone afterwards. Raises OSError."""
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(beside, flags, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
            if synchronised:
                opened.flush()
                os.fsync(descriptor)
        yield beside
    finally:
        beside.unlink(missing_ok=True)
