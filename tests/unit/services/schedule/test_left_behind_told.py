"""A consumer that was left behind is named in an alert within one look; our own test logins never are."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.actor import Actor
from rotator.core.severity import Severity
from rotator.core.usage.login_rows import LoginRow
from rotator.errors import OrgUnavailable
from rotator.history.journal.rotations import newest
from rotator.history.standstills import Standstills
from rotator.history.usage.recorded_logins import Login, RecordedLogins
from rotator.history.usage.usages import Usages
from rotator.salesforce.access.login_history import LoginsHidden
from rotator.services.alerting.kinds import LEFT_BEHIND, UNMOVED, WENT_BACK
from tests.unit.services.bench import NOW
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.usage.usage import Usage
    from rotator.history.engine.database import Database

pytestmark = pytest.mark.longer
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
USER: Final = "005000000000001"
REFUSED: Final = "Failed: Signature Invalid"


@pytest.fixture
def bench(database: Database) -> CycleBench:
    return rotated(database)


def rotated(database: Database) -> CycleBench:
    """A credential that was rotated in place just now."""
    made = cycle_bench(database)
    made.bench.use("Billing")
    made.work()
    made.bench.rotation_service().handle(NOW)
    return made


def logged_in(
    bench: CycleBench,
    at: datetime,
    status: str = REFUSED,
    *,
    app: str = "Billing",
    address: str = "192.0.2.7",
    user: str = USER,
) -> None:
    rows = bench.outside.logins.rows
    rows.append(LoginRow(f"0Ya{len(rows):012}", user, at, status, address, app, "batch/1"))


def look(bench: CycleBench, after: timedelta = HOUR) -> None:
    bench.bench.time += after
    bench.cycle.take_inventory("production")


def usage_of(bench: CycleBench) -> Usage:
    found = Usages(bench.context.database).get("billing")
    assert found
    return found


def noted(bench: CycleBench, at: datetime, *, is_accepted: bool | None = False) -> None:
    records = RecordedLogins(bench.context.database)
    number = records.begins(Login("production", "user@example.com", "key of Billing", "Billing"), at)
    if is_accepted is not None:
        records.ended(number, is_accepted=is_accepted)


def test_it_is_named_within_one_look_and_the_alert_ends_once_it_logs_in(bench: CycleBench) -> None:
    promoted = bench.bench.time
    for at in (20, 30, 40):
        logged_in(bench, promoted + at * MINUTE)
    logged_in(bench, promoted + 30 * MINUTE, "Success", address="192.0.2.8")
    look(bench)
    alert = bench.alert("left-behind:billing")
    assert (alert.kind, alert.severity, alert.is_open) == (LEFT_BEHIND, Severity.CRITICAL, True)
    assert alert.facts["User"] == "user@example.com"
    assert alert.facts["From 192.0.2.7 (batch/1)"].startswith("3 refused logins")
    assert not any("192.0.2.8" in name for name in alert.facts)
    logged_in(bench, bench.bench.time + MINUTE, "Success")
    look(bench)
    assert not bench.alert("left-behind:billing").is_open


def test_all_credentials_in_grace_cost_one_query_a_look_and_none_without_a_grace(bench: CycleBench) -> None:
    look(bench)
    look(bench)
    assert len(bench.outside.logins.asked) == 2
    assert bench.outside.logins.asked[0][0] == {USER, "005000000000099"}
    first, second = (since for _, since in bench.outside.logins.asked)
    assert second - first == timedelta(days=30) - HOUR
    bench.bench.time += timedelta(days=8)
    bench.work()
    asked = len(bench.outside.logins.asked)
    look(bench)
    assert len(bench.outside.logins.asked) == asked


def test_our_own_refused_logins_never_count(bench: CycleBench) -> None:
    """Such as those of `rotator verify`, or the probes of a next rotation that had to be taken back, in the grace."""
    promoted = bench.bench.time
    for at in range(20, 30):
        logged_in(bench, promoted + at * MINUTE, address="198.51.100.1")
        noted(bench, promoted + at * MINUTE)
    look(bench)
    assert LEFT_BEHIND not in bench.open_kinds()
    logged_in(bench, promoted + 25 * MINUTE, address="192.0.2.7")
    logged_in(bench, promoted + 25 * MINUTE, "Success", address="198.51.100.1", user="005000000000099")
    look(bench)
    assert [name for name in bench.alert("left-behind:billing").facts if name.startswith("From")] == [
        "From 192.0.2.7 (batch/1)"
    ]


def test_a_login_that_killed_its_process_does_not_count(bench: CycleBench) -> None:
    logged_in(bench, bench.bench.time + 20 * MINUTE)
    noted(bench, bench.bench.time + 20 * MINUTE, is_accepted=None)
    look(bench)
    assert LEFT_BEHIND not in bench.open_kinds()


def test_what_was_refused_in_our_gap_is_no_consumer_left_behind(bench: CycleBench) -> None:
    for seconds in (-90, -30, -1, 30):
        logged_in(bench, bench.bench.time + timedelta(seconds=seconds))
    look(bench)
    assert LEFT_BEHIND not in bench.open_kinds()


def test_another_app_of_the_same_user_and_another_user_are_nobody(bench: CycleBench) -> None:
    logged_in(bench, bench.bench.time + 20 * MINUTE, app="Warehouse")
    logged_in(bench, bench.bench.time + 20 * MINUTE, user="005000000000002")
    look(bench)
    assert LEFT_BEHIND not in bench.open_kinds()
    assert usage_of(bench).sources == ()


def test_the_label_of_the_app_is_learnt_from_our_own_logins(bench: CycleBench) -> None:
    for seconds in (-30, -20, -10):
        logged_in(bench, bench.bench.time + timedelta(seconds=seconds), "Success", app="Invoices (EMEA)")
        noted(bench, bench.bench.time + timedelta(seconds=seconds), is_accepted=True)
    logged_in(bench, bench.bench.time + 20 * MINUTE, app="Invoices (EMEA)")
    look(bench)
    assert LEFT_BEHIND in bench.open_kinds()
    assert usage_of(bench).applications == ("Invoices (EMEA)",)


def test_what_is_hidden_is_said_and_the_inventory_goes_on(bench: CycleBench) -> None:
    bench.outside.logins.fails = LoginsHidden("The org does not show who logs in.", hint="Give it the permission.")
    look(bench)
    assert (usage_of(bench).problem, usage_of(bench).hint) == (
        "The org does not show who logs in.",
        "Give it the permission.",
    )
    assert bench.inventory.failures == 0
    bench.outside.logins.fails = None
    look(bench)
    assert usage_of(bench).problem == ""


def test_an_org_that_shows_not_even_our_own_logins_hides_them(bench: CycleBench) -> None:
    noted(bench, bench.bench.time, is_accepted=True)
    look(bench)
    assert "not even rotator's own test logins" in usage_of(bench).problem
    assert "Monitor Login History" in usage_of(bench).hint


def test_an_alert_does_not_end_while_nothing_is_seen(bench: CycleBench) -> None:
    logged_in(bench, bench.bench.time + 20 * MINUTE)
    look(bench)
    bench.outside.logins.fails = OrgUnavailable("The org is away.")
    look(bench)
    assert bench.alert("left-behind:billing").is_open
    assert usage_of(bench).sources[0].refused == 1


def test_who_has_not_moved_is_told_before_the_grace_ends_and_both_alerts_end_with_it(bench: CycleBench) -> None:
    logged_in(bench, bench.bench.time - HOUR, "Success")
    look(bench)
    assert bench.open_kinds() & {LEFT_BEHIND, UNMOVED} == set()
    look(bench, timedelta(days=5, hours=1))
    assert "From 192.0.2.7 (batch/1)" in bench.alert("unmoved:billing").facts
    logged_in(bench, bench.bench.time)
    look(bench)
    assert bench.open_kinds() >= {LEFT_BEHIND, UNMOVED}
    bench.bench.time += timedelta(days=3)
    bench.work()
    look(bench)
    assert bench.open_kinds() & {LEFT_BEHIND, UNMOVED} == set()


def test_of_more_logins_than_one_look_reads_the_newest_count_and_it_is_said(bench: CycleBench) -> None:
    logged_in(bench, bench.bench.time - HOUR, "Success", address="192.0.2.9")
    look(bench)
    bench.outside.logins.most = 3
    for at in range(5):
        logged_in(bench, bench.bench.time + at * MINUTE, "Success")
    look(bench)
    usage = usage_of(bench)
    assert usage.is_cut
    assert {each.address for each in usage.sources} == {"192.0.2.7", "192.0.2.9"}


def crowded(bench: CycleBench) -> None:
    """Others log in so often that no login of the credential's user is among those that are read."""
    bench.outside.logins.most = 3
    for at in range(5):
        logged_in(bench, bench.bench.time + at * MINUTE, "Success", user=bench.outside.logins.own_user_id)


