"""No private key and no token gets out: not by a log at its most talkative, not by an error, not by a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from rotator.core.crypto.keys import PrivateKey
from rotator.errors import StoreError
from rotator.testing.versions import make_version
from tests.contract.planted import betrayals, logging_everything, whole
from tests.contract.stores.vault.stores import approle, new_folder, opened
from tests.contract.stores.vault.wire import Wire, attach
from tests.key_pairs import made_on_the_spot
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.credentials import KeyVersion
    from rotator.stores.vault.store import VaultStore
    from tests.contract.servers.vault import VaultProcess

NAME = "billing"


def everything(store: VaultStore, versions: list[KeyVersion]) -> None:
    """Every call of a store."""
    first, second, third = versions
    store.check()
    store.put_pending(first)
    store.promote(NAME, first.fingerprint, replaces=None)
    store.put_pending(second)
    store.promote(NAME, second.fingerprint, replaces=first.fingerprint)
    store.recall(NAME, first.fingerprint)
    store.discard(NAME, first.fingerprint)
    store.put_pending(third)
    for version in versions:
        assert store.read(NAME, version.fingerprint) == version
    store.retire(NAME, first.fingerprint)
    store.sweep(NAME)


@pytest.fixture
def versions() -> list[KeyVersion]:
    return [make_version(NAME) for _ in range(3)]


def test_a_log_of_everything_holds_no_key_and_no_token(sealed_vault: VaultProcess, versions: list[KeyVersion]) -> None:
    folder, tokens = new_folder(), set[str]()
    login = approle(sealed_vault, folder)
    with logging_everything() as log, opened(sealed_vault, login, path=folder) as store:
        attach(store, Wire(before=lambda _at, request: tokens.add(str(request.headers.get("X-Vault-Token", "")))))
        everything(store, versions)
    text = "\n".join(log.lines)
    assert "urllib3.connectionpool" in text
    assert "rotator.stores.vault.kv" in text
    assert all(betrayals(text, version.private_key) == [] for version in versions)
    assert len(tokens) == 2
    assert not any(token in text for token in tokens if token)


def broken(error: Exception) -> Callable[[int, requests.PreparedRequest], None]:
    def fail(_at: int, request: requests.PreparedRequest) -> None:
        if request.method == "POST":
            error.request = request  # type: ignore[attr-defined] # as requests does: it holds the whole body
            raise error

    return fail


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError("the connection was cut"),
        requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"),
        requests.exceptions.InvalidHeader("a header"),
        OSError("a file"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_that_held_what_was_sent_is_not_passed_on(
    dev_vault: VaultProcess, versions: list[KeyVersion], error: Exception
) -> None:
    with logging_everything() as log, opened(dev_vault, patience="1s") as store:
        attach(store, Wire(before=broken(error)))
        with pytest.raises(StoreError) as raised:
            store.put_pending(versions[0])
    told = whole(raised.value) + "\n".join(log.lines)
    assert betrayals(told, versions[0].private_key) == []
    assert raised.value.__context__ is None
    assert dev_vault.root_token not in told


def test_a_damaged_version_is_told_without_its_text(dev_vault: VaultProcess, versions: list[KeyVersion]) -> None:
    def damage(_at: int, request: requests.PreparedRequest) -> None:
        if request.method == "POST":
            assert isinstance(request.body, bytes)
            request.body = request.body.replace(b'"username"', b'"usernome"')

    clock = VirtualTime()
    with opened(dev_vault, time=clock) as store:
        attach(store, Wire(before=damage))
        store.put_pending(versions[0])
        with pytest.raises(StoreError, match="is damaged") as raised:
            store.read(NAME, versions[0].fingerprint)
    assert betrayals(whole(raised.value), versions[0].private_key) == []


def test_the_search_finds_a_key_in_every_form(versions: list[KeyVersion]) -> None:
    key = versions[0].private_key
    document = versions[0].to_document().reveal()
    assert betrayals(document, key)
    assert betrayals(repr(document.encode()), key)
    # The other keys of these tests may have a prime in common with it.
    assert not betrayals(document, PrivateKey(made_on_the_spot()))
