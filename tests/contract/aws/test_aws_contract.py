"""The AWS store keeps every promise of a store: when all goes well, and when AWS is busy, late, or its answers are lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rotator.stores import aws_policy
from rotator.testing.stores import StoreContract

if TYPE_CHECKING:
    from rotator.stores.base import Store
    from tests.contract.aws.conftest import AwsGround


class TestAwsStore(StoreContract):
    @pytest.fixture
    def store(self, aws: AwsGround) -> Store:
        return aws.store()


class TestAwsStoreWhileEveryOtherCallIsThrottled(StoreContract):
    @pytest.fixture
    def store(self, aws: AwsGround) -> Store:
        aws.layer.faults.throttle_every = 2
        return aws.store()


class TestAwsStoreWhileReadsAreLate(StoreContract):
    @pytest.fixture
    def store(self, aws: AwsGround) -> Store:
        aws.layer.faults.stale_reads = 3
        return aws.store()


class TestAwsStoreWhileAnswersOfWritesAreLost(StoreContract):
    @pytest.fixture
    def store(self, aws: AwsGround) -> Store:
        aws.layer.faults.lose_every = 2
        return aws.store()


class TestAwsStoreUnderTheLeastPolicy(StoreContract):
    @pytest.fixture
    def store(self, aws: AwsGround) -> Store:
        ground = aws_policy.Ground(prefix=aws.prefix, region="eu-central-1")
        aws.layer.faults.policy = json.loads(json.dumps(aws_policy.for_rotator(ground)))
        return aws.store()