def test_too_many_logins_of_others_are_no_missing_permission_and_what_was_known_stays(bench: CycleBench) -> None:
    noted(bench, bench.bench.time, is_accepted=True)
    logged_in(bench, bench.bench.time, "Success", address="198.51.100.1")
    logged_in(bench, bench.bench.time + 20 * MINUTE)
    look(bench)
    before = usage_of(bench)
    assert before.problem == ""
    crowded(bench)
    look(bench)
    found = usage_of(bench)
    assert "too many logins" in found.problem
    assert "Monitor Login History" not in found.problem + found.hint
    assert (found.sources, found.looked_at) == (before.sources, before.looked_at)
    assert bench.alert("left-behind:billing").is_open


def test_an_org_of_many_logins_that_hides_those_of_others_is_still_told_so(bench: CycleBench) -> None:
    """The own login is newer than the oldest one that was read: it would be there."""
    crowded(bench)
    noted(bench, bench.bench.time + 10 * MINUTE, is_accepted=True)
    look(bench)
    assert "not even rotator's own test logins" in usage_of(bench).problem


def test_many_logins_before_the_promotion_hide_none_since(bench: CycleBench) -> None:
    bench.outside.logins.most = 3
    for at in range(5):
        logged_in(bench, bench.bench.time - at * MINUTE - HOUR, "Success", user=bench.outside.logins.own_user_id)
    look(bench)
    assert usage_of(bench).problem == ""


