"""Whether a credential that is lent to a group can be read by its members, and by nobody else."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from rotator.errors import NOTHING_CHANGED, StoreError
from rotator.stores.files.modes import closed_on_the_way, has_readers, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.stores.files.modes import Access


def check_lent(root: Path, credential: str, access: Access) -> None:
    """Raises StoreError, with what to type, for the first thing that is not so; OSError. Nothing is changed."""
    group = access.group
    if group is None:
        return
    name, folder = name_of(group), root / credential
    if not has_readers(group):
        raise _not_lent(
            credential, f"nobody is in the group {name}", f"usermod -aG {name} USER, for each consumer's user"
        )
    for closed in closed_on_the_way(root, group):
        mode = stat.S_IMODE(closed.stat().st_mode)
        why = f"the group {name} cannot go through {closed} (mode {mode:04o})"
        raise _not_lent(credential, why, f"chmod o+x {shlex.quote(str(closed))}")
    for place in _places(folder):
        found = place.stat(follow_symlinks=False)
        access.judge(place, found)
        if not access.is_given(found):
            at = shlex.quote(str(folder))
            raise _not_lent(
                credential,
                f"{place} is {stat.S_IMODE(found.st_mode):04o} of the group {name_of(found.st_gid)}",
                f"chgrp -R {name} {at} && chmod -R u=rwX,g=rX,o= {at} && chmod 600 {at}/.lock",
            )


def _places(folder: Path) -> Iterator[Path]:
    """The folder and all in it that a consumer reads."""
    for where, _, files in os.walk(folder):
        here = Path(where)
        yield here
        yield from (here / name for name in files if not name.startswith(".") and not (here / name).is_symlink())


def _not_lent(credential: str, why: str, what: str) -> StoreError:
    return StoreError(
        f"Consumers of {credential} cannot read it: {why}.",
        effect=NOTHING_CHANGED,
        hint=f"Type: {what}",
    )
