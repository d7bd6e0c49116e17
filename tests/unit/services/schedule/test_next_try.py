"""What is told of the next try at a rotation is kept to, also by a service that was restarted, and with windows."""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING

import pytest

from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.errors import OrgUnavailable, StoreUnavailable
from rotator.services.inventory.credential_history import histories
from rotator.services.inventory.status import status_of
from rotator.services.rotation.requests import Request
from tests.tiers import first_standard, longer, more_in_thorough, of_tier, rows_standard_first
from tests.unit.services.bench import NOW
from tests.unit.services.cycle_bench import CycleBench, cycle_bench

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.history.engine.database import Database
    from rotator.services.inventory.status import CredentialStatus

pytestmark = longer

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
DUE = 336 * DAY
AWAY = OrgUnavailable("The org is away.")
SATURDAYS = ", windows: [{days: [sat], since: '22:00', until: '23:00'}]"
PAIR = "Warehouse_A, Warehouse_B"


def org_is_away(one: CycleBench) -> None:
    one.outside.org_fails = AWAY


def store_is_away(one: CycleBench) -> None:
    one.outside.store_fails = StoreUnavailable("The store is away.")


def uploads_fail(one: CycleBench) -> None:
    def fail(_app: str) -> None:
        raise AWAY

    one.bench.on_write = fail


def user_is_not_approved(one: CycleBench) -> None:
    one.bench.refuses = lambda _: LoginAnswer(LoginOutcome.CONFIGURATION, "user hasn't approved this consumer")


def new_keys_never_log_in(one: CycleBench) -> None:
    known = one.bench.store.staged.current
    wrong = LoginAnswer(LoginOutcome.MISMATCH, "no match")
    one.bench.refuses = lambda version: None if version.fingerprint == known else wrong


def tried(one: CycleBench) -> tuple[int, int]:
    """Grows with each try, and not with a look that begins nothing."""
    return one.rotation.failures, len([each for each in one.bench.events() if each.kind in {"begin", "verify"}])


def told(one: CycleBench, caplog: pytest.LogCaptureFixture) -> datetime | None:
    """Has it tried once, and tells what the log said of the next try."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        one.cycle.rotate(one.bench.credential)
    [record] = [each for each in caplog.records if each.getMessage().startswith("not rotated")]
    again_at: datetime | None = vars(record)["again_at"]
    return again_at


def status(one: CycleBench) -> CredentialStatus:
    """As the page has it."""
    name, database = one.bench.credential, one.context.database
    known = histories(database, [name])[name]
    return status_of(one.bench.settings, name, known, known.last_observation.seen, one.bench.time)


def due_with(database: Database, apps: str, options: str, trouble: Callable[[CycleBench], None]) -> CycleBench:
    one = cycle_bench(database, apps=apps, options=options)
    one.bench.use(apps.split(", ", maxsplit=1)[0])
    one.cycle.take_inventory("production")
    one.bench.time += DUE
    trouble(one)
    return one


@more_in_thorough
@pytest.mark.parametrize(
    ("options", "tries", "is_restarted"),
    rows_standard_first(product(("", SATURDAYS), (1, 3), (True, False)), [(SATURDAYS, 1, False)]),
    ids={"": "any time", SATURDAYS: "saturdays"}.get,
)
@pytest.mark.parametrize(
    ("apps", "trouble"),
    [
        ("Billing", org_is_away),
        ("Billing", user_is_not_approved),
        (PAIR, new_keys_never_log_in),
        *first_standard([("Billing", uploads_fail), (PAIR, uploads_fail)], 0),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_it_is_tried_again_when_that_was_said_and_not_before(
    database: Database,
    caplog: pytest.LogCaptureFixture,
    apps: str,
    trouble: Callable[[CycleBench], None],
    options: str,
    tries: int,
    *,
    is_restarted: bool,
) -> None:
    one = due_with(database, apps, options, trouble)
    # Saturday, 22:30: a window is open.
    one.bench.time = one.bench.time.replace(hour=22, minute=30) + (5 - one.bench.time.weekday()) % 7 * DAY
    for _ in range(tries):
        again_at = told(one, caplog)
        assert again_at is not None
        one.bench.time = max(one.bench.time, again_at)
    one.bench.time = again_at = told(one, caplog) or one.bench.time
    if is_restarted:
        one.restart()
    before = tried(one)
    for earlier in of_tier((DAY, SECOND), thorough=(DAY, timedelta(hours=1), timedelta(minutes=1), SECOND)):
        one.bench.time = max(again_at - earlier, one.rotation.last_at or again_at)
        if one.bench.time < again_at:
            one.work()
            assert tried(one) == before, f"begun {earlier} before"
    one.bench.time = again_at
    one.work()
    assert tried(one) > before


def test_what_is_half_done_goes_on_when_the_status_says_so(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    one = due_with(database, "Billing", "", uploads_fail)
    for _ in range(2):
        assert told(one, caplog) == one.bench.time == status(one).life.goes_on_at
    again_at = told(one, caplog)
    assert again_at is not None
    assert again_at > one.bench.time
    assert status(one).life.goes_on_at == again_at
    assert one.alert("rotation:billing").again_at == again_at


@pytest.mark.parametrize(("trouble", "state"), [(user_is_not_approved, "halted"), (uploads_fail, "unfinished")])
def test_the_log_has_the_state_that_everything_shows(
    database: Database, caplog: pytest.LogCaptureFixture, trouble: Callable[[CycleBench], None], state: str
) -> None:
    one = due_with(database, "Billing", "", trouble)
    told(one, caplog)
    [record] = [each for each in caplog.records if each.getMessage().startswith("not rotated")]
    assert vars(record)["state"] == status(one).state == state


def test_what_a_person_has_to_mend_is_not_said_to_be_tried_again(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    one = due_with(database, "Billing", "", new_keys_never_log_in)
    assert told(one, caplog) is None
    assert status(one).life.begins is None
    before = tried(one)
    for _ in range(5):
        one.bench.time += 2 * DAY
        one.work()
    assert tried(one) == before


def test_what_a_persons_run_had_to_take_back_is_not_begun_by_schedule(database: Database) -> None:
    one = due_with(database, "Billing", "", new_keys_never_log_in)
    one.bench.handle(NOW)
    before = tried(one)[1]
    for _ in range(5):
        one.bench.time += 2 * DAY
        one.work()
    assert tried(one)[1] == before
    assert one.rotation.needs_attention
    one.bench.refuses = lambda _: None
    one.bench.handle(Request("replace", NOW.actor))
    one.bench.time += DAY
    one.work()
    assert not one.rotation.needs_attention


def test_a_person_is_needed_until_something_succeeds(database: Database) -> None:
    """Also while it is tried again, because the store or the app has changed, and when that fails otherwise."""
    one = due_with(database, "Billing", "", new_keys_never_log_in)
    one.cycle.rotate("billing")
    assert one.rotation.needs_attention
    one.bench.store.staged = type(one.bench.store.staged)(current=one.bench.store.staged.current)
    org_is_away(one)
    one.bench.time += DAY
    one.work()
    assert one.rotation.needs_attention
    assert one.rotation.problem == AWAY.message
    one.outside.org_fails, one.bench.refuses = None, lambda _: None
    one.bench.handle(NOW)
    one.bench.time += DAY
    one.work()
    assert not one.rotation.needs_attention
