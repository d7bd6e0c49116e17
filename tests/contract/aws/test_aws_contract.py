"""The AWS store keeps every promise of a store: as AWS is, and when AWS is busy, forgetful or late."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.stores.aws_policy import Ground, for_rotator
from rotator.testing.stores import StoreContract
from tests.contract.servers.strict_aws import REGION

if TYPE_CHECKING:
    from rotator.stores.base import Store
    from tests.contract.aws.conftest import AwsGround


class TestAwsStoreUnderTheLeastPolicy(StoreContract):
    @pytest.fixture
    def store(self, aws: AwsGround) -> Store:
        aws.layer.faults.policy = for_rotator(Ground(prefix=aws.prefix, region=REGION))
        return aws.store()


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
