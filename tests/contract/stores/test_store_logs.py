"""Whatever the store, each change of it is a line for `--verbose`, and no line holds a key."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from rotator.stores.files.store import FilesStore
from rotator.testing.versions import make_version
from tests.contract.planted import betrayals, logging_everything
from tests.contract.stores.vault.stores import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rotator.stores.base import Store

NAME = "billing"


@pytest.fixture(params=["files", "vault", "aws"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "files":
        yield FilesStore("keys", tmp_path / "store")
    elif request.param == "vault":
        with opened(request.getfixturevalue("dev_vault")) as store:
            yield store
    else:
        yield request.getfixturevalue("aws").store()


def test_each_change_of_a_store_is_told_and_no_key_is(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # An earlier `--verbose` in this process may have kept the program's own lines from the root logger.
    monkeypatch.setattr(logging.getLogger("rotator"), "propagate", True)
    old, new = (make_version(NAME) for _ in range(2))
    store.put_pending(old)
    store.promote(NAME, old.fingerprint, replaces=None)
    changes: tuple[Callable[[], object], ...] = (
        lambda: store.put_pending(new),
        lambda: store.discard(NAME, new.fingerprint),
        lambda: store.put_pending(new),
        lambda: store.promote(NAME, new.fingerprint, replaces=old.fingerprint),
        lambda: store.recall(NAME, old.fingerprint),
        lambda: store.discard(NAME, old.fingerprint),
        lambda: store.retire(NAME, old.fingerprint),
    )
    told: list[str] = []
    for change in changes:
        with logging_everything() as log:
            change()
        ours = [line for line in log.lines if line.startswith("rotator.stores.")]
        assert any(NAME in line for line in ours)
        told += ours
    for version in (old, new):
        assert betrayals("\n".join(told), version.private_key) == []
