"""`type: aws` in config.yaml, and the policies that it prints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from rotator.config.loading import parse
from rotator.entry_points import Surroundings
from rotator.errors import ConfigurationError, StoreError, StoreUnavailable
from rotator.stores.aws.plugin import PLUGIN
from rotator.stores.aws.policy import Ground, for_consumers, for_rotator, statement_for
from rotator.stores.aws.settings import AwsStoreSettings
from rotator.stores.aws.store import AwsStore
from tests.unit.configurations import ONE_ORG

if TYPE_CHECKING:
    from rotator.config.section import StoreSettings

EXAMPLE = Path(__file__).parents[4] / "config.yaml.example"
DOCUMENT = (
    ONE_ORG
    + """\
stores:
  cloud:
    type: aws
"""
)


BY_ALIAS = {
    "Condition": {
        "StringLike": {"kms:ViaService": "secretsmanager.eu-central-1.*"},
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/rotator"},
    }
}


def read(*lines: str) -> StoreSettings:
    text = DOCUMENT + "".join(f"    {line}\n" for line in lines)
    return parse(text, Path("/etc/rotator/config.yaml")).stores["cloud"]


def test_a_store_in_aws_needs_nothing_but_its_type() -> None:
    settings = read()
    assert isinstance(settings, AwsStoreSettings)
    assert (settings.prefix, settings.create, settings.region) == ("rotator/", True, None)
    assert isinstance(PLUGIN.open("cloud", settings, Surroundings({})), AwsStore)


@pytest.mark.parametrize(
    "environ",
    [
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/rotator"},
        {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nonexistent",
        },
        {"AWS_CONFIG_FILE": "config"},
    ],
    ids=["web identity", "container", "process"],
)
def test_a_file_that_credentials_come_from_and_that_is_not_there_is_said(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[default]\ncredential_process = /nonexistent\n")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    nothing = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
    for name, value in (nothing | environ).items():
        monkeypatch.setenv(name, value)
    settings = read("region: eu-central-1", "attempts: 1")
    assert isinstance(settings, AwsStoreSettings)
    with pytest.raises(StoreError, match="/nonexistent cannot be used: no such file or directory") as told:
        PLUGIN.open("cloud", settings, Surroundings({})).stages("billing")
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in told.value.hint


def test_a_file_of_authorities_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"AWS_CA_BUNDLE": "/nonexistent.pem", "AWS_CONFIG_FILE": "/dev/null"}
    for name, value in ({"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"} | gone).items():
        monkeypatch.setenv(name, value)
    settings = read("region: eu-central-1", "attempts: 1", "endpoint_url: https://127.0.0.1:9")
    assert isinstance(settings, AwsStoreSettings)
    with pytest.raises(StoreError, match="authorities to trust cannot be read") as told:
        PLUGIN.open("cloud", settings, Surroundings({})).stages("billing")
    assert not isinstance(told.value, StoreUnavailable)
    assert "AWS_CA_BUNDLE" in told.value.hint


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("regin: eu-central-1", "did you mean `region`?"),
        ("region: frankfurt", "must be a region, such as eu-central-1"),
        ("role: rotator", "must be a role, such as arn:"),
        ("prefix: 'with spaces/'", "must have letters, digits and"),
        ("endpoint_url: vpce.example", "must be an address such as https://"),
        ("endpoint_url: https://vpce.example:x", "must be an address such as https://"),
        ("sts_endpoint_url: https://sts.example:99999", "must be an address such as https://"),
        ("endpoint_url: https://me:pw@vpce.example", "must be an address such as https://"),
        ("endpoint_url: http://vpce.example", "http:// is for this machine only"),
        ("external_id: of-us", "give `role` as well"),
        ("external_id: x", "must have two or more of"),
        ("external_id: two words", "external_id"),
        ("tags: {'aws:team': crm}", "AWS's own"),
        (f"tags: {{{'k' * 129}: crm}}", "128"),
        (f"tags: {{{', '.join(f'k{n}: v' for n in range(51))}}}", "50"),
        ("attempts: 0", "attempts"),
        ("read_timeout: 0s", "must be more than 0s"),
        ("access_key: AKIA", "unknown key"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_line(line: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(line)
    assert reason in refused.value.message
    assert re.search(r":[789]: ", refused.value.message)


def test_tags_are_for_secrets_that_the_store_makes() -> None:
    with pytest.raises(ConfigurationError, match="`create: false` makes none"):
        read("create: false", "tags: {team: crm}")


def test_the_example_shows_every_option_with_its_default() -> None:
    block = re.search(r"  # aws-keys:\n((?:  #   .*\n)+)", EXAMPLE.read_text())
    assert block
    shown: dict[str, Any] = yaml.safe_load(re.sub(r"(?m)^  #   (# (?=[a-z_]+: ))?", "", block[1]))
    assert set(shown) == set(AwsStoreSettings.model_fields)
    usual = AwsStoreSettings.model_validate({"type": "aws"})
    settings = AwsStoreSettings.model_validate(shown)
    for name in ("prefix", "create", "connect_timeout", "read_timeout", "total_timeout", "attempts"):
        assert getattr(settings, name) == getattr(usual, name)


def test_settings_are_read_without_loading_the_library_for_aws() -> None:
    heavy = ("boto3", "botocore", "cryptography")
    program = f"import sys, rotator.stores.aws.plugin; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"


def test_the_printed_policies_are_json_for_rotator_and_for_each_consumer() -> None:
    settings = AwsStoreSettings.model_validate({"type": "aws", "region": "eu-central-1", "kms_key": "alias/rotator"})
    assert PLUGIN.policies
    policies = PLUGIN.policies(settings, ["billing", "payroll"])
    assert policies.language == "IAM policy"
    rotate, use_key = json.loads(policies.rotator)["Statement"]
    assert "secretsmanager:DeleteSecret" not in rotate["Action"]
    assert use_key["Condition"] == {
        "StringLike": {"kms:ViaService": "secretsmanager.eu-central-1.*"},
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/rotator"},
    }
    assert set(policies.consumers) == {"billing", "payroll"}
    reading, _, decrypting = json.loads(policies.consumers["billing"])["Statement"]
    assert reading["Action"] == ["secretsmanager:GetSecretValue"]
    assert reading["Resource"] == "arn:aws:secretsmanager:eu-central-1:*:secret:rotator/billing-??????"
    assert decrypting["Action"] == ["kms:Decrypt"]


def test_who_assumes_the_role_of_the_program_has_a_policy_of_its_own() -> None:
    role = "arn:aws:iam::123456789012:role/rotator"
    assert PLUGIN.policies
    policies = PLUGIN.policies(AwsStoreSettings.model_validate({"type": "aws", "role": role}), [])
    (assuming,) = json.loads(policies.others[f"whoever assumes {role}"])["Statement"]
    assert (assuming["Action"], assuming["Resource"]) == (["sts:AssumeRole"], role)
    assert "sts:AssumeRole" not in policies.rotator


def test_a_consumer_may_read_what_stands_in_a_stage_and_nothing_else() -> None:
    by_stage, unnamed = for_consumers(Ground("rotator/"), "billing")["Statement"]
    assert by_stage["Condition"] == {
        "ForAnyValue:StringEquals": {"secretsmanager:VersionStage": ["AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"]}
    }
    assert unnamed["Condition"] == {"Null": {"secretsmanager:VersionStage": "true", "secretsmanager:VersionId": "true"}}
    assert by_stage["Resource"] == unnamed["Resource"]


@pytest.mark.parametrize(
    "kms_key",
    [None, "alias/rotator", "arn:aws:kms:eu-central-1:1:alias/rotator", "arn:aws:kms:eu-central-1:1:key/a", "a"],
)
def test_a_key_of_kms_is_used_by_secrets_manager_alone(kms_key: str | None) -> None:
    ground = Ground("rotator/", region="eu-central-1", kms_key=kms_key)
    keys = [each for policy in (for_rotator(ground), for_consumers(ground, "x")) for each in policy["Statement"]]
    by_refusal = statement_for("secretsmanager:GetSecretValue", ground, by_key=True)
    for statement in [each for each in keys if each["Sid"] == "UseTheirKey"] + [by_refusal]:
        assert statement["Condition"]["StringLike"] == {"kms:ViaService": "secretsmanager.eu-central-1.*"}
        assert "alias/" not in statement["Resource"]


def test_rotator_may_make_and_tag_secrets_only_where_it_does() -> None:
    actions = {
        (create, tagged): for_rotator(Ground("x", create=create, tagged=tagged))["Statement"][0]["Action"]
        for create, tagged in [(True, False), (True, True), (False, False)]
    }
    assert "secretsmanager:CreateSecret" in actions[True, False]
    assert "secretsmanager:TagResource" not in actions[True, False]
    assert "secretsmanager:TagResource" in actions[True, True]
    assert "secretsmanager:CreateSecret" not in actions[False, False]


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-iso-east-1", "aws-iso"),
    ],
)
def test_resources_are_in_the_partition_of_the_region(region: str, partition: str) -> None:
    (statement,) = for_rotator(Ground("rotator/", region=region))["Statement"]
    assert statement["Resource"] == f"arn:{partition}:secretsmanager:{region}:*:secret:rotator/*"


@pytest.mark.parametrize(
    ("key", "named"),
    [
        (None, {"Condition": {"StringLike": {"kms:ViaService": "secretsmanager.eu-central-1.*"}}}),
        (
            "arn:aws:kms:eu-central-1:123456789012:key/1-2",
            {"Resource": "arn:aws:kms:eu-central-1:123456789012:key/1-2"},
        ),
        ("1-2", {"Resource": "arn:aws:kms:eu-central-1:*:key/1-2"}),
        ("alias/rotator", BY_ALIAS),
        ("arn:aws:kms:eu-central-1:123456789012:alias/rotator", BY_ALIAS),
    ],
)
def test_a_key_that_may_not_be_used_is_named_as_it_is_configured(key: str | None, named: dict[str, Any]) -> None:
    ground = Ground("rotator/", region="eu-central-1", kms_key=key)
    statement = statement_for("secretsmanager:GetSecretValue", ground, by_key=True)
    assert named.items() <= statement.items()
