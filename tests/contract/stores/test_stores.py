"""Every store keeps the same promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.stores.aws.policy import Ground, for_rotator
from rotator.stores.files.store import FilesStore
from rotator.testing.stores import StoreContract
from tests.contract.servers.moto import own_server
from tests.contract.servers.strict_aws import REGION
from tests.contract.stores.aws.stores import AwsGround, AwsServer, running_aws
from tests.contract.stores.vault.stores import approle, new_folder, opened
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.stores.base import Store
    from tests.contract.servers.vault import VaultProcess


@pytest.fixture(scope="module")
def aws_by_motos_server() -> Iterator[AwsServer]:
    with own_server() as ask, running_aws(ask) as server:
        yield server


class TestFilesStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return FilesStore("keys", tmp_path / "store")


@thorough
class TestVaultStore(StoreContract):
    """In dev mode, in which most tests have it."""

    @pytest.fixture
    def store(self, dev_vault: VaultProcess) -> Iterator[Store]:
        with opened(dev_vault) as store:
            yield store


class TestVaultStoreAsInEarnest(StoreContract):
    """Over TLS, by AppRole, with the policy that `rotator check --print-policy` prints and no other."""

    @pytest.fixture
    def store(self, sealed_vault: VaultProcess) -> Iterator[Store]:
        path = new_folder()
        with opened(sealed_vault, approle(sealed_vault, path), path=path) as store:
            yield store


@thorough
class TestAwsStoreOverMotosOwnServer(StoreContract):
    """Elsewhere moto answers in the tests' own process, which is faster; it answers the same by its server."""

    @pytest.fixture
    def store(self, aws_by_motos_server: AwsServer, aws: AwsGround) -> Store:
        return AwsGround(aws_by_motos_server, prefix=aws.prefix).store()


class TestAwsStore(StoreContract):
    """With the policy that `rotator check --print-policy` prints and no other."""

    @pytest.fixture
    def store(self, aws: AwsGround) -> Store:
        aws.layer.faults.policy = for_rotator(Ground(prefix=aws.prefix, region=REGION))
        return aws.store()
