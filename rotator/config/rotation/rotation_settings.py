"""`rotation:` in config.yaml: how credentials are rotated. An org or a credential may override each field."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from rotator.config.durations import Duration, Period
from rotator.config.section import ONE_LINE, Section, when_left_out, written_as
from rotator.config.windows import Freezes, WindowSettings
from rotator.core import words
from rotator.core.crypto.names import RETIRED_COMMON_NAME
from rotator.core.decision.policies import Verification
from rotator.core.schedule import Mode
from rotator.core.usage.retirement import Retire

SubjectPart = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), ONE_LINE]


class SubjectSettings(Section):
    """The distinguished name in new certificates (RFC 5280 section 4.1.2.6, lengths of X.520)."""

    common_name: SubjectPart | None = None
    """A credential's is `<credential> <org>` unless said otherwise."""
    organizational_unit: SubjectPart | None = None
    organization: SubjectPart | None = None
    locality: SubjectPart | None = None
    state: SubjectPart | None = None
    country: Annotated[str, written_as(r"[A-Z]{2}", "a country is two capital letters, such as DE")] | None = None

    @model_validator(mode="after")
    def _not_of_a_throwaway(self) -> Self:
        if self.common_name == RETIRED_COMMON_NAME:
            raise ValueError(f"the common name {RETIRED_COMMON_NAME!r} marks certificates that end an old key")
        return self


class VerificationSettings(Section):
    """When a test login counts as holding, and how long to try (`rotator.core.decision.policies.Verification`)."""

    confirmations: Annotated[int, Field(strict=True, ge=1, le=1000)] = 5
    hold: Duration = timedelta(seconds=30)
    timeout: Duration = timedelta(minutes=15)
    interval: Period = timedelta(seconds=2)
    max_interval: Duration = timedelta(seconds=10)

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.interval > self.max_interval:
            raise ValueError(f"interval must not be longer than max_interval ({words.exact(self.max_interval)})")
        if self.hold >= self.timeout:
            raise ValueError(f"hold must be shorter than timeout ({words.exact(self.timeout)})")
        if self.interval * (self.confirmations - 1) >= self.timeout:
            raise ValueError("confirmations at this interval take longer than timeout: no rotation could succeed")
        return self

    def rules(self) -> Verification:
        """The same, as decisions need it."""
        return Verification(
            confirmations=self.confirmations,
            hold=self.hold,
            timeout=self.timeout,
            interval=self.interval,
            max_interval=self.max_interval,
        )


class OnLeftBehind(StrEnum):
    """What is done about consumers that were left behind on the old key."""

    TELL = "tell"
    BACK = "back"
    """The previous version is made current again, once a rotation, as `rotate back` does it."""


class RotationSettings(Section):
    """How credentials are rotated. `rotation:` holds the defaults; a credential may override each field."""

    key_bits: Literal[2048, 3072, 4096] = 2048
    lifetime: Duration = timedelta(days=365)
    """Of certificates."""
    max_age: Duration = timedelta(days=90)
    """Of client secrets, which Salesforce lets live for ever."""
    subject: SubjectSettings = when_left_out()
    rotate_before: Period = timedelta(days=30)
    grace: Duration = timedelta(days=7)
    retire: Retire = Retire.AFTER_GRACE
    """Whether the previous version is retired sooner, once every one of `consumers` has said that it has moved."""
    require_confirmation: bool = False
    """Whether it is kept until they have, however long that takes."""
    mode: Mode = Mode.AUTOMATIC
    """Whether rotations begin by schedule, or by people alone."""
    windows: tuple[WindowSettings, ...] = ()
    """When rotations by schedule may begin; at any time where there are none."""
    freezes: Freezes = ()
    """When they may not."""
    verification: VerificationSettings = when_left_out()
    on_left_behind: OnLeftBehind = OnLeftBehind.TELL
    """What is done about consumers that are refused since a promotion."""
    left_behind_after: Duration = timedelta(minutes=10)
    """So long after a promotion a consumer that is refused may only not have heard of it yet."""

    @property
    def span(self) -> tuple[str, timedelta]:
        """How long what is rotated lives at the most, and what that is called here."""
        return "lifetime", self.lifetime

    @model_validator(mode="after")
    def _room_to_live(self) -> Self:
        name, span = self.span
        if self.rotate_before + self.grace >= span:
            raise ValueError(f"rotate_before and grace together must be shorter than {name} ({words.exact(span)})")
        return self
