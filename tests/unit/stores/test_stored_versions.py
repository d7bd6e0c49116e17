"""What a consumer is given of a store in which not every version can be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from rotator.core.credentials import Stage, Stages, Version
from rotator.errors import StoreError, StoreUnavailable
from rotator.stores.base import StoredVersions, UnreadVersion, read_versions
from rotator.testing.versions import make_version

if TYPE_CHECKING:
    from rotator.core.credentials import Fingerprint
    from rotator.stores.base import Store


@dataclass
class Shelf:
    """Stages of one credential, some of whose versions cannot be read."""

    versions: dict[Stage, Version]
    damaged: dict[Stage, StoreError] = field(default_factory=dict)
    is_emptied_by_a_read: bool = False

    def stages(self, _credential: str) -> Stages:
        return Stages(**{str(stage): version.fingerprint for stage, version in self.versions.items()})

    def read(self, _credential: str, fingerprint: Fingerprint) -> Version:
        [stage] = [stage for stage, version in self.versions.items() if version.fingerprint == fingerprint]
        if stage in self.damaged:
            self.versions = {} if self.is_emptied_by_a_read else self.versions
            raise self.damaged[stage]
        return self.versions[stage]


DAMAGED = StoreError("The stored version is damaged.", hint="Put it back.")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf({stage: make_version() for stage in (Stage.CURRENT, Stage.PENDING, Stage.PREVIOUS)})


def test_beside_a_damaged_version_the_others_are_given(shelf: Shelf) -> None:
    for stage in (Stage.PENDING, Stage.PREVIOUS):
        shelf.damaged = {stage: DAMAGED}
        rest = [each for each in (Stage.CURRENT, Stage.PENDING, Stage.PREVIOUS) if each is not stage]
        assert [version.fingerprint for version in StoredVersions(shelf, "billing")()] == [
            shelf.versions[each].fingerprint for each in rest
        ]


def test_that_current_is_damaged_is_said_once_the_others_were_tried(shelf: Shelf) -> None:
    shelf.damaged = {Stage.CURRENT: DAMAGED}
    versions = iter(StoredVersions(shelf, "billing")())
    assert [next(versions).fingerprint for _ in range(2)] == [
        shelf.versions[Stage.PENDING].fingerprint, shelf.versions[Stage.PREVIOUS].fingerprint,
    ]  # fmt: skip
    with pytest.raises(StoreError, match="damaged"):
        next(versions)


def test_each_version_that_cannot_be_read_is_named_beside_the_others(shelf: Shelf) -> None:
    shelf.damaged = {Stage.CURRENT: DAMAGED}
    versions, unread = read_versions(cast("Store", shelf), "billing")
    assert set(versions) == {Stage.PENDING, Stage.PREVIOUS}
    assert unread == (UnreadVersion(Stage.CURRENT, shelf.versions[Stage.CURRENT].fingerprint, DAMAGED),)


def test_a_version_that_was_taken_away_between_two_looks_is_not_damaged(shelf: Shelf) -> None:
    del shelf.versions[Stage.PENDING], shelf.versions[Stage.PREVIOUS]
    shelf.damaged, shelf.is_emptied_by_a_read = {Stage.CURRENT: DAMAGED}, True
    assert read_versions(cast("Store", shelf), "billing") == ({}, ())


def test_a_store_that_is_away_is_no_damage(shelf: Shelf) -> None:
    shelf.damaged = {Stage.PREVIOUS: StoreUnavailable("The store is away.", hint="")}
    with pytest.raises(StoreUnavailable):
        read_versions(cast("Store", shelf), "billing")
