"""Times as the history writes them: UTC, to the microsecond, the same text everywhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import DateTime, String
from sqlalchemy.types import TypeDecorator

from rotator.errors import HistoryError
from rotator.history.engine.damage import Damaged

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Dialect
    from sqlalchemy.types import TypeEngine

TEXT_LENGTH: Final = 27
_TEXT: Final = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{6}Z", re.ASCII)


def utc_text(time: datetime) -> str:
    """`2026-11-23T12:31:47.000000Z`: fixed width, so that text sorts as time. Raises ValueError for a naive time."""
    if time.tzinfo is None:
        raise ValueError("a time without a zone is not written to the history")
    return time.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def utc_time(text: str) -> datetime:
    """The time that `utc_text` wrote. Raises HistoryError for any other text."""
    try:
        if _TEXT.fullmatch(text):
            return datetime.fromisoformat(text)
    except (ValueError, TypeError):
        pass
    raise HistoryError(
        "A time in the history database is not one that rotator wrote.",
        effect="Nothing was changed.",
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

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Raises ValueError for a naive time."""
        if value is None:
            return None
        text = utc_text(value)
        return text if dialect.name == "sqlite" else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Gives times, or Damaged."""
        del coltype
        return _from_text if dialect.name == "sqlite" else _from_server


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
