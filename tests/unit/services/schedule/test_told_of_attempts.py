"""What people are told of an attempt at a rotation that failed, stopped or could not wait."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.core.decision.actions import HaltReason
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.errors import OrgError, OrgUnavailable, RotationHalted, RotatorError, StoreUnavailable
from rotator.services.alerting.kinds import STORE, rotation_trouble
from rotator.services.rotation.report import Outcome
from rotator.services.schedule.jobs import JobKind
from rotator.testing.versions import make_version
from tests.unit.services.cycle_bench import CycleBench, cycle_bench
from tests.unit.services.rotation_attempts import DAY, HOUR, attempted, ends, made_due, note, report

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

MISMATCH = LoginAnswer(LoginOutcome.MISMATCH, "no match")
TROUBLE = rotation_trouble("billing")
NEVER_SOON = ", windows: [{cron: '0 0 29 2 *', lasts: 1h}]"


@pytest.fixture
def one(database: Database) -> CycleBench:
    """One app, whose certificate is due."""
    return made_due(cycle_bench(database))


def test_a_run_that_halts_is_told_with_what_to_do_and_by_its_reason(one: CycleBench) -> None:
    ends(one, report(Outcome.HALTED, hint="Look at the app.", halt=HaltReason.LOGIN_NOT_SET_UP))
    attempted(one)
    assert one.rotation.hint == "Look at the app."
    assert one.alert(TROUBLE).to_do == "Look at the app."


@pytest.mark.parametrize("begins", [False, True])
def test_the_reason_of_a_halt_counts_for_what_a_person_is_told_to_do(database: Database, *, begins: bool) -> None:
    """An app that holds what nobody knows is met before a run begins, or by it."""
    found = cycle_bench(database, "billing", apps="Billing, Standby")
    made_due(found)
    if begins:
        ends(found, report(Outcome.HALTED, hint="Look.", halt=HaltReason.STANDBY_UNKNOWN))
    else:
        found.bench.live["Standby"] = make_version().certificate
    attempted(found)
    assert found.alert(TROUBLE).to_do.startswith("Find out whether a consumer logs in through that app.")


@pytest.mark.parametrize("reason", [HaltReason.DRIFT, HaltReason.LOST])
def test_what_an_inventory_tells_by_itself_is_not_told_as_a_halt(one: CycleBench, reason: HaltReason) -> None:
    ends(one, report(Outcome.HALTED, hint="Look.", halt=reason))
    attempted(one)
    assert one.open_kinds() == set()
    assert one.rotation.failures == 1


def test_a_halt_before_its_run_begins_is_told_as_one(one: CycleBench) -> None:
    ends(one, RotationHalted("It has no version.", hint="Enroll it."))
    attempted(one)
    assert one.open_kinds() == {"halted"}


@pytest.mark.parametrize(
    ("failures", "error", "is_told"),
    [
        ((0, 0), OrgUnavailable("away"), True),
        ((1, 0), OrgUnavailable("away"), False),
        ((0, 1), OrgUnavailable("away"), True),
        ((0, 0), StoreUnavailable("away"), True),
        ((1, 0), StoreUnavailable("away"), True),
        ((0, 1), StoreUnavailable("away"), False),
        ((0, 1), OrgError("refused"), True),
    ],
)
def test_an_org_or_a_store_that_is_away_is_told_by_itself_and_not_for_each_credential(
    one: CycleBench, failures: tuple[int, int], error: RotatorError, *, is_told: bool
) -> None:
    note(one, JobKind.INVENTORY, "production", failures[0])
    note(one, STORE, "keys", failures[1])
    ends(one, error)
    attempted(one)
    one.bench.time += HOUR
    attempted(one)
    assert (TROUBLE in {alert.key for alert in one.context.history.alerts.open_alerts()}) == is_told


@pytest.mark.parametrize(("days", "verb"), [(364, "expires"), (366, "expired")])
def test_who_is_told_of_a_rotation_outside_the_windows_learns_what_the_certificate_does(
    database: Database, days: int, verb: str
) -> None:
    found = cycle_bench(database, options=NEVER_SOON)
    found.bench.use("Billing")
    not_after = found.bench.current.certificate.not_after
    found.bench.time += days * DAY
    ends(found, report(Outcome.NOTHING))
    attempted(found)
    [alert] = [each for each in found.context.history.alerts.all() if each.kind == "window"]
    assert alert.text == (
        f"Its certificate {verb} on {not_after:%Y-%m-%d %H:%M} UTC, and no window opens early enough before that."
    )


def test_a_failure_that_may_mend_itself_is_told_at_once_when_it_has_lasted(one: CycleBench) -> None:
    ends(one, OrgUnavailable("away"))
    sent = []
    for failures in (0, 9):
        note(one, JobKind.ROTATE, "billing", failures)
        attempted(one)
        sent.append(len(one.context.history.outbox.notifications(one.alert(TROUBLE).id)))
    assert sent == [0, 1]


def test_who_is_told_of_a_failure_learns_when_the_window_lets_it_go_on(database: Database) -> None:
    found = made_due(cycle_bench(database, options=", windows: [{days: [mon], since: '22:00', until: '23:00'}]"))
    while found.bench.time.weekday() != 0:
        found.bench.time += DAY
    found.bench.time = found.bench.time.replace(hour=22, minute=58)
    found.cycle.take_inventory("production")
    ends(found, OrgError("The org refuses.", hint="Look."))
    attempted(found)
    assert found.alert(TROUBLE).again_at == (found.bench.time + 7 * DAY).replace(minute=0)


def has_secret(found: CycleBench) -> None:
    """It is a client secret that is rotated."""
    credentials = found.context.settings.credentials
    secret = credentials["billing"].model_copy(update={"kind": "client_secret"})
    settings = found.context.settings.model_copy(update={"credentials": {**credentials, "billing": secret}})
    found.context = replace(found.context, settings=settings)


@pytest.mark.parametrize("is_secret", [False, True])
def test_who_has_stored_nothing_is_told_how_to_by_what_is_rotated(one: CycleBench, *, is_secret: bool) -> None:
    if is_secret:
        has_secret(one)
    ends(one, report(Outcome.HALTED, hint="Look.", halt=HaltReason.NOTHING_STORED))
    attempted(one)
    takes = "takes the consumer key and secret that are in use." if is_secret else "makes the first version,"
    assert one.alert(TROUBLE).to_do.startswith(f"`rotator enroll billing` {takes}")


@pytest.mark.parametrize(
    ("error", "is_secret", "to_do"),
    [
        (OrgUnavailable("The org is away."), False, "Nothing, unless it lasts: it goes on by itself."),
        (OrgError("The org refuses.", hint="Look."), True, "Look."),
        (
            OrgError("The org refuses.", hint="Look."),
            False,
            "Look. If consumers cannot wait for that, `rotate restore billing` puts the certificate of `current` back.",
        ),
    ],
)
def test_that_consumers_are_refused_meanwhile_comes_first(
    one: CycleBench, error: RotatorError, to_do: str, *, is_secret: bool
) -> None:
    journal = one.context.history.journal
    journal.record("upload_begins", now=one.bench.time, credential="billing", opens_gap=True)
    journal.record("upload", now=one.bench.time, credential="billing", app="Billing", version="another")
    if is_secret:
        has_secret(one)
    ends(one, error)
    attempted(one)
    alert = one.alert(TROUBLE)
    assert (alert.kind, alert.text, alert.to_do) == ("refused", error.message, to_do)
    assert alert.refused_since
