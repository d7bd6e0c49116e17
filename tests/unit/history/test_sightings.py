from __future__ import annotations

import dataclasses
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from rotator.core.lifecycle.certificate_life import is_undated
from rotator.core.observed import ObservedCertificate
from rotator.history.engine.tables import CERTIFICATE, SIGHTING
from rotator.history.sightings import (
    last_sightings,
    last_sightings_in,
    record_sightings,
    sightings_of,
    standing_sightings,
)
from tests.statements import statements
from tests.tiers import longer, of_tier

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

DAY = timedelta(days=1)
EXTERNAL = {"type": "ExternalClientApplication"}
SIGNING = {"type": "Certificate", "fingerprint": ""}


@pytest.fixture
def sighting(now: datetime) -> ObservedCertificate:
    return ObservedCertificate(
        org="production",
        app="Billing",
        type="ConnectedApp",
        fingerprint="a" * 64,
        subject="CN=billing",
        issuer="CN=billing",
        not_before=now - DAY,
        not_after=now + 100 * DAY,
        key_algorithm="RSA",
        key_bits=2048,
        signature_algorithm="sha256",
        serial_number=2**159 + 1,
        last_modified_at=now - DAY,
        last_modified_by="Alex Admin",
    )


def test_a_certificate_is_known_with_the_app_that_holds_it(
    database: Database, sighting: ObservedCertificate, now: datetime
) -> None:
    record_sightings(database, [sighting], now)

    (seen,) = sightings_of(database, "a" * 64)

    assert seen == dataclasses.replace(sighting, first_seen=now, last_seen=now)


def test_what_many_have_the_same_of_is_in_memory_once(
    database: Database, sighting: ObservedCertificate, now: datetime
) -> None:
    apps = [dataclasses.replace(sighting, app=f"App_{number}", fingerprint=f"{number:064x}") for number in range(3)]
    record_sightings(database, apps, now)

    read = standing_sightings(database)

    for name in ("org", "type", "subject", "issuer", "key_algorithm", "signature_algorithm", "last_modified_by"):
        assert len({id(getattr(each, name)) for each in read}) == 1, name


def test_seen_again_it_keeps_its_first_time_and_gets_the_last(
    database: Database, sighting: ObservedCertificate, now: datetime
) -> None:
    record_sightings(database, [sighting], now)
    record_sightings(database, [dataclasses.replace(sighting, last_modified_by="Sam")], now + DAY)

    (seen,) = sightings_of(database, "a" * 64)

    assert (seen.first_seen, seen.last_seen, seen.last_modified_by) == (now, now + DAY, "Sam")


def test_who_sees_a_certificate_and_not_who_changed_its_app_takes_nothing_away(
    database: Database, sighting: ObservedCertificate, now: datetime
) -> None:
    record_sightings(database, [sighting], now)
    unknown = dataclasses.replace(sighting, last_modified_at=None, last_modified_by=None)
    record_sightings(database, [unknown], now + DAY)

    (seen,) = sightings_of(database, "a" * 64)

    assert (seen.last_seen, seen.last_modified_by) == (now + DAY, "Alex Admin")


def test_a_clock_that_goes_back_changes_nothing(
    database: Database, sighting: ObservedCertificate, now: datetime
) -> None:
    record_sightings(database, [sighting], now)
    record_sightings(database, [sighting], now - DAY)

    (seen,) = sightings_of(database, "a" * 64)

    assert (seen.first_seen, seen.last_seen) == (now, now)


def test_one_certificate_in_two_apps_is_one_certificate_in_two_places(
    database: Database, sighting: ObservedCertificate, now: datetime
) -> None:
    record_sightings(database, [sighting], now)
    record_sightings(database, [dataclasses.replace(sighting, org="sandbox")], now + DAY)

    places = sightings_of(database, "a" * 64)

    assert [(place.org, place.last_seen) for place in places] == [("production", now), ("sandbox", now + DAY)]


def test_an_app_without_a_certificate_is_noted_once(database: Database, now: datetime) -> None:
    bare = ObservedCertificate(org="production", app="Empty", type="ConnectedApp")
    record_sightings(database, [bare], now)
    record_sightings(database, [bare], now + DAY)

    with database.reading() as connection:
        rows = connection.execute(select(SIGHTING.c.app, SIGHTING.c.fingerprint)).all()
    assert [tuple(row) for row in rows] == [("Empty", None)]
    (seen,) = last_sightings(database)
    assert (seen.fingerprint, seen.first_seen, seen.last_seen) == ("", now, now + DAY)


def test_a_certificate_without_its_dates_is_refused(
    database: Database, sighting: ObservedCertificate, now: datetime
) -> None:
    with pytest.raises(ValueError, match="dates"):
        record_sightings(database, [dataclasses.replace(sighting, not_after=None)], now)
    assert last_sightings(database) == []


