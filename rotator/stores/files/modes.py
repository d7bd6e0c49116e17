"""Who may read what is in a files store: its own user alone, or the group of a credential's consumers as well."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SET_GROUP: Final = stat.S_ISGID
"""Of a folder: what anybody makes in it belongs to its group."""
_SEARCH: Final = 0o1


@dataclass(frozen=True)
class Access:
    """The modes of folders and files of a store, and what is refused."""

    folder: int
    file: int
    group: int | None = None
    """Whose members read; None where nobody else does, or whoever lent it decides."""
    only_reads: bool = False
    """Of a consumer, who may not open the root of a store, only go through it."""

    def judge(self, path: Path, found: os.stat_result) -> None:
        """Raises StoreError where others can do more with a folder or a file than they are meant to."""
        mode, wanted = stat.S_IMODE(found.st_mode), self.folder if stat.S_ISDIR(found.st_mode) else self.file
        if mode & 0o777 & ~wanted:
            raise StoreError(
                f"{path} is open to other users (mode {mode:04o}), and private keys are in it.",
                effect="Nothing was read or changed.",
                hint=f"Close it with `chmod {wanted & 0o777:o} {path}`; if others may have read a key, rotate it as"
                " compromised.",
            )
        if self.group is not None and mode & 0o070 and found.st_gid != self.group:
            raise StoreError(
                f"{path} is open to the group {name_of(found.st_gid)}, and not to {name_of(self.group)}.",
                effect="Nothing was read or changed.",
                hint=f"Type: chgrp {name_of(self.group)} {shlex.quote(str(path))}; if others may have read a key,"
                " rotate it as compromised.",
            )

    def give(self, descriptor: int) -> None:
        """Gives an open folder or file its mode, whatever the umask, and its group."""
        found = os.fstat(descriptor)
        is_folder = stat.S_ISDIR(found.st_mode)
        mode = self.folder if is_folder else self.file
        if self.group is not None:
            if found.st_gid != self.group:
                os.fchown(descriptor, -1, self.group)
            elif found.st_mode & 0o777 == mode:
                return
        if is_folder and self.group is not None:
            try:
                os.fchmod(descriptor, mode | _SET_GROUP)
            except PermissionError:
                # A service that may set no such bit (systemd's RestrictSUIDSGID); each thing is given its group anyway.
                pass
            else:
                return
        os.fchmod(descriptor, mode)

    def is_given(self, found: os.stat_result) -> bool:
        """Whether a folder or a file has all that `give` would give it, but for the bit of folders."""
        wanted = self.folder if stat.S_ISDIR(found.st_mode) else self.file
        return found.st_mode & 0o777 == wanted and self.group in {None, found.st_gid}


OWN: Final = Access(0o700, 0o600)
"""Nobody else reads."""

WAY: Final = Access(0o711, 0o600)
"""Of the root of a store in which credentials are lent to groups: others go through it, and see no names."""

AS_LENT: Final = Access(0o755, 0o640, only_reads=True)
"""Of the root for a consumer, who reads what its group may, and does not know which that is."""

AS_LENT_INSIDE: Final = Access(0o750, 0o640, only_reads=True)
"""Of the rest for a consumer: nobody beside the group reads, and it writes nothing."""


def lent_to(group: str | int) -> Access:
    """What is lent to a group, by its name or number. Raises StoreError where that is not there or not ours to give."""
    try:
        number = group if isinstance(group, int) else grp.getgrnam(group).gr_gid
    except KeyError:
        raise StoreError(
            f"There is no group {group} on this machine, to which a credential is to be lent.",
            effect="Nothing was read or changed.",
            hint=f"Type: groupadd --system {group}; or name another one in `groups` of the store.",
        ) from None
    if os.geteuid() != 0 and number not in {os.getegid(), *os.getgroups()}:
        user = _user(os.geteuid())
        raise StoreError(
            f"The user {user} is not in the group {group}, so it cannot lend a credential to it.",
            effect="Nothing was read or changed.",
            hint=f"Type: usermod -aG {group} {user}; then start the service again.",
        )
    return Access(0o750, 0o640, group=number)


def name_of(group: int) -> str:
    """The name of a group, or its number where it has none."""
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)


def has_readers(group: int) -> bool:
    """Whether anybody beside this user is in the group; one that this machine does not know may have some elsewhere."""
    try:
        named = set(grp.getgrgid(group).gr_mem)
    except KeyError:
        return True
    others = {each.pw_name for each in pwd.getpwall() if each.pw_gid == group}
    return bool((named | others) - {_user(os.geteuid()), "root"})


def closed_on_the_way(root: Path, group: int) -> Iterator[Path]:
    """The folders above the root of a store that members of the group cannot go through."""
    for folder in root.resolve().parents:
        found = folder.stat()
        for_group = found.st_gid == group and found.st_mode & _SEARCH << 3
        if not found.st_mode & _SEARCH and not for_group:
            yield folder


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
