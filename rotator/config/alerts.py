"""Who is told of what, and where."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from rotator.config.durations import Period
from rotator.config.paths import RunbookUrl
from rotator.config.plugins import Channel
from rotator.config.section import Name, Section, Words
from rotator.core.thresholds import EXPIRED


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
    installation: Words | None = None
    """How messages name this installation; the machine's host name unless it is said."""
    runbook_url: RunbookUrl | None = None
    """Where a team keeps what to do about each kind of alert."""
    channels: dict[Name, Channel] = Field(default_factory=dict)

    @property
    def every_threshold(self) -> tuple[timedelta, ...]:
        """All at which any channel is told: `thresholds`, and each channel's `within`, the largest first.

        A `within` beyond all thresholds is none: its channel hears of every one of them.
        """
        first = max(self.thresholds, default=EXPIRED)
        within = (channel.within for channel in self.channels.values())
        return _largest_first((*self.thresholds, *(each for each in within if each is not None and each < first)))
