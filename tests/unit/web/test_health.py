"""/healthz says whether the process makes progress, /readyz whether all that it needs is there."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from rotator.config.daemon import HttpSettings
from rotator.core.alert import NewAlert
from rotator.core.attempts import AttemptBackOff, AttemptRecord
from rotator.core.severity import Severity
from rotator.errors import HistoryUnavailable
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.attempt_records import AttemptRecords
from rotator.history.engine.transactions import Within
from rotator.services.alerting.kinds import STORE
from rotator.services.reporting.reader import HistoryReader
from rotator.web.routes import application
from tests.statements import statements
from tests.tiers import longer
from tests.unit.web import scene
from tests.unit.web.client import Client

if TYPE_CHECKING:
    from rotator.history.engine.database import Database
    from rotator.web.source import Liveness


class Away:
    """A history that cannot be had."""

    def __getattr__(self, _name: str) -> Any:
        def fail(*_: object) -> NoReturn:
            raise HistoryUnavailable(
                "The history database sqlite:///x is held by another program.",
                effect="Nothing was written.",
                rerun="Run this again.",
            )

        return fail


def client_of(database: Database, alive: Liveness) -> Client:
    """The pages of one org with one credential and one channel."""
    billing = {"org": "production", "apps": ["Billing"]}
    settings = scene.settings_of(credentials={"billing": billing}, channels=("crm-team",))
    source = HistoryReader(lambda: settings, database, lambda: scene.NOW)
    return Client(application(source, HttpSettings(), token=None, alive=lambda: alive))


def failing(client: Client) -> set[str]:
    """The names of the checks that fail."""
    answer = client.get("/readyz", accept="application/json")
    found = {check["name"] for check in answer.json()["checks"] if not check["ok"]}
    assert answer.status == (503 if found else 200)
    assert answer.json()["ok"] is not found
    return found


@pytest.fixture
def with_inventory(database: Database) -> Database:
    """A history with an inventory of the org from just now."""
    AttemptRecords(database).put(AttemptRecord("look", "production").succeeded(scene.NOW - timedelta(minutes=20)))
    return database


@longer
def test_health_is_good_while_the_scheduler_ticks(company: Client) -> None:
    answer = company.get("/healthz")
    assert (answer.status, answer.text) == (200, "ok   scheduler: It ticked 3s ago; it is to tick every 15s.\n")


def test_health_is_bad_when_the_scheduler_stands_still(alive: Liveness) -> None:
    still = replace(alive, since_tick=timedelta(minutes=10))
    answer = Client(application(Away(), HttpSettings(), token=None, alive=lambda: still)).get("/healthz")
    assert answer.status == 503
    assert answer.text.startswith("FAIL scheduler: It ticked 10m ago")


def test_a_process_that_never_ticked_is_given_time_and_no_more(alive: Liveness) -> None:
    new = replace(alive, ticked_at=None, since_tick=timedelta(seconds=40))
    assert new.is_alive
    assert not replace(new, since_tick=timedelta(seconds=80)).is_alive
    assert replace(new, tick=timedelta(minutes=10), since_tick=timedelta(minutes=40)).is_alive


def test_health_does_not_wait_for_a_history_that_hangs(alive: Liveness) -> None:
    hangs = threading.Event()

    class Hanging(Away):
        def overview(self) -> NoReturn:
            hangs.wait()
            raise AssertionError

    assert Client(application(Hanging(), HttpSettings(), token=None, alive=lambda: alive)).get("/healthz").status == 200
    hangs.set()


def test_it_is_ready_when_every_org_has_an_inventory(with_inventory: Database, alive: Liveness) -> None:
    assert failing(client_of(with_inventory, alive)) == set()


def test_it_is_ready_while_it_stands_by(with_inventory: Database, alive: Liveness) -> None:
    client = client_of(with_inventory, replace(alive, is_working=False, worker="process 7 on crm-2"))
    assert failing(client) == set()
    assert "This process stands by; the work is done by process 7 on crm-2." in client.get("/readyz").text


def test_it_is_not_ready_before_the_first_look(database: Database, alive: Liveness) -> None:
    assert failing(client_of(database, alive)) == {"org:production"}


def test_it_is_not_ready_when_a_look_is_too_long_ago(database: Database, alive: Liveness) -> None:
    client = client_of(database, alive)
    AttemptRecords(database).put(
        AttemptRecord("look", "production").succeeded(scene.NOW - timedelta(hours=2, minutes=59))
    )
    assert failing(client) == set()
    AttemptRecords(database).put(
        AttemptRecord("look", "production").succeeded(scene.NOW - timedelta(hours=3, minutes=1))
    )
    assert failing(client) == {"org:production"}


def test_a_clock_that_was_set_back_makes_no_look_too_old(database: Database, alive: Liveness) -> None:
    AttemptRecords(database).put(AttemptRecord("look", "production").succeeded(scene.NOW + timedelta(hours=9)))
    assert failing(client_of(database, alive)) == set()


def test_it_is_not_ready_while_a_store_cannot_be_read(with_inventory: Database, alive: Liveness) -> None:
    new = NewAlert(
        key=f"{STORE}:keys", kind=STORE, severity=Severity.WARNING, title="The store keys cannot be read", text="Why."
    )
    AlertRecords(with_inventory).open(new, scene.NOW)
    client = client_of(with_inventory, alive)
    assert failing(client) == {"store:keys"}
    AlertRecords(with_inventory).close(new.key, "Readable again.", scene.NOW)
    assert failing(client) == set()


def test_it_is_not_ready_while_a_channel_refuses(with_inventory: Database, alive: Liveness) -> None:
    attempts, attempt = AttemptRecords(with_inventory), AttemptRecord("deliver", "crm-team")
    attempts.put(attempt.failed(scene.NOW, AttemptBackOff(), problem="Slack does not know the token."))
    client = client_of(with_inventory, alive)
    assert failing(client) == {"deliver:crm-team"}
    assert (
        "FAIL deliver:crm-team: 0 notifications are pending. Slack does not know the token."
        in client.get("/readyz").text
    )


def test_it_is_not_ready_when_the_history_is_away(alive: Liveness) -> None:
    client = Client(application(Away(), HttpSettings(), token=None, alive=lambda: alive))
    assert failing(client) == {"history"}
    assert "is held by another program" in client.get("/readyz").text


def test_it_is_not_ready_when_the_history_cannot_be_written(with_inventory: Database, alive: Liveness) -> None:
    with with_inventory.writing() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE ON head BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    assert failing(client_of(with_inventory, alive)) == {"history"}


@longer
def test_of_very_many_orgs_those_are_named_that_fail(database: Database, alive: Liveness) -> None:
    orgs = tuple(f"org{number:03}" for number in range(300))
    settings = scene.settings_of(orgs)
    with database.writing() as connection:
        for name in orgs[:250]:
            AttemptRecords(Within(connection)).put(AttemptRecord("look", name).succeeded(scene.NOW))
    source = HistoryReader(lambda: settings, database, lambda: scene.NOW)
    client = Client(application(source, HttpSettings(), token=None, alive=lambda: alive))
    assert failing(client) == {"orgs", *(f"org:{name}" for name in orgs[250:270])}
    lines = client.get("/readyz").text.splitlines()
    assert "FAIL orgs: 250 of 300 orgs had a good inventory lately." in lines
    for name in orgs[250:]:
        AttemptRecords(database).put(AttemptRecord("look", name).succeeded(scene.NOW))
    assert failing(client) == set()
    assert len(client.get("/readyz").text.splitlines()) < 10


def test_it_reads_no_more_than_what_has_changed(database: Database, alive: Liveness) -> None:
    orgs = tuple(f"org{number:03}" for number in range(100))
    settings = scene.settings_of(orgs)
    source = HistoryReader(lambda: settings, database, lambda: scene.NOW)
    client = Client(application(source, HttpSettings(), token=None, alive=lambda: replace(alive, only_reads=True)))
    client.get("/readyz")
    AttemptRecords(database).put(AttemptRecord("look", "org007").succeeded(scene.NOW))
    with statements(database) as made:
        client.get("/readyz")
        client.get("/readyz")
    looks = [statement for statement in made if "attempt" in statement]
    assert (len(made), len(looks)) == (3, 1), "each asks what has changed, and the first reads one record"


def test_what_fails_is_said_first(company: Client) -> None:
    lines = company.get("/readyz").text.splitlines()
    assert [line[:4] for line in lines] == ["FAIL", "FAIL", *["ok  "] * (len(lines) - 2)]
