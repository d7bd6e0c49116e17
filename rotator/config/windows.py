"""When rotations may begin, in config.yaml: maintenance windows (weekdays, or cron and how long), and freezes."""

from datetime import UTC, datetime, time
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from rotator.config.durations import Period
from rotator.config.section import Section, Words, written_as
from rotator.core.schedule import Standstill, Why
from rotator.core.windows import Cron, Weekly

WEEKLY: Final = "weekly window"
BY_CRON: Final = "window by cron"

_FIELDS: Final = 5

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[str, written_as(r"([01][0-9]|2[0-3]):[0-5][0-9]", "a time of day has the form 22:30, in quotes")]

_WEEK: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; such as Europe/Berlin or UTC") from None
    return name


def _readable_cron(line: str) -> str:
    if len(line.split()) != _FIELDS:
        raise ValueError(f"must be a cron line of {_FIELDS} fields, such as '0 2 * * sat'")
    try:
        CronSim(line, datetime.now(UTC))
    except CronSimError as error:
        # Such as "Bad day-of-month", also for one that never comes: 30 February.
        raise ValueError(f"must be a cron line such as '0 2 * * sat': {str(error).lower()}") from None
    return line


Zone = Annotated[str, AfterValidator(_known_zone)]
"""Name of a time zone in the IANA database."""


class WeeklyWindow(Section):
    """From one time of day to another on some weekdays; past midnight when `until` is not later than `since`."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = _WEEK
    """On which it begins."""
    since: TimeOfDay
    until: TimeOfDay
    zone: Zone = "UTC"

    def rules(self) -> Weekly:
        """The same, as decisions need it."""
        days = frozenset(_WEEK.index(day) for day in self.days)
        return Weekly(days, time.fromisoformat(self.since), time.fromisoformat(self.until), ZoneInfo(self.zone))


class CronWindow(Section):
    """Begins as a cron line says (minute, hour, day, month, weekday; 0 and 7 are Sunday), and lasts so long."""

    cron: Annotated[str, AfterValidator(_readable_cron)]
    lasts: Period
    zone: Zone = "UTC"

    def rules(self) -> Cron:
        """The same, as decisions need it."""
        return Cron(self.cron, self.lasts, ZoneInfo(self.zone))


def _kind_of_window(value: Any) -> str:
    by_cron = "cron" in value if isinstance(value, dict) else isinstance(value, CronWindow)
    return BY_CRON if by_cron else WEEKLY


WindowSettings = Annotated[
    Annotated[WeeklyWindow, Tag(WEEKLY)] | Annotated[CronWindow, Tag(BY_CRON)], Discriminator(_kind_of_window)
]
"""One maintenance window."""


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
        try:
            since, until = self._utc(self.since), self._utc(self.until)
        except OverflowError:
            raise ValueError("from and until must be times that there are in UTC, too") from None
        if since >= until:
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
