"""The AWS store keeps every promise of a store on a bad day of AWS's too; the AWS of tests is as strict as AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from botocore.exceptions import ClientError

from rotator.testing.stores import StoreContract
from tests.tiers import thorough

if TYPE_CHECKING:
    from types_boto3_secretsmanager.client import SecretsManagerClient

    from rotator.stores.base import Store
    from tests.contract.stores.aws.stores import AwsGround

FIRST: Final = "1" * 32
SECOND: Final = "2" * 32


@thorough
class TestAwsStoreWhileAwsIsBusyForgetfulAndLate(StoreContract):
    """Every other call is throttled, the answer of every other write is lost, and reads show what was there before."""

    @pytest.fixture
    def store(self, aws: AwsGround) -> Store:
        aws.layer.faults.throttle_every = 2
        aws.layer.faults.lose_every = 2
        aws.layer.faults.stale_reads = 3
        return aws.store()


class TestTheLayerBeforeMoto:
    """What AWS's own texts promise and moto does not keep, so that no test passes on a lenient answer."""

    @pytest.fixture
    def secret(self, aws: AwsGround) -> dict[str, str]:
        """A secret with a current version."""
        name = f"{aws.prefix}billing"
        client_of(aws).create_secret(Name=name, ClientRequestToken=FIRST, SecretString="one")
        return {"SecretId": name}

    def test_an_id_does_not_take_another_value(self, aws: AwsGround, secret: dict[str, str]) -> None:
        with pytest.raises(ClientError, match="ResourceExistsException"):
            client_of(aws).put_secret_value(**secret, ClientRequestToken=FIRST, SecretString="two")
        assert client_of(aws).get_secret_value(**secret)["SecretString"] == "one"

    def test_a_version_that_is_put_again_after_its_promotion_stays_where_it_is(
        self, aws: AwsGround, secret: dict[str, str]
    ) -> None:
        for _ in range(2):
            client_of(aws).put_secret_value(
                **secret, ClientRequestToken=SECOND, SecretString="two", VersionStages=["AWSPENDING"]
            )
            if aws.labels("billing")["AWSCURRENT"] == FIRST:
                client_of(aws).update_secret_version_stage(
                    **secret, VersionStage="AWSCURRENT", MoveToVersionId=SECOND, RemoveFromVersionId=FIRST
                )
                moved = aws.labels("billing")
        assert aws.labels("billing") == moved
        assert moved["AWSCURRENT"] == SECOND

    def test_a_value_has_64_kibibytes_at_the_most(self, aws: AwsGround, secret: dict[str, str]) -> None:
        client_of(aws).put_secret_value(**secret, ClientRequestToken=SECOND, SecretString="x" * 65_536)
        with pytest.raises(ClientError, match="too long"):
            client_of(aws).put_secret_value(**secret, ClientRequestToken="3" * 32, SecretString="x" * 65_537)


def client_of(aws: AwsGround) -> SecretsManagerClient:
    return aws.server.clients.secrets_manager()
