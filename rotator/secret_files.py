"""A file with a secret in it: read only where nobody but this process' user can read it in fact.

The mode alone does not tell. A secret that Kubernetes mounts is 0440 of root with the process's group, behind links;
one of Compose is 0444 on a mount that nothing can write, in a container of its own. And a shell's `<(command)` is a
pipe, which is read once.
"""

from __future__ import annotations

import os
import select
import shlex
import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

LARGEST: Final = 1 << 20
"""Bytes that are read at most."""
_PATIENCE_MS: Final = 60_000
"""For whoever writes a pipe: a program that decrypts may ask a key service first."""

_WRITER_FIRST: Final = "Start the program that writes it first, or name a file that holds the secret."


class UnfitFile(Exception):
    """Why the file is not taken, and what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def read_secret_file(path: Path, *, private: bool) -> bytes:
    """What the file or pipe holds. With `private` it must be closed to everybody but us, root and our group.

    Raises OSError, and UnfitFile for what is no file or open to others.
    """
    # Not blocking: a named pipe without a writer would never open.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if stat.S_ISFIFO(found.st_mode):
            return _from_pipe(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise UnfitFile("is not a regular file", "Name a file that holds the secret.")
        if private:
            _refuse_if_others_read(path, found, is_read_only=_is_read_only(descriptor))
        return os.read(descriptor, LARGEST)
    finally:
        os.close(descriptor)


def _from_pipe(descriptor: int) -> bytes:
    data = b""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    while len(data) < LARGEST:
        try:
            piece = os.read(descriptor, LARGEST)
        except BlockingIOError:
            if not waiting.poll(_PATIENCE_MS):
                raise UnfitFile("is a pipe into which nothing was written for a minute", _WRITER_FIRST) from None
            continue
        if not piece:
            break
        data += piece
    if not data:
        raise UnfitFile("is a pipe that nobody writes", _WRITER_FIRST)
    return data


def _is_read_only(descriptor: int) -> bool:
    return bool(os.fstatvfs(descriptor).f_flag & os.ST_RDONLY)


def _refuse_if_others_read(path: Path, found: os.stat_result, *, is_read_only: bool) -> None:
    is_ours = found.st_uid == os.geteuid()
    # What root owns and gives to a group of ours was given to us; what is ours and open to a group is an oversight.
    is_lent = not is_ours and found.st_uid == 0 and found.st_gid in {os.getegid(), *os.getgroups()}
    closed = stat.S_IRWXO if is_lent else stat.S_IRWXG | stat.S_IRWXO
    if is_read_only or not found.st_mode & closed:
        return
    hint = (
        f"Type: chmod 600 {shlex.quote(str(path))}"
        if is_ours
        else "Have its owner close it to others (mode 0400, or 0440 with a group of this user), "
        "or give the secret in an environment variable: {env: NAME}."
    )
    raise UnfitFile(f"can be read by others (mode {stat.S_IMODE(found.st_mode):04o})", hint)
