"""The ground for scenarios, with key pairs that are made and read once; other stores and databases for it."""

# ruff: noqa: PLC0415 - most tests need no server, and its libraries take long to import

from __future__ import annotations

import gc
import sys
from functools import cache
from itertools import count
from typing import TYPE_CHECKING

import pytest

from rotator.core.crypto.keys import PrivateKey
from rotator.testing.versions import spare_key
from tests.rotation.ground import KEYS, Ground, ground_in
from tests.rotation.lineups import CONNECTED
from tests.rotation.secret_ground import SecretGround, secret_ground_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.contract.servers.postgres import PostgresServer
    from tests.contract.servers.vault import VaultProcess
    from tests.contract.stores.aws.stores import AwsServer
    from tests.rotation.places import History, Keys

TURNS = 8
"""Key pairs that programs take turns with; the rules need each to differ from the few before it."""


@pytest.fixture(scope="module")
def _cheap_keys() -> Iterator[None]:
    """OpenSSL takes 50 ms to make an RSA key, and as long to check one that it reads or is to sign with."""
    pool = [spare_key(index) for index in range(KEYS)]
    turns = count()
    read = cache(PrivateKey.from_pem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PrivateKey, "generate", lambda _bits=2048: pool[next(turns) % TURNS])
        patch.setattr(PrivateKey, "from_pem", lambda pem, password=None: read(pem, password))
        patch.setattr(PrivateKey, "signing_key", lambda key: key._key)
        yield


@pytest.fixture(scope="session")
def _the_ground(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Ground]:
    with ground_in(tmp_path_factory.mktemp("ground"), migrated_file) as ground:
        yield ground


@pytest.fixture
def ground(_the_ground: Ground, _cheap_keys: None) -> Ground:
    """A simulated org, a store and a history, all new."""
    _the_ground.begin(lineup=CONNECTED)
    return _the_ground


@pytest.fixture(scope="session")
def _the_secret_ground(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[SecretGround]:
    with secret_ground_in(tmp_path_factory.mktemp("secrets"), migrated_file) as ground:
        yield ground


@pytest.fixture
def secret_ground(_the_secret_ground: SecretGround) -> SecretGround:
    """An app with a client secret, a store and a history, all new."""
    _the_secret_ground.begin()
    return _the_secret_ground


@pytest.fixture
def enrolled(secret_ground: SecretGround) -> SecretGround:
    """The same, with the pair in use in the store."""
    secret_ground.handle("enroll")
    return secret_ground


@pytest.fixture
def no_garbage_is_looked_for() -> Iterator[None]:
    """Worlds of walks hold no cycles, and there are a hundred thousand of them to look through."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="module")
def worlds_are_forgotten_afterwards() -> Iterator[None]:
    """The tests that come next in this process need not carry them along."""
    from tests.rotation import happenings, looks, sameness, walk

    yield
    for module in (happenings, looks, sameness, walk):
        for kept in vars(module).values():
            if hasattr(kept, "cache_clear"):
                kept.cache_clear()


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a line that is seen of a test that passes, too."""

    def telling(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return telling


@pytest.fixture(scope="module")
def keys_in_vault(dev_vault: VaultProcess) -> Iterator[Keys]:
    from tests.rotation.vault_keys import vault_keys

    with vault_keys(dev_vault) as keys:
        yield keys


@pytest.fixture(scope="module")
def keys_in_aws(aws_server: AwsServer, _the_ground: Ground) -> Iterator[Keys]:
    from tests.rotation.aws_keys import aws_keys

    with aws_keys(aws_server, _the_ground.clock) as keys:
        yield keys


@pytest.fixture(scope="module")
def history_in_postgres(postgres_server: PostgresServer) -> Iterator[History]:
    from tests.rotation.postgres_history import postgres_history

    with postgres_history(postgres_server) as history:
        yield history
