"""What earlier releases have seen is known after an upgrade, and what is seen from then on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.credentials import Fingerprint
from rotator.history.engine import upgrades
from rotator.history.engine.database import open_database
from rotator.history.kept.kept_rows import KeptRows
from rotator.history.kept.parts import STANDING
from rotator.history.sightings import last_sightings, record_sightings, sightings_of
from tests.contract.history.databases import NOW, SQLITE_FIRST, columns_of, fill, make_release
from tests.tiers import standard_first

if TYPE_CHECKING:
    from datetime import datetime

    from tests.contract.history.databases import Kind

DAY = timedelta(days=1)
RELEASES = upgrades.known_versions()[:-1]
LAST_NAMES = [release for release in RELEASES if "0016" <= release < "0022"]
"""Those whose columns had other names than the program has for what is in them."""
CERTIFICATE = columns_of(
    "certificate",
    "fingerprint subject issuer key_algorithm key_bits signature_algorithm serial",
    "not_before not_after first_seen last_seen",
)
SIGHTING = columns_of("sighting", "org app app_type certificate_fingerprint", "first_seen last_seen")


@SQLITE_FIRST
@pytest.mark.parametrize("release", [release for release in RELEASES if release < "0003"])
def test_of_what_was_seen_it_is_known_what_was_replaced(database_kind: Kind, release: str) -> None:
    with database_kind.empty() as url:
        with open_database(url) as database:
            make_release(database, release)
            fill(database, CERTIFICATE, [seen_certificate("a"), seen_certificate("b")])
            fill(database, SIGHTING, [seen_place("a", NOW, 1), seen_place("b", NOW + 2 * DAY, 3)])

        with open_database(url) as database:
            [last] = last_sightings(database)
            assert (last.fingerprint, last.gone_at) == ("b" * 64, None)
            gone = {each: sightings_of(database, each * 64)[0].gone_at for each in "ab"}
            assert gone == {"a": NOW + 2 * DAY, "b": None}


@pytest.mark.parametrize("release", standard_first(LAST_NAMES, LAST_NAMES[-1:]))
def test_what_was_seen_is_kept_under_the_names_that_the_program_has_and_changes_of_it_are_noted(
    database_kind: Kind, release: str
) -> None:
    before = columns_of(
        "sighting",
        "org app app_type certificate_fingerprint app_modified_by",
        "first_seen last_seen app_modified_at gone_at",
    )
    changed = {"app_modified_by": "Ada", "app_modified_at": NOW - DAY, "gone_at": NOW + 2 * DAY}
    with database_kind.empty() as url, open_database(url) as database:
        make_release(database, release)
        fill(database, CERTIFICATE, [seen_certificate("a"), seen_certificate("b")])
        fill(database, before, [seen_place("a", NOW, 1) | changed])
        database.upgrade()
        [seen] = sightings_of(database, "a" * 64)
        assert (seen.org, seen.app, seen.type, seen.serial_number) == ("production", "Billing", "ConnectedApp", 0x1F)
        assert (seen.last_modified_by, seen.last_modified_at, seen.gone_at) == ("Ada", NOW - DAY, NOW + 2 * DAY)

        kept = KeptRows(database)
        assert kept.read(STANDING).of(STANDING) == {}
        record_sightings(database, [replace(seen, fingerprint=Fingerprint("b" * 64), gone_at=None)], NOW)
        assert kept.read(STANDING).of(STANDING).keys() == {"production"}


def seen_certificate(letter: str) -> dict[str, Any]:
    names = ("subject", "issuer", "key_algorithm", "signature_algorithm")
    times = ("not_before", "not_after", "first_seen", "last_seen")
    known = {"fingerprint": letter * 64, "key_bits": 2048, "serial": "1f"}
    return known | dict.fromkeys(names, "") | dict.fromkeys(times, NOW)


def seen_place(letter: str, first_seen: datetime, days: int) -> dict[str, Any]:
    place = {"org": "production", "app": "Billing", "app_type": "ConnectedApp", "certificate_fingerprint": letter * 64}
    return place | {"first_seen": first_seen, "last_seen": NOW + days * DAY}
