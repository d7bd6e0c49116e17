"""Times as the history writes them: UTC, to the microsecond, the same text everywhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import DateTime, String
from sqlalchemy.types import TypeDecorator

from rotator.errors import NOTHING_CHANGED, HistoryError
from rotator.history.engine.damage import Damaged

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Dialect
    from sqlalchemy.types import TypeEngine

TEXT_LENGTH: Final = 27
_TEXT: Final = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{6}Z", re.ASCII)


def utc_text(time: datetime) -> str:
    """`2026-11-23T12:31:47.000000Z`: fixed width, so that text sorts as time. Raises ValueError for a naive time."""
    return f"{_in_utc(time).isoformat(timespec='microseconds')[:26]}Z"


def _in_utc(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError("a time without a zone is not written to the history")
    return time if time.tzinfo is UTC else time.astimezone(UTC)


def utc_time(text: str) -> datetime:
    """The time that `utc_text` wrote. Raises HistoryError for any other text."""
    try:
        if _TEXT.fullmatch(text):
            return datetime.fromisoformat(text)
    except (ValueError, TypeError):
        pass
    raise HistoryError(
        "A time in the history database is not one that rotator wrote.",
        effect=NOTHING_CHANGED,
        hint="Run `rotator history verify`, and put the database back from a backup.",
    )


def stored_text(stored: object) -> object:
    """What `utc_text` wrote, from a value that was read without UtcDateTime: the text itself, or a database's time."""
    return utc_text(stored) if isinstance(stored, datetime) else stored


class UtcDateTime(TypeDecorator[datetime]):
    """Aware times in, UTC times out: `timestamptz`, and `utc_text` where the database has no such type."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite, which would drop the zone."""
        return dialect.type_descriptor(String(TEXT_LENGTH) if dialect.name == "sqlite" else self.impl_instance)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """Takes times; raises ValueError for a naive one."""
        return _to_text if dialect.name == "sqlite" else _to_server

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Gives times, or Damaged."""
        del coltype
        return _from_text if dialect.name == "sqlite" else _from_server


def _to_text(time: datetime | None) -> str | None:
    return None if time is None else utc_text(time)


def _to_server(time: datetime | None) -> datetime | None:
    return None if time is None else _in_utc(time)


# Many rows have the same times, those of the looks that wrote them.
@lru_cache(maxsize=1024)
def _known(text: str) -> datetime:
    return utc_time(text)


def _from_text(stored: Any) -> Any:
    if stored is None:
        return None
    try:
        return _known(stored)
    except (HistoryError, TypeError):
        return Damaged(stored)


def _from_server(stored: Any) -> Any:
    if stored is None:
        return None
    return stored.astimezone(UTC) if isinstance(stored, datetime) else Damaged(stored)
