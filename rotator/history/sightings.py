"""Noting which certificate was seen where, for the inventory's past."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, insert, select, update

from rotator.history.models import CERTIFICATE, SIGHTING

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from rotator.history.database import Database
    from rotator.history.records import Sighting


def record_sighting(database: Database, sighting: Sighting, now: datetime) -> None:
    """Notes what an app held at `now`: the first time with both times, later only with the last.

    Raises HistoryError or HistoryUnavailable, and ValueError for a certificate without its dates.
    """
    if sighting.certificate_fingerprint and not (sighting.not_before and sighting.not_after):
        raise ValueError("a certificate has dates")
    with database.writing() as connection:
        if sighting.certificate_fingerprint is not None:
            _note(connection, CERTIFICATE, _certificate_key(sighting), _certificate_facts(sighting), now)
        _note(connection, SIGHTING, _place_key(sighting), _place_facts(sighting), now)


def _note(connection: Connection, table: Table, key: dict[str, Any], facts: dict[str, Any], now: datetime) -> None:
    # `is_not_distinct_from`: an app without a certificate is looked up by a NULL.
    this: list[ColumnElement[bool]] = [table.c[name].is_not_distinct_from(value) for name, value in key.items()]
    last_seen = connection.scalar(select(table.c.last_seen).where(*this))
    if last_seen is None:
        connection.execute(insert(table).values(first_seen=now, last_seen=now, **key, **facts))
    elif last_seen <= now:
        connection.execute(update(table).where(*this).values(last_seen=now, **facts))


def _certificate_key(sighting: Sighting) -> dict[str, Any]:
    return {"fingerprint": sighting.certificate_fingerprint}


def _certificate_facts(sighting: Sighting) -> dict[str, Any]:
    return {
        "subject": sighting.subject,
        "issuer": sighting.issuer,
        "not_before": sighting.not_before,
        "not_after": sighting.not_after,
        "key_algorithm": sighting.key_algorithm,
        "key_bits": sighting.key_bits,
        "signature_algorithm": sighting.signature_algorithm,
        "serial": f"{sighting.serial:x}",
    }


def _place_key(sighting: Sighting) -> dict[str, Any]:
    return {
        "org": sighting.org,
        "app": sighting.app,
        "app_type": sighting.app_type,
        "certificate_fingerprint": sighting.certificate_fingerprint,
    }


def _place_facts(sighting: Sighting) -> dict[str, Any]:
    return {"app_modified_at": sighting.app_modified_at, "app_modified_by": sighting.app_modified_by}
