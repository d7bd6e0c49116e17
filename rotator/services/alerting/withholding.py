"""What is not told just now, though it was decided to be: it is asked again just before each message is sent.

Between the decision and the sending minutes may pass, or days where a channel is away. What a rotation that is at work
is about to solve, or one has solved since the last inventory of the org, is no failure to tell of: it waits until that
is known. While consumers are refused nothing waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.attempts import INVENTORY
from rotator.core.thresholds import has_come, later
from rotator.history.attempt_records import AttemptRecords
from rotator.history.journal.rotations import newest
from rotator.services.alerting.kinds import kind_of
from rotator.services.inventory.schedules import schedules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.core.alert import Alert
    from rotator.errors import Holder
    from rotator.history.engine.transactions import Transactions
    from rotator.history.records import Rotation

ASKED_AGAIN: Final = timedelta(minutes=1)
"""After this it is asked again whether what waits is to be told."""

_SOLVED: Final = frozenset({"rotated", "restored"})


@dataclass(frozen=True)
class Withholding:
    """Knows what waits. Every method raises HistoryError."""

    settings: Settings
    database: Transactions
    holders: Callable[[Iterable[str]], Mapping[str, Holder]]
    """Who holds the locks of these credentials (`rotator.history.locks`)."""

    def waits(self, alert: Alert, now: datetime) -> bool:
        """Whether a rotation is about to solve what an open alert tells of, or has solved it."""
        credential = self.settings.credentials.get(alert.credential or "")
        is_mended = kind_of(alert.kind).is_mended_by_rotation and alert.is_open and not alert.refused_since
        if credential is None or alert.credential is None or not is_mended:
            return False
        last = newest(self.database).get(alert.credential)
        if last is None:
            return False
        if last.finished_at is None:
            # One that takes longer than any rotation hangs, and hides nothing any more.
            is_late = has_come(
                later(last.started_at, schedules(self.settings, self.database).of(alert.credential).lasts), now
            )
            return not is_late and alert.credential in self.holders([alert.credential])
        return last.outcome in _SOLVED and self._is_news(alert, last, last.finished_at)

    def _is_news(self, alert: Alert, last: Rotation, finished_at: datetime) -> bool:
        """Whether no inventory has seen yet what a rotation has done that ended after the alert began."""
        seen_at = AttemptRecords(self.database).get(INVENTORY, last.org).last_good_at
        return has_come(alert.opened_at, finished_at) and (seen_at is None or has_come(seen_at, finished_at))
