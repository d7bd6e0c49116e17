"""Time that passes only while somebody sleeps, so that a minute of waiting takes a test no time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rotator.core.retry import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class VirtualTime:
    """The clocks of one program."""

    moment: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)
    while_sleeping: Callable[[], object] = lambda: None

    def now(self) -> datetime:
        return self.moment

    def elapsed(self) -> float:
        return self.seconds

    def passes(self, seconds: float) -> None:
        self.seconds += seconds
        self.moment += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passes(seconds)
        self.while_sleeping()

    def waiting(self, patience: float = 60.0) -> Waiting:
        """With the longest pauses."""
        return Waiting(patience, self.now, self.elapsed, self.sleep, uniform=lambda _low, high: high)
