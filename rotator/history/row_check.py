"""Every row of the history is read, to find those that cannot be read whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rotator.history.alerts.alerts import ALERTS
from rotator.history.alerts.outbox import NOTIFICATIONS
from rotator.history.attempt_records import ATTEMPTS
from rotator.history.audit_findings import FINDINGS
from rotator.history.engine.damage import UnreadableRow
from rotator.history.hooks import HOOK_CALLS, HOOKS
from rotator.history.journal.readers import CREDENTIALS, HEADS, ROTATIONS
from rotator.history.kept.kept_rows import CHANGES
from rotator.history.last_observations import OBSERVATIONS
from rotator.history.sightings import CERTIFICATES, SIGHTINGS
from rotator.history.standstills import STANDSTILLS
from rotator.history.usage.consumer_reports import REPORTS
from rotator.history.usage.recorded_logins import OWN_LOGINS
from rotator.history.usage.usages import USAGES

if TYPE_CHECKING:
    from rotator.history.engine.row_reading import RowReader
    from rotator.history.engine.transactions import Transactions

READERS: Final[tuple[RowReader[Any], ...]] = (
    ROTATIONS,
    CREDENTIALS,
    HEADS,
    CHANGES,
    CERTIFICATES,
    SIGHTINGS,
    OBSERVATIONS,
    ATTEMPTS,
    STANDSTILLS,
    FINDINGS,
    HOOKS,
    HOOK_CALLS,
    ALERTS,
    NOTIFICATIONS,
    OWN_LOGINS,
    USAGES,
    REPORTS,
)
"""Of all tables but that of events, each of which is in the chain (`rotator.history.journal.verification`)."""

_BATCH: Final = 500


def unreadable_rows(database: Transactions) -> list[UnreadableRow]:
    """What cannot be read, by table, key and column, in constant memory. Raises HistoryError or HistoryUnavailable."""
    found = set[UnreadableRow]()
    with database.reading() as connection:
        for reader in READERS:
            with connection.execute(reader.rows, execution_options={"yield_per": _BATCH}) as rows:
                for row in rows:
                    found.update(reader.unreadable(row))
    return sorted(found)
