"""Who uses each credential since its last promotion, as its org was last seen."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from rotator.history.engine.row_reading import RowReader, columns_of, of_names
from rotator.history.engine.tables import LOGIN_USAGE
from rotator.history.engine.times import utc_text, utc_time
from rotator.history.journal.chain import storable

if TYPE_CHECKING:
    from collections.abc import Collection

    from rotator.core.usage.sources import Source
    from rotator.core.usage.usage import Usage
    from rotator.history.engine.transactions import Transactions

_TIMES: Final = frozenset({"before_at", "accepted_at", "old_at", "refused_at"})
_TEXTS: Final = frozenset({"address", "client"})
_FLAGS: Final = frozenset({"is_of_app"})


_OF_NAMES: Final = of_names(select(LOGIN_USAGE), LOGIN_USAGE.c.credential)


class Usages:
    """Every method raises HistoryError or HistoryUnavailable."""

    def __init__(self, database: Transactions) -> None:
        self._database: Final = database

    def put(self, usage: Usage) -> None:
        """Puts it in the place of what was known of the credential before."""
        values = {
            **{name: getattr(usage, name) for name in _PLAIN},
            "problem": storable(usage.problem),
            "hint": storable(usage.hint),
            "applications": json.dumps([storable(each) for each in usage.applications]),
            "sources": json.dumps([_as_json(each) for each in usage.sources]),
        }
        this = LOGIN_USAGE.c.credential == usage.credential
        with self._database.writing() as connection:
            if not connection.execute(update(LOGIN_USAGE).where(this), values).rowcount:
                connection.execute(insert(LOGIN_USAGE), values)

    def all(self, names: Collection[str] | None = None) -> dict[str, Usage]:
        """Of some credentials, or of all, by name."""
        query, parameters = _OF_NAMES(names)
        with self._database.reading() as connection:
            return {each.credential: each for each in USAGES.read(connection, query, **parameters)}

    def get(self, name: str) -> Usage | None:
        """Of one; None where nothing is known."""
        return self.all([name]).get(name)


_PLAIN: Final = ("credential", "promoted_at", "looked_at", "user_id", "is_cut")


def _as_json(source: Source) -> dict[str, object]:
    told = asdict(source)
    told |= {name: storable(told[name]) for name in _TEXTS}
    return told | {name: utc_text(told[name]) for name in _TIMES if told[name]}


def _sources(text: str) -> tuple[Source, ...]:
    return tuple(map(_source, json.loads(text)))


def _source(told: dict[str, Any]) -> Source:
    """One that this release wrote, or a later one that knows more of it. Raises what a record cannot be made of."""
    from rotator.core.usage.sources import Source  # noqa: PLC0415 - as `_usage`

    values = {each.name: told[each.name] for each in fields(Source) if each.name in told}
    for name, value in values.items():
        if name in _TIMES:
            values[name] = None if value is None else utc_time(value)
        elif not isinstance(value, str if name in _TEXTS else bool if name in _FLAGS else int):
            raise TypeError
    return Source(**values)


def _applications(text: str) -> tuple[str, ...]:
    found = json.loads(text)
    if not all(isinstance(each, str) for each in found):
        raise TypeError
    return tuple(found)


def _usage(values: dict[str, Any]) -> Usage:
    # Only while a previous version is in grace there is any.
    from rotator.core.usage.usage import Usage  # noqa: PLC0415

    return Usage(**values)


USAGES: Final = RowReader(
    columns_of(LOGIN_USAGE),
    _usage,
    parse={"sources": _sources, "applications": _applications},
    spare={
        "looked_at": None,
        "user_id": "",
        "applications": (),
        "sources": (),
        "is_cut": True,
        "problem": "",
        "hint": "",
    },
)
"""What of it cannot be read counts as never seen: the next look writes all of it anew."""
