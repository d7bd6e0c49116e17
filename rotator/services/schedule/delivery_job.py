"""The delivery jobs: each channel is sent its notifications by itself, so that none waits for another that is away.

Who is told of what was decided before and written into the outbox (`rotator.services.alerting`). A delivery may be cut
off at any point: what was not accepted by then is sent again, by the next process that gets the channel's lock.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from rotator.errors import RotationRunning
from rotator.history.alerts.outbox import sending
from rotator.services.alerting.delivery import Delivery
from rotator.services.alerting.messages import Origin
from rotator.services.alerting.withholding import Withholding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from rotator.errors import Holder
    from rotator.services.schedule.context import ServiceContext


class DeliveryJobs:
    """Knows which channels are due, and delivers to one. Threads may share it, each with a channel of its own."""

    def __init__(self, context: ServiceContext) -> None:
        self._context: Final = context
        self._delivery: Final = Delivery(
            outbox=context.history.outbox,
            alerts=context.history.alerts,
            attempts=context.history.attempts,
            alerting=context.history.alerting,
            origin=Origin.of(context.settings),
            waits=Withholding(context.settings, context.database, self._holders).waits,
        )

    def due(self, now: datetime) -> list[str]:
        """The channels with notifications to send that do not wait after a failure."""
        return self._delivery.due(self._context.settings.alerts.channels, now)

    def deliver(self, channel: str) -> None:
        """Sends a channel its notifications. Raises HistoryError; what fails stays in the outbox."""
        locks = self._context.database.rotation_locks(self._context.now)
        # A process that still sends to it keeps the lock: it has claimed what there is, and is waited for.
        with suppress(RotationRunning), self._context.open_adapters() as adapters, locks.hold(sending(channel)) as hold:
            self._delivery.deliver(
                channel,
                lambda: adapters.channel(channel),
                self._context.now(),
                jitter=self._context.random(),
                is_alone=hold.still_held,
            )

    def _holders(self, credentials: Iterable[str]) -> Mapping[str, Holder]:
        return self._context.database.rotation_locks(self._context.now).holders(credentials)

    def forget_unconfigured(self) -> None:
        """Withdraws the notifications for channels that the configuration no longer has."""
        self._delivery.drop_unconfigured(self._context.settings.alerts.channels, self._context.now())
