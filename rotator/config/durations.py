"""Durations as people write them: `30d`, `12h`, `15m`, `90s`, `1w`, `2d12h`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator

from rotator.core.words import UNITS

_FORM: Final = re.compile("".join(f"(?:([0-9]{{1,9}}){unit})?" for unit in UNITS))
_LONGEST: Final = timedelta(days=36500)


def parse_duration(text: str) -> timedelta:
    """The duration that `text` means: weeks, days, hours, minutes, seconds in this order, each at most once.

    Raises ValueError for anything else, and for more than a hundred years.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        raise ValueError("must be a duration such as 30d, 12h, 15m, 90s or 2d12h")
    seconds = sum(int(count or 0) * size for count, size in zip(found.groups(), UNITS.values(), strict=True))
    if seconds > _LONGEST.total_seconds():
        raise ValueError("must be at most 36500d, a hundred years")
    return timedelta(seconds=seconds)


def _from_config(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError("must be a duration such as 30d, 12h, 15m, 90s or 2d12h")


Duration = Annotated[timedelta, BeforeValidator(_from_config)]
"""A field of the settings that is written as a duration."""


def _more_than_nothing(duration: timedelta) -> timedelta:
    if not duration:
        raise ValueError("must be more than 0s")
    return duration


Period = Annotated[Duration, AfterValidator(_more_than_nothing)]
"""A duration that is not 0s."""
