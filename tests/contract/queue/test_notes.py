"""What jobs leave for whoever asks next what is due: the same of one process, and of several machines."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from rotator.config.loading import parse
from rotator.core.observed import place
from rotator.core.schedule import NextDue
from rotator.errors import HistoryUnavailable
from rotator.history.engine.database import open_database
from rotator.history.engine.transactions import Within
from rotator.queue.queue_tables import REMEMBERED
from rotator.queue.remembered import Remembered
from rotator.salesforce.inventory.satellites import Joined
from rotator.services.inventory.shared_looks import FULL_LOOK, SharedLooks
from rotator.services.inventory.whole_looks import WholeLook
from rotator.services.schedule.memory.notes import OwnNotes, SharedNotes
from rotator.services.schedule.memory.service_memory import ServiceMemory
from tests.contract.queue.memories import memory_of

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.config.settings import Settings
    from rotator.history.engine.database import Database
    from rotator.queue.jobs_database import JobsDatabase
    from rotator.services.schedule.memory.notes import Notes

NOW = datetime(2026, 11, 23, 12, 31, 47, 123456, tzinfo=UTC)
TIMES = st.none() | st.datetimes(timezones=st.just(UTC))
PLACES = st.frozensets(st.builds(place, st.text(max_size=5), st.text(max_size=5)), max_size=3)
CONFIGURATION = """
database: sqlite:///rotator.db
orgs:
  production:
    login_url: https://acme.my.salesforce.com
    login: {client_id: x, username: rotator@acme.example, private_key: {env: KEY}}
stores: {keys: {type: files, path: /var/lib/keys}}
credentials:
  billing: {org: production, store: keys, username: u@acme.example, apps: [Billing], rotate_before: BEFORE}
