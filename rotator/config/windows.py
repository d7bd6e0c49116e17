"""Maintenance windows in config.yaml: weekdays from one time to another, or cron and how long."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag

from rotator.config.durations import Duration
from rotator.config.section import Section

WEEKLY: Final = "weekly window"
BY_CRON: Final = "window by cron"

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; such as Europe/Berlin or UTC") from None
    return name


def _readable_cron(line: str) -> str:
    try:
        CronSim(line, datetime.now(UTC))
    except CronSimError as error:
        raise ValueError(f"must be a cron line such as '0 2 * * sat': {error}") from None
    return line


Zone = Annotated[str, AfterValidator(_known_zone)]
"""Name of a time zone in the IANA database."""


class WeeklyWindow(Section):
    """From one time of day to another on some weekdays; past midnight when `until` is not later than `since`."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    """On which it begins."""
    since: TimeOfDay
    until: TimeOfDay
    zone: Zone = "UTC"


class CronWindow(Section):
    """Begins as a cron line says (minute, hour, day, month, weekday; 0 and 7 are Sunday), and lasts so long."""

    cron: Annotated[str, AfterValidator(_readable_cron)]
    lasts: Duration
    zone: Zone = "UTC"


def _kind_of_window(value: Any) -> str:
    by_cron = "cron" in value if isinstance(value, dict) else isinstance(value, CronWindow)
    return BY_CRON if by_cron else WEEKLY


WindowSettings = Annotated[
    Annotated[WeeklyWindow, Tag(WEEKLY)] | Annotated[CronWindow, Tag(BY_CRON)], Discriminator(_kind_of_window)
]
"""One maintenance window."""
