"""What people are told of a credential that was revoked advises nothing that would bring it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.lifecycle.certificate_life import CertificateLife
from rotator.core.observed import ObservedCertificate
from rotator.core.posture.assessment import Result
from rotator.core.posture.checks import KEY_AGE, KEY_SHARED, UNUSED
from rotator.core.posture.judgements import Verdict
from rotator.core.schedule import Standstill, Why
from rotator.core.thresholds import Expiry
from rotator.services.alerting.expiry import weakness_of
from rotator.services.alerting.kinds import POSTURE, VANISHED, key
from rotator.services.alerting.standstill_alerts import first_start
from rotator.services.inventory.scan import Scan
from rotator.services.inventory.status import last_known_statuses
from rotator.services.schedule.findings import Findings
from rotator.testing.versions import MOMENT
from tests.tiers import longer
from tests.unit.revoked import revoke
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database
    from rotator.services.inventory.status import CredentialStatus

pytestmark = longer

DAY: Final = timedelta(days=1)


@pytest.fixture
def one(database: Database) -> CycleBench:
    made = cycle_bench(database)
    made.bench.use("Billing")
    made.work()
    return made


def status_of(one: CycleBench) -> CredentialStatus:
    [status] = last_known_statuses(one.context.settings, one.context.database, ["billing"], one.bench.time)
    return status


def test_what_the_audit_had_found_before_is_over_at_the_next_look_and_not_a_day_later(one: CycleBench) -> None:
    one.outside.results = tuple(
        Result(check=check, org="production", credential="billing", verdict=Verdict.FINDING, seen="It is so.")
        for check in (KEY_AGE, UNUSED, KEY_SHARED)
    )
    elsewhere = replace(one.outside.results[0], credential="another")
    one.outside.results += (elsewhere,)
    one.bench.time += DAY
    one.cycle.audit()
    assert len(one.context.history.alerts.open_alerts(kind=POSTURE)) == 4
    revoke(one.bench.journal, one.bench.time)
    one.bench.time += timedelta(minutes=1)
    one.cycle.take_inventory("production")
    left = {alert.key for alert in one.context.history.alerts.open_alerts(kind=POSTURE)}
    assert left == {key(POSTURE, f"{KEY_SHARED.name}/production/billing"), key(POSTURE, elsewhere.key)}
    assert one.alert(key(POSTURE, f"{KEY_AGE.name}/production/billing")).closed_why == (
        "billing was revoked: nobody is to log in by it."
    )


@pytest.mark.parametrize("is_revoked", [False, True])
def test_an_app_of_it_may_go(one: CycleBench, *, is_revoked: bool) -> None:
    if is_revoked:
        revoke(one.bench.journal, one.bench.time)
    now = one.bench.time + DAY
    gone = ObservedCertificate(
        org="production", app="Billing", credential="billing", last_seen=one.bench.time, gone_at=now
    )
    lives = (CertificateLife(seen=gone, now=now),)
    found = Scan(org="production", at=now, certificates=lives, credentials=(status_of(one),))
    with one.context.history.transaction() as history:
        Findings(one.context, history, found).tell()
    told = next(alert for alert in one.context.history.alerts.all() if alert.kind == VANISHED)
    assert told.is_open != is_revoked
    assert ("Consumers of billing are refused." in told.text) != is_revoked


def test_a_weak_certificate_that_somebody_put_on_its_app_is_to_be_ended_and_not_replaced() -> None:
    now = MOMENT
    seen = ObservedCertificate(
        org="production", app="Billing", fingerprint="a" * 64, credential="billing", key_bits=512
    )
    life = CertificateLife(seen=seen, now=now, expiry=Expiry(now + DAY, [DAY]), is_revoked=True)
    weak = weakness_of(life, 825 * DAY)
    assert weak
    assert weak.to_do == (
        "billing was revoked: nobody is to log in by it."
        " `rotator revoke billing --only certificate --reason TEXT` ends this key, too."
    )


def test_the_first_start_does_not_call_it_unknown(one: CycleBench) -> None:
    revoke(one.bench.journal, one.bench.time)
    start = Standstill(why=Why.FIRST_START, since=one.bench.time, until=one.bench.time + DAY)
    told = first_start(start, one.bench.time + DAY, [status_of(one)])
    assert "Nothing is known" not in told.meanwhile
