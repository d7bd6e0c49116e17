"""A secret that was there before, and the settings of the real one: said as what they are, and never changed."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from rotator.errors import StoreError
from rotator.testing.versions import make_version, spare_key
from tests.contract.servers.strict_aws import REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.stores.aws.stores import AwsGround

NAME = "billing"
KEY = spare_key(0).pem().reveal()
CERTIFICATE = make_version().certificate.pem


def refusal(act: Callable[[], object]) -> StoreError:
    with pytest.raises(StoreError) as caught:
        act()
    return caught.value


def there_before(aws: AwsGround, **value: Any) -> None:
    version = "0b7c2f8e-1111-4222-8333-444455556666"
    aws.layer.ask("CreateSecret", Name=aws.prefix + NAME, ClientRequestToken=version, **value)


@pytest.mark.parametrize(
    ("value", "what", "way"),
    [
        (KEY, "a private key in PEM", "--query SecretString)`"),
        (json.dumps({"id": "a", "the key": KEY}), "its member 'the key'", """| jq -r '.["the key"]')`"""),
        (json.dumps({"user": "a", "password": "b"}), "JSON with 'user' and 'password', and no private key", ""),
        (json.dumps(["a"]), "a short text that is no key", ""),
        (CERTIFICATE, "PEM without a private key (certificate)", ""),
        ("CHANGEME", "a short text that is no key, as a placeholder is", ""),
        ("x " * 200, "text that is no key", ""),
    ],
    ids=["pem", "json with a key", "other json", "list", "certificate", "placeholder", "text"],
)
def test_it_is_said_what_is_in_it_and_how_to_take_it_over(aws: AwsGround, value: str, what: str, way: str) -> None:
    there_before(aws, SecretString=value)
    before = aws.labels(NAME)
    for act in (lambda: aws.store().stages(NAME), lambda: aws.store().put_pending(make_version(NAME))):
        error = refusal(act)
        assert f"the secret {aws.prefix}{NAME} was there before, and holds" in error.message
        assert what in error.message
        assert "which this program did not write" in error.message
        assert value.strip() not in error.message + error.hint
        assert "Set a `prefix` of the store" in error.hint
        assert ("rotator adopt NAME --key <(aws secretsmanager get-secret-value" in error.hint) is bool(way)
        assert way in error.hint
        assert ("delete-secret" in error.hint) is not bool(way)
    assert aws.labels(NAME) == before
    assert aws.layer.value(aws.prefix + NAME, "AWSCURRENT") == value


def test_binary_data_is_said_as_that(aws: AwsGround) -> None:
    there_before(aws, SecretBinary=base64.b64encode(b"\x30\x82\x00\xff").decode())
    error = refusal(lambda: aws.store().stages(NAME))
    assert "holds binary data, which this program did not write" in error.message
    assert "--query SecretBinary | base64 -d" in error.hint


def test_what_may_not_be_read_is_something_else(aws: AwsGround) -> None:
    there_before(aws, SecretString=KEY)
    aws.layer.faults.denied = frozenset({"secretsmanager:GetSecretValue"})
    error = refusal(lambda: aws.store().stages(NAME))
    assert "holds something else, which this program did not write" in error.message


def test_a_secret_as_the_program_makes_it_has_nothing_to_tell(aws: AwsGround) -> None:
    store = aws.store()
    assert store.examine(NAME) == ["There is no such secret yet."]
    store.put_pending(make_version(NAME))
    assert store.examine(NAME) == []


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"OwningService": "appflow"}, "belongs to another service of AWS, appflow"),
        ({"PrimaryRegion": "eu-west-1"}, "is a replica of the one in eu-west-1"),
        (
            {"ReplicationStatus": [{"Region": "eu-west-1", "Status": "Failed", "StatusMessage": "No key."}]},
            "the replica of PREFIXbilling in eu-west-1 does not follow: No key.",
        ),
        ({"RotationEnabled": True, "RotationLambdaARN": "arn:aws:lambda:x"}, "by the function arn:aws:lambda:x"),
        ({"DeletedDate": 1700000000.0}, "is scheduled for deletion"),
    ],
    ids=["owned", "replica", "broken replica", "rotated", "to be deleted"],
)
def test_what_hinders_a_rotation_of_the_real_secret_is_an_error(
    aws: AwsGround, said: dict[str, Any], error: str
) -> None:
    store = aws.store()
    store.put_pending(make_version(NAME))
    aws.layer.faults.described = said
    assert error.replace("PREFIX", aws.prefix) in refusal(lambda: store.examine(NAME)).message


def test_what_is_worth_knowing_is_told(aws: AwsGround) -> None:
    store = aws.configured(kms_key="alias/other")
    store.put_pending(make_version(NAME))
    replicas = [{"Region": region, "Status": "InSync"} for region in ("eu-west-1", "eu-west-2")]
    aws.layer.faults.described = {"ReplicationStatus": replicas, "PrimaryRegion": REGION, "KmsKeyId": "alias/one"}
    assert store.examine(NAME) == [
        "It is replicated to eu-west-1 and eu-west-2: consumers there see a new version a moment later.",
        "It is encrypted with alias/one: `kms_key` is for new secrets only.",
    ]


def policy(aws: AwsGround, **statement: Any) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Action": "secretsmanager:*", "Resource": "*", **statement}]}
    aws.layer.ask("PutResourcePolicy", SecretId=aws.prefix + NAME, ResourcePolicy=json.dumps(document))


def test_a_policy_of_its_own_is_told(aws: AwsGround) -> None:
    store = aws.store()
    store.put_pending(make_version(NAME))
    policy(aws, Effect="Allow", Principal={"AWS": "arn:aws:iam::123456789012:root"})
    assert store.examine(NAME) == ["It has a policy of its own, beside those of IAM."]
    policy(aws, Effect="Deny", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    assert store.examine(NAME) == ["Its own policy has 1 denial: they count for rotator, too."]
    policy(aws, Effect="Allow", Principal={"AWS": ["*"]})
    error = refusal(lambda: store.examine(NAME))
    assert "lets everybody in" in error.message
    assert "delete-resource-policy" in error.hint


def test_a_policy_that_may_not_be_looked_at_is_no_fault(aws: AwsGround) -> None:
    store = aws.store()
    store.put_pending(make_version(NAME))
    aws.layer.faults.denied = frozenset({"secretsmanager:GetResourcePolicy"})
    [said] = store.examine(NAME)
    assert "was not looked at" in said
