"""Rotations looked up and counted, for pages, commands and metrics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import and_, bindparam, func, or_, select

from rotator.history.engine.tables import ROTATION
from rotator.history.journal.readers import ROTATIONS

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from sqlalchemy import ColumnElement, Select

    from rotator.history.engine.transactions import Transactions
    from rotator.history.records import Rotation


_LONGEST: Final = timedelta(days=36_525).total_seconds()
"""A gap that is longer is no time that rotator measured."""

_NEVER: Final = datetime(9000, 1, 1, tzinfo=UTC)


class Count(NamedTuple):
    """How many rotations of a credential had this trigger and this outcome."""

    credential: str
    trigger: str
    outcome: str
    number: int


class GapTotal(NamedTuple):
    """How many rotations of a credential had a gap measured, and their sum in seconds."""

    credential: str
    number: int
    seconds: float


def rotation(database: Transactions, rotation_id: str) -> Rotation | None:
    """The rotation of that id. Raises HistoryError, as everything here does when the history cannot be read."""
    return next(iter(_read(database, select(ROTATION).where(ROTATION.c.id == rotation_id))), None)


def rotations_of(database: Transactions, fingerprint: str) -> list[Rotation]:
    """The rotations that brought a version or took it away, newest first."""
    has_to_do = or_(ROTATION.c.old_fingerprint == fingerprint, ROTATION.c.new_fingerprint == fingerprint)
    return _read(database, select(ROTATION).where(has_to_do).order_by(ROTATION.c.started_at.desc()))


def newest(database: Transactions, names: Collection[str] | None = None) -> dict[str, Rotation]:
    """The newest rotation of some credentials, or of each, ended or not."""
    return _newest(database, names, measured=False)


def unfinished(database: Transactions, names: Collection[str] | None = None) -> set[str]:
    """Which of some credentials, or of all, have a rotation that has no outcome."""
    # With DISTINCT, SQLite would go through all rotations by an index, which takes eight times as long.
    query = select(ROTATION.c.credential).where(ROTATION.c.outcome.is_(None))
    if names is not None:
        query = query.where(ROTATION.c.credential.in_(names))
    with database.reading() as connection:
        return set(connection.scalars(query))


def newest_gap(database: Transactions, names: Collection[str] | None = None) -> dict[str, float]:
    """The gap of the newest rotation of some credentials, or of each, that had one measured, in seconds."""
    found = _newest(database, names, measured=True)
    return {name: each.gap_seconds for name, each in found.items() if each.gap_seconds is not None}


def counts(database: Transactions, names: Collection[str] | None = None) -> list[Count]:
    """How the rotations of some credentials, or of all, ended, by credential, trigger and outcome."""
    groups = (ROTATION.c.credential, ROTATION.c.trigger, ROTATION.c.outcome)
    these = (ROTATION.c.outcome.is_not(None), *_of(names))
    query = select(*groups, func.count()).where(*these).group_by(*groups).order_by(*groups)
    with database.reading() as connection:
        found = [Count(*row) for row in connection.execute(query)]
    return [each for each in found if all(isinstance(name, str) for name in each[:3])]


def gaps(database: Transactions, names: Collection[str] | None = None) -> list[GapTotal]:
    """The measured gaps, by credential: of some, or of all."""
    gap, name = ROTATION.c.gap_seconds, ROTATION.c.credential
    # A longer one is none that was measured.
    these = (gap.between(0, _LONGEST), *_of(names))
    query = select(name, func.count(gap), func.sum(gap)).where(*these).group_by(name).order_by(name)
    with database.reading() as connection:
        found = [GapTotal(*row) for row in connection.execute(query)]
    return [each for each in found if isinstance(each.credential, str)]


def _of(names: Collection[str] | None) -> tuple[ColumnElement[bool], ...]:
    return () if names is None else (ROTATION.c.credential.in_([*names]),)


def _newest(database: Transactions, names: Collection[str] | None, *, measured: bool) -> dict[str, Rotation]:
    """The newest of each credential, of those with a gap where it is to be `measured`."""
    parameters = {} if names is None else {"names": [*names]}
    with database.reading() as connection:
        read = (ROTATIONS.read(connection, each, **parameters) for each in _newest_queries(names is None, measured))
        rows = [each for found in read for each in found]
    # None begins before the one before it has ended: one that has not is the newest, also where the clock was set back.
    return {each.credential: each for each in sorted(rows, key=lambda each: (each.outcome is None, each.started_at))}


@cache
def _newest_queries(of_all: bool, measured: bool) -> tuple[Select[Any], Select[Any]]:
    """For the newest of each credential, and for those that have no end or of which it is not known when they began."""
    name, began = ROTATION.c.credential, ROTATION.c.started_at
    these_names = () if of_all else (name.in_(bindparam("names", expanding=True)),)
    condition = and_((ROTATION.c.gap_seconds if measured else began).is_not(None), *these_names)
    # Without what is no time of ours, and would be the last of all.
    sound = and_(condition, began < _NEVER)
    last = select(name, func.max(began).label("at")).where(sound).group_by(name).subquery()
    these = and_(last.c.credential == name, last.c.at == began)
    beside = or_(began.is_(None), began >= _NEVER, *(() if measured else (ROTATION.c.outcome.is_(None),)))
    return select(ROTATION).join(last, these).where(sound), select(ROTATION).where(condition, beside)


def _read(database: Transactions, query: Select[*tuple[Any, ...]]) -> list[Rotation]:
    with database.reading() as connection:
        return list(ROTATIONS.read(connection, query))
