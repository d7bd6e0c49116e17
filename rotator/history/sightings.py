"""Noting which certificate was seen where, for the inventory's past; and what was seen last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sqlalchemy import bindparam, case, insert, literal, select, update

from rotator.history.engine.tables import CERTIFICATE, SIGHTING
from rotator.history.engine.times import UtcDateTime
from rotator.history.records import LastSighting, Sighting

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from rotator.history.engine.transactions import Transactions

_Key: TypeAlias = "tuple[str, str, str, str | None, datetime | None]"

_AT_ONCE: Final = 500
"""Values in one IN: databases limit how many a statement may carry."""

_OF_THE_CERTIFICATE: Final = (
    *("subject", "issuer", "not_before", "not_after", "key_algorithm", "key_bits", "signature_algorithm", "serial"),
)


def record_sightings(
    database: Transactions, sightings: Sequence[Sighting], now: datetime, *, gone: Iterable[LastSighting] = ()
) -> None:
    """Notes what was seen at `now`, all in one transaction: the first time with both times, later only with the last.

    `gone` is what a look at its org did not find: that is noted once, until it is seen again, as it is of a certificate
    in whose place another one was seen. Raises HistoryError or HistoryUnavailable, and ValueError for a certificate
    without its dates.
    """
    if any(each.certificate_fingerprint and not (each.not_before and each.not_after) for each in sightings):
        raise ValueError("a certificate has dates")
    with database.writing() as connection:
        _note_certificates(connection, sightings, now)
        replaced = _note_places(connection, sightings, now)
        _note_gone(connection, [*replaced, *(each.id for each in gone)], now)


def last_sightings(database: Transactions, org: str | None = None) -> list[LastSighting]:
    """What each app of an org, or of all orgs, held when it was last seen: by org, type and name.

    Raises HistoryError or HistoryUnavailable.
    """
    query = select(SIGHTING, *(CERTIFICATE.c[name].label(f"held_{name}") for name in _OF_THE_CERTIFICATE))
    query = query.outerjoin(CERTIFICATE, CERTIFICATE.c.fingerprint == SIGHTING.c.certificate_fingerprint)
    # What is not gone is the last, whatever the clock said when it was seen.
    query = query.order_by(SIGHTING.c.gone_at.is_(None), SIGHTING.c.last_seen, SIGHTING.c.id)
    if org is not None:
        query = query.where(SIGHTING.c.org == org)
    with database.reading() as connection:
        rows = {_where(row): row for row in connection.execute(query)}
    return [_last(rows[where]) for where in sorted(rows)]


def _note_certificates(connection: Connection, sightings: Sequence[Sighting], now: datetime) -> None:
    seen = {each.certificate_fingerprint: each for each in sightings if each.certificate_fingerprint}
    column = CERTIFICATE.c.fingerprint
    known: set[str] = set()
    for some in _portions(list(seen)):
        known.update(connection.scalars(select(column).where(column.in_(some))))
        again = update(CERTIFICATE).where(column.in_(some), CERTIFICATE.c.last_seen <= now)
        connection.execute(again.values(last_seen=now))
    new = [_certificate(each, now) for fingerprint, each in seen.items() if fingerprint not in known]
    if new:
        connection.execute(insert(CERTIFICATE), new)


def _note_places(connection: Connection, sightings: Sequence[Sighting], now: datetime) -> list[int]:
    """Returns what was there before in the same places, with other certificates."""
    known = _places(connection, {each.org for each in sightings})
    seen = {_key(each): each for each in sightings}
    new = [_place(each, now) for key, each in seen.items() if key not in known]
    again = [{"this": known[key].id, **_facts(each)} for key, each in seen.items() if key in known]
    if new:
        connection.execute(insert(SIGHTING), new)
    if again:
        # A clock that was set back takes nothing away from what was seen.
        last_seen = case((SIGHTING.c.last_seen <= now, literal(now, UtcDateTime())), else_=SIGHTING.c.last_seen)
        this = update(SIGHTING).where(SIGHTING.c.id == bindparam("this"))
        connection.execute(this.values(last_seen=last_seen, gone_at=None), again)
    here = {_where(each) for each in sightings}
    return [row.id for key, row in known.items() if key not in seen and _where(row) in here]


def _places(connection: Connection, orgs: Collection[str]) -> dict[_Key, Row[Any]]:
    columns = ("id", "org", "app", "app_type", "certificate_fingerprint", "not_after")
    query = select(*(SIGHTING.c[name] for name in columns)).where(SIGHTING.c.org.in_(list(orgs)))
    return {tuple(row)[1:]: row for row in connection.execute(query)}


def _note_gone(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    for some in _portions(ids):
        first = update(SIGHTING).where(SIGHTING.c.id.in_(some), SIGHTING.c.gone_at.is_(None))
        connection.execute(first.values(gone_at=now))


def _portions(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))


def _certificate(sighting: Sighting, now: datetime) -> dict[str, Any]:
    facts = {name: getattr(sighting, name) for name in _OF_THE_CERTIFICATE}
    # Hex: a serial number has up to 160 bits (RFC 5280 section 4.1.2.2).
    facts["serial"] = f"{sighting.serial:x}"
    return {"fingerprint": sighting.certificate_fingerprint, "first_seen": now, "last_seen": now, **facts}


def _where(seen: Sighting | Row[Any]) -> tuple[str, str, str]:
    """A place, whatever it holds; Salesforce takes its name in any case."""
    return seen.org, seen.app_type, seen.app.casefold()


def _key(sighting: Sighting) -> _Key:
    fingerprint = sighting.certificate_fingerprint
    date_only = None if fingerprint else sighting.not_after
    return sighting.org, sighting.app, sighting.app_type, fingerprint, date_only


def _place(sighting: Sighting, now: datetime) -> dict[str, Any]:
    org, app, app_type, fingerprint, date_only = _key(sighting)
    place = {"org": org, "app": app, "app_type": app_type, "certificate_fingerprint": fingerprint}
    bits = None if fingerprint else sighting.key_bits or None
    return {**place, "not_after": date_only, "key_bits": bits, "first_seen": now, "last_seen": now, **_facts(sighting)}


def _facts(sighting: Sighting) -> dict[str, Any]:
    return {"app_modified_at": sighting.app_modified_at, "app_modified_by": sighting.app_modified_by}


def _last(row: Row[Any]) -> LastSighting:
    fields = {name: value for name, value in row._asdict().items() if not name.startswith("held_")}
    if row.certificate_fingerprint is not None:
        fields |= {name: getattr(row, f"held_{name}") for name in _OF_THE_CERTIFICATE}
        fields["serial"] = int(fields["serial"], 16)
    return LastSighting(**fields | {"key_bits": fields["key_bits"] or 0})
