"""Delivers what is in the outbox: each channel on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.services.alerting.delivery import Delivery

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.services.schedule.context import ServiceContext


class DeliveryJobs:
    """The channels of the configuration."""

    def __init__(self, context: ServiceContext) -> None:
        self._context: Final = context
        self._delivery: Final = Delivery(
            outbox=context.history.outbox,
            alerts=context.history.alerts,
            attempts=context.history.attempts,
            alerting=context.history.alerting,
        )

    def due(self, now: datetime) -> list[str]:
        """The channels for which something is pending and that are not left alone after a failure."""
        return self._delivery.due(self._context.settings.alerts.channels, now)

    def deliver(self, channel: str) -> None:
        """Sends what is pending for a channel. Raises HistoryError; what fails stays pending."""
        with self._context.open_adapters() as adapters:
            self._delivery.deliver(
                channel, lambda: adapters.channel(channel), self._context.now(), jitter=self._context.random()
            )

    def forget_unconfigured(self) -> None:
        """Takes back what is pending for channels that the configuration no longer has."""
        self._delivery.drop_unconfigured(self._context.settings.alerts.channels, self._context.now())
