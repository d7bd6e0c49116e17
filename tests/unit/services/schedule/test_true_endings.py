"""Why an alert has ended is true, also where something else than the usual has ended it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.alert import NewAlert
from rotator.core.credentials import Stages
from rotator.core.posture.assessment import Result
from rotator.core.posture.checks import APP_OPEN, KEY_AGE
from rotator.core.posture.judgements import Verdict
from rotator.core.severity import Severity
from rotator.services.alerting.kinds import (
    DRIFT,
    HELD,
    LEFT_BEHIND,
    POSTURE,
    UNMOVED,
    UNSTORED,
    key,
    rotation_trouble,
)
from rotator.services.alerting.rules import AlertRules
from tests.tiers import first_standard, longer
from tests.unit.revoked import revoke
from tests.unit.services.bench import NOW
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

pytestmark = longer

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
REVOKED: Final = "billing was revoked: nobody is to log in by it."
OLD: Final = Result(check=KEY_AGE, org="production", credential="billing", verdict=Verdict.FINDING, seen="It is old.")


@pytest.fixture
def one(database: Database) -> CycleBench:
    """A credential that was rotated in place just now."""
    made = cycle_bench(database)
    made.bench.use("Billing")
    made.work()
    made.bench.rotation_service().handle(NOW)
    return made


def opened(one: CycleBench, trouble: str) -> None:
    kind = trouble.partition(":")[0]
    new = NewAlert(key=trouble, kind=kind, severity=Severity.WARNING, title="x", text="x", credential="billing")
    one.context.history.alerting.problem(replace(new, org="production"), one.bench.time)


def look(one: CycleBench, after: timedelta = HOUR) -> None:
    one.bench.time += after
    one.cycle.take_inventory("production")
    one.work()


def why(one: CycleBench, trouble: str) -> str:
    return one.alert(trouble).closed_why


@pytest.mark.parametrize("kind", first_standard([LEFT_BEHIND, DRIFT, "rotation", UNMOVED, UNSTORED, HELD], 3))
def test_what_a_revocation_has_ended_is_said_to_have_ended_by_it(one: CycleBench, kind: str) -> None:
    trouble = rotation_trouble("billing") if kind == "rotation" else key(kind, "billing")
    opened(one, trouble)
    revoke(one.bench.journal, one.bench.time)
    look(one)
    assert why(one, trouble) == REVOKED


def test_a_finding_about_a_credential_that_was_revoked_ends_by_that(one: CycleBench) -> None:
    one.outside.results = (OLD,)
    look(one, DAY)
    revoke(one.bench.journal, one.bench.time)
    one.outside.results = ()
    look(one, DAY)
    assert why(one, key(POSTURE, OLD.key)) == REVOKED


def test_what_began_after_a_revocation_ends_as_ever(one: CycleBench) -> None:
    revoke(one.bench.journal, one.bench.time)
    one.bench.time += HOUR
    opened(one, key(DRIFT, "billing"))
    look(one)
    assert why(one, key(DRIFT, "billing")).startswith("What the app holds is known again")


@pytest.mark.parametrize("kind", [LEFT_BEHIND, UNMOVED])
def test_a_previous_version_that_was_retired_sooner_has_had_no_end_of_its_grace(one: CycleBench, kind: str) -> None:
    opened(one, key(kind, "billing"))
    one.bench.store.staged = replace(one.bench.store.staged, previous=None)
    look(one)
    assert why(one, key(kind, "billing")) == "No previous version is kept any more."


@pytest.mark.parametrize("kind", [LEFT_BEHIND, UNMOVED])
def test_a_grace_that_is_over_is_said_to_be(one: CycleBench, kind: str) -> None:
    opened(one, key(kind, "billing"))
    one.bench.time += 7 * DAY
    one.cycle.take_inventory("production")
    assert why(one, key(kind, "billing")) == "The grace of its previous version is over."


def test_a_first_version_that_is_half_made_is_not_said_to_be_in_its_store(one: CycleBench) -> None:
    opened(one, key(UNSTORED, "billing"))
    one.bench.store.staged = Stages(pending=one.bench.store.staged.current)
    look(one)
    assert one.alert(key(UNSTORED, "billing")).is_open


def test_an_app_that_somebody_changed_is_not_said_to_be_known_again_as_consumers_are_refused_besides(
    one: CycleBench,
) -> None:
    opened(one, key(DRIFT, "billing"))
    one.bench.live["Billing"] = one.bench.version("Billing").certificate
    now, version = one.bench.time, str(one.bench.version("Billing").fingerprint)
    for kind in ("upload_begins", "upload"):
        one.bench.journal.record(kind, now=now, credential="billing", app="Billing", version=version, opens_gap=True)
    look(one)
    assert one.alert(key(DRIFT, "billing")).is_open


def test_a_finding_that_the_audit_does_not_ask_for_any_more_is_not_said_to_be_mended(one: CycleBench) -> None:
    open_to_all = replace(OLD, check=APP_OPEN)
    one.outside.results = (OLD, open_to_all)
    look(one, DAY)
    one.outside.results = (replace(open_to_all, verdict=Verdict.OK),)
    look(one, DAY)
    assert why(one, key(POSTURE, OLD.key)) == "The audit does not ask for it any more."
    assert why(one, key(POSTURE, open_to_all.key)).startswith("It is as it should be")


def test_a_finding_that_matters_too_little_by_now_is_not_said_to_be_mended(database: Database) -> None:
    one = cycle_bench(database, more="audit: {alert_from: high}")
    one.bench.use("Billing")
    opened(one, key(POSTURE, OLD.key))
    one.outside.results = (OLD,)
    look(one, DAY)
    assert why(one, key(POSTURE, OLD.key)) == "What matters so little is no alert: it is medium (`audit: alert_from`)."


def test_a_pause_that_holds_nothing_up_any_more_is_not_said_to_let_a_rotation_begin(database: Database) -> None:
    one = cycle_bench(database)
    opened(one, key(HELD, "billing"))
    AlertRules(one.context.settings, database).solved(key(HELD, "billing"), "", one.bench.time)
    assert why(one, key(HELD, "billing")).startswith("No pause or freeze lets it expire any more")
