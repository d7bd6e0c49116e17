"""The limits of an org: the same promises by the count of one process and by that of all machines."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url

from rotator.application import Application
from rotator.config.loading import parse
from rotator.history.engine.database import Database, open_database
from rotator.queue.jobs_database import JobsDatabase
from rotator.queue.org_calls import SharedCalls
from rotator.queue.queue_tables import ORG_CALL
from rotator.queue.sweep import forget
from rotator.salesforce.budget import Budget, Calls, LimitReached, OwnCalls
from tests.contract.servers.postgres import PostgresServer, scratch_database

if TYPE_CHECKING:
    from pathlib import Path

CALL, LOGIN = (
    "https://acme.my.salesforce.com/services/Soap/m/66.0",
    "https://acme.my.salesforce.com/services/oauth2/token",
)
MOMENT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


class Counting(Protocol):
    """One way to count, and its clock."""

    def calls(self, org: str = "production", *, calls: int | None = None, logins: int | None = None) -> Calls:
        """Of one org; asked again, as another process would have it."""
        ...

    def passes(self, time: timedelta) -> None:
        """Lets time pass."""
        ...

    def now(self) -> datetime:
        """The time."""
        ...


class InOneProcess:
    """In memory."""

    def __init__(self) -> None:
        self._now = MOMENT
        self._known: dict[str, OwnCalls] = {}

    def calls(self, org: str = "production", *, calls: int | None = None, logins: int | None = None) -> Calls:
        made = OwnCalls(calls_per_hour=calls, logins_per_hour=logins, now=self.now)
        return self._known.setdefault(org, made)

    def passes(self, time: timedelta) -> None:
        self._now += time

    def now(self) -> datetime:
        return self._now


class OverOneDatabase:
    """By the database's clock: time passes as everything that was counted grows older."""

    def __init__(self, jobs: JobsDatabase) -> None:
        self._jobs = jobs

    def calls(self, org: str = "production", *, calls: int | None = None, logins: int | None = None) -> Calls:
        own = OwnCalls(calls_per_hour=None, logins_per_hour=None, now=self.now)
        return SharedCalls(lambda: self._jobs, org, own, calls_per_hour=calls, logins_per_hour=logins, now=self.now)

    def passes(self, time: timedelta) -> None:
        # From the oldest on: no two minutes of one org may be the same in between.
        with self._jobs.transaction() as connection:
            rows = connection.execute(ORG_CALL.delete().returning(*ORG_CALL.c)).all()
            for row in rows:
                connection.execute(ORG_CALL.insert().values(row._asdict() | {"minute": row.minute - time}))

    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(params=["one process", "one database"])
def counting(request: pytest.FixtureRequest) -> Counting:
    if request.param == "one process":
        return InOneProcess()
    return OverOneDatabase(request.getfixturevalue("jobs"))


def claimed(calls: Calls, url: str = CALL) -> bool:
    try:
        Budget("production", calls).claim(url)
    except LimitReached:
        return False
    return True


def test_there_is_room_until_the_limit_is_reached_by_whomever_and_again_an_hour_later(counting: Counting) -> None:
    for _ in range(3):
        assert counting.calls(calls=3).room_at() is None
        assert claimed(counting.calls(calls=3))
        counting.passes(5 * MINUTE)
    assert not claimed(counting.calls(calls=3))
    room_at = counting.calls(calls=3).room_at()
    assert room_at
    assert 45 * MINUTE - MINUTE <= room_at - counting.now() <= 46 * MINUTE + MINUTE
    assert counting.calls("sandbox", calls=3).room_at() is None
    counting.passes(46 * MINUTE)
    assert counting.calls(calls=3).room_at() is None
    assert claimed(counting.calls(calls=3))
    assert not claimed(counting.calls(calls=3))


def test_a_login_counts_as_a_call_and_a_call_as_no_login(counting: Counting) -> None:
    assert claimed(counting.calls(calls=10, logins=1))
    assert counting.calls(calls=10, logins=1).room_at() is None
    assert claimed(counting.calls(calls=10, logins=1), LOGIN)
    assert not claimed(counting.calls(calls=10, logins=1), LOGIN)
    assert counting.calls(calls=10, logins=1).room_at()
    assert counting.calls(logins=1).room_at()


def test_what_is_only_counted_is_never_refused_and_takes_the_room_of_others(counting: Counting) -> None:
    for _ in range(5):
        Budget("production", counting.calls(calls=2)).count(CALL)
    assert not claimed(counting.calls(calls=2))
    assert counting.calls(calls=2).room_at()


def test_without_a_limit_there_is_always_room(counting: Counting) -> None:
    for _ in range(20):
        assert claimed(counting.calls(), LOGIN)
        assert claimed(counting.calls())
    assert counting.calls().room_at() is None