def test_a_certificate_of_which_only_the_date_is_known_is_told_from_the_next_by_it(
    database: Database, now: datetime
) -> None:
    old = ObservedCertificate(org="production", app="Signing", type="Certificate", not_after=now + DAY, key_bits=2048)
    new = dataclasses.replace(old, not_after=now + 365 * DAY, key_bits=4096)
    record_sightings(database, [old], now)
    record_sightings(database, [old], now + DAY)
    record_sightings(database, [new], now + 2 * DAY)

    (last,) = last_sightings(database, "production")

    assert (last.not_after, last.key_bits, last.first_seen) == (now + 365 * DAY, 4096, now + 2 * DAY)
    with database.reading() as connection:
        rows = connection.execute(select(SIGHTING.c.not_after, SIGHTING.c.first_seen, SIGHTING.c.last_seen)).all()
    assert [tuple(row) for row in rows] == [
        (now + DAY, now, now + DAY),
        (now + 365 * DAY, now + 2 * DAY, now + 2 * DAY),
    ]


def test_what_was_last_seen_is_told_with_all_that_is_known_of_it(
    database: Database, sighting: ObservedCertificate, now: datetime
) -> None:
    record_sightings(database, [dataclasses.replace(sighting, fingerprint="b" * 64)], now)
    record_sightings(database, [sighting, dataclasses.replace(sighting, org="sandbox")], now + DAY)

    (last,) = last_sightings(database, "production")

    assert last == dataclasses.replace(sighting, first_seen=now + DAY, last_seen=now + DAY, is_undated=True)
    assert [each.org for each in last_sightings(database)] == ["production", "sandbox"]


def test_what_was_found_in_the_place_of_another_under_its_date_has_no_date_of_its_own(
    database: Database, sighting: ObservedCertificate, now: datetime
) -> None:
    other = dataclasses.replace(sighting, fingerprint="b" * 64)
    record_sightings(database, [sighting], now)
    assert not last_sightings(database)[0].is_undated
    for days in (1, 2):
        record_sightings(database, [other], now + days * DAY)
        assert last_sightings(database)[0].is_undated
    record_sightings(database, [dataclasses.replace(other, last_modified_at=now)], now + 3 * DAY)
    assert not last_sightings(database)[0].is_undated


@pytest.mark.parametrize(
    ("before", "after", "so"),
    [
        ({}, {"fingerprint": "b" * 64}, True),
        ({}, {"fingerprint": ""}, True),
        (SIGNING, {**SIGNING, "not_after": None}, True),
        # What the org does not show may have been there all the time.
        ({**EXTERNAL, "fingerprint": ""}, EXTERNAL, False),
        (EXTERNAL, {**EXTERNAL, "fingerprint": ""}, False),
    ],
)
def test_what_a_look_calls_undated_the_history_does_and_goes_on_to_do(
    database: Database,
    sighting: ObservedCertificate,
    now: datetime,
    before: dict[str, Any],
    after: dict[str, Any],
    so: bool,
) -> None:
    first, second = (dataclasses.replace(sighting, **each) for each in (before, after))
    record_sightings(database, [first], now)
    for days in (1, 2):
        (last,) = last_sightings(database)
        assert is_undated(second, last) is so
        record_sightings(database, [second], now + days * DAY)
        assert last_sightings(database)[0].is_undated is so


def test_what_was_made_anew_under_the_date_of_one_that_was_gone_has_a_date(
    database: Database, sighting: ObservedCertificate, now: datetime
) -> None:
    record_sightings(database, [sighting], now)
    record_sightings(database, [], now + DAY, gone=last_sightings(database))
    record_sightings(database, [dataclasses.replace(sighting, fingerprint="b" * 64)], now + 2 * DAY)
    assert not last_sightings(database)[0].is_undated


def test_what_is_gone_is_so_since_it_was_first_missed_and_until_it_is_seen_again(
    database: Database, sighting: ObservedCertificate, now: datetime
) -> None:
    record_sightings(database, [sighting], now)
    for days in (1, 2):
        record_sightings(database, [], now + days * DAY, gone=last_sightings(database))
    (last,) = last_sightings(database)
    assert (last.gone_at, last.last_seen) == (now + DAY, now)
    assert [place.gone_at for place in sightings_of(database, "a" * 64)] == [now + DAY]

    record_sightings(database, [sighting], now + 3 * DAY)

    (last,) = last_sightings(database)
    assert (last.gone_at, last.last_seen) == (None, now + 3 * DAY)


