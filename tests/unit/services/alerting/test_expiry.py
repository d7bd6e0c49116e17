"""What people are told of one certificate: that it expires or is weak, who replaces it, and why that is over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.core.alert import Alert
from rotator.core.lifecycle.certificate_life import CertificateLife
from rotator.core.observed import Kind
from rotator.core.severity import Severity
from rotator.core.thresholds import EXPIRED, Expiry
from rotator.services.alerting.expiry import ending, expires, weakness_of
from rotator.services.alerting.kinds import EXPIRY, trouble_of
from tests.unit.services.alerting_bench import DAY, NOW, holds

if TYPE_CHECKING:
    from datetime import timedelta

    from rotator.core.observed import ObservedCertificate

LONGEST: Final = 825 * DAY


def life_of(seen: ObservedCertificate, rotate_before: float | None = None, **how: Any) -> CertificateLife:
    before = None if rotate_before is None else rotate_before * DAY
    expiry = Expiry(seen.not_after, [7 * DAY], before, **how) if seen.not_after else None
    return CertificateLife(seen=seen, now=NOW, expiry=expiry)


def told_of(life: CertificateLife) -> Alert:
    """The alert that it is weak, as it was told."""
    weak = weakness_of(life, LONGEST)
    assert weak
    return Alert(**vars(weak), id="20261123-7f3k9qzm", opened_at=NOW)


@pytest.mark.parametrize(
    ("kind", "tightest", "told"),
    [
        (Kind.APP, 7 * DAY, "The certificate of Billing in production expires on 2026-11-28"),
        (Kind.APP, EXPIRED, "The certificate of Billing in production expired on 2026-11-28"),
        (Kind.CLIENT_SECRET, 7 * DAY, "The client secret of Billing in production is to be replaced by 2026-11-28"),
        (Kind.CLIENT_SECRET, EXPIRED, "The client secret of Billing in production is to be replaced by 2026-11-28"),
    ],
)
def test_a_certificate_expires_and_a_client_secret_is_to_be_replaced(
    kind: Kind, tightest: timedelta, told: str
) -> None:
    assert expires(life_of(holds("Billing", 5, type=kind)), tightest).title == told


@pytest.mark.parametrize(
    ("tightest", "told"), [(7 * DAY, "From then on whatever"), (EXPIRED, "Since then whatever"), (-DAY, "Since then")]
)
def test_what_it_means_for_those_who_check_it_is_told_as_to_come_until_it_has_expired(
    tightest: timedelta, told: str
) -> None:
    assert expires(life_of(holds("Legacy", 5)), tightest).text.startswith(told)


@pytest.mark.parametrize(
    ("rotate_before", "how", "told"),
    [
        (None, {}, "Nobody replaces it by schedule."),
        (30, {"is_by_hand": True}, "Nobody replaces it by schedule."),
        (30, {}, "It is rotated by schedule as soon as nothing stands in the way."),
        (30, {"deferred_until": NOW + DAY}, "It is left alone until 2026-11-24 12:00 UTC, and rotated then."),
    ],
)
def test_who_replaces_it_meanwhile_is_said(rotate_before: float | None, how: dict[str, Any], told: str) -> None:
    assert expires(life_of(holds("Billing", 5, credential="billing"), rotate_before, **how), 7 * DAY).meanwhile == told


@pytest.mark.parametrize(
    ("type_", "to_do"),
    [
        (Kind.CERTIFICATE, Kind.CERTIFICATE.replaced_by_hand),
        (Kind.IDENTITY_PROVIDER, Kind.IDENTITY_PROVIDER.replaced_by_hand),
        ("OfALaterRelease", "Replace it in Setup."),
    ],
)
def test_what_a_person_does_to_replace_it_depends_on_what_holds_it(type_: str, to_do: str) -> None:
    assert expires(life_of(holds("Signing", 5, type=type_)), 7 * DAY).to_do == to_do


def test_a_certificate_that_shows_only_its_date_is_the_trouble_of_any_other() -> None:
    new = expires(life_of(holds("Signing", 5, "", type=Kind.CERTIFICATE)), 7 * DAY)
    assert new.key.endswith("/2026-11-28T12:00:00Z")
    assert trouble_of(new) == EXPIRY


@pytest.mark.parametrize(
    ("facts", "severity", "meanwhile"),
    [
        ({"not_before": NOW - 1000 * DAY}, Severity.INFO, "It goes on being used."),
        ({"key_bits": 1024}, Severity.WARNING, "It goes on being used."),
        ({"key_bits": 1024, "not_before": NOW - 1000 * DAY}, Severity.WARNING, "It goes on being used."),
        ({"key_algorithm": "EC", "key_bits": 256}, Severity.WARNING, "No login by JWT succeeds with it."),
    ],
)
def test_that_it_is_weak_matters_more_than_that_it_is_valid_for_too_long(
    facts: dict[str, Any], severity: Severity, meanwhile: str
) -> None:
    told = told_of(life_of(holds("Legacy", 400, **facts)))
    assert (told.severity, told.meanwhile) == (severity, meanwhile)
    assert "Valid from" not in told.facts


def test_from_when_on_it_is_valid_is_told_where_that_is_still_to_come() -> None:
    told = told_of(life_of(holds("Legacy", 400, not_before=NOW + DAY)))
    assert told.facts["Valid from"] == "2026-11-24 12:00 UTC"


def test_that_it_is_weak_goes_on_for_as_long_as_it_is() -> None:
    weak = life_of(holds("Legacy", 400, key_bits=1024))
    assert ending(told_of(weak), [weak], NOW + DAY, LONGEST) is None


@pytest.mark.parametrize(
    ("days", "more", "why"),
    [
        (None, {"type": Kind.CLIENT_SECRET}, "Billing uses another consumer key and secret."),
        (400, {"type": Kind.CLIENT_SECRET}, "Replaced by bbbbbbbbbbbb, which is valid until 2027-12-28."),
        (None, {}, "Billing holds no certificate any more."),
    ],
)
def test_a_client_secret_of_which_nothing_is_stored_is_another_and_not_none(
    days: float | None, more: dict[str, Any], why: str
) -> None:
    was = expires(life_of(holds("Billing", 5, **more)), 7 * DAY)
    alert = Alert(**vars(was), id="20261123-7f3k9qzm", opened_at=NOW)
    there = holds("Billing", days or 0, "b", **more)
    now_there = life_of(there if days else replace(there, not_after=None))
    assert ending(alert, [now_there], NOW + DAY, LONGEST) == why
