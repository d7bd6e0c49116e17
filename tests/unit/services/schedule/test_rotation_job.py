"""Rotations by schedule: when they begin, what holds them up, and what becomes of those that fail."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.actor import Actor
from rotator.core.credentials import Fingerprint, Stages
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.errors import LoginRefused, OrgError, OrgUnavailable
from rotator.history.journal.queries import rotations
from rotator.services.rotation.report import Outcome
from rotator.services.rotation.requests import Request
from rotator.testing.versions import MOMENT, make_version
from tests.tiers import longer
from tests.unit.services.bench import Died
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

pytestmark = longer

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DUE = 336 * DAY
"""After which a year's certificate has less than 30 days left."""
AWAY = OrgUnavailable("The org is away.", rerun="Run it again.")
MISMATCH = LoginAnswer(LoginOutcome.MISMATCH, "no match")

SATURDAYS = ", windows: [{days: [sat], since: '22:00', until: '23:00'}]"
NEVER_SOON = ", windows: [{cron: '0 0 29 2 *', lasts: 1h}]"


def used(found: CycleBench) -> CycleBench:
    """Its first app is in use, with a year left."""
    found.bench.use(found.context.settings.credentials[found.bench.credential].app_names[0])
    return found


@pytest.fixture
def one(database: Database) -> CycleBench:
    """One app."""
    return used(cycle_bench(database))


@pytest.fixture
def pair(database: Database) -> CycleBench:
    """Two apps that take turns."""
    return used(cycle_bench(database, "warehouse", apps="Warehouse_A, Warehouse_B"))


def previous(found: CycleBench) -> str | None:
    """The version before, while it is kept."""
    return found.bench.store.staged.previous


def refuse_new_keys(found: CycleBench) -> None:
    """Only what is current by now ever logs in."""
    known = found.bench.store.staged.current
    found.bench.refuses = lambda version: None if version.fingerprint == known else MISMATCH


def test_nothing_is_rotated_before_it_is_due(one: CycleBench) -> None:
    for _ in range(5):
        one.work()
        one.bench.time += 60 * DAY
    assert rotations(one.context.database) == []


