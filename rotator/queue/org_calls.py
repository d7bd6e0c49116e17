"""The requests that all machines and commands have made to an org in the last hour, by minutes.

A minute counts until it lies an hour back as a whole, so that in no hour more is claimed than the limit, and some of it
is free again up to a minute late. The time is the database's: the clocks of machines may differ.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from rotator.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from rotator.queue.jobs_database import JobsDatabase
    from rotator.salesforce.budget import Calls

_LOG: Final = logging.getLogger(__name__)

_WINDOW: Final = timedelta(minutes=61)
"""After so long, counted from its beginning, all of a minute lies an hour back."""

# Two keys, apart from those of one that the locks of credentials have.
_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(1919906932, hashtext(current_schema() || ' ' || :org))")

_COUNTED: Final = "org = :org AND minute > date_trunc('minute', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - :window"
_ADDED: Final = """
    ON CONFLICT (org, minute) DO UPDATE SET calls = org_call.calls + 1, logins = org_call.logins + excluded.logins
"""
_THIS: Final = "SELECT :org, date_trunc('minute', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', 1, :logins"
_ADD: Final = text(f"INSERT INTO org_call (org, minute, calls, logins) {_THIS} {_ADDED}")
_CLAIM: Final = text(f"""
    INSERT INTO org_call (org, minute, calls, logins) {_THIS}
    FROM (SELECT coalesce(sum(calls), 0) AS calls, coalesce(sum(logins), 0) AS logins FROM org_call WHERE {_COUNTED})
        AS had
    WHERE had.calls < :most_calls AND had.logins < :most_logins
    {_ADDED}
""").bindparams(window=_WINDOW)  # noqa: S608 - of the above
_MINUTES: Final = text(f"""
    SELECT minute - now() AS since, calls, logins FROM org_call WHERE {_COUNTED} ORDER BY minute
""").bindparams(window=_WINDOW)  # noqa: S608 - of the above

_FORGET: Final = text("DELETE FROM org_call WHERE org = :org AND minute < now() - CAST(:kept AS interval)").bindparams(
    kept=2 * _WINDOW
)
_FORGOTTEN_EVERY: Final = 500
"""Requests, and with the first one that a process counts: where no machine tidies up, as nobody leads, either."""

_NO_LIMIT: Final = 2**62


class SharedCalls:
    """See `rotator.salesforce.budget.Calls`. Where the history is away, a process counts by itself.

    Where calls are not limited only logins are counted here: then a call costs no statement.
    """

    def __init__(
        self,
        jobs: Callable[[], JobsDatabase | None],
        org: str,
        own: Calls,
        *,
        calls_per_hour: int | None,
        logins_per_hour: int | None,
        now: Callable[[], datetime],
    ) -> None:
        """`own` are the requests of this process by the same limits, which count alone while there are no `jobs`.

        None: without a limit.
        """
        self._jobs: Final = jobs
        self._org: Final = org
        self._own: Final = own
        self._most_calls: Final = _NO_LIMIT if calls_per_hour is None else calls_per_hour
        self._most_logins: Final = _NO_LIMIT if logins_per_hour is None else logins_per_hour
        self._now: Final = now
        self._counted: Final = count()

    def add(self, *, is_login: bool) -> None:
        """See Calls."""
        self._own.add(is_login=is_login)
        jobs = self._counting(is_login=is_login)
        if jobs is None:
            return
        try:
            with jobs.transaction() as connection:
                connection.execute(_ADD, {"org": self._org, "logins": int(is_login)})
                self._forget_now_and_then(connection)
        except HistoryError as error:
            self._note_absence(error)

    def claim(self, *, is_login: bool) -> datetime | None:
        """See Calls."""
        jobs = self._counting(is_login=is_login)
        if jobs is None:
            return self._own.claim(is_login=is_login)
        asked = {"org": self._org, "logins": int(is_login)}
        limits = {"most_calls": self._most_calls, "most_logins": self._most_logins}
        try:
            with jobs.transaction() as connection:
                connection.execute(_ONE_AT_A_TIME, {"org": self._org})
                is_claimed = bool(connection.execute(_CLAIM, asked | limits).rowcount)
                room_at = None if is_claimed else self._room_at(connection)
                self._forget_now_and_then(connection)
        except HistoryError as error:
            self._note_absence(error)
            return self._own.claim(is_login=is_login)
        if is_claimed:
            self._own.add(is_login=is_login)
            return None
        return room_at or self._now()

    def room_at(self) -> datetime | None:
        """See Calls."""
        jobs = self._jobs()
        if jobs is None:
            return self._own.room_at()
        try:
            with jobs.transaction() as connection:
                return self._room_at(connection)
        except HistoryError as error:
            self._note_absence(error)
            return self._own.room_at()

    def _forget_now_and_then(self, connection: Connection) -> None:
        if next(self._counted) % _FORGOTTEN_EVERY == 0:
            connection.execute(_FORGET, {"org": self._org})

    def _counting(self, *, is_login: bool) -> JobsDatabase | None:
        """Where a request is counted that all count together; None where it is counted by this process alone."""
        return self._jobs() if is_login or self._most_calls != _NO_LIMIT else None

    def _room_at(self, connection: Connection) -> datetime | None:
        minutes = connection.execute(_MINUTES, {"org": self._org}).all()
        full = [
            until
            for until in (
                _full_until(((row.since, row.calls) for row in minutes), self._most_calls),
                _full_until(((row.since, row.logins) for row in minutes), self._most_logins),
            )
            if until
        ]
        return self._now() + max(full) if full else None

    def _note_absence(self, error: HistoryError) -> None:
        _LOG.debug("counted by this process alone: %s", error.message, extra={"org": self._org})


def _full_until(minutes: Iterable[tuple[timedelta, int]], most: int) -> timedelta | None:
    """How long it is until fewer than `most` count; None where that is so now."""
    known = list(minutes)
    left, until = sum(number for _, number in known), None
    for since, number in known:
        if left < most:
            break
        left, until = left - number, since + _WINDOW
    return until
