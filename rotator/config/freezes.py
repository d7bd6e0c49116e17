"""Freezes in config.yaml: times in which no rotation begins by schedule, such as the year-end."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from rotator.config.section import Section, Words
from rotator.config.windows import Zone
from rotator.core.schedule import Standstill, Why


def _day_or_time(text: str) -> str:
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        time = None
    if time is None or time.tzinfo is not None:
        raise ValueError("must be a day or a time in `zone`, such as 2026-12-18 or 2026-12-18T18:00")
    return text.strip()


DayOrTime = Annotated[str, AfterValidator(_day_or_time)]
"""By the clock of the freeze's zone; a day is its 00:00."""


class FreezeSettings(Section):
    """From one time to another, which is not part of it."""

    since: DayOrTime = Field(alias="from")
    until: DayOrTime
    zone: Zone = "UTC"
    reason: Words

    @model_validator(mode="after")
    def _has_an_end_after_its_beginning(self) -> Self:
        if self._utc(self.since) >= self._utc(self.until):
            raise ValueError("from must be before until")
        return self

    def rules(self) -> Standstill:
        """The same, as decisions need it."""
        return Standstill(why=Why.FREEZE, since=self._utc(self.since), until=self._utc(self.until), reason=self.reason)

    def _utc(self, text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


def _apart(freezes: tuple[FreezeSettings, ...]) -> tuple[FreezeSettings, ...]:
    """Raises ValueError where two overlap: then one of the dates is a slip, or they are one."""
    in_order = sorted(freezes, key=lambda each: each.rules().since)
    for first, second in pairwise(in_order):
        if not _ends_before(first, second):
            raise ValueError(
                f"the freeze from {first.since} to {first.until} overlaps the one from {second.since}: join them"
            )
    return freezes


def _ends_before(first: FreezeSettings, second: FreezeSettings) -> bool:
    until = first.rules().until
    return until is not None and until <= second.rules().since


Freezes = Annotated[tuple[FreezeSettings, ...], AfterValidator(_apart)]