def test_a_look_at_many_apps_is_one_transaction(
    database: Database, sighting: ObservedCertificate, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = Mock(wraps=database.writing)
    monkeypatch.setattr(database, "writing", writing)
    many = [dataclasses.replace(sighting, app=f"App_{number}", fingerprint=f"{number:064x}") for number in range(20)]
    record_sightings(database, many, now)
    record_sightings(database, many, now + DAY)

    assert writing.call_count == 2
    assert len(last_sightings(database)) == 20
    assert {last.last_seen for last in last_sightings(database)} == {now + DAY}


def test_when_one_sighting_is_refused_none_is_recorded(
    database: Database, sighting: ObservedCertificate, now: datetime
) -> None:
    with pytest.raises(ValueError, match="dates"):
        record_sightings(database, [sighting, dataclasses.replace(sighting, app="Other", not_before=None)], now)
    assert last_sightings(database) == []


LOOKS = st.lists(
    st.tuples(st.dictionaries(st.sampled_from("ABC"), st.sampled_from(["", "a", "b", "date"])), st.integers(-3, 3)),
    min_size=1,
    max_size=6,
)


@longer
@settings(
    deadline=None, max_examples=of_tier(8, thorough=25), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(looks=LOOKS)
def test_the_last_sightings_are_those_of_the_last_look_whatever_the_clock_did(
    database: Database, sighting: ObservedCertificate, now: datetime, looks: list[tuple[dict[str, str], int]]
) -> None:
    org = f"org {uuid.uuid4()}"
    apps: set[str] = set()
    for held, days in looks:
        now += days * DAY
        seen = [_held(sighting, org, app, what) for app, what in held.items()]
        gone = [last for last in last_sightings(database, org) if last.app not in held]
        record_sightings(database, seen, now, gone=gone)
        apps |= set(held)
        found = last_sightings(database, org)
        assert [_bare(last) for last in found if last.gone_at is None] == sorted(seen, key=lambda each: each.app)
        assert {last.app for last in found if last.gone_at is not None} == apps - set(held)


@longer
@settings(
    deadline=None, max_examples=of_tier(13, thorough=40), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(looks=LOOKS, meanwhile=st.lists(st.sampled_from(["", "a", "C"]), min_size=6, max_size=6))
def test_with_what_was_last_seen_the_same_is_written_down_as_without(
    database: Database,
    another_database: Database,
    sighting: ObservedCertificate,
    now: datetime,
    looks: list[tuple[dict[str, str], int]],
    meanwhile: list[str],
) -> None:
    org = f"org {uuid.uuid4()}"
    for (held, days), other in zip(looks, meanwhile, strict=False):
        now += days * DAY
        seen = [_held(sighting, org, app, what) for app, what in held.items()]
        for each, with_last in ((database, True), (another_database, False)):
            last = last_sightings_in(each, org)
            gone = [before for before in last.all if before.app not in held]
            if other:
                record_sightings(each, [_held(sighting, org, "A", other)], now)
            record_sightings(each, seen, now, gone=gone, last=last if with_last else None)
        assert _rows(database) == _rows(another_database)


def _rows(database: Database) -> list[list[tuple[Any, ...]]]:
    queries = select(SIGHTING).order_by(SIGHTING.c.id), select(CERTIFICATE).order_by(CERTIFICATE.c.fingerprint)
    with database.reading() as connection:
        return [[tuple(row) for row in connection.execute(query)] for query in queries]


def test_what_is_there_twice_is_touched_only_where_it_was_seen(
    database: Database, sighting: ObservedCertificate, now: datetime
) -> None:
    record_sightings(database, [sighting], now)
    record_sightings(database, [dataclasses.replace(sighting, app="BILLING")], now + DAY)
    with database.writing() as connection:
        connection.execute(update(SIGHTING).values(gone_at=None))
    record_sightings(database, [sighting], now + 2 * DAY, last=last_sightings_in(database, "production"))
    assert {each.app: each.last_seen for each in sightings_of(database, "a" * 64)} == {
        "Billing": now + 2 * DAY,
        "BILLING": now + DAY,
    }


@pytest.mark.parametrize("apps", [3, 300])
def test_to_write_down_that_nothing_has_changed_takes_as_many_statements_whatever_the_number_of_apps(
    database: Database, sighting: ObservedCertificate, now: datetime, apps: int
) -> None:
    many = [dataclasses.replace(sighting, app=f"App_{each}", fingerprint=f"{each:064x}") for each in range(apps)]
    record_sightings(database, many, now)
    last = last_sightings_in(database, "production")
    with statements(database) as made:
        record_sightings(database, many, now + DAY, last=last)
    assert [each.split()[0] for each in made] == ["SELECT", "UPDATE", "UPDATE"]
    assert {each.last_seen for each in last_sightings(database)} == {now + DAY}


def _held(sighting: ObservedCertificate, org: str, app: str, what: str) -> ObservedCertificate:
    if what in {"", "date"}:
        not_after = sighting.not_after if what else None
        return ObservedCertificate(org=org, app=app, type="ConnectedApp", not_after=not_after)
    return dataclasses.replace(sighting, org=org, app=app, fingerprint=what * 64)


def _bare(last: ObservedCertificate) -> ObservedCertificate:
    return dataclasses.replace(last, first_seen=None, last_seen=None, gone_at=None, is_undated=False)


def test_what_nothing_uses_yet_expires_for_nobody(database: Database, now: datetime) -> None:
    waits = ObservedCertificate(
        org="production", app="Signing", type="Certificate", not_after=now + DAY, key_bits=2048, is_usable=False
    )
    record_sightings(database, [waits], now)

    (last,) = last_sightings(database)

    assert (last.not_after, last.key_bits) == (None, 2048)
