"""Which certificate was seen where, from when to when: written down at each inventory, and read again between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import attrgetter
from sys import intern
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from sqlalchemy import bindparam, case, literal, select, tuple_, update

from rotator.core.lifecycle.certificate_life import is_undated
from rotator.core.observed import ObservedCertificate
from rotator.history.engine.many_rows import insert_rows
from rotator.history.engine.row_reading import AT_ONCE, RowReader, columns_of
from rotator.history.engine.tables import CERTIFICATE, CHANGE, SIGHTING
from rotator.history.engine.times import UtcDateTime
from rotator.portions import portions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from rotator.history.engine.transactions import Transactions

_Key: TypeAlias = "tuple[str, str, str, str | None, datetime | None]"
_Place: TypeAlias = tuple[str, str, str]

_OF_THE_CERTIFICATE: Final = (
    *("subject", "issuer", "not_before", "not_after", "key_algorithm", "key_bits", "signature_algorithm"),
    "serial_number",
)
_OF_THE_PLACE: Final = (
    *("org", "app", "type", "fingerprint", "last_modified_by", "last_modified_at"),
    *("first_seen", "last_seen", "gone_at"),
)


@dataclass(frozen=True)
class LastSightings:
    """What each place in one org held when it was last seen."""

    org: str
    all: tuple[ObservedCertificate, ...]
    """By type and name."""
    change: int
    """Number of the last change to what is written down of the org (`rotator.history.engine.tables.CHANGE`)."""
    is_plain: bool
    """Whether no place is there twice, which only a person brings about."""


def record_sightings(
    database: Transactions,
    seen: Sequence[ObservedCertificate],
    now: datetime,
    *,
    gone: Iterable[ObservedCertificate] = (),
    last: LastSightings | None = None,
) -> None:
    """Notes what was seen at `now`, all in one transaction: the first time with both times, later only with the last.

    `gone` is what an inventory of its org did not find: that is written once, until it is seen again, as it is of a
    certificate in whose place another one was seen. With `last`, what was read of that org before it was looked at,
    what is still the same costs two statements, however much it is.

    Raises HistoryError or HistoryUnavailable, and ValueError for a certificate without its dates.
    """
    if any(each.fingerprint and not (each.not_before and each.not_after) for each in seen):
        raise ValueError("a certificate has dates")
    with database.writing() as connection:
        others = _note_unchanged(connection, seen, now, last) if last else seen
        _note_certificates(connection, others, now)
        replaced = _note_places(connection, others, now)
        _note_gone(connection, [*replaced, *_ids(connection, gone)], now)


def last_sightings_in(database: Transactions, org: str) -> LastSightings:
    """What each place in an org held when it was last seen. Raises HistoryError or HistoryUnavailable."""
    with database.reading() as connection:
        change = _last_change(connection, org)
        rows = _rows_of(connection, org)
        last = _last_of(rows)
    standing = sum(not each.is_vanished for each in rows)
    return LastSightings(org, tuple(last), change, standing == sum(not each.is_vanished for each in last))


def last_sightings(database: Transactions, org: str | None = None) -> list[ObservedCertificate]:
    """What each place in an org, or in all orgs, held when it was last seen: by org, type and name.

    Raises HistoryError or HistoryUnavailable.
    """
    with database.reading() as connection:
        return _last_of(_rows_of(connection, org))


def standing_sightings(database: Transactions, orgs: Collection[str] | None = None) -> list[ObservedCertificate]:
    """The same of some orgs, or of all, without what has vanished: what is gone is not even read.

    Raises HistoryError or HistoryUnavailable.
    """
    query = SIGHTINGS.rows.where(SIGHTING.c.gone_at.is_(None)).order_by(SIGHTING.c.last_seen, SIGHTING.c.id)
    if orgs is not None:
        query = query.where(SIGHTING.c.org.in_([*orgs]))
    with database.reading() as connection:
        return _last_of(_KEPT.read(connection, query))


def _rows_of(connection: Connection, org: str | None) -> list[ObservedCertificate]:
    # What is not gone is the last, whatever the clock said when it was seen.
    query = SIGHTINGS.rows.order_by(SIGHTING.c.gone_at.is_(None), SIGHTING.c.last_seen, SIGHTING.c.id)
    if org is not None:
        query = query.where(SIGHTING.c.org == org)
    return list(SIGHTINGS.read(connection, query))


def _last_of(rows: Iterable[ObservedCertificate]) -> list[ObservedCertificate]:
    """The last one of each place, by org, type and name; told whether the date of its last change is an older one's."""
    found: dict[_Place, ObservedCertificate] = {}
    for each in rows:
        before = found.get(_where(each))
        is_next = before is not None and each.first_seen == before.gone_at is not None and is_undated(each, before)
        found[_where(each)] = replace(each, is_undated=True) if is_next else each
    return [found[where] for where in sorted(found)]


