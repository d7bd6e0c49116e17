"""`type: aws` in config.yaml."""

import json
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from rotator.config.durations import Duration
from rotator.config.paths import ConfiguredPath
from rotator.config.section import StoreSettings, Words
from rotator.core.addresses import secure_address
from rotator.stores.aws import policy
from rotator.stores.plugins import Policies, StoreKind, Surroundings

if TYPE_CHECKING:
    from rotator.stores.base import Store

Prefix = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/_+=.@-]{0,256}$")]
"""Characters that a secret's name may have (CreateSecret, Name)."""

Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]+$")]
TagValue = Annotated[str, StringConstraints(max_length=256)]
RoleArn = Annotated[str, StringConstraints(pattern=r"^arn:[a-z-]+:iam::[0-9]{12}:role/.+$")]


def _address(value: str) -> str:
    return secure_address(value, "https://vpce-1a2b3c.secretsmanager.eu-central-1.vpce.amazonaws.com")


Address = Annotated[str, AfterValidator(_address)]


class AwsStoreSettings(StoreSettings):
    """A store in AWS Secrets Manager. What is left out, AWS's own environment and files say."""

    type: Literal["aws"]
    prefix: Prefix = "rotator/"
    """What the names of its secrets begin with; a credential's name follows."""
    region: Region | None = None
    profile: Words | None = None
    role: RoleArn | None = None
    external_id: Words | None = None
    create: bool = True
    """Whether secrets that do not exist are made."""
    kms_key: Words | None = None
    """Id, ARN or alias of the KMS key of new secrets."""
    tags: dict[Words, TagValue] = Field(default_factory=dict)
    endpoint_url: Address | None = None
    sts_endpoint_url: Address | None = None
    ca: ConfiguredPath | None = None
    connect_timeout: Duration = timedelta(seconds=10)
    read_timeout: Duration = timedelta(seconds=30)
    attempts: Annotated[int, Field(strict=True, ge=1, le=10)] = 3
    """How often AWS's own library tries a call, before the program waits longer."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not (self.connect_timeout and self.read_timeout):
            raise ValueError("connect_timeout and read_timeout must be more than 0s")
        if self.external_id and not self.role:
            raise ValueError("external_id is for a role: give `role` as well")
        if self.tags and not self.create:
            raise ValueError("tags are for new secrets, and `create: false` makes none")
        return self

    @property
    def ground(self) -> policy.Ground:
        """What the policies are about."""
        return policy.Ground(
            prefix=self.prefix,
            region=self.region,
            kms_key=self.kms_key,
            create=self.create,
            tagged=bool(self.tags),
            role=self.role,
        )


def _open(name: str, settings: AwsStoreSettings, surroundings: Surroundings) -> "Store":
    # boto3 costs a third of a second; cryptography, below it, 70 ms.
    from rotator.stores.aws.access import AwsAccess, AwsClients  # noqa: PLC0415
    from rotator.stores.aws.calls import AwsCalls, Waiting  # noqa: PLC0415
    from rotator.stores.aws.store import AwsStore, NewSecrets  # noqa: PLC0415

    access = AwsAccess(
        region=settings.region,
        profile=settings.profile,
        role=settings.role,
        external_id=settings.external_id,
        endpoint_url=settings.endpoint_url,
        sts_endpoint_url=settings.sts_endpoint_url,
        ca=settings.ca,
        connect_timeout=settings.connect_timeout.total_seconds(),
        read_timeout=settings.read_timeout.total_seconds(),
        attempts=settings.attempts,
    )
    waiting = Waiting(surroundings.now, surroundings.sleep, surroundings.uniform)
    clients = AwsClients(access, surroundings.user_agent, surroundings.now)
    calls = AwsCalls(name, clients, settings.ground, waiting)
    return AwsStore(name, calls, settings.prefix, NewSecrets(settings.create, settings.kms_key, settings.tags))


def _policies(settings: AwsStoreSettings, credentials: Sequence[str]) -> Policies:
    ground, text = settings.ground, partial(json.dumps, indent=2)
    assuming = {f"whoever assumes {settings.role}": text(policy.for_whoever_assumes(ground))}
    return Policies(
        language="IAM policy",
        rotator=text(policy.for_rotator(ground)),
        consumers={name: text(policy.for_consumers(ground, name)) for name in credentials},
        others=assuming if settings.role else {},
    )


KIND = StoreKind(AwsStoreSettings, _open, _policies)
