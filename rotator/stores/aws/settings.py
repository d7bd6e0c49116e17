"""`type: aws` in config.yaml."""

from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from rotator.config.durations import Period
from rotator.config.paths import ConfiguredPath
from rotator.config.section import ONE_LINE, StoreSettings, Words, written_as
from rotator.stores.addresses import secure_address
from rotator.stores.aws.policy import Ground

Prefix = Annotated[str, written_as(r"[A-Za-z0-9/_+=.@-]{0,256}", "must have letters, digits and /_+=.@- only")]
"""Characters that a secret's name may have (CreateSecret, Name)."""

Region = Annotated[str, written_as(r"[a-z]{2,4}(-[a-z]+)+-[0-9]+", "must be a region, such as eu-central-1")]
ExternalId = Annotated[
    str, written_as(r"[A-Za-z0-9_+=,.@:/-]{2,1224}", "must have two or more of letters, digits and _+=,.@:/-")
]
"""AssumeRole, ExternalId."""

MOST_TAGS: Final = 50
TagKey = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128), ONE_LINE]
TagValue = Annotated[str, StringConstraints(max_length=256)]
"""Tag; how many there may be, and whose names begin with `aws:`: AWS General Reference, "Tagging"."""
RoleArn = Annotated[
    str,
    written_as(r"arn:[a-z-]+:iam::[0-9]{12}:role/.+", "must be a role, such as arn:aws:iam::123456789012:role/rotator"),
]


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
    external_id: ExternalId | None = None
    create: bool = True
    """Whether secrets that do not exist are made."""
    kms_key: Words | None = None
    """Id, ARN or alias of the KMS key of new secrets."""
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=MOST_TAGS)] = Field(default_factory=dict)
    endpoint_url: Address | None = None
    sts_endpoint_url: Address | None = None
    ca: ConfiguredPath | None = None
    connect_timeout: Period = timedelta(seconds=10)
    read_timeout: Period = timedelta(seconds=30)
    total_timeout: Period = timedelta(seconds=60)
    """For the whole of one call; `read_timeout` is for silence."""
    attempts: Annotated[int, Field(strict=True, ge=1, le=10)] = 3
    """How often AWS's own library tries a call, before the program waits longer."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.external_id and not self.role:
            raise ValueError("external_id is for a role: give `role` as well")
        if self.tags and not self.create:
            raise ValueError("tags are for new secrets, and `create: false` makes none")
        if any(key.lower().startswith("aws:") for key in self.tags):
            raise ValueError("tags that begin with aws: are AWS's own")
        return self

    @property
    def ground(self) -> Ground:
        """What the policies are about."""
        return Ground(
            prefix=self.prefix,
            region=self.region,
            kms_key=self.kms_key,
            create=self.create,
            tagged=bool(self.tags),
            role=self.role,
        )