def sightings_of(database: Transactions, fingerprint: str) -> list[ObservedCertificate]:
    """Every place in which a certificate was ever seen, the first one first.

    Raises HistoryError or HistoryUnavailable.
    """
    query = SIGHTINGS.rows.where(SIGHTING.c.fingerprint == fingerprint).order_by(SIGHTING.c.id)
    with database.reading() as connection:
        return list(SIGHTINGS.read(connection, query))


_REPEATED: Final = (
    "org",
    "app",
    "type",
    "last_modified_by",
    "subject",
    "issuer",
    "key_algorithm",
    "signature_algorithm",
)
"""What many rows have the same of: half of all that is kept in memory (`rotator.history.kept`) would be copies."""


def _observed(values: dict[str, Any]) -> ObservedCertificate:
    del values["id"], values["held"]
    date, bits = values.pop("only_not_after"), values.pop("only_key_bits")
    if values["fingerprint"] is None:
        here = {name: values[name] for name in _OF_THE_PLACE}
        return ObservedCertificate.of_values(here | {"fingerprint": "", "not_after": date, "key_bits": bits or None})
    if values["not_after"] is None:
        raise ValueError("a certificate has a date")
    values["key_bits"] = values["key_bits"] or None
    return ObservedCertificate.of_values(values)


def _sharing_texts(values: dict[str, Any]) -> ObservedCertificate:
    for name in _REPEATED:
        if values[name]:
            values[name] = intern(values[name])
    return _observed(values)


def _serial(text: str) -> int:
    return int(text, 16)


CERTIFICATES: Final = RowReader(columns_of(CERTIFICATE), dict, parse={"serial_number": _serial})

_SIGHTING_COLUMNS: Final = {
    "id": SIGHTING.c.id,
    **{name: SIGHTING.c[name] for name in _OF_THE_PLACE},
    "only_not_after": SIGHTING.c.not_after,
    "only_key_bits": SIGHTING.c.key_bits,
    "held": CERTIFICATE.c.fingerprint,
    **{name: CERTIFICATE.c[name] for name in _OF_THE_CERTIFICATE},
}

_OF_USE_WITHOUT: Final = {
    **dict.fromkeys(("last_modified_by", "last_modified_at", "first_seen", "last_seen", "gone_at")),
    **dict.fromkeys(("only_key_bits", "not_before", "key_bits", "serial_number")),
    **dict.fromkeys(("subject", "issuer", "key_algorithm", "signature_algorithm"), ""),
}

SIGHTINGS: Final = RowReader(
    _SIGHTING_COLUMNS,
    _observed,
    parse={"serial_number": _serial},
    spare=_OF_USE_WITHOUT,
    optional=frozenset({"held", *_OF_THE_CERTIFICATE}),
    source=SIGHTING.outerjoin(CERTIFICATE, CERTIFICATE.c.fingerprint == SIGHTING.c.fingerprint),
)
"""Whose certificate it is, where, and until when, is what is needed."""

_KEPT: Final = replace(SIGHTINGS, make=_sharing_texts)


class _Known(NamedTuple):
    """A place that is written down, with what it held."""

    id: int
    org: str
    app: str
    type: str
    fingerprint: str | None
    not_after: datetime | None


_KNOWN: Final = RowReader(
    {name: SIGHTING.c[name] for name in _Known._fields}, lambda values: _Known(**values), spare={"not_after": None}
)


