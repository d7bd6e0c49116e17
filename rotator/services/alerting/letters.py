"""What one channel is owed, matter by matter, ready to be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.services.alerting.messages import message_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rotator.alerts.base import Message
    from rotator.history.alerts.alerts import Matters
    from rotator.history.alerts.outbox import Ledger, Notice


@dataclass(frozen=True)
class Letter:
    """What one channel is owed of one matter: one message, however many notices it is."""

    notices: list[Notice]
    message: Message
    thread: str | None

    @property
    def ends_a_thread(self) -> bool:
        """It is answered there, also where many come at once: a digest cannot show that a thread is settled."""
        return bool(self.thread) and self.message.opening is not None


def letters_of(claimed: Iterable[Notice], matters: Matters, ledger: Ledger, now: datetime) -> list[Letter]:
    """One for each matter; what was refused before comes last, so that it never holds up the rest.

    Raises HistoryError.
    """
    of_matters: dict[str, list[Notice]] = {}
    for notice in claimed:
        of_matters.setdefault(notice.matter_id, []).append(notice)
    letters = [_letter(notices, matters, ledger, now) for notices in of_matters.values()]
    return sorted(letters, key=lambda letter: any(notice.problem for notice in letter.notices))


def _letter(notices: list[Notice], matters: Matters, ledger: Ledger, now: datetime) -> Letter:
    matter_id, channel = notices[0].matter_id, notices[0].channel
    message = message_of(matters.get(matter_id), notices, now)
    return Letter(notices, message, ledger.thread(matter_id, channel))