def test_why_an_app_is_not_shown_is_told_as_far_as_the_org_tells_it(
    one: CycleBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.work()
    monkeypatch.setattr(type(one.bench), "read_all", lambda _bench, names: [None for _ in names])
    one.bench.time += DUE
    one.work()
    [alert] = [each for each in one.context.history.alerts.open_alerts() if each.kind == "halted"]
    assert "The org production has no app Billing." in alert.text


def test_what_is_due_is_rotated_once_by_schedule_and_told(one: CycleBench) -> None:
    one.work()
    old = one.bench.current
    one.bench.time += DUE
    one.work()
    one.work()
    [rotation] = rotations(one.context.database)
    assert (rotation.trigger, rotation.actor, rotation.outcome) == ("schedule", "rotator on a test", "rotated")
    assert rotation.reason == f"its certificate expires on {old.certificate.not_after:%Y-%m-%d}"
    assert one.bench.current != old
    assert [message.title for message in one.outside.told] == ["billing was rotated in production"]
    assert one.rotation.failures == 0


def test_the_previous_version_is_retired_when_its_grace_has_ended(pair: CycleBench) -> None:
    pair.work()
    pair.bench.time += DUE
    pair.work()
    assert previous(pair)
    pair.bench.time += 6 * DAY
    pair.work()
    assert previous(pair)
    pair.bench.time += DAY + HOUR
    pair.work()
    assert previous(pair) is None
    held = pair.bench.live["Warehouse_A"]
    assert held
    assert held.is_throwaway
    assert len(rotations(pair.context.database)) == 1


def test_a_rotation_waits_for_its_window_and_so_does_a_retirement(database: Database) -> None:
    found = used(cycle_bench(database, options=SATURDAYS))
    found.work()
    # A Saturday, a day after it is due.
    found.bench.time = MOMENT + DUE
    while found.bench.time.weekday() != 5:
        found.work()
        found.bench.time += DAY
    found.bench.time = found.bench.time.replace(hour=21)
    found.work()
    assert rotations(database) == []
    found.bench.time = found.bench.time.replace(hour=22)
    found.work()
    assert [each.outcome for each in rotations(database)] == ["rotated"]
    found.bench.time += 8 * DAY
    found.work()
    assert previous(found), "its grace is over, and no window is open"
    found.bench.time += 6 * DAY
    found.work()
    assert previous(found) is None


def test_a_window_that_would_come_too_late_is_overridden_and_that_is_told(database: Database) -> None:
    found = used(cycle_bench(database, options=NEVER_SOON))
    found.work()
    found.bench.time += DUE
    found.work()
    assert [each.outcome for each in rotations(database)] == ["rotated"]
    titles = [message.title for message in found.outside.told]
    assert "billing in production is rotated outside its maintenance windows" in titles
    assert "window" not in found.open_kinds(), "it ends with the rotation"


@pytest.mark.parametrize("options", ["", NEVER_SOON])
def test_what_an_earlier_process_left_half_done_goes_on_at_once_whatever_the_window(
    database: Database, options: str
) -> None:
    found = used(cycle_bench(database, options=options))
    found.bench.die_before("promote", lambda service: service.handle(Request("replace", Actor("somebody"))))
    assert found.due() >= {"rotate billing"}
    found.work()
    [rotation] = rotations(database)
    assert (rotation.outcome, rotation.actor) == ("rotated", "somebody")


def test_a_run_that_kills_its_process_again_and_again_is_not_tried_without_a_pause(one: CycleBench) -> None:
    def die(_kind: str) -> None:
        raise Died

    one.bench.die_before("upload")
    one.bench.before = die
    for _ in range(3):
        one.restart()
        assert "rotate billing" in one.due()
        with pytest.raises(Died):
            one.cycle.rotate("billing")
    one.restart()
    assert "rotate billing" not in one.due()
    assert one.rotation.next_at
    one.bench.time = one.rotation.next_at
    assert "rotate billing" in one.due()


def test_a_key_that_never_logs_in_is_taken_back_and_one_app_is_left_to_a_person(one: CycleBench) -> None:
    one.work()
    one.bench.time += DUE
    refuse_new_keys(one)
    one.work()
    assert [each.outcome for each in rotations(one.context.database)] == ["reverted"]
    assert one.rotation.needs_attention, "each attempt refuses consumers for minutes"
    assert one.open_kinds() == {"reverted"}
    for _ in range(4):
        one.bench.time += 2 * DAY
        one.work()
    assert len(rotations(one.context.database)) == 1
    titles = Counter(message.title for message in one.outside.told)
    assert titles["The new key of billing in production never logged in; the old certificate is back"] == 1


def test_with_two_apps_nobody_is_refused_and_it_is_tried_again_now_and_then(pair: CycleBench) -> None:
    pair.work()
    pair.bench.time += DUE
    refuse_new_keys(pair)
    pair.work()
    assert not pair.rotation.needs_attention
    assert pair.rotation.next_at
    assert pair.rotation.next_at - pair.bench.time > 5 * HOUR
    for _ in range(7):
        pair.bench.time += DAY
        pair.work()
    assert len(rotations(pair.context.database)) == 5, "then a person is needed"
    assert pair.rotation.needs_attention


def test_it_is_tried_again_when_the_circumstances_have_changed(pair: CycleBench) -> None:
    pair.work()
    pair.bench.time += DUE
    refuse_new_keys(pair)
    for _ in range(6):
        pair.work()
        pair.bench.time += DAY
    tried = len(rotations(pair.context.database))
    assert tried == 5
    pair.bench.refuses = lambda _: None
    pair.bench.live["Warehouse_B"] = None
    pair.bench.time += HOUR * 7
    pair.work()
    assert len(rotations(pair.context.database)) == tried + 1
    assert pair.rotation.failures == 0
    assert pair.open_kinds() == set()


def test_an_inventory_while_a_key_is_being_proven_settles_nothing(one: CycleBench) -> None:
    one.bench.time += DUE
    refuse_new_keys(one)
    one.cycle.take_inventory("production")
    one.bench.time += 17 * DAY
    one.cycle.take_inventory("production")
    known = one.alert(f"expiry:production/ConnectedApp/Billing/{one.bench.current.fingerprint}")
    one.context.history.alerts.acknowledge(known.id, actor=Actor("ada"), reason="I see to it", now=one.bench.time)

    def take_inventory(_app: str) -> None:
        one.cycle.take_inventory("production")
        one.bench.time += timedelta(minutes=6)
        one.cycle.evaluate()

    one.bench.on_write = take_inventory
    one.cycle.rotate("billing")
    one.cycle.take_inventory("production")
    assert [each.outcome for each in rotations(one.context.database)] == ["reverted"]
    after = one.context.history.alerts.get(known.id)
    assert (after.is_open, after.is_acknowledged, after.kind) == (True, True, "reverted"), "one trouble, one alert"
    assert "drift" not in one.open_kinds()


def test_what_a_person_put_right_by_hand_is_over(one: CycleBench) -> None:
    one.work()
    one.bench.time += DUE
    refuse_new_keys(one)
    one.work()
    assert one.open_kinds() == {"reverted"}
    one.bench.refuses = lambda _: None
    assert one.bench.handle().outcome is Outcome.ROTATED
    one.bench.time += 2 * HOUR
    one.work()
    assert one.open_kinds() == set()
    assert (one.rotation.failures, one.rotation.needs_attention) == (0, False)


def test_what_needs_a_person_is_told_before_anything_is_begun(pair: CycleBench) -> None:
    pair.work()
    pair.bench.live["Warehouse_B"] = make_version().certificate
    pair.bench.time += DUE
    pair.work()
    assert rotations(pair.context.database) == []
    assert pair.rotation.lasting == 1
    assert "halted" in pair.open_kinds()
    pair.bench.live["Warehouse_B"] = None
    pair.bench.time += HOUR
    pair.work()
    assert len(rotations(pair.context.database)) == 1
    assert pair.open_kinds() == set()


def test_an_org_that_is_away_fails_the_attempt_and_begins_nothing(one: CycleBench) -> None:
    one.work()
    one.bench.time += DUE
    one.outside.org_fails = AWAY
    one.work()
    assert rotations(one.context.database) == []
    assert (one.rotation.failures, one.rotation.lasting) == (1, 0)
    assert "rotation" not in one.open_kinds(), "that the org is away is told by itself"
    one.outside.org_fails = None
    one.bench.time += HOUR
    one.work()
    assert len(rotations(one.context.database)) == 1


def test_a_rotation_that_fails_is_told_with_when_it_is_tried_again(one: CycleBench) -> None:
    one.work()
    one.bench.time += DUE
    refusal = OrgError("The org refuses the upload.", hint="Look at the permissions.")

    def refuse(_app: str) -> None:
        raise refusal

    one.bench.on_write = refuse
    one.work()
    alert = one.alert("rotation:billing")
    assert alert.title == "The rotation of billing in production failed"
    assert alert.again_at == one.rotation.next_at
    one.bench.on_write = lambda _: None
    one.bench.time += HOUR
    one.work()
    assert one.open_kinds() == set()
    assert len(rotations(one.context.database)) == 1, "it went on"


def test_a_login_that_is_refused_needs_attention_after_five_times(one: CycleBench) -> None:
    one.outside.org_fails = LoginRefused("Refused.", hint="Look.")
    for _ in range(5):
        one.cycle.rotate("billing")
        one.bench.time += DAY
    assert one.rotation.needs_attention
    assert "attention" in one.open_kinds()
    one.outside.org_fails = None
    one.cycle.rotate("billing")
    assert one.open_kinds() == set()


def test_a_credential_that_somebody_else_rotates_has_not_failed(one: CycleBench) -> None:
    one.work()
    one.bench.time += DUE
    with one.context.database.rotation_locks(one.bench.now).hold("billing"):
        assert one.cycle.rotate("billing") is None
        assert one.rotation.failures == 0
        one.cycle.take_inventory("production")
        assert "rotate billing" not in one.due()
    one.bench.time += timedelta(minutes=1)
    assert "rotate billing" in one.due()


def test_a_stop_is_no_failure_and_the_next_process_goes_on(one: CycleBench) -> None:
    one.work()
    one.bench.time += DUE
    one.bench.stop_asked = True
    report = one.cycle.rotate("billing")
    assert report
    assert report.outcome is Outcome.INTERRUPTED
    assert one.rotation.failures == 0
    one.bench.stop_asked = False
    one.restart()
    one.work()
    assert [each.outcome for each in rotations(one.context.database)] == ["rotated"]


def test_nothing_new_is_begun_in_an_org_at_its_limits(one: CycleBench) -> None:
    one.work()
    one.bench.time += DUE
    one.outside.full_until = one.bench.time + HOUR
    one.work()
    assert rotations(one.context.database) == []
    assert one.rotation.failures == 0
    one.bench.time += HOUR
    one.work()
    assert len(rotations(one.context.database)) == 1


def test_an_inventory_is_taken_soon_after_something_was_changed(one: CycleBench) -> None:
    one.work()
    one.bench.time += DUE
    one.cycle.take_inventory("production")
    one.cycle.rotate("billing")
    assert "inventory production" in one.due()
    one.cycle.take_inventory("production")
    assert "inventory production" not in one.due()


def test_a_version_that_people_made_current_is_left_alone_until_it_is_due(one: CycleBench) -> None:
    one.work()
    new = make_version("billing", "Billing", now=MOMENT + DUE)
    one.bench.store.versions[new.fingerprint] = new
    one.bench.store.staged = Stages(current=Fingerprint(new.fingerprint))
    one.bench.live["Billing"] = new.certificate
    one.bench.time += DUE
    one.work()
    assert rotations(one.context.database) == []
    assert one.rotation.failures == 0
