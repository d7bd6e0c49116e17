"""Trying again: how long to pause after failures, and loops that pause until something comes through or patience ends.

Every pause of the program is from here, whether a loop waits for it (`Waiting`) or a record keeps when it is over
(`rotator.core.attempts`). A pause doubles with each failure in a row up to a ceiling, and chance shortens it, so that
programs that failed together do not come back together.

The loops run on tenacity, which is loaded by who has to pause: most calls come through at once, and neither a command
nor a consumer is to wait for an import that it does not need.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenacity import RetryCallState

_T = TypeVar("_T")

_MOST_DOUBLINGS: Final = 100
"""More would overflow, and no ceiling is that far away."""


@dataclass(frozen=True)
class BackOff:
    """How long to pause after failures in a row."""

    first: timedelta
    """After the first failure; it doubles with each that follows."""
    ceiling: timedelta
    """It is never longer."""
    spread: float = 0.5
    """By so much of itself chance may shorten it, from 0 to 1."""

    def pause(self, failures: int, chance: float = 0.0) -> timedelta:
        """After so many failures in a row; `chance`, a random number from 0 to 1, shortens it."""
        if not failures:
            return timedelta(0)
        # In seconds: a timedelta overflows where a float does not.
        doubled = self.first.total_seconds() * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
        longest = min(doubled, self.ceiling.total_seconds())
        return timedelta(seconds=longest * (1 - self.spread * chance))


CALLS: Final = BackOff(timedelta(seconds=0.2), timedelta(seconds=5))
"""Between calls that usually come through at once, while somebody waits for them."""


@dataclass(frozen=True)
class Waiting:
    """How long to try, and by which clocks."""

    patience: float = 60.0
    """Seconds from the first turn; none is begun after them. 0 is for one turn."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    elapsed: Callable[[], float] = time.monotonic
    """Seconds that patience is measured in."""
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    """A random number between two."""

    def turns(self, back_off: BackOff = CALLS, *, at_most: int | None = None) -> Iterator[None]:
        """One turn after the other with growing pauses between them, until patience ends or so many were taken.

        Who gets through leaves the loop; what follows it is what to do when nobody did.
        """
        began = self.elapsed()

        def pause(state: RetryCallState) -> float:
            longest = back_off.pause(state.attempt_number).total_seconds()
            return self.uniform(longest * (1 - back_off.spread), longest)

        def is_over(state: RetryCallState) -> bool:
            return state.attempt_number == at_most or self.elapsed() + state.upcoming_sleep > began + self.patience

        yield
        if self.patience <= 0:
            return
        import tenacity  # noqa: PLC0415 - see above

        loop = tenacity.Retrying(
            retry=tenacity.retry_always,
            stop=is_over,
            wait=pause,
            sleep=self.sleep,
            retry_error_callback=lambda _state: None,
        )
        for attempt in loop:
            # Its first attempt is the turn that was taken before.
            if attempt.retry_state.attempt_number > 1:
                yield
            attempt.retry_state.set_result(None)

    def call(
        self,
        attempt: Callable[[], _T],
        *,
        again: Callable[[Exception], bool],
        back_off: BackOff = CALLS,
        at_most: int | None = None,
    ) -> _T:
        """What `attempt` returns, in the first turn in which it does.

        An error is raised at once unless it is one that is worth trying again after; of those, the last one is raised.
        """
        error: Exception | None = None
        for _ in self.turns(back_off, at_most=at_most):
            try:
                return attempt()
            except Exception as failed:  # `again` says which errors are worth another turn
                if not again(failed):
                    raise
                error = failed
        raise error or AssertionError("the first turn is always taken")
