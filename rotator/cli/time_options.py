"""Times and lengths that people give in a command line: `--until` and `--for`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rotator.cli.output.console import moment
from rotator.cli.parameters import wrong_input

if TYPE_CHECKING:
    from datetime import tzinfo


def end_of(
    until: str | None, length: str | None, now: datetime, *, hint: str, without_zone: tzinfo | None = None
) -> datetime:
    """When something ends, by exactly one of both.

    `without_zone` is that of a time that names none; None: it has to name one. Raises ConfigurationError for what
    cannot be meant, and for a time that has passed.
    """
    if (length is None) == (until is None):
        raise wrong_input("Give --for or --until.", hint)
    try:
        ends = now + _duration(length) if length is not None else _time(until or "", without_zone)
    except (ValueError, OverflowError) as error:
        raise wrong_input(f"{'--for' if length is not None else '--until'}: {error}.", hint) from None
    if ends <= now:
        passed = "--for: must be more than 0s" if length is not None else f"--until: {moment(ends, now)} has passed"
        raise wrong_input(f"{passed}.", hint)
    return ends


def _duration(text: str) -> timedelta:
    from rotator.config.durations import parse_duration  # noqa: PLC0415 - pydantic, which the settings bring anyway

    return parse_duration(text)


def _time(text: str, without_zone: tzinfo | None) -> datetime:
    """Such as `2026-12-01`, `2026-12-01T08:00+01:00` or `2026-12-01 08:00 Europe/Berlin`."""
    said, _, last = text.strip().rpartition(" ")
    zone = _zone(last) if said else None
    try:
        time = datetime.fromisoformat(said if zone else text.strip())
    except ValueError:
        raise ValueError("must be a day or a time, such as 2026-12-01 or 2026-12-01T08:00") from None
    if time.tzinfo and zone:
        raise ValueError("has two zones")
    zone = time.tzinfo or zone or without_zone
    if zone is None:
        raise ValueError("needs a zone, such as 2026-12-01T08:00+01:00, 2026-12-01T07:00Z or 2026-12-01 Europe/Berlin")
    told = time.replace(tzinfo=zone)
    try:
        told.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time that there is in UTC, too") from None
    return told


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