def test_a_wording_of_the_configuration_counts(database: Database) -> None:
    made = rotated(database)
    logged_in(made, made.bench.time + 20 * MINUTE, "Assertion refused")
    look(made)
    assert LEFT_BEHIND not in made.open_kinds()
    settings = made.context.settings
    org = settings.orgs["production"].model_copy(update={"signature_refusals": ("assertion refused",)})
    made.context = replace(made.context, settings=settings.model_copy(update={"orgs": {"production": org}}))
    made.restart()
    look(made)
    assert LEFT_BEHIND in made.open_kinds()


def going_back(database: Database, **more: str) -> CycleBench:
    """One whose previous version is brought back by itself, with a consumer that was left behind."""
    made = cycle_bench(database, options=", on_left_behind: back" + "".join(f", {k}: {v}" for k, v in more.items()))
    made.bench.use("Billing")
    made.work()
    made.bench.rotation_service().handle(NOW)
    logged_in(made, made.bench.time - HOUR, "Success")
    for at in (20, 30):
        logged_in(made, made.bench.time + at * MINUTE)
    return made


@pytest.mark.parametrize("mode", ["automatic", "manual"])
def test_the_previous_version_is_brought_back_by_itself_and_loudly(database: Database, mode: str) -> None:
    made = going_back(database, mode=mode)
    before = made.bench.store.staged.previous
    look(made)
    assert "made current again by itself" in made.alert("left-behind:billing").meanwhile
    made.work()
    assert (made.bench.store.staged.current, made.bench.is_live(made.bench.current)) == (before, True)
    last = newest(database)["billing"]
    assert (last.goal, last.trigger, last.outcome) == ("back", "left-behind", "rotated")
    assert last.reason == "consumers were left behind: 192.0.2.7 (batch/1)"
    told = next(alert for alert in made.context.history.alerts.all() if alert.kind == WENT_BACK)
    assert (told.severity, "but a person" in told.meanwhile) == (Severity.CRITICAL, mode == "manual")
    logged_in(made, made.bench.time + MINUTE, "Success")
    look(made)
    assert LEFT_BEHIND not in made.open_kinds()


