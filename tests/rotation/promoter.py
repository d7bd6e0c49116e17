"""A process that promotes for ever, until it is killed: each line on its input starts one.

It answers with the id of the process, and with `ended` when that has ended.

Run as `python -m tests.rotation.promoter ROOT`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from rotator.stores.files.store import FilesStore
from rotator.testing.versions import make_version, spare_key

NAME = "billing"


def promote_for_ever(store: FilesStore) -> NoReturn:
    """Takes up what a killed process left, as the program does, and promotes new versions."""
    store.sweep(NAME)
    while True:
        stages = store.stages(NAME)
        if stages.pending is None:
            store.put_pending(make_version(NAME))
        else:
            store.promote(NAME, stages.pending, replaces=stages.current)


def answer(line: str) -> None:
    """Tells the test, which waits for it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Starts a promoting process for each line read, one after the other."""
    store = FilesStore("keys", Path(sys.argv[1]))
    for index in range(6):
        spare_key(index)
    for _ in sys.stdin:
        promoting = os.fork()
        if promoting == 0:
            promote_for_ever(store)
        answer(str(promoting))
        os.waitpid(promoting, 0)
        answer("ended")


if __name__ == "__main__":
    main()
