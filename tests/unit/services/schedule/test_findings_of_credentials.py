"""What an inventory tells of single credentials, and when that is over: by what was seen of them, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.core.credentials import Fingerprint, Stage
from rotator.core.decision.actions import HaltReason
from rotator.core.lifecycle.certificate_life import CertificateLife
from rotator.core.lifecycle.credential_life import OpenRotation
from rotator.core.lifecycle.revocation import EVERY_STEP, Revocation
from rotator.core.lifecycle.states import Halt
from rotator.core.observed import KnownVersion, ObservedCertificate
from rotator.errors import StoredDamaged, StoreUnavailable
from rotator.services.alerting.kinds import UNREADABLE, VANISHED
from rotator.services.inventory.scan import Scan
from rotator.services.inventory.status import Problem, last_known_statuses
from rotator.services.schedule.findings import MOST_VANISHED, Findings, stopped_rotations, tell_stopped
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


def changed(status: CredentialStatus, live: str | None, **details: Any) -> CredentialStatus:
    """Its app holds another certificate."""
    seen, fingerprint = status.life.seen, Fingerprint(live) if live else None
    assert seen
    app = replace(seen.apps["Billing"], live=fingerprint, **details)
    held = ObservedCertificate(org="production", app="Billing", fingerprint=live or "")
    return replace(status, life=replace(status.life, seen=replace(seen, apps={"Billing": app})), apps=(held,))


def test_what_was_found_is_told_by_whose_it_is(one: CycleBench) -> None:
    status = status_of(one)
    assert status.life.seen
    old = KnownVersion(Fingerprint("b" * 64), "Billing", "key", one.bench.time)
    kept = replace(status, life=replace(status.life, seen=replace(status.life.seen, previous=old)))
    tell(one, changed(kept, "b" * 64))
    alert = opened(one)["drift:billing"]
    assert alert.text == f"The app holds the certificate {'b' * 12}, that of the previous version."
    assert (alert.fingerprint, "`rotate back billing`" in alert.to_do) == ("b" * 64, True)
    tell(one, changed(kept, "c" * 64))
    assert opened(one)["drift:billing"].text == f"The app holds the certificate {'c' * 12}, which nobody here knows."
    tell(one, changed(kept, None))
    assert opened(one)["drift:billing"].text == "The app holds no certificate."
    tell(one, changed(kept, None, hidden=True, refuses_stored=True))
    assert "refuses the key of every stored version" in opened(one)["drift:billing"].text


def test_that_somebody_changed_an_app_is_written_down_once(one: CycleBench) -> None:
    found = changed(status_of(one), "c" * 64)
    tell(one, found)
    tell(one, found)
    [event] = [each for each in one.bench.events() if each.kind == "drift"]
    assert (event.credential, event.details["app"], event.details["fingerprint"]) == ("billing", "Billing", "c" * 64)


def test_a_change_by_hand_is_over_when_it_is_seen_to_be_and_not_before(one: CycleBench) -> None:
    status = status_of(one)
    found = changed(status, "c" * 64)
    tell(one, found)
    assert status.life.seen
    for still in (
        replace(status, life=replace(status.life, is_known=False)),
        replace(status, life=replace(status.life, seen=replace(status.life.seen, current=None))),
        replace(found, life=replace(found.life, refused_since=one.bench.time)),
    ):
        tell(one, still)
        assert "drift:billing" in opened(one)
    tell(one, status)
    assert "drift:billing" not in opened(one)


@pytest.mark.parametrize("is_secret", [False, True])
def test_what_somebody_put_on_a_revoked_app_is_told_until_it_is_ended(one: CycleBench, *, is_secret: bool) -> None:
    status = with_secret(status_of(one)) if is_secret else status_of(one)
    revoked = Revocation(
        since=one.bench.time, by="ines", reason="x", wanted=EVERY_STEP, done=EVERY_STEP, ended_by={"Billing": "e" * 64}
    )

    def holding(live: str) -> CredentialStatus:
        found = changed(status, live)
        return replace(found, life=replace(found.life, revoked=revoked))

    tell(one, holding("c" * 64))
    [told] = [alert for alert in opened(one).values() if alert.kind == "drift"]
    assert told.fingerprint == "c" * 64
    assert ("consumer key and secret" in f"{told.title} {told.text} {told.to_do}") == is_secret
    tell(one, holding("e" * 64))
    assert "drift" not in {alert.kind for alert in opened(one).values()}, "that is what ended its key"


def with_secret(status: CredentialStatus) -> CredentialStatus:
    """The same of a client secret."""
    return replace(status, settings=status.settings.model_copy(update={"kind": "client_secret"}))


@pytest.mark.parametrize("is_secret", [False, True])
def test_how_to_store_what_never_was_is_told_by_what_it_is(one: CycleBench, *, is_secret: bool) -> None:
    status = status_of(one)
    assert status.life.seen
    never = replace(status, life=replace(status.life, seen=replace(status.life.seen, current=None), stored_at=None))
    tell(one, with_secret(never) if is_secret else never)
    [told] = opened(one).values()
    assert told.kind == "unstored"
    assert ("--key FILE" in told.to_do) != is_secret


def stopped(one: CycleBench, status: CredentialStatus, **life: Any) -> Alert:
    """What is told of a rotation that stopped as its store held nothing."""
    one.bench.journal.record(
        "stopped",
        now=one.bench.time,
        credential="billing",
        error="Nothing is stored.",
        halt=HaltReason.NOTHING_STORED,
        hint="Look.",
        needs_person=True,
    )
    known = status_of(one)
    here = replace(known, settings=status.settings, life=replace(known.life, **life))
    with one.context.history.transaction() as history:
        tell_stopped(history, here, one.bench.time)
    return opened(one)["rotation:billing"]


@pytest.mark.parametrize("is_refused", [False, True])
@pytest.mark.parametrize("is_secret", [False, True])
def test_what_stopped_in_a_command_is_told_by_its_reason(one: CycleBench, *, is_secret: bool, is_refused: bool) -> None:
    status = with_secret(status_of(one)) if is_secret else status_of(one)
    halt = Halt(one.bench.time, "Nothing is stored.", "Look.")
    told = stopped(one, status, halt=halt, refused_since=one.bench.time if is_refused else None)
    assert (told.kind, told.text) == ("refused" if is_refused else "halted", "Nothing is stored.")
    takes = "takes the consumer key and secret that are in use." if is_secret else "makes the first version,"
    assert told.to_do.startswith(f"`rotator enroll billing` {takes}")


def test_what_stopped_and_is_not_in_the_configuration_is_nobodys(one: CycleBench) -> None:
    for name in ("billing", "of another"):
        one.bench.journal.record(
            "stopped", now=one.bench.time, credential=name, error="It is lost.", halt=HaltReason.LOST, needs_person=True
        )
    found = stopped_rotations(one.context.settings, one.context.database, one.bench.time)
    assert [each.credential for each in found] == ["billing"]
