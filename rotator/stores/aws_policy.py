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

STAGES: Final = ("AWSCURRENT", "AWSPENDING", "AWSPREVIOUS")

_ENDING: Final = "-??????"
"""AWS adds a hyphen and six characters to a secret's name in its ARN."""


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
        """The KMS key as a statement names it; an alias is a condition (KMS Developer Guide, "Using aliases")."""
        if self.kms_key is None:
            return {
                "Resource": "*",
                **_when("StringEquals", "kms:ViaService", f"secretsmanager.{self._region}.amazonaws.com"),
            }
        if self.kms_key.startswith("alias/"):
            return {"Resource": "*", **_when("ForAnyValue:StringEquals", "kms:ResourceAliases", self.kms_key)}
        if self.kms_key.startswith("arn:"):
            return {"Resource": self.kms_key}
        return {"Resource": f"arn:{self._partition}:kms:{self._region}:*:key/{self.kms_key}"}

    @property
    def _arn_of_secrets(self) -> str:
        return f"arn:{self._partition}:secretsmanager:{self._region}:*:secret:"

    @property
    def _region(self) -> str:
        return self.region or "*"

    @property
    def _partition(self) -> str:
        region = self._region
        return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


def for_rotator(ground: Ground) -> dict[str, Any]:
    """The least policy of whoever runs the program."""
    creating = (CREATE, TAG) if ground.tagged else (CREATE,)
    actions = (*(creating if ground.create else ()), *CHANGE)
    statements = [_allow("RotateCredentials", actions, Resource=ground.every_secret)]
    if ground.kms_key:
        statements.append(_allow("UseTheirKey", ("kms:Decrypt", "kms:GenerateDataKey"), **ground.key))
    return _policy(statements)


def for_consumers(ground: Ground, credential: str) -> dict[str, Any]:
    """The least policy of a consumer of a credential: what stands in a stage, and never what was retired."""
    only_stages = _when("ForAnyValue:StringEquals", "secretsmanager:VersionStage", list(STAGES))
    statements = [_allow("ReadCredentials", (READ,), Resource=ground.secret(ground.prefix + credential), **only_stages)]
    if ground.kms_key:
        statements.append(_allow("UseTheirKey", ("kms:Decrypt",), **ground.key))
    return _policy(statements)


def statement_for(action: str, ground: Ground, *, by_key: bool) -> dict[str, Any]:
    """The one statement that would allow what was refused; `by_key` when it was the KMS key."""
    if by_key:
        return _allow("UseTheirKey", ("kms:Decrypt", "kms:GenerateDataKey"), **ground.key)
    if action == ASSUME_ROLE:
        return _allow("BecomeRotator", (action,), Resource=ground.role)
    actions = (CREATE, TAG) if action == CREATE and ground.tagged else (action,)
    return _allow("RotateCredentials", actions, Resource=ground.every_secret)


def _allow(name: str, actions: tuple[str, ...], **rest: Any) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": list(actions), **rest}


def _policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _when(operator: str, key: str, value: str | list[str]) -> dict[str, Any]:
    return {"Condition": {operator: {key: value}}}
