"""Who is told of what, and where."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from rotator.config.durations import Period
from rotator.config.plugins import Channel
from rotator.config.section import Section

ChannelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$")]


def _largest_first(thresholds: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
    return tuple(sorted(set(thresholds), reverse=True))


class AlertSettings(Section):
    """`alerts:`. Without channels nobody is told; the status page and `rotator alerts list` show it all the same."""

    thresholds: Annotated[tuple[Period, ...], AfterValidator(_largest_first)] = tuple(
        timedelta(days=days) for days in (60, 30, 14, 7, 3, 1)
    )
    """How long before expiry people are told; and once more when a certificate has expired."""
    longest_lifetime: Period = timedelta(days=825)
    """Certificates that are valid for longer are told of once."""
    channels: dict[ChannelName, Channel] = Field(default_factory=dict)