def test_many_threads_claim_no_more_than_there_is_room_for(counting: Counting) -> None:
    found: list[bool] = []

    def claims() -> None:
        calls = counting.calls(calls=10)
        found.extend(claimed(calls) for _ in range(5))

    threads = [threading.Thread(target=claims) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count(True) == 10


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    pauses=st.lists(st.integers(min_value=0, max_value=3600), min_size=1, max_size=15),
    limit=st.integers(min_value=1, max_value=4),
)
def test_in_no_hour_is_more_claimed_than_the_limit(counting: Counting, pauses: list[int], limit: int) -> None:
    counting.passes(2 * HOUR)
    at, times = timedelta(0), list[timedelta]()
    for pause in pauses:
        counting.passes(timedelta(seconds=pause))
        at += timedelta(seconds=pause)
        if claimed(counting.calls(calls=limit)):
            times.append(at)
    for end in times:
        assert len([time for time in times if end - HOUR < time <= end]) <= limit


def test_where_the_history_is_away_a_process_counts_by_itself(
    postgres_server: PostgresServer, postgres_template: str
) -> None:
    with (
        scratch_database(postgres_server.url("postgres"), postgres_template) as url,
        open_database(url) as history,
    ):
        jobs = JobsDatabase.of(history)
        assert jobs
        own = OwnCalls(calls_per_hour=3, logins_per_hour=None, now=lambda: MOMENT)
        calls = SharedCalls(lambda: jobs, "production", own, calls_per_hour=3, logins_per_hour=None, now=lambda: MOMENT)
        with closing(jobs):
            assert claimed(calls)
            postgres_server.stop()
            try:
                calls.add(is_login=False)
                assert calls.room_at() is None
                assert claimed(calls)
                assert not claimed(calls)
                assert calls.room_at() == MOMENT + HOUR
            finally:
                postgres_server.start()


def test_where_calls_are_not_limited_a_call_costs_no_statement(
    jobs: JobsDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = OwnCalls(calls_per_hour=None, logins_per_hour=600, now=lambda: MOMENT)
    calls = SharedCalls(lambda: jobs, "production", own, calls_per_hour=None, logins_per_hour=600, now=lambda: MOMENT)
    assert claimed(calls, LOGIN)
    monkeypatch.setattr(jobs, "transaction", None)
    for _ in range(10):
        assert claimed(calls)
        calls.add(is_login=False)


def test_what_was_counted_is_forgotten_in_time(jobs: JobsDatabase) -> None:
    counting = OverOneDatabase(jobs)
    assert claimed(counting.calls(calls=5))
    counting.passes(HOUR)
    forget(jobs)
    with jobs.transaction() as connection:
        assert len(connection.execute(ORG_CALL.select()).all()) == 1
    counting.passes(2 * HOUR)
    forget(jobs)
    with jobs.transaction() as connection:
        assert connection.execute(ORG_CALL.select()).all() == []


def test_where_no_machine_tidies_up_whoever_counts_does(jobs: JobsDatabase) -> None:
    """As where a timer runs a cycle now and then: nobody leads as a machine, and nobody sweeps."""
    counting = OverOneDatabase(jobs)
    for _ in range(4):
        counting.calls(calls=50).add(is_login=False)
        assert claimed(counting.calls("sandbox", calls=50))
        counting.passes(3 * HOUR)
    counting.calls(calls=50).add(is_login=False)
    assert claimed(counting.calls("sandbox", calls=50))
    with jobs.transaction() as connection:
        assert sorted(row.org for row in connection.execute(ORG_CALL.select())) == ["production", "sandbox"]


def test_where_nothing_is_shared_a_process_counts_by_itself() -> None:
    own = OwnCalls(calls_per_hour=2, logins_per_hour=None, now=lambda: MOMENT)
    calls = SharedCalls(lambda: None, "production", own, calls_per_hour=2, logins_per_hour=None, now=lambda: MOMENT)
    calls.add(is_login=False)
    assert claimed(calls)
    assert not claimed(calls)
    assert calls.room_at() == own.room_at() == MOMENT + HOUR


CONFIGURATION = """
database: "{url}"
orgs:
  production:
    login_url: https://acme.my.salesforce.com
    login: {{client_id: x, username: rotator@acme.example, private_key: {{env: KEY}}}}
    limits: {{calls_per_hour: 3}}
"""


def test_a_command_counts_for_the_service_and_the_service_for_a_command(
    history: Database, jobs: JobsDatabase, jobs_url: str, tmp_path: Path
) -> None:
    jobs.open()
    configured = parse(
        CONFIGURATION.format(url=make_url(jobs_url)._replace(password=None).render_as_string()),
        tmp_path / "config.yaml",
    )
    with Application(configured, environ={}) as command, Application(configured, environ={}) as service:
        service.is_one_of_many = True
        command.__dict__["database"] = service.__dict__["database"] = history
        for each in (command, service, command.fork()):
            assert each.room_at("production") is None
            each.budgets["production"].count(CALL)
        for each in (command, service, service.fork()):
            assert each.room_at("production")
            with pytest.raises(LimitReached):
                each.budgets["production"].claim(CALL)
