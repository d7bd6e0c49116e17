"""The service leaves alone what a person has revoked, says that it was, and sees when somebody undoes it."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from rotator.core.crypto.certificates import throwaway
from rotator.core.lifecycle.revocation import EVERY_STEP, AccessGrant, GivenBy
from rotator.core.schedule import NextDue
from rotator.core.severity import Severity
from rotator.services.alerting.kinds import DRIFT, REVOKED, key
from tests.tiers import longer
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

pytestmark = longer

YEAR = timedelta(days=365)


@pytest.fixture
def one(database: Database) -> CycleBench:
    """A credential that has a year left."""
    found = cycle_bench(database)
    found.bench.use("Billing")
    found.work()
    return found


def begin(one: CycleBench) -> None:
    record(one, "revoke_begins", steps=[str(step) for step in EVERY_STEP], reason="laptop stolen", actor="alex@laptop")
    ending = throwaway(now=one.bench.time)
    one.bench.live["Billing"] = ending
    record(one, "disable", app="Billing", ended_by=ending.fingerprint)


def end(one: CycleBench) -> None:
    for step in EVERY_STEP:
        record(one, "revoke_step", step=str(step))


def record(one: CycleBench, kind: str, **details: object) -> None:
    one.bench.journal.record(kind, now=one.bench.now(), credential="billing", **details)  # type: ignore[arg-type]


def later(one: CycleBench, by: timedelta = timedelta(hours=2)) -> None:
    one.bench.time += by
    one.work()


def test_it_rotates_nothing_and_tells_of_no_expiry(one: CycleBench) -> None:
    begin(one)
    end(one)
    writes = one.bench.writes.total()
    for _ in range(3):
        later(one, YEAR / 2)
    assert one.bench.writes.total() == writes
    assert one.open_kinds() == {REVOKED}
    told = one.alert(key(REVOKED, "billing"))
    assert (told.severity, told.title) == (Severity.INFO, "billing in production was revoked")
    assert "alex@laptop" in told.text
    assert "laptop stolen" in told.text


def test_who_asks_for_its_rotation_all_the_same_begins_none_and_is_not_asked_again(one: CycleBench) -> None:
    begin(one)
    end(one)
    one.bench.time += YEAR
    writes = one.bench.writes.total()
    assert one.cycle.rotate("billing") is None
    assert one.bench.writes.total() == writes
    assert one.rotation.last_at == one.bench.time
    assert one.context.memory.next_dues.get("billing") == NextDue()


def test_a_revocation_that_was_interrupted_is_critical_until_it_has_ended(one: CycleBench) -> None:
    begin(one)
    later(one)
    assert one.alert(key(REVOKED, "billing")).severity is Severity.CRITICAL
    end(one)
    later(one)
    assert one.alert(key(REVOKED, "billing")).severity is Severity.INFO


def test_another_certificate_on_its_app_is_told(one: CycleBench) -> None:
    begin(one)
    end(one)
    one.bench.live["Billing"] = changed = one.bench.version("Billing").certificate
    later(one)
    assert one.open_kinds() == {REVOKED, DRIFT}
    told = one.alert(key(DRIFT, "billing"))
    assert (told.severity, "`rotator revoke billing" in told.to_do) == (Severity.CRITICAL, True)
    later(one)
    [event] = [each for each in one.bench.events() if each.kind == "drift"]
    assert event.details == {"app": "Billing", "fingerprint": changed.fingerprint}


def test_access_that_somebody_gave_back_is_told_until_it_is_taken_again(one: CycleBench) -> None:
    record(one, "revoke_begins", steps=["access"], reason="laptop stolen", actor="alex@laptop")
    record(one, "revoke_step", step="access")
    given: list[AccessGrant] = []
    one.outside.org_access = SimpleNamespace(grants=lambda _app, _username: tuple(given))
    later(one)
    assert one.open_kinds() == {REVOKED}
    given.append(AccessGrant("Billing", "0H4", GivenBy.PROFILE, "Integration User"))
    later(one)
    assert one.open_kinds() == {REVOKED, DRIFT}
    told = one.alert(key(DRIFT, "billing"))
    assert (told.severity, told.title) == (Severity.CRITICAL, "billing in production is revoked, and may log in again")
    assert "let in again, by the profile Integration User, for Billing" in told.text
    assert "`rotator revoke billing --only access --reason TEXT` ends that, too." in told.to_do
    later(one)
    given.clear()
    later(one)
    assert one.open_kinds() == {REVOKED}
    assert len([each for each in one.bench.events() if each.kind == "access_seen"]) == 2


def test_a_login_that_was_accepted_is_told(one: CycleBench) -> None:
    begin(one)
    end(one)
    record(one, "access_seen", outcome="accepted", answer="")
    later(one)
    assert one.open_kinds() == {REVOKED, DRIFT}
    assert "A login with what was revoked was accepted on" in one.alert(key(DRIFT, "billing")).text
    record(one, "access_seen", outcome="mismatch", answer="invalid_grant")
    later(one)
    assert one.open_kinds() == {REVOKED}


def test_the_app_of_a_pair_that_was_changed_is_the_one_that_is_told(database: Database) -> None:
    one = cycle_bench(database, "warehouse", apps="Warehouse_A, Warehouse_B")
    one.bench.use("Warehouse_A")
    one.work()
    steps = [str(step) for step in EVERY_STEP]
    now = one.bench.now()
    journal = one.bench.journal
    journal.record("revoke_begins", now=now, credential="warehouse", steps=steps, reason="x", actor="alex@laptop")
    for app in ("Warehouse_A", "Warehouse_B"):
        one.bench.live[app] = ending = throwaway(now=now)
        journal.record("disable", now=now, credential="warehouse", app=app, ended_by=ending.fingerprint)
    for step in steps:
        journal.record("revoke_step", now=now, credential="warehouse", step=step)
    one.bench.live["Warehouse_B"] = changed = one.bench.version("Warehouse_B").certificate
    later(one)
    assert "(Warehouse_B)" in one.alert(key(DRIFT, "warehouse")).text
    [event] = [each for each in one.bench.events() if each.kind == "drift"]
    assert event.details == {"app": "Warehouse_B", "fingerprint": changed.fingerprint}


def test_it_is_over_when_another_key_is_current(one: CycleBench) -> None:
    begin(one)
    end(one)
    later(one)
    version = one.bench.use("Billing")
    record(one, "promote", version=version.fingerprint)
    later(one)
    assert one.open_kinds() == set()
    later(one, YEAR)
    assert one.bench.current.fingerprint != version.fingerprint, "it is rotated as before"


def test_what_is_half_done_before_it_stays_so(one: CycleBench) -> None:
    one.bench.store.put_pending(one.bench.version("Billing"))
    begin(one)
    end(one)
    writes = one.bench.writes.total()
    one.restart()
    later(one)
    assert one.bench.writes.total() == writes
    assert one.open_kinds() == {REVOKED}
