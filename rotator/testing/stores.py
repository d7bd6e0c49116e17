"""What every store promises, as tests: one suite, word for word the same for each.

A store's own test module subclasses `StoreContract` and gives the fixture `store`, a store that is empty:

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self) -> Store:
            return MyStore(...)
"""

# ruff: noqa: S101 -- these are tests.

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.credentials import Fingerprint, KeyVersion, Stage, Stages, Version, key_version
from rotator.core.secret import Secret
from rotator.errors import StoreError
from rotator.stores.base import read_stage
from rotator.testing.versions import make_secret_version, make_version, spare_key

if TYPE_CHECKING:
    from rotator.stores.base import Store

NAME: Final = "billing"
UNKNOWN: Final = Fingerprint("0" * 64)


def stored_current(store: Store, replaces: Version | None = None) -> KeyVersion:
    """A new version, stored and promoted over `replaces`."""
    version = make_version(NAME)
    store.put_pending(version)
    store.promote(NAME, version.fingerprint, replaces=replaces.fingerprint if replaces else None)
    return version


def is_stored(store: Store, version: Version) -> bool:
    """Whether the version can be read."""
    try:
        return store.read(version.credential, version.fingerprint) == version
    except StoreError:
        return False


class StoreContract:
    """The promises of `rotator.stores.base.Store`."""

    def test_it_has_a_name_for_people(self, store: Store) -> None:
        assert store.name

    def test_an_unknown_credential_has_nothing_in_any_stage(self, store: Store) -> None:
        assert store.stages(NAME) == Stages()
        assert store.stages("never-heard-of") == Stages()

    def test_a_new_version_is_pending_and_reads_as_it_was_written(self, store: Store) -> None:
        version = make_version(NAME)
        store.put_pending(version)
        assert store.stages(NAME) == Stages(pending=version.fingerprint)
        read = store.read(NAME, version.fingerprint)
        assert read == version
        assert key_version(read).private_key.pem() == version.private_key.pem()
        assert read.is_whole

    def test_putting_the_same_version_twice_does_nothing_more(self, store: Store) -> None:
        version = make_version(NAME)
        store.put_pending(version)
        store.put_pending(version)
        assert store.stages(NAME) == Stages(pending=version.fingerprint)
        assert is_stored(store, version)

    def test_a_second_pending_version_is_refused_until_the_first_is_discarded(self, store: Store) -> None:
        first, second = make_version(NAME), make_version(NAME)
        store.put_pending(first)
        with pytest.raises(StoreError):
            store.put_pending(second)
        assert store.stages(NAME) == Stages(pending=first.fingerprint)
        assert not is_stored(store, second)
        store.discard(NAME, first.fingerprint)
        store.put_pending(second)
        assert store.stages(NAME) == Stages(pending=second.fingerprint)

    def test_a_version_whose_key_is_not_its_certificates_is_refused(self, store: Store) -> None:
        version = make_version(NAME, key=spare_key(0))
        with pytest.raises(StoreError):
            store.put_pending(replace(version, private_key=spare_key(1)))
        assert store.stages(NAME) == Stages()

    def test_a_version_that_is_current_or_previous_is_not_put_again(self, store: Store) -> None:
        first = stored_current(store)
        second = stored_current(store, first)
        for version in (first, second):
            with pytest.raises(StoreError):
                store.put_pending(version)
        assert store.stages(NAME) == Stages(current=second.fingerprint, previous=first.fingerprint)

    def test_the_first_promotion_makes_pending_current(self, store: Store) -> None:
        version = stored_current(store)
        assert store.stages(NAME) == Stages(current=version.fingerprint)
        assert is_stored(store, version)

    def test_a_promotion_makes_current_previous_and_destroys_the_previous_one(self, store: Store) -> None:
        first = stored_current(store)
        second = stored_current(store, first)
        assert store.stages(NAME) == Stages(current=second.fingerprint, previous=first.fingerprint)
        third = stored_current(store, second)
        assert store.stages(NAME) == Stages(current=third.fingerprint, previous=second.fingerprint)
        assert is_stored(store, third)
        assert is_stored(store, second)
        assert not is_stored(store, first)

    def test_promoting_twice_does_nothing_more(self, store: Store) -> None:
        first = stored_current(store)
        second = stored_current(store, first)
        store.promote(NAME, second.fingerprint, replaces=first.fingerprint)
        assert store.stages(NAME) == Stages(current=second.fingerprint, previous=first.fingerprint)
        assert is_stored(store, first)

    def test_a_promotion_over_another_than_the_current_version_changes_nothing(self, store: Store) -> None:
        first, pending = stored_current(store), make_version(NAME)
        store.put_pending(pending)
        before = store.stages(NAME)
        for replaces in (None, UNKNOWN, pending.fingerprint):
            with pytest.raises(StoreError):
                store.promote(NAME, pending.fingerprint, replaces=replaces)
            assert store.stages(NAME) == before
        assert is_stored(store, first)

    def test_a_version_that_is_not_pending_is_not_promoted(self, store: Store) -> None:
        with pytest.raises(StoreError):
            store.promote(NAME, UNKNOWN, replaces=None)
        first = stored_current(store)
        second = stored_current(store, first)
        for version in (UNKNOWN, first.fingerprint):
            with pytest.raises(StoreError):
                store.promote(NAME, version, replaces=second.fingerprint)
        assert store.stages(NAME) == Stages(current=second.fingerprint, previous=first.fingerprint)

    def test_a_recalled_version_is_pending_and_still_previous(self, store: Store) -> None:
        first = stored_current(store)
        second = stored_current(store, first)
        for _ in range(2):
            store.recall(NAME, first.fingerprint)
            assert store.stages(NAME) == Stages(first.fingerprint, second.fingerprint, first.fingerprint)

    def test_a_recalled_version_can_be_promoted_again(self, store: Store) -> None:
        first = stored_current(store)
        second = stored_current(store, first)
        store.recall(NAME, first.fingerprint)
        store.promote(NAME, first.fingerprint, replaces=second.fingerprint)
        assert store.stages(NAME) == Stages(current=first.fingerprint, previous=second.fingerprint)
        assert is_stored(store, first)
        assert is_stored(store, second)

    def test_only_the_previous_version_is_recalled_and_only_while_none_is_pending(self, store: Store) -> None:
        with pytest.raises(StoreError):
            store.recall(NAME, UNKNOWN)
        first = stored_current(store)
        second = stored_current(store, first)
        for fingerprint in (second.fingerprint, UNKNOWN):
            with pytest.raises(StoreError):
                store.recall(NAME, fingerprint)
        pending = make_version(NAME)
        store.put_pending(pending)
        with pytest.raises(StoreError):
            store.recall(NAME, first.fingerprint)
        assert store.stages(NAME) == Stages(pending.fingerprint, second.fingerprint, first.fingerprint)

    def test_discarding_destroys_the_pending_version(self, store: Store) -> None:
        current, pending = stored_current(store), make_version(NAME)
        store.put_pending(pending)
        for _ in range(2):
            store.discard(NAME, pending.fingerprint)
            assert store.stages(NAME) == Stages(current=current.fingerprint)
            assert not is_stored(store, pending)

    def test_discarding_a_recalled_version_keeps_it_as_previous(self, store: Store) -> None:
        first = stored_current(store)
        second = stored_current(store, first)
        store.recall(NAME, first.fingerprint)
        for _ in range(2):
            store.discard(NAME, first.fingerprint)
            assert store.stages(NAME) == Stages(current=second.fingerprint, previous=first.fingerprint)
            assert is_stored(store, first)

    def test_retiring_destroys_the_previous_version(self, store: Store) -> None:
        first = stored_current(store)
        second = stored_current(store, first)
        for _ in range(2):
            store.retire(NAME, first.fingerprint)
            assert store.stages(NAME) == Stages(current=second.fingerprint)
            assert not is_stored(store, first)

    def test_retiring_a_recalled_version_keeps_it_as_pending(self, store: Store) -> None:
        first = stored_current(store)
        second = stored_current(store, first)
        store.recall(NAME, first.fingerprint)
        for _ in range(2):
            store.retire(NAME, first.fingerprint)
            assert store.stages(NAME) == Stages(pending=first.fingerprint, current=second.fingerprint)
            assert is_stored(store, first)

    def test_nothing_but_the_named_stage_is_ever_taken_away(self, store: Store) -> None:
        first = stored_current(store)
        second = stored_current(store, first)
        pending = make_version(NAME)
        store.put_pending(pending)
        before = store.stages(NAME)
        for fingerprint in (first.fingerprint, second.fingerprint, UNKNOWN):
            store.discard(NAME, fingerprint)
        for fingerprint in (pending.fingerprint, second.fingerprint, UNKNOWN):
            store.retire(NAME, fingerprint)
        assert store.stages(NAME) == before
        assert all(is_stored(store, version) for version in (first, second, pending))

    def test_sweeping_leaves_every_version_that_stands_in_a_stage(self, store: Store) -> None:
        first = stored_current(store)
        second = stored_current(store, first)
        pending = make_version(NAME)
        store.put_pending(pending)
        before = store.stages(NAME)
        assert store.sweep(NAME) == 0
        assert store.stages(NAME) == before
        assert all(is_stored(store, version) for version in (first, second, pending))

    def test_taking_away_from_an_unknown_credential_does_nothing(self, store: Store) -> None:
        store.discard("never-heard-of", UNKNOWN)
        store.retire("never-heard-of", UNKNOWN)
        assert store.sweep("never-heard-of") == 0
        assert store.stages("never-heard-of") == Stages()

    def test_reading_a_version_that_is_not_there_says_so(self, store: Store) -> None:
        stored_current(store)
        for fingerprint in (UNKNOWN, Fingerprint("../current"), Fingerprint("")):
            with pytest.raises(StoreError):
                store.read(NAME, fingerprint)
        with pytest.raises(StoreError):
            store.read("never-heard-of", UNKNOWN)

    def test_credentials_do_not_meet(self, store: Store) -> None:
        billing = stored_current(store)
        payroll = make_version("payroll", "Payroll")
        store.put_pending(payroll)
        assert store.stages(NAME) == Stages(current=billing.fingerprint)
        assert store.stages("payroll") == Stages(pending=payroll.fingerprint)
        with pytest.raises(StoreError):
            store.read(NAME, payroll.fingerprint)
        store.discard("payroll", billing.fingerprint)
        assert is_stored(store, billing)

    def test_a_stage_is_read_as_the_version_in_it(self, store: Store) -> None:
        first = stored_current(store)
        second = stored_current(store, first)
        assert read_stage(store, NAME, Stage.CURRENT) == second
        assert read_stage(store, NAME, Stage.PREVIOUS) == first
        assert read_stage(store, NAME, Stage.PENDING) is None

    def test_a_client_secret_goes_through_the_stages_as_a_key_pair_does(self, store: Store) -> None:
        first, second, third = (make_secret_version(NAME) for _ in range(3))
        store.put_pending(first)
        store.promote(NAME, first.fingerprint, replaces=None)
        store.put_pending(second)
        assert store.read(NAME, second.fingerprint) == second
        store.promote(NAME, second.fingerprint, replaces=first.fingerprint)
        store.recall(NAME, first.fingerprint)
        assert store.stages(NAME) == Stages(first.fingerprint, second.fingerprint, first.fingerprint)
        store.discard(NAME, first.fingerprint)
        store.retire(NAME, first.fingerprint)
        store.put_pending(third)
        store.discard(NAME, third.fingerprint)
        assert store.stages(NAME) == Stages(current=second.fingerprint)
        assert [is_stored(store, version) for version in (first, second, third)] == [False, True, False]

    def test_a_client_secret_takes_the_place_of_a_key_pair_and_the_other_way_round(self, store: Store) -> None:
        key, secret = stored_current(store), make_secret_version(NAME)
        store.put_pending(secret)
        store.promote(NAME, secret.fingerprint, replaces=key.fingerprint)
        assert [store.read(NAME, version.fingerprint) for version in (key, secret)] == [key, secret]
        assert stored_current(store, secret).fingerprint == store.stages(NAME).current

    @pytest.mark.parametrize("guessable", ["", "hunter2", "0123456789" * 3, "ab" * 64])
    def test_a_client_secret_that_could_be_guessed_is_refused_and_not_told(self, store: Store, guessable: str) -> None:
        with pytest.raises(StoreError) as refused:
            store.put_pending(replace(make_secret_version(NAME), client_secret=Secret(guessable)))
        assert store.stages(NAME) == Stages()
        assert not guessable or guessable not in str(refused.value) + repr(refused.value)

    def test_no_error_holds_a_private_key(self, store: Store) -> None:
        version = make_version(NAME)
        store.put_pending(version)
        body = version.private_key.pem().reveal().splitlines()[2]
        with pytest.raises(StoreError) as refused:
            store.put_pending(make_version(NAME))
        assert body not in str(refused.value)
        assert body not in repr(refused.value)

    def test_the_check_passes_and_leaves_no_trace(self, store: Store) -> None:
        version = stored_current(store)
        store.check()
        store.check()
        assert store.stages(NAME) == Stages(current=version.fingerprint)
        assert store.sweep(NAME) == 0
