"""The parts of the history that a round writes in: each entry in a transaction of its own, or several in one."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Final

from rotator.history.alerts.alerts import Matters
from rotator.history.alerts.outbox import Ledger
from rotator.history.attempts import Trials
from rotator.history.engine.transactions import Within
from rotator.history.journal.journal import Journal
from rotator.services.alerting.rules import Alerts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.config.settings import Settings
    from rotator.history.engine.transactions import Transactions


class Books:
    """The history as a round sees it. Threads may share it. Everything raises HistoryError."""

    def __init__(self, settings: Settings, database: Transactions) -> None:
        self._settings: Final = settings
        self._database: Final = database

    @contextmanager
    def together(self) -> Iterator[Books]:
        """The same books in one transaction: all that is written until the end, or nothing, and nobody in between."""
        with self._database.writing() as connection:
            yield Books(self._settings, Within(connection))

    @contextmanager
    def at_one_moment(self) -> Iterator[Books]:
        """The same books in one transaction that only reads."""
        with self._database.reading() as connection:
            yield Books(self._settings, Within(connection))

    @property
    def database(self) -> Transactions:
        """Where they are kept."""
        return self._database

    @cached_property
    def trials(self) -> Trials:
        """What is known of what is tried again and again."""
        return Trials(self._database)

    @cached_property
    def journal(self) -> Journal:
        """Where rotations are written down."""
        return Journal(self._database)

    @cached_property
    def matters(self) -> Matters:
        """What people should know of."""
        return Matters(self._database)

    @cached_property
    def ledger(self) -> Ledger:
        """Who was told of it, and who is owed to be."""
        return Ledger(self._database)

    @cached_property
    def alerts(self) -> Alerts:
        """Decides who is told of what."""
        return Alerts(self._settings, self._database)
