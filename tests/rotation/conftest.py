"""The ground for trials, with key pairs that are made and read once."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import TYPE_CHECKING

import pytest

from rotator.core.keys import PrivateKey
from rotator.testing.versions import spare_key
from tests.rotation.ground import KEYS, Ground, ground_in

if TYPE_CHECKING:
    from collections.abc import Iterator

TURNS = 8
"""Key pairs that programs take turns with; the rules need each to differ from the few before it."""


@pytest.fixture(scope="module")
def _cheap_keys() -> Iterator[None]:
    """OpenSSL takes 50 ms to make an RSA key, and as long to check one that it reads."""
    pool = [spare_key(index) for index in range(KEYS)]
    turns = count()
    read = cache(PrivateKey.from_pem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PrivateKey, "generate", lambda _bits=2048: pool[next(turns) % TURNS])
        patch.setattr(PrivateKey, "from_pem", lambda pem, password=None: read(pem, password))
        yield


@pytest.fixture(scope="module")
def _the_ground(tmp_path_factory: pytest.TempPathFactory, _cheap_keys: None) -> Iterator[Ground]:
    with ground_in(tmp_path_factory.mktemp("ground")) as ground:
        yield ground


@pytest.fixture
def ground(_the_ground: Ground) -> Ground:
    """A simulated org, a store and a history, all new."""
    _the_ground.begin()
    return _the_ground
