"""The AWS store keeps every promise of a store on a bad day of AWS's as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.testing.stores import StoreContract

if TYPE_CHECKING:
    from rotator.stores.base import Store
    from tests.contract.aws.stores import AwsGround


class TestAwsStoreWhileAwsIsBusyForgetfulAndLate(StoreContract):
    """Every other call is throttled, the answer of every other write is lost, and reads show what was there before."""

    @pytest.fixture
    def store(self, aws: AwsGround) -> Store:
        aws.layer.faults.throttle_every = 2
        aws.layer.faults.lose_every = 2
        aws.layer.faults.stale_reads = 3
        return aws.store()
