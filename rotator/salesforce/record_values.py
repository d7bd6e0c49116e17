"""How Salesforce writes the values of records: ids, times, and texts as they stand in a query."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from rotator.net.shapes import WrongShape

if TYPE_CHECKING:
    from rotator.net.shapes import Fields

_ID: Final = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


def is_id(text: str) -> bool:
    """Whether a text may be the id of a record: 15 letters and digits, or 18 (Object Reference, ID Field Type)."""
    return _ID.fullmatch(text) is not None


def quoted(text: str) -> str:
    r"""A text as it stands in a query (SOQL and SOSL Reference, Quoted String Escape Sequences)."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    escaped = escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return f"'{escaped}'"


def soql_time(time: datetime) -> str:
    """A time as it stands in a query, and in a field (SOQL and SOSL Reference, Date Formats); in whole seconds."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def time_in(text: str) -> datetime | None:
    """A time with a zone, such as 2026-01-31T12:00:00.000+0000, in UTC; None for what is none."""
    try:
        told = datetime.fromisoformat(text)
        return told.astimezone(UTC) if told.tzinfo else None
    except (OverflowError, ValueError):
        # Also the first and the last day that there are, in a zone in which they are outside.
        return None


def moment(row: Fields, name: str) -> datetime | None:
    """The time in a field, in UTC; None where there is none. Raises WrongShape for what is no time."""
    return required_moment(row, name) if row.text(name) else None


def required_moment(row: Fields, name: str) -> datetime:
    """The same of a field that has one; raises WrongShape where it has none, too."""
    told = time_in(row.text(name, required=True))
    if told is None:
        raise WrongShape(f"{name} is no time")
    return told
