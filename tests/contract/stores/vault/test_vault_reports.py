"""What consumers say that they use, in the metadata of secrets that hold nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator import consumer
from rotator.core.credentials import Stages
from rotator.stores.vault.policy import consumer_policy, stanza
from tests.contract.stores.vault.stores import approle, opened
from tests.contract.stores.vault.test_vault_damage import folder
from tests.contract.stores.vault.test_vault_trouble import NAME, rotated_before

if TYPE_CHECKING:
    import pytest

    from tests.contract.servers.vault import VaultProcess

__all__ = ["folder"]


def test_a_consumer_says_what_it_uses_by_a_policy_that_lets_it_say_no_more(
    sealed_vault: VaultProcess, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = rotated_before(sealed_vault, folder)
    saying = stanza(f"kv/metadata/{folder}/{NAME}/consumers/batch", ("create", "update"))
    policy = consumer_policy("kv", folder, NAME)
    assert saying.replace("/batch", "/NAME") in policy
    role = approle(sealed_vault, folder, f"{policy}\n{saying}")["approle"]
    monkeypatch.setenv("VAULT_ADDR", sealed_vault.address)
    monkeypatch.setenv("VAULT_SECRET_ID", (sealed_vault.folder / role["secret_id"]["file"]).read_text())
    place = f"vault:kv/{folder}/{NAME}?approle={role['role_id']}&ca={sealed_vault.ca}"
    for version in (first, second):
        consumer.reporter("batch", place, NAME).logged_in(version)
    consumer.reporter("web", place, NAME).logged_in(second)
    with opened(sealed_vault, path=folder) as store:
        [report] = store.reports(NAME, ["batch", "web", "missing"])
        assert (report.consumer, report.fingerprint) == ("batch", second.fingerprint)
        assert store.stages(NAME) == Stages(None, second.fingerprint, first.fingerprint)
