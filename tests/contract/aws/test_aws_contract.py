"""The AWS store keeps every promise of a store when AWS is busy, forgetful or late as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.testing.stores import StoreContract

if TYPE_CHECKING:
    from rotator.stores.base import Store
    from tests.contract.aws.stores import AwsGround


class TestAwsStoreWhileCallsAreThrottledAndAnswersAreLost(StoreContract):
    @pytest.fixture
    def store(self, aws: AwsGround) -> Store:
        aws.layer.faults.throttle_every = 2
        aws.layer.faults.lose_every = 2
        return aws.store()


class TestAwsStoreWhileReadsAreLate(StoreContract):
    @pytest.fixture
    def store(self, aws: AwsGround) -> Store:
        aws.layer.faults.stale_reads = 3
        return aws.store()