def _note_unchanged(
    connection: Connection, seen: Sequence[ObservedCertificate], now: datetime, last: LastSightings
) -> Sequence[ObservedCertificate]:
    """Notes of what is the same as before that it was seen again; gives the others."""
    before = {each.place: each for each in last.all if not each.is_vanished}
    others = [each for each in seen if each.org != last.org or not _is_unchanged(each, before.get(each.place))]
    unseen = before.keys() - ({each.place for each in seen} - {each.place for each in others})
    # Somebody may have changed something while the org was looked at.
    if not last.is_plain or len(unseen) > AT_ONCE or _last_change(connection, last.org) != last.change:
        return seen
    these = [SIGHTING.c.org == last.org, SIGHTING.c.gone_at.is_(None)]
    if unseen:
        names = [(before[where].type, before[where].app) for where in unseen]
        these.append(tuple_(SIGHTING.c.type, SIGHTING.c.app).not_in(names))
    # A clock that was set back takes nothing away from what was seen.
    connection.execute(update(SIGHTING).where(*these, SIGHTING.c.last_seen <= now).values(last_seen=now))
    held = CERTIFICATE.c.fingerprint.in_(select(SIGHTING.c.fingerprint).where(*these))
    connection.execute(update(CERTIFICATE).where(held, CERTIFICATE.c.last_seen <= now).values(last_seen=now))
    return others


_LAST_CHANGE: Final = select(CHANGE.c.number).where(CHANGE.c.part == SIGHTING.name, CHANGE.c.name == bindparam("org"))


def _last_change(connection: Connection, org: str) -> int:
    return connection.scalar(_LAST_CHANGE, {"org": org}) or 0


def _is_unchanged(seen: ObservedCertificate, last: ObservedCertificate | None) -> bool:
    """Whether all that is written down of it is what was read of it before."""
    if seen is last:
        return True
    if last is None or _key(seen) != _key(last) or (seen.fingerprint and _facts(seen) != _facts(last)):
        return False
    return seen.last_modified_at is None or _changes(seen) == _changes(last)


_facts: Final = attrgetter(*_OF_THE_CERTIFICATE)


def _note_certificates(connection: Connection, seen: Sequence[ObservedCertificate], now: datetime) -> None:
    held = {each.fingerprint: each for each in seen if each.fingerprint}
    column = CERTIFICATE.c.fingerprint
    known: set[str] = set()
    for some in portions(list(held), AT_ONCE):
        rows = connection.execute(CERTIFICATES.rows.where(column.in_(some))).all()
        if not rows:
            continue
        known.update(row.fingerprint for row in rows)
        for row in rows:
            this = held[row.fingerprint]
            if not _says_the_same(CERTIFICATES.judged(connection, row)[0], this):
                anew = {name: value for name, [value] in _certificates([this], now).items() if name != "first_seen"}
                connection.execute(update(CERTIFICATE).where(column == this.fingerprint).values(anew))
        again = update(CERTIFICATE).where(column.in_(some), CERTIFICATE.c.last_seen <= now)
        connection.execute(again.values(last_seen=now))
    new = [each for fingerprint, each in held.items() if fingerprint not in known]
    insert_rows(connection, CERTIFICATE, _certificates(new, now))


def _says_the_same(row: dict[str, Any] | None, seen: ObservedCertificate) -> bool:
    """Whether a certificate is written down as it is: it never changes, so whatever else is there is damage."""
    told = {name: getattr(seen, name) for name in _OF_THE_CERTIFICATE}
    told |= {"serial_number": seen.serial_number or 0, "key_bits": seen.key_bits or 0}
    return row is not None and all(row[name] == value for name, value in told.items())


def _note_places(connection: Connection, seen: Sequence[ObservedCertificate], now: datetime) -> list[int]:
    """Returns what was there before in the same places, with other certificates."""
    if not seen:
        return []
    known = _known(connection, {each.org for each in seen})
    here = {_key(each): each for each in seen}
    insert_rows(connection, SIGHTING, _places([each for key, each in here.items() if key not in known], now))
    again = [(known[key].id, each) for key, each in here.items() if key in known]
    # A rotation sees what an app holds, and not who changed it: that stays as an inventory has shown it.
    _touch(connection, [{"this": this, **_changes(each)} for this, each in again if each.last_modified_at], now)
    _touch(connection, [{"this": this} for this, each in again if not each.last_modified_at], now)
    others = [row for key, row in known.items() if key not in here]
    places = {_where(each) for each in seen} if others else ()
    return [row.id for row in others if _where(row) in places]