def test_it_is_done_once_a_rotation(database: Database) -> None:
    made = going_back(database)
    look(made)
    made.work()
    current, time = made.bench.store.staged.current, made.bench.time
    for at in (20, 30, 40):
        logged_in(made, time + at * MINUTE)
    look(made)
    made.work()
    assert LEFT_BEHIND in made.open_kinds()
    assert "nothing is changed by itself" in made.alert("left-behind:billing").meanwhile
    assert made.bench.store.staged.current == current


def test_one_refusal_that_nobody_understands_brings_nothing_back(database: Database) -> None:
    made = going_back(database)
    made.outside.logins.rows.pop()
    look(made)
    made.work()
    assert newest(database)["billing"].goal == "replace"
    assert LEFT_BEHIND in made.open_kinds()


def test_refusals_of_one_that_never_logged_in_are_told_and_bring_nothing_back(database: Database) -> None:
    """Such as of the holder of a stolen key who wants it back, or of anybody who knows client id and username."""
    made = going_back(database)
    made.outside.logins.rows[:] = [replace(row, address="203.0.113.9") for row in made.outside.logins.rows[1:]]
    logged_in(made, made.bench.time - HOUR, "Success")
    look(made)
    made.work()
    assert newest(database)["billing"].goal == "replace"
    alert = made.alert("left-behind:billing")
    assert alert.is_open
    assert "From 203.0.113.9 (batch/1)" in alert.facts
    assert "nothing is changed by itself" in alert.meanwhile


def test_a_row_that_names_no_app_brings_nothing_back(database: Database) -> None:
    made = going_back(database)
    made.outside.logins.rows[:] = [replace(row, application="") for row in made.outside.logins.rows]
    look(made)
    made.work()
    assert newest(database)["billing"].goal == "replace"
    assert LEFT_BEHIND in made.open_kinds()


def test_a_pause_holds_it_up(database: Database) -> None:
    made = going_back(database)
    pauses = Standstills(database)
    pauses.pause("credential billing", until=None, reason="audit", actor=Actor("alex"), now=made.bench.time)
    look(made)
    made.work()
    assert newest(database)["billing"].goal == "replace"
    meanwhile = made.alert("left-behind:billing").meanwhile
    assert "is made current again by itself" not in meanwhile
    assert "but that is held up (paused by alex until somebody resumes it: audit)." in meanwhile
    pauses.resume("credential billing", reason="", actor=Actor("alex"), now=made.bench.time)
    look(made)
    assert "is made current again by itself" in made.alert("left-behind:billing").meanwhile
    made.work()
    assert newest(database)["billing"].goal == "back"


def test_a_freeze_holds_it_up_and_is_said_to(database: Database) -> None:
    made = going_back(database, freezes="[{from: 2000-01-01, until: 2100-01-01, reason: closing of the books}]")
    look(made)
    made.work()
    assert newest(database)["billing"].goal == "replace"
    assert "but that is held up (frozen from" in made.alert("left-behind:billing").meanwhile


def test_after_the_grace_nothing_is_brought_back(database: Database) -> None:
    made = going_back(database, grace="30m")
    look(made)
    made.work()
    assert newest(database)["billing"].goal == "replace"
    assert made.bench.store.staged.previous is None


def test_tell_alone_changes_nothing(bench: CycleBench) -> None:
    for at in (20, 30):
        logged_in(bench, bench.bench.time + at * MINUTE)
    current = bench.bench.store.staged.current
    look(bench)
    bench.work()
    assert bench.bench.store.staged.current == current


def test_many_looks_at_what_is_well_write_nothing_but_what_was_seen(bench: CycleBench) -> None:
    look(bench)
    before = bench.context.history.alerts.all()
    for _ in range(3):
        look(bench)
    assert bench.context.history.alerts.all() == before


def test_an_id_of_a_user_that_was_damaged_costs_no_look(bench: CycleBench) -> None:
    look(bench)
    Usages(bench.context.database).put(replace(usage_of(bench), user_id="' OR Id != '"))
    bench.outside.logins.own_user_id = ""
    logged_in(bench, bench.bench.time + 20 * MINUTE)
    look(bench)
    assert bench.inventory.failures == 0
    assert LEFT_BEHIND in bench.open_kinds()
