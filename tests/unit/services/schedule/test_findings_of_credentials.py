"""What an inventory tells of single credentials, and when that is over: by what was seen of them, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.core.credentials import Stage
from rotator.core.lifecycle.certificate_life import CertificateLife
from rotator.core.lifecycle.credential_life import OpenRotation
from rotator.core.observed import ObservedCertificate
from rotator.errors import StoredDamaged, StoreUnavailable
from rotator.services.alerting.kinds import UNREADABLE, VANISHED
from rotator.services.inventory.scan import Scan
from rotator.services.inventory.status import Problem, last_known_statuses
from rotator.services.schedule.findings import MOST_VANISHED, Findings
from tests.unit.revoked import revoke
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.core.alert import Alert
    from rotator.history.engine.database import Database
    from rotator.services.inventory.status import CredentialStatus

DAY: Final = timedelta(days=1)
OF_BILLING: Final = "unreadable:stored billing/"


@pytest.fixture
def one(database: Database) -> CycleBench:
    """A credential that was seen once, and has a year left."""
    made = cycle_bench(database)
    made.bench.use("Billing")
    made.cycle.take_inventory("production")
    made.bench.time += DAY
    return made


def status_of(one: CycleBench) -> CredentialStatus:
    [status] = last_known_statuses(one.context.settings, one.context.database, ["billing"], one.bench.time)
    return status


def tell(one: CycleBench, *credentials: CredentialStatus, **seen: Any) -> None:
    """Of an inventory that was taken now."""
    found = Scan(org="production", at=one.bench.time, credentials=credentials, **seen)
    with one.context.history.transaction() as history:
        Findings(one.context, history, found).tell()


def opened(one: CycleBench) -> dict[str, Alert]:
    return {alert.key: alert for alert in one.context.history.alerts.open_alerts()}


def damaged(fingerprint: str, credential: str = "billing") -> Problem:
    error = StoredDamaged("It is no version.", hint="Bring it back.")
    about = (Stage.PREVIOUS, fingerprint)
    return Problem(f"credential {credential}", error, credential=credential, version=about)


def test_which_version_a_store_does_not_give_is_told_until_it_does(one: CycleBench) -> None:
    status = status_of(one)
    tell(one, status, problems=(damaged("a" * 64), damaged("b" * 64)))
    assert {each.fingerprint for each in opened(one).values()} == {"a" * 64, "b" * 64}
    assert {each.title for each in opened(one).values()} == {
        "The previous version of billing cannot be read from the store keys"
    }
    tell(one, status, problems=(damaged("b" * 64), damaged("c" * 64, "of another")))
    assert [each.fingerprint for each in opened(one).values()] == ["b" * 64]
    assert all(each.startswith(OF_BILLING) for each in opened(one))
    tell(one, status)
    assert opened(one) == {}


def test_while_a_store_gives_nothing_it_is_not_known_to_give_what_it_did_not(one: CycleBench) -> None:
    status = status_of(one)
    tell(one, status, problems=(damaged("a" * 64),))
    away = StoreUnavailable("The store is away.", hint="Wait.")
    tell(one, status, problems=(Problem("store keys", away),))
    assert [alert.kind for alert in opened(one).values() if alert.key.startswith(OF_BILLING)] == [UNREADABLE]
    tell(one, status, problems=(Problem("credential billing", away, credential="billing"),))
    assert f"{OF_BILLING}{'a' * 64}" not in opened(one), "by now it is told that nothing of it can be read"


def test_a_credential_that_its_store_has_lost_is_told_until_it_is_there_or_was_revoked(one: CycleBench) -> None:
    status = status_of(one)
    assert status.life.seen
    nothing = replace(status.life.seen, current=None)
    lost = replace(status, life=replace(status.life, seen=nothing, stored_at=one.bench.time - DAY))
    assert lost.life.is_lost
    tell(one, lost)
    [told] = opened(one).values()
    assert (told.kind, told.store) == ("unstored", "keys")
    tell(one, replace(status, life=replace(status.life, is_known=False)))
    assert [*opened(one)] == [told.key], "not all could be read, so it is not known to be there"
    tell(one, status)
    assert opened(one) == {}
    tell(one, lost)
    revoke(one.bench.journal, one.bench.time)
    revoked = status_of(one).life.revoked
    tell(one, replace(lost, life=replace(lost.life, revoked=revoked)))
    assert "unstored" not in {alert.kind for alert in opened(one).values()}


def test_a_revoked_credential_that_was_to_come_back_is_told_to_be_half_way(one: CycleBench) -> None:
    one.bench.journal.record(
        "revoke_begins", now=one.bench.time, credential="billing", steps=["access"], reason="x", actor="alex@laptop"
    )
    status = status_of(one)
    tell(one, status)
    [told] = [alert for alert in opened(one).values() if alert.kind == "revoked"]
    assert told.title == "The revocation of billing in production was interrupted"
    tell(one, replace(status, life=replace(status.life, rotation=OpenRotation())))
    [told] = [alert for alert in opened(one).values() if alert.kind == "revoked"]
    assert told.title == "billing in production is revoked, and half way back"


def gone(one: CycleBench, app: str, credential: str | None = None, at: timedelta = timedelta()) -> CertificateLife:
    seen = ObservedCertificate(
        org="production",
        type="ConnectedApp",
        app=app,
        credential=credential,
        last_seen=one.bench.time - DAY,
        gone_at=one.bench.time + at,
    )
    return CertificateLife(seen=seen, now=one.bench.time)


def vanished(one: CycleBench) -> list[Alert]:
    return [alert for alert in one.context.history.alerts.all() if alert.kind == VANISHED]


def test_what_is_gone_since_an_earlier_inventory_is_not_told_again_and_keeps_nothing_from_being_told(
    one: CycleBench,
) -> None:
    tell(one, certificates=(gone(one, "Long_Gone", at=-DAY), gone(one, "Legacy"), gone(one, "Billing", "billing")))
    told = {alert.app: alert.credential for alert in vanished(one)}
    assert told == {"Legacy": None, "Billing": "billing"}


@pytest.mark.parametrize("more", [0, 1])
def test_of_very_many_that_are_gone_at_once_people_are_told_that_they_are_many(one: CycleBench, more: int) -> None:
    tell(one, certificates=tuple(gone(one, f"Legacy_{number}") for number in range(MOST_VANISHED + more)))
    assert len(vanished(one)) == (1 if more else MOST_VANISHED)


def test_a_failed_rotation_is_forgotten_once_nothing_is_due_any_more_and_not_before(one: CycleBench) -> None:
    failed = one.context.failed(one.rotation, StoreUnavailable("The store is away.", hint="Wait."))
    one.context.history.attempts.put(failed)
    one.bench.time += 364 * DAY
    tell(one, status_of(one))
    assert one.rotation.failures == 1, "it is due"
    one.bench.time -= 364 * DAY
    status = status_of(one)
    tell(one, replace(status, life=replace(status.life, refused_since=one.bench.time)))
    assert one.rotation.failures == 1, "nothing is due, and its consumers are refused"
    tell(one, status_of(one))
    assert one.rotation.failures == 0
