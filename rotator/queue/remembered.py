"""What the jobs of several machines leave for each other, as JSON by kind and name.

Each change has a number, higher than that of every change that was committed before. So who has read up to a number
misses nothing by asking for what is higher: changes are written by the history's one writer, one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sqlalchemy import ARRAY, Text, all_, bindparam, cast, delete, select
from sqlalchemy.dialects.postgresql import insert

from rotator.queue.jobs_schema import in_jobs_schema
from rotator.queue.queue_tables import REMEMBERED, REMEMBERED_NUMBER

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rotator.history.engine.transactions import Transactions

JSON: TypeAlias = Any
"""What JSON can hold."""

_OF_KIND: Final = REMEMBERED.c.kind == bindparam("its_kind")
_GET: Final = select(REMEMBERED.c.value).where(_OF_KIND, REMEMBERED.c.name == bindparam("its_name"))
_SINCE: Final = (
    select(REMEMBERED.c.name, REMEMBERED.c.value, REMEMBERED.c.number)
    .where(_OF_KIND, REMEMBERED.c.number > bindparam("after"))
    .order_by(REMEMBERED.c.number)
)
_INSERT: Final = insert(REMEMBERED).values(number=REMEMBERED_NUMBER.next_value())
_PUT: Final = _INSERT.on_conflict_do_update(
    index_elements=[REMEMBERED.c.kind, REMEMBERED.c.name],
    set_={"value": _INSERT.excluded.value, "number": _INSERT.excluded.number},
    # What is as it was has no news for anybody.
    where=cast(REMEMBERED.c.value, Text).is_distinct_from(cast(_INSERT.excluded.value, Text)),
)
_KEEP_ONLY: Final = delete(REMEMBERED).where(_OF_KIND, REMEMBERED.c.name != all_(bindparam("names", type_=ARRAY(Text))))


class Remembered:
    """Threads may share it. Everything raises HistoryError."""

    def __init__(self, database: Transactions) -> None:
        """The jobs schema is there already (`rotator.queue.jobs_database.JobsDatabase.open`)."""
        self._database: Final = database

    def get(self, kind: str, name: str) -> JSON:
        """One value as it is now; None where there is none."""
        with self._database.reading() as connection:
            return in_jobs_schema(connection).scalar(_GET, {"its_kind": kind, "its_name": name})

    def since(self, kind: str, number: int) -> list[tuple[str, JSON, int]]:
        """Each name of which a change has a higher number, with its value now, None where it was forgotten."""
        with self._database.reading() as connection:
            found = in_jobs_schema(connection).execute(_SINCE, {"its_kind": kind, "after": number})
            return [(row.name, row.value, row.number) for row in found]

    def put(self, kind: str, values: Mapping[str, JSON], within: Transactions | None = None) -> None:
        """Puts values in the place of those before; None forgets."""
        rows = [{"kind": kind, "name": name, "value": value} for name, value in sorted(values.items())]
        with (within or self._database).writing() as connection:
            in_jobs_schema(connection).execute(_PUT, rows)

    def keep_only(self, kind: str, names: Collection[str]) -> None:
        """Deletes what was left of others than these, which nobody asks for any more."""
        with self._database.writing() as connection:
            in_jobs_schema(connection).execute(_KEEP_ONLY, {"its_kind": kind, "names": sorted(names)})
