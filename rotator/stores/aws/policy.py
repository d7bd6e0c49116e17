"""The least IAM policies: for the program, and for consumers.

Actions, resources and conditions are those of the Service Authorization Reference, "AWS Secrets Manager" and "AWS KMS".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

ASSUME_ROLE: Final = "sts:AssumeRole"
CREATE: Final = "secretsmanager:CreateSecret"
TAG: Final = "secretsmanager:TagResource"
READ: Final = "secretsmanager:GetSecretValue"
CHANGE: Final = (
    "secretsmanager:DescribeSecret",
    READ,
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
)
"""What the program does with secrets that exist. It never deletes one."""

REPORT_TAG: Final = "rotator:consumer:"
"""How a tag begins by which a consumer says what it uses; its name follows."""

CURRENT: Final = "AWSCURRENT"
PENDING: Final = "AWSPENDING"
PREVIOUS: Final = "AWSPREVIOUS"
STAGES: Final = (CURRENT, PENDING, PREVIOUS)

_STAGE: Final = "secretsmanager:VersionStage"

_ENDING: Final = "-??????"
"""AWS adds a hyphen and six characters to a secret's name in its ARN."""

_PARTITIONS: Final = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "eusc-": "aws-eusc",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
}
"""Where a region's ARNs do not begin with `arn:aws:`, by how its name begins (botocore's partitions)."""


@dataclass(frozen=True)
class Ground:
    """What the policies are about."""

    prefix: str
    region: str | None = None
    kms_key: str | None = None
    create: bool = True
    tagged: bool = False
    role: str | None = None

    def secret(self, name: str) -> str:
        """The ARN of a secret by its name, for a `Resource`."""
        return f"{self._arn_of_secrets}{name}{_ENDING}"

    @property
    def every_secret(self) -> str:
        """The ARNs of all secrets under the prefix; a consumer may know its one secret by its ARN."""
        if self.prefix.startswith("arn:"):
            return self.prefix
        return f"{self._arn_of_secrets}{self.prefix}*"

    @property
    def key(self) -> dict[str, Any]:
        """The KMS key as a statement names it, for what Secrets Manager does with it and for nothing else.

        An alias, and its ARN, is no resource of a policy but a condition (KMS Developer Guide, "Using aliases").
        Without `kms:ViaService` whoever has the policy could decrypt with the key, or any that gets this alias.
        """
        via = _when("StringLike", "kms:ViaService", f"secretsmanager.{self._region}.*")
        _, is_alias, alias = (self.kms_key or "").rpartition("alias/")
        if is_alias:
            by_alias = _when("ForAnyValue:StringEquals", "kms:ResourceAliases", f"alias/{alias}")
            return {"Resource": "*", "Condition": via["Condition"] | by_alias["Condition"]}
        return {"Resource": self._key_arn, **via}

    @property
    def _key_arn(self) -> str:
        if self.kms_key is None or self.kms_key.startswith("arn:"):
            return self.kms_key or "*"
        return f"arn:{self._partition}:kms:{self._region}:*:key/{self.kms_key}"

    @property
    def _arn_of_secrets(self) -> str:
        return f"arn:{self._partition}:secretsmanager:{self._region}:*:secret:"

    @property
    def _region(self) -> str:
        return self.region or "*"

    @property
    def _partition(self) -> str:
        found = (name for begins, name in _PARTITIONS.items() if self._region.startswith(begins))
        return next(found, "aws")


def for_rotator(ground: Ground) -> dict[str, Any]:
    """The least policy of whoever runs the program."""
    creating = (CREATE, TAG) if ground.tagged else (CREATE,)
    actions = (*(creating if ground.create else ()), *CHANGE)
    statements = [_allow("RotateCredentials", actions, Resource=ground.every_secret)]
    if ground.kms_key:
        statements.append(_allow("UseTheirKey", ("kms:Decrypt", "kms:GenerateDataKey"), **ground.key))
    return _policy(statements)


def for_consumers(ground: Ground, credential: str) -> dict[str, Any]:
    """The least policy of a consumer of a credential: what stands in a stage, and never what was retired.

    A call that names neither stage nor version is answered with AWSCURRENT (GetSecretValue), and has none of the two
    keys of a condition. One that names a version alone is allowed by neither statement.
    """
    in_a_stage = _when("ForAnyValue:StringEquals", _STAGE, list(STAGES))
    unnamed = {"Condition": {"Null": {_STAGE: "true", "secretsmanager:VersionId": "true"}}}
    secret = ground.secret(ground.prefix + credential)
    statements = [
        _allow("ReadCredentials", (READ,), Resource=secret, **in_a_stage),
        _allow("ReadTheCurrentCredential", (READ,), Resource=secret, **unnamed),
    ]
    if ground.kms_key:
        statements.append(_allow("UseTheirKey", ("kms:Decrypt",), **ground.key))
    return _policy(statements)


def for_whoever_assumes(ground: Ground) -> dict[str, Any]:
    """The least policy of those with whose credentials the program takes on its role."""
    return _policy([_becoming(ground)])


def statement_for(action: str, ground: Ground, *, by_key: bool) -> dict[str, Any]:
    """The one statement that would allow what was refused; `by_key` when it was the KMS key."""
    if by_key:
        return _allow("UseTheirKey", ("kms:Decrypt", "kms:GenerateDataKey"), **ground.key)
    if action == ASSUME_ROLE:
        return _becoming(ground)
    actions = (CREATE, TAG) if action == CREATE and ground.tagged else (action,)
    return _allow("RotateCredentials", actions, Resource=ground.every_secret)


def _becoming(ground: Ground) -> dict[str, Any]:
    return _allow("BecomeRotator", (ASSUME_ROLE,), Resource=ground.role)


def _allow(name: str, actions: tuple[str, ...], **rest: Any) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": list(actions), **rest}


def _policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _when(operator: str, key: str, value: str | list[str]) -> dict[str, Any]:
    return {"Condition": {operator: {key: value}}}
