"""What consumers have said: which version of a credential each of them last logged in with."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, delete, insert, select, update

from rotator.core.thresholds import has_come, later
from rotator.core.usage.retirement import ConsumerReport
from rotator.history.engine.row_reading import RowReader, columns_of, of_names
from rotator.history.engine.tables import CONSUMER_REPORT

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from rotator.history.engine.transactions import Transactions

SOON: Final = timedelta(minutes=1)
"""The same version is noted once in that time, however often it is said."""

MOST_CONSUMERS: Final = 200
"""Of one credential: whoever may report cannot fill the history with names."""

_OF_NAMES: Final = of_names(
    select(CONSUMER_REPORT).order_by(CONSUMER_REPORT.c.credential, CONSUMER_REPORT.c.consumer),
    CONSUMER_REPORT.c.credential,
)


class ConsumerReports:
    """Every method raises HistoryError or HistoryUnavailable."""

    def __init__(self, database: Transactions) -> None:
        self._database: Final = database

    def note(
        self, credential: str, consumer: str, fingerprint: str, *, logged_in_at: datetime, via: str, now: datetime
    ) -> bool:
        """Notes what one says; whether that was news. One name more than there may be takes the place of the oldest.

        A login that lies before the one that is known of it says nothing any more. Of one in the future the time is
        `now`: a clock that is wrong does not keep what is said later from counting.
        """
        at = logged_in_at if has_come(logged_in_at, now) else now
        this = and_(CONSUMER_REPORT.c.credential == credential, CONSUMER_REPORT.c.consumer == consumer)
        values = {"fingerprint": fingerprint, "logged_in_at": at, "via": via}
        with self._database.writing() as connection:
            known = next(REPORTS.read(connection, select(CONSUMER_REPORT).where(this)), None)
            if known is not None:
                is_older = has_come(at, known.logged_in_at) and at != known.logged_in_at
                is_soon = known.fingerprint == fingerprint and has_come(at, later(known.logged_in_at, SOON))
                if is_older or is_soon:
                    return False
                noted_at = known.noted_at if known.fingerprint == fingerprint else now
                connection.execute(update(CONSUMER_REPORT).where(this).values(**values, noted_at=noted_at))
                return True
            key = {"credential": credential, "consumer": consumer}
            # One that cannot be read is written anew.
            connection.execute(delete(CONSUMER_REPORT).where(this))
            of_it = CONSUMER_REPORT.c.credential == credential
            newest_first = (CONSUMER_REPORT.c.logged_in_at.desc(), CONSUMER_REPORT.c.consumer)
            too_many = (
                select(CONSUMER_REPORT.c.consumer).where(of_it).order_by(*newest_first).offset(MOST_CONSUMERS - 1)
            )
            names = connection.scalars(too_many).all()
            connection.execute(delete(CONSUMER_REPORT).where(of_it, CONSUMER_REPORT.c.consumer.in_(names)))
            connection.execute(insert(CONSUMER_REPORT), {**key, **values, "noted_at": now})
            return True

    def all(self, names: Collection[str] | None = None) -> dict[str, tuple[ConsumerReport, ...]]:
        """Of some credentials, or of all, by credential and in the order of the consumers' names."""
        query, parameters = _OF_NAMES(names)
        found: dict[str, list[ConsumerReport]] = {}
        with self._database.reading() as connection:
            for each in REPORTS.read(connection, query, **parameters):
                found.setdefault(each.credential, []).append(each)
        return {name: tuple(sorted(some, key=lambda each: each.consumer)) for name, some in found.items()}


REPORTS: Final = RowReader(columns_of(CONSUMER_REPORT), lambda values: ConsumerReport(**values), spare={"via": ""})
