from collections.abc import Callable

import pytest

from rotator.config.settings import Settings
from rotator.core.credentials import Version
from rotator.errors import ConfigurationError, StoreError
from rotator.services.own_login import own_login
from rotator.stores.files import FilesStore
from rotator.testing.versions import make_version, spare_key

Stored = Callable[..., Version]


def test_a_login_with_a_key_reads_it_only_when_it_is_used(settings: Settings, store: FilesStore) -> None:
    environ: dict[str, str] = {}
    target, keys = own_login(settings, "production", store=lambda _: store, environ=environ)
    assert (target.client_id, target.username) == ("key", "rotator@example.com")
    assert target.audience == target.login_url == "https://example.my.salesforce.com"
    with pytest.raises(ConfigurationError, match="ROTATOR_KEY is not set"):
        list(keys())
    environ["ROTATOR_KEY"] = spare_key(0).pem().reveal()
    assert [key.public_fingerprint for key in keys()] == [spare_key(0).public_fingerprint]


def test_a_login_by_a_credential_tries_current_then_pending_then_previous(
    settings: Settings, store: FilesStore, stored: Stored
) -> None:
    previous, current = stored("management", "Rotator"), stored("management", "Rotator")
    pending = make_version("management", "Rotator")
    target, keys = own_login(settings, "sandbox", store=lambda _: store, environ={})
    store.put_pending(pending)
    assert (target.client_id, target.username) == (current.client_id, current.username)
    assert target.login_url == "https://example--uat.sandbox.my.salesforce.com"
    expected = [version.private_key.public_fingerprint for version in (current, pending, previous)]
    assert [key.public_fingerprint for key in keys()] == expected


def test_a_key_for_the_other_app_of_a_pair_is_not_tried(settings: Settings, store: FilesStore, stored: Stored) -> None:
    stored("management", "Other")
    current = stored("management", "Rotator")
    _, keys = own_login(settings, "sandbox", store=lambda _: store, environ={})
    assert [key.public_fingerprint for key in keys()] == [current.private_key.public_fingerprint]


def test_a_credential_that_is_not_stored_says_how_to_begin(settings: Settings, store: FilesStore) -> None:
    with pytest.raises(StoreError, match="no current version") as caught:
        own_login(settings, "sandbox", store=lambda _: store, environ={})
    assert "rotator adopt management" in caught.value.advice
