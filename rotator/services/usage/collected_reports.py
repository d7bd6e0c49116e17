"""What consumers have left beside their credentials is collected, and noted where pages and decisions read it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, cast

from rotator.errors import RotatorError
from rotator.history.usage.consumer_reports import ConsumerReports
from rotator.services.usage.graces import has_grace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from rotator.core.usage.told_reports import TakesReports
    from rotator.history.engine.transactions import Transactions
    from rotator.services.inventory.status import CredentialStatus
    from rotator.stores.base import Store

LOG: Final = logging.getLogger(__name__)


def collect(
    database: Transactions, store: Callable[[str], Store], statuses: Iterable[CredentialStatus], now: datetime
) -> None:
    """Of each credential in grace whose consumers are named. Raises HistoryError; passes over a store that is away."""
    reports = ConsumerReports(database)
    for status in statuses:
        if not status.settings.consumers or not has_grace(status, now):
            continue
        name = status.credential
        try:
            kept_in = store(status.settings.store)
            if not hasattr(kept_in, "reports"):
                continue
            told = cast("TakesReports", kept_in).reports(name, status.settings.consumers)
        except RotatorError as error:
            LOG.warning("what consumers say is not read: %s", error.message, extra={"credential": name})
            continue
        for each in told:
            reports.note(name, each.consumer, each.fingerprint, logged_in_at=each.logged_in_at, via="store", now=now)
