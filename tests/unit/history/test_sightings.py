from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from rotator.history import queries
from rotator.history.models import SIGHTING
from rotator.history.records import Sighting
from rotator.history.sightings import record_sighting

if TYPE_CHECKING:
    from rotator.history.database import Database

DAY = timedelta(days=1)


@pytest.fixture
def sighting(now: datetime) -> Sighting:
    return Sighting(
        org="production",
        app="Billing",
        app_type="ConnectedApp",
        certificate_fingerprint="a" * 64,
        subject="CN=billing",
        issuer="CN=billing",
        not_before=now - DAY,
        not_after=now + 100 * DAY,
        key_algorithm="RSA",
        key_bits=2048,
        signature_algorithm="sha256",
        serial=2**159 + 1,
        app_modified_at=now - DAY,
        app_modified_by="Alex Admin",
    )


def test_a_certificate_is_known_with_the_app_that_holds_it(
    database: Database, sighting: Sighting, now: datetime
) -> None:
    record_sighting(database, sighting, now)

    (certificate,) = queries.certificates(database)

    assert (certificate.fingerprint, certificate.serial) == ("a" * 64, 2**159 + 1)
    assert (certificate.not_before, certificate.not_after) == (now - DAY, now + 100 * DAY)
    assert (certificate.subject, certificate.key_bits) == ("CN=billing", 2048)
    (place,) = certificate.places
    assert (place.org, place.app, place.app_type) == ("production", "Billing", "ConnectedApp")
    assert (place.app_modified_at, place.app_modified_by) == (now - DAY, "Alex Admin")


def test_seen_again_it_keeps_its_first_time_and_gets_the_last(
    database: Database, sighting: Sighting, now: datetime
) -> None:
    record_sighting(database, sighting, now)
    record_sighting(database, dataclasses.replace(sighting, app_modified_by="Sam"), now + DAY)

    (certificate,) = queries.certificates(database)

    assert (certificate.first_seen, certificate.last_seen) == (now, now + DAY)
    (place,) = certificate.places
    assert (place.first_seen, place.last_seen, place.app_modified_by) == (now, now + DAY, "Sam")


def test_a_clock_that_goes_back_changes_nothing(database: Database, sighting: Sighting, now: datetime) -> None:
    record_sighting(database, sighting, now)
    record_sighting(database, sighting, now - DAY)

    (certificate,) = queries.certificates(database)

    assert (certificate.first_seen, certificate.last_seen) == (now, now)


def test_one_certificate_in_two_apps_is_one_certificate_in_two_places(
    database: Database, sighting: Sighting, now: datetime
) -> None:
    record_sighting(database, sighting, now)
    record_sighting(database, dataclasses.replace(sighting, org="sandbox"), now + DAY)

    (certificate,) = queries.certificates(database)

    assert [place.org for place in certificate.places] == ["production", "sandbox"]
    assert certificate.places[0].last_seen == now
    assert certificate.last_seen == now + DAY


def test_an_app_without_a_certificate_is_noted_once(database: Database, now: datetime) -> None:
    bare = Sighting(org="production", app="Empty", app_type="ConnectedApp")
    record_sighting(database, bare, now)
    record_sighting(database, bare, now + DAY)

    with database.reading() as connection:
        rows = connection.execute(select(SIGHTING)).all()
    assert [(row.app, row.certificate_fingerprint, row.first_seen, row.last_seen) for row in rows] == [
        ("Empty", None, now, now + DAY)
    ]
    assert queries.certificates(database) == []


def test_certificates_come_in_the_order_in_which_they_expire(
    database: Database, sighting: Sighting, now: datetime
) -> None:
    for fingerprint, days in (("b", 30), ("c", 10), ("d", 20)):
        later = dataclasses.replace(sighting, certificate_fingerprint=fingerprint * 64, not_after=now + days * DAY)
        record_sighting(database, later, now)

    assert [certificate.fingerprint[0] for certificate in queries.certificates(database)] == ["c", "d", "b"]


def test_a_certificate_without_its_dates_is_refused(database: Database, sighting: Sighting, now: datetime) -> None:
    with pytest.raises(ValueError, match="dates"):
        record_sighting(database, dataclasses.replace(sighting, not_after=None), now)
    assert queries.certificates(database) == []
