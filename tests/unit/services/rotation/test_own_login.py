"""What the program logs in to an org with, and the rotation that would end it."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from rotator.config.settings import Settings
from rotator.core.credentials import KeyVersion
from rotator.core.crypto.keys import PrivateKey
from rotator.errors import ConfigurationError, StoreError
from rotator.services.rotation.own_login import own_login
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import make_version, spare_key

Stored = Callable[..., KeyVersion]


def test_a_login_with_a_key_reads_it_only_when_it_is_used(settings: Settings, store: FilesStore) -> None:
    environ: dict[str, str] = {}
    candidates = own_login(settings, "production", store=lambda _: store, environ=environ)
    with pytest.raises(ConfigurationError, match="ROTATOR_KEY is not set"):
        list(candidates())
    environ["ROTATOR_KEY"] = spare_key(0).pem().reveal()
    [candidate] = candidates()
    assert candidate.key == spare_key(0)
    assert (candidate.target.client_id, candidate.target.username) == ("key", "rotator@example.com")
    assert candidate.target.audience == candidate.target.login_url == "https://example.my.salesforce.com"


def test_a_login_by_a_credential_tries_current_then_pending_then_previous_each_through_its_own_app(
    settings: Settings, store: FilesStore, stored: Stored
) -> None:
    previous, current = stored("management", "Other"), stored("management", "Rotator")
    candidates = own_login(settings, "sandbox", store=lambda _: store, environ={})
    pending = make_version("management", "Other")
    store.put_pending(pending)
    found = list(candidates())
    assert [each.key for each in found] == [version.private_key for version in (current, pending, previous)]
    assert [each.target.client_id for each in found] == [v.client_id for v in (current, pending, previous)]
    assert {each.target.login_url for each in found} == {"https://example--uat.sandbox.my.salesforce.com"}


def test_what_is_stored_is_read_again_for_every_login(settings: Settings, store: FilesStore, stored: Stored) -> None:
    stored("management", "Rotator")
    candidates = own_login(settings, "sandbox", store=lambda _: store, environ={})
    later = stored("management", "Rotator")
    assert next(candidates()).key == later.private_key


def test_a_credential_that_is_not_stored_says_how_to_begin(settings: Settings, store: FilesStore) -> None:
    with pytest.raises(StoreError, match="no current version") as caught:
        own_login(settings, "sandbox", store=lambda _: store, environ={})
    assert "rotator adopt management" in caught.value.hint
    assert caught.value.effect == "Nothing was changed."


def test_a_key_that_somebody_could_find_out_is_not_logged_in_with(settings: Settings, store: FilesStore) -> None:
    weak = PrivateKey(rsa.generate_private_key(65537, 1024)).pem().reveal()  # noqa: S505 - that is what is tried
    candidates = own_login(settings, "production", store=lambda _: store, environ={"ROTATOR_KEY": weak})

    with pytest.raises(ConfigurationError, match=r"ROTATOR_KEY.* has 1024 bits, and 2048 are the least") as refused:
        next(candidates())
    assert "Make another one" in refused.value.hint
    assert refused.value.effect == "Nothing was touched."