def _touch(connection: Connection, rows: Sequence[dict[str, Any]], now: datetime) -> None:
    if rows:
        # A clock that was set back takes nothing away from what was seen.
        last_seen = case((SIGHTING.c.last_seen <= now, literal(now, UtcDateTime())), else_=SIGHTING.c.last_seen)
        this = update(SIGHTING).where(SIGHTING.c.id == bindparam("this"))
        connection.execute(this.values(last_seen=last_seen, gone_at=None), rows)


def _known(connection: Connection, orgs: Collection[str]) -> dict[_Key, _Known]:
    query = _KNOWN.rows.where(SIGHTING.c.org.in_(list(orgs)))
    return {_known_key(each): each for each in _KNOWN.read(connection, query)}


def _known_key(known: _Known) -> _Key:
    return known.org, known.app, known.type, known.fingerprint, None if known.fingerprint else known.not_after


def _ids(connection: Connection, gone: Iterable[ObservedCertificate]) -> list[int]:
    """Of what was there last; what is gone already stays as it was noted."""
    places = {_where(each) for each in gone}
    if not places:
        return []
    orgs = {org for org, _, _ in places}
    query = _KNOWN.rows.where(SIGHTING.c.org.in_(orgs), SIGHTING.c.gone_at.is_(None))
    return [each.id for each in _KNOWN.read(connection, query) if _where(each) in places]


def _note_gone(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    for some in portions(ids, AT_ONCE):
        first = update(SIGHTING).where(SIGHTING.c.id.in_(some), SIGHTING.c.gone_at.is_(None))
        connection.execute(first.values(gone_at=now))


def _certificates(seen: Sequence[ObservedCertificate], now: datetime) -> dict[str, list[Any]]:
    """The columns of new rows."""
    return {
        "fingerprint": [each.fingerprint for each in seen],
        "first_seen": [now] * len(seen),
        "last_seen": [now] * len(seen),
        **{name: [getattr(each, name) for each in seen] for name in _OF_THE_CERTIFICATE},
        # Hex: a serial number has up to 160 bits (RFC 5280 section 4.1.2.2).
        "serial_number": [f"{each.serial_number or 0:x}" for each in seen],
        "key_bits": [each.key_bits or 0 for each in seen],
    }


def _where(seen: ObservedCertificate | _Known) -> _Place:
    """A place, whatever it holds; Salesforce takes its name in any case."""
    return seen.org, seen.type, seen.app.casefold()


def _key(seen: ObservedCertificate) -> _Key:
    date_only = None if seen.fingerprint else _date(seen)
    return seen.org, seen.app, seen.type, seen.fingerprint or None, date_only


def _date(seen: ObservedCertificate) -> datetime | None:
    """What nothing uses yet expires for nobody."""
    return seen.not_after if seen.is_usable else None


def _places(seen: Sequence[ObservedCertificate], now: datetime) -> dict[str, list[Any]]:
    """The columns of new rows; what is known of a certificate itself stands in its own."""
    return {
        "org": [each.org for each in seen],
        "app": [each.app for each in seen],
        "type": [each.type for each in seen],
        "fingerprint": [each.fingerprint or None for each in seen],
        "not_after": [None if each.fingerprint else _date(each) for each in seen],
        "key_bits": [None if each.fingerprint else each.key_bits for each in seen],
        "first_seen": [now] * len(seen),
        "last_seen": [now] * len(seen),
        "last_modified_at": [each.last_modified_at for each in seen],
        "last_modified_by": [each.last_modified_by for each in seen],
    }


def _changes(seen: ObservedCertificate) -> dict[str, Any]:
    return {"last_modified_at": seen.last_modified_at, "last_modified_by": seen.last_modified_by}
