"""Files that say where secrets go: believed only where nobody else can write them, or put another in their place.

Whoever writes a configuration or a bundle of authorities has a login with our key sent wherever he likes. Ansible
takes no configuration from a folder that everybody can write for the same reason.
"""

from __future__ import annotations

import grp
import logging
import os
import pwd
import shlex
import stat
from typing import TYPE_CHECKING, Final

from rotator.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


_LOG: Final = logging.getLogger(__name__)


def believe(file: Path, what: str) -> None:
    """Warns of a file that was named and that others can write; to root it is refused by a ConfigurationError."""
    who = who_else_writes(file)
    if not who:
        return
    message = f"{what} {file} decides where secrets are sent, and {who}."
    hint = f"Have it and its folder belong to you or root, with nobody else to write them: chmod go-w {_typed(file)}"
    warn_or_refuse(message, hint)


def warn_or_refuse(message: str, hint: str) -> None:
    """What others can write is taken with a warning, and by root, whom nobody else may lead, not at all.

    Raises ConfigurationError.
    """
    if _is_root():
        raise ConfigurationError(message, effect="Nothing was touched.", hint=hint)
    _LOG.warning("%s %s", message, hint)


def who_else_writes(file: Path) -> str:
    """Who beside this user and root can write a file or replace it, in words; empty where nobody can.

    What is on a file system that is mounted read-only, as in containers, nobody can write, and what is written to
    /dev/null is not read there. Of what cannot be looked at nothing is said: that is an error where it is read.
    """
    try:
        if os.statvfs(file).f_flag & os.ST_RDONLY or stat.S_ISCHR(file.stat().st_mode):
            return ""
        # The file itself and, where it is a link, what that leads to: each can be replaced in its own folder.
        places = dict.fromkeys((file, file.absolute().parent, file.resolve(), file.resolve().parent))
        return next((who for who in map(_who_writes, places) if who), "")
    except OSError:
        return ""


def group_that_writes(place: Path) -> str:
    """The group, by its name, whose members can write a file or to a folder; empty where that is nobody else.

    In a folder such as /tmp, where only its owner can replace a file, a group can do no harm. Raises OSError.
    """
    found = place.stat()
    if not found.st_mode & stat.S_IWGRP or found.st_mode & stat.S_ISVTX or _is_own_group(found.st_gid):
        return ""
    return _group(found.st_gid)


def _who_writes(place: Path) -> str:
    found = place.stat()
    what = "its folder" if stat.S_ISDIR(found.st_mode) else "it"
    if found.st_uid not in {0, os.geteuid()}:
        return f"{what} belongs to {_user(found.st_uid)}"
    if found.st_mode & stat.S_IWOTH:
        return f"everybody can write {'to its folder' if what != 'it' else what}"
    if found.st_mode & stat.S_IWGRP and not _is_own_group(found.st_gid):
        return f"the group {_group(found.st_gid)} can write {'to its folder' if what != 'it' else what}"
    return ""


def _is_own_group(gid: int) -> bool:
    """Whether nobody but this user and root is in the group: many systems give every user a group of his own."""
    if gid == 0:
        return True
    try:
        group, user = grp.getgrgid(gid), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return group.gr_gid == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name, "root"}


def _is_root() -> bool:
    return os.geteuid() == 0


def _typed(file: Path) -> str:
    return shlex.quote(str(file))


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user {uid}"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
