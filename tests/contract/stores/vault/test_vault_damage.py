"""What is damaged or somebody else's in Vault is told, costs the other versions nothing, and is not destroyed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.core.credentials import Stage
from rotator.errors import StoredDamaged, StoreError
from rotator.stores.base import read_versions
from rotator.stores.vault.kv import KvSecret
from rotator.testing.versions import make_version
from tests.contract.servers.vault import closing
from tests.contract.stores.vault.stores import approle, new_folder, opened

if TYPE_CHECKING:
    from tests.contract.servers.vault import VaultProcess

NAME = "billing"


@pytest.fixture
def folder() -> str:
    return new_folder()


def test_a_damaged_version_is_named_beside_those_that_can_be_read(dev_vault: VaultProcess, folder: str) -> None:
    first, second = make_version(NAME), make_version(NAME)
    with closing(dev_vault.admin()) as admin, opened(dev_vault, path=folder) as store:
        for version, replaces in ((first, None), (second, first.fingerprint)):
            store.put_pending(version)
            store.promote(NAME, version.fingerprint, replaces=replaces)
        kv = admin.secrets.kv.v2
        document = kv.read_secret_version(f"{folder}/{NAME}", raise_on_deleted_version=True)["data"]["data"]
        kv.create_or_update_secret(f"{folder}/{NAME}", {**document, "private_key": first.private_key.pem().reveal()})
        versions, [damaged] = read_versions(store, NAME)
        assert versions == {Stage.PREVIOUS: first}
        assert (damaged.stage, damaged.fingerprint) == (Stage.CURRENT, second.fingerprint)
        assert isinstance(damaged.error, StoredDamaged)


def test_what_somebody_else_keeps_where_a_version_becomes_pending_is_left_there(
    dev_vault: VaultProcess, folder: str
) -> None:
    current, following = make_version(NAME), make_version(NAME)
    with closing(dev_vault.admin()) as admin, opened(dev_vault, path=folder) as store:
        store.put_pending(current)
        store.promote(NAME, current.fingerprint, replaces=None)
        kv, place = admin.secrets.kv.v2, f"{folder}/{NAME}/pending"
        kv.create_or_update_secret(place, {"password": "of another team"})
        assert store.stages(NAME).current == current.fingerprint
        with pytest.raises(StoredDamaged, match=f"{place} in Vault is no credential document"):
            store.put_pending(following)
        store.sweep(NAME)
        found = kv.read_secret_version(place, raise_on_deleted_version=True)
        assert found["data"]["data"] == {"password": "of another team"}


def test_a_name_that_vault_takes_in_no_path_is_refused_before_anything_is_stored(dev_vault: VaultProcess) -> None:
    with opened(dev_vault) as store:
        version = make_version("billing.")
        with pytest.raises(StoreError, match="ends in a period"):
            store.put_pending(version)
        with pytest.raises(StoreError, match="ends in a period"):
            store.stages("billing.")


def test_the_least_policy_removes_no_credential(sealed_vault: VaultProcess, folder: str) -> None:
    version = make_version(NAME)
    with opened(sealed_vault, approle(sealed_vault, folder), path=folder) as store:
        store.check()
        store.put_pending(version)
        store.promote(NAME, version.fingerprint, replaces=None)
        with pytest.raises(StoreError, match=f"does not allow 'delete' on kv/metadata/{folder}/{NAME}"):
            KvSecret(store._session, "kv", f"{folder}/{NAME}").remove()
        assert store.read(NAME, version.fingerprint) == version