"""


@pytest.fixture
def remembered(history: Database, jobs: JobsDatabase) -> Remembered:
    jobs.open()
    return Remembered(history)


def shared(remembered: Remembered) -> SharedNotes[int]:
    return SharedNotes(remembered, "test", encode=lambda _, value: value, decode=lambda _, value: int(value))


@pytest.fixture(params=["own", "shared"])
def notes(request: pytest.FixtureRequest) -> Notes[int]:
    if request.param == "own":
        return OwnNotes()
    return shared(request.getfixturevalue("remembered"))


def configured(folder: Path, rotate_before: str = "30d") -> Settings:
    return parse(CONFIGURATION.replace("BEFORE", rotate_before), folder / "config.yaml")


def test_what_is_left_is_found_until_it_is_forgotten(notes: Notes[int]) -> None:
    assert (notes.changed(), notes.get("billing"), notes.latest("billing")) == (set(), None, None)
    notes.put({"billing": 1, "shipping": 2})
    assert (notes.latest("billing"), notes.latest("shipping")) == (1, 2)
    assert notes.changed() == {"billing", "shipping"}
    assert (notes.get("billing"), notes.get("shipping")) == (1, 2)
    notes.put({"billing": 3})
    assert notes.latest("billing") == 3
    notes.put({"shipping": None})
    assert notes.changed() == {"billing", "shipping"}
    assert (notes.get("billing"), notes.get("shipping"), notes.latest("shipping")) == (3, None, None)
    assert notes.changed() == set()
    notes.put({})
    assert notes.changed() == set()


def test_threads_leave_notes_at_once_and_none_is_missed(notes: Notes[int]) -> None:
    seen, names = set[str](), [f"{one} {two}" for one in range(4) for two in range(10)]

    def leave(one: int) -> None:
        for two in range(10):
            notes.put({f"{one} {two}": two})

    threads = [threading.Thread(target=leave, args=(one,)) for one in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        seen |= notes.changed()
    for thread in threads:
        thread.join()
    seen |= notes.changed()
    assert seen == set(names)
    assert [notes.get(name) for name in names] == [int(name[-1]) for name in names]


def test_another_machine_finds_what_the_one_before_has_left(remembered: Remembered, jobs_url: str) -> None:
    first = shared(remembered)
    first.put({"billing": 1, "gone": 1})
    first.put({"gone": None})
    with open_database(jobs_url) as elsewhere:
        second = shared(Remembered(elsewhere))
        assert second.changed() >= {"billing"}
        assert (second.get("billing"), second.get("gone")) == (1, None)
        second.put({"billing": 2})
    assert (first.changed(), first.get("billing")) == ({"billing", "gone"}, 2)


def test_what_is_as_it_was_is_no_news(remembered: Remembered) -> None:
    notes = shared(remembered)
    notes.put({"billing": 1, "gone": None})
    notes.changed()
    notes.put({"billing": 1, "gone": None})
    assert notes.changed() == set()


def test_what_is_left_in_a_transaction_that_is_taken_back_was_never_left(
    remembered: Remembered, history: Database
) -> None:
    notes = shared(remembered)
    with suppress(KeyError), history.writing() as connection:
        notes.put({"billing": 1}, within=Within(connection))
        raise KeyError
    assert (notes.latest("billing"), notes.changed()) == (None, set())
    with history.writing() as connection:
        notes.put({"billing": 1}, within=Within(connection))
    assert notes.latest("billing") == 1


@pytest.mark.parametrize("value", ["x", [], {"is": 1}, True, "a" * 1000])
def test_what_another_release_has_left_and_this_one_does_not_understand_is_not_there(
    remembered: Remembered, tmp_path: Path, value: Any
) -> None:
    for kind in ("next_due", FULL_LOOK):
        remembered.put(kind, {"billing": value})
    memory = memory_of(remembered, configured(tmp_path))
    assert memory.next_dues.latest("billing") is None
    memory.next_dues.changed()
    assert memory.next_dues.get("billing") is None
    assert SharedLooks(remembered).get("billing") is None


NEXT_DUES = st.builds(NextDue, is_half_done=st.booleans(), expires_at=TIMES, due_at=TIMES, retires_at=TIMES)
LOOKS = st.builds(
    WholeLook,
    at=st.just(NOW),
    again=PLACES,
    hidden=PLACES,
    joined=st.none()
    | st.builds(
        Joined, st.dictionaries(st.text("ab", max_size=3), st.text("ab", max_size=3), max_size=2), st.just(("x",))
    ),
    refused=st.frozensets(st.sampled_from(["ConnectedApp", "Certificate"])),
    absent=st.frozensets(st.sampled_from(["SamlSsoConfig"])),
    unusable=PLACES,
)
IN_ONE_DATABASE = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@IN_ONE_DATABASE
@given(next_due=NEXT_DUES)
def test_what_is_next_due_comes_back_as_it_was(remembered: Remembered, tmp_path: Path, next_due: NextDue) -> None:
    memory = memory_of(remembered, configured(tmp_path))
    memory.next_dues.put({"billing": next_due})
    assert memory.next_dues.latest("billing") == next_due


@IN_ONE_DATABASE
@given(look=LOOKS)
def test_a_full_look_comes_back_as_it_was(remembered: Remembered, look: WholeLook) -> None:
    one, another = SharedLooks(remembered), SharedLooks(remembered)
    one.put("production", look)
    assert another.get("production") == look
    another.drop("production")
    assert one.get("production") is None


def test_what_was_noted_by_other_settings_is_observed_anew_once(remembered: Remembered, tmp_path: Path) -> None:
    before = memory_of(remembered, configured(tmp_path))
    due = NextDue(expires_at=NOW, due_at=NOW - timedelta(days=30))
    before.next_dues.put({"billing": due})
    same, other = (memory_of(remembered, configured(tmp_path, days)) for days in ("30d", "60d"))
    for memory in (same, other):
        assert memory.next_dues.changed() == {"billing"}
    assert (same.next_dues.get("billing"), other.next_dues.get("billing")) == (due, None)
    # A machine that has the settings of before noted it since: it was observed, and does not loop.
    before.next_dues.put({"billing": replace(due, retires_at=NOW)})
    assert other.next_dues.changed() == {"billing"}
    assert other.next_dues.get("billing") == replace(due, retires_at=NOW)
    other.begin_anew()
    assert (other.next_dues.changed(), other.next_dues.get("billing")) == ({"billing"}, None), "as at first"


def test_what_is_not_configured_any_more_is_forgotten(
    remembered: Remembered, jobs: JobsDatabase, tmp_path: Path
) -> None:
    configuration = configured(tmp_path)
    memory, looks = memory_of(remembered, configuration), SharedLooks(remembered)
    memory.next_dues.put({"billing": NextDue(), "old": NextDue()})
    memory.asked.put({"production": True, "gone": True})
    for org in ("production", "gone"):
        looks.put(org, WholeLook(NOW))
    memory.forget_unconfigured(configuration)
    with jobs.transaction() as connection:
        left = {row.name for row in connection.execute(REMEMBERED.select())}
    assert left == {"billing", "production"}
    ServiceMemory().forget_unconfigured(configuration)


def test_who_takes_the_lead_after_a_fail_over_misses_nothing_though_numbers_are_lower(
    remembered: Remembered, jobs: JobsDatabase
) -> None:
    """A new primary may lack the last moments, and gives numbers anew that were given before."""
    notes = shared(remembered)
    notes.put({"billing": 1, "lost": 1})
    assert notes.changed() == {"billing", "lost"}
    with jobs.transaction() as connection:
        connection.execute(REMEMBERED.delete().where(REMEMBERED.c.name == "lost"))
        connection.execute(REMEMBERED.update().values(number=1))
        connection.execute(text("ALTER SEQUENCE remembered_number RESTART WITH 2"))
    notes.put({"billing": 2})
    notes.begin_anew()
    assert notes.changed() == {"billing"}
    assert (notes.get("billing"), notes.get("lost")) == (2, None)


def test_after_the_server_was_away_all_is_read_again(remembered: Remembered, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = shared(remembered)
    notes.put({"billing": 1})
    notes.changed()
    with monkeypatch.context() as away:
        away.setattr(remembered, "since", raises_unavailable)
        with pytest.raises(HistoryUnavailable):
            notes.changed()
    assert notes.changed() == {"billing"}


def raises_unavailable(_kind: str, _number: int) -> None:
    raise HistoryUnavailable("The server is away.")


def test_what_one_process_has_left_stays_when_it_takes_the_lead() -> None:
    notes: OwnNotes[int] = OwnNotes()
    notes.put({"billing": 1})
    notes.begin_anew()
    assert (notes.changed(), notes.get("billing")) == ({"billing"}, 1)
