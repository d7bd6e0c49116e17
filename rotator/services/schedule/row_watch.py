"""Rows of the history that cannot be read: people are told of each, once, until it can be read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.history.row_check import unreadable_rows
from rotator.services.alerting import catalog
from rotator.services.alerting.kinds import UNREADABLE, key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from rotator.core.alert import NewAlert
    from rotator.history.engine.damage import UnreadableRow
    from rotator.services.schedule.context import ServiceContext, UnitOfWork

_ANYWHERE: Final = "row"
"""Name of the note that a row was met that cannot be read; which one, whoever is told finds for himself."""

APART: Final = 10
"""So many rows of one table are an alert each; where there are more, something is wrong with the table."""


class RowWatch:
    """Tells of them. Everything raises HistoryError."""

    def __init__(self, context: ServiceContext) -> None:
        self._context: Final = context

    def note_met(self) -> None:
        """Has whoever leads told that some were met here."""
        if not self._context.database.unreadable.is_empty:
            self._context.memory.met_damage.put({_ANYWHERE: True})

    def tell_met(self, history: UnitOfWork, now: datetime) -> None:
        """Tells of those that were met since this was last asked; all are looked for where there is one at all."""
        met, open_now = self._context.database.unreadable.take(), self._open(history)
        is_met_elsewhere = self._context.memory.met_damage.latest(_ANYWHERE)
        if met or open_now or is_met_elsewhere:
            self.tell(history, [*met, *unreadable_rows(history.database)], now)
        if is_met_elsewhere:
            self._context.memory.met_damage.put({_ANYWHERE: None}, within=history.database)

    def tell(self, history: UnitOfWork, rows: Iterable[UnreadableRow], now: datetime) -> None:
        """Tells of these, and that no other is unreadable any more."""
        new = {each.key: each for each in _alerts(rows)}
        for each in new.values():
            history.alerting.problem(each, now)
        for which in self._open(history) - new.keys():
            history.alerting.solved(which, "", now)

    @staticmethod
    def _open(history: UnitOfWork) -> set[str]:
        mine = key(UNREADABLE, catalog.ROW)
        return {each.key for each in history.alerts.open_alerts(kind=UNREADABLE) if each.key.startswith(mine)}


def _alerts(rows: Iterable[UnreadableRow]) -> Iterator[NewAlert]:
    tables: dict[str, dict[str, list[str]]] = {}
    for row in sorted(set(rows)):
        tables.setdefault(row.table, {}).setdefault(row.key, []).append(row.column)
    for table, found in tables.items():
        if len(found) > APART:
            yield catalog.unreadable_rows(table, found)
        else:
            yield from (catalog.unreadable_rows(table, {which: found[which]}, which=which) for which in found)
