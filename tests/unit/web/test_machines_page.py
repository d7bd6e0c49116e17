"""What pages, metrics and checks show of machines that share the work: the same on each, and nothing over SQLite."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rotator.config.daemon import HttpSettings
from rotator.core.machines.fleet import Fleet, Role
from rotator.services.machines.fleet_reader import MachinesShown
from rotator.services.reporting import reader
from rotator.services.reporting.reader import HistoryReader
from rotator.web.routes import application
from tests.tiers import longer
from tests.unit import fleets
from tests.unit.web import scene
from tests.unit.web.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.history.engine.database import Database
    from rotator.web.source import Liveness


@pytest.fixture
def pages(database: Database, alive: Liveness, monkeypatch: pytest.MonkeyPatch) -> Callable[[MachinesShown], Client]:
    """The pages of one org over machines."""
    settings = scene.settings_of()
    source = HistoryReader(lambda: settings, database, lambda: scene.NOW)
    machine = replace(alive, role=Role.BOTH, takes_jobs=True)

    def shown(machines: MachinesShown) -> Client:
        monkeypatch.setattr(reader, "shown_machines", lambda *_: machines)
        return Client(application(source, HttpSettings(), token=None, alive=lambda: machine))

    return shown


def text_of(client: Client, address: str) -> str:
    """A page's words."""
    answer = client.get(address)
    assert answer.status == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text.partition("<body>")[2]).split())


def samples(client: Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every series, which must not be there twice."""
    found = [
        ((sample.name, frozenset(sample.labels.items())), sample.value)
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    ]
    assert len(dict(found)) == len(found)
    return dict(found)


def metric(client: Client, name: str, **labels: str) -> float | None:
    return samples(client).get((name, frozenset(labels.items())))


@longer
def test_over_sqlite_there_are_none(database: Database, alive: Liveness) -> None:
    settings = scene.settings_of()
    source = HistoryReader(lambda: settings, database, lambda: scene.NOW)
    client = Client(application(source, HttpSettings(), token=None, alive=lambda: alive))
    assert client.get("/machines").status == 404
    assert "achine" not in text_of(client, "/")
    assert "/machines" not in client.get("/").text
    assert "rotator_machine" not in client.get("/metrics").text
    assert "rotator_queue" not in client.get("/metrics").text
    assert "machines" not in client.get("/readyz").text


def test_the_status_page_says_who_leads_who_works_at_what_and_where_the_queue_stands(pages: Any) -> None:
    client = pages(MachinesShown(fleets.well(scene.NOW)))
    text = text_of(client, "/")
    assert "The leader is process 811 on crm-1, since 2026-11-23 07:01:00 UTC. 2 machines carry out jobs;" in text
    assert "crm-2 process 1240 alive both no rotate billing for 4 minutes inventory production for 9 seconds" in text
    assert "inventory moves 3 2 10 seconds ago 2 10 hours ago" in text
    assert 'href="/machines"' in client.get("/").text


def test_a_page_of_its_own_has_every_job_with_its_machine(pages: Any) -> None:
    text = text_of(pages(MachinesShown(fleets.well(scene.NOW))), "/machines")
    assert "rotate billing 4 minutes ago 4 minutes ago process 1240 on crm-2" in text
    assert "deliver crm-team now 2 seconds ago process 977 on crm-3" in text


def test_what_keeps_jobs_from_being_done_needs_attention_everywhere(pages: Any) -> None:
    client = pages(MachinesShown(fleets.in_trouble(scene.NOW)))
    for address in ("/", "/machines"):
        text = text_of(client, address)
        assert "critical No worker No machine carries out jobs; 7 jobs wait. Start rotator run" in text
    assert text_of(client, "/").count("1 thing needs attention") == 1
    answer = client.get("/readyz")
    assert (answer.status, "FAIL machines: No machine carries out jobs" in answer.text) == (503, True)
    assert metric(client, "rotator_machines_trouble", trouble="no worker") == 1
    assert metric(client, "rotator_machines_trouble", trouble="no leader") == 0
    assert metric(client, "rotator_queue_stalled", kind="inventory") == 1


def test_where_all_is_well_it_is_ready_and_says_by_whom(pages: Any) -> None:
    answer = pages(MachinesShown(fleets.well(scene.NOW))).get("/readyz")
    assert "ok   machines: The leader is process 811 on crm-1" in answer.text


@longer
def test_monitoring_is_told_of_each_machine_and_of_each_kind_of_job(pages: Any) -> None:
    client = pages(MachinesShown(fleets.well(scene.NOW)))
    place = {"machine": "crm-1-811", "host": "crm-1", "pid": "811", "role": "leader"}
    other = {"machine": "crm-2-1240", "host": "crm-2", "pid": "1240", "role": "both"}
    assert metric(client, "rotator_machines_readable") == 1
    assert metric(client, "rotator_machine_leads", **place) == 1
    assert metric(client, "rotator_machine_leads", **other) == 0
    assert metric(client, "rotator_machine_gone", **place) == 0
    assert metric(client, "rotator_machine_jobs", kind="rotate", **other) == 1
    began = metric(client, "rotator_machine_longest_job_timestamp_seconds", kind="rotate", **other)
    assert began == scene.NOW.timestamp() - 240
    assert metric(client, "rotator_machine_last_seen_timestamp_seconds", **place) == scene.NOW.timestamp() - 1
    assert metric(client, "rotator_machines", role="worker", state="alive") == 1
    assert metric(client, "rotator_machines", role="both", state="silent") == 0
    assert metric(client, "rotator_queue_jobs", kind="inventory", state="waiting") == 3
    assert metric(client, "rotator_queue_jobs", kind="inventory", state="running") == 2
    assert metric(client, "rotator_queue_oldest_timestamp_seconds", kind="inventory") == scene.NOW.timestamp() - 10
    assert metric(client, "rotator_queue_stalls_total", kind="inventory") == 2
    # The first stall of a kind is seen as one only where there was a 0 before.
    assert metric(client, "rotator_queue_stalls_total", kind="hook") == 0
    assert metric(client, "rotator_queue_jobs", kind="audit", state="waiting") == 0


def test_two_containers_that_are_called_alike_are_two_series(pages: Any) -> None:
    twins = tuple(fleets.machine_of("rotator", 1, scene.NOW, id=name) for name in ("a" * 32, "b" * 32))
    client = pages(MachinesShown(Fleet(at=scene.NOW, machines=twins, leader=fleets.holder_of(twins[0], scene.NOW))))
    assert sum(value for (name, _), value in samples(client).items() if name == "rotator_machine_leads") == 1


def test_a_role_that_may_not_read_them_sees_all_else(pages: Any) -> None:
    client = pages(MachinesShown(None, "The role may not read the machines. Grant it."))
    assert "The role may not read the machines. Grant it." in text_of(client, "/")
    assert "The role may not read the machines. Grant it." in text_of(client, "/machines")
    assert metric(client, "rotator_machines_readable") == 0
    assert "rotator_machine_leads" not in client.get("/metrics").text
    assert "ok   machines: The role may not read" in client.get("/readyz").text


@pytest.mark.parametrize(
    ("role", "is_working", "takes_jobs", "sentence", "does_its_part", "sees_work"),
    [
        (Role.BOTH, True, True, "This process leads and carries out jobs.", True, 1),
        (Role.BOTH, False, True, "This process stands by to lead and carries out jobs; the leader is X.", True, 1),
        (
            Role.BOTH,
            False,
            False,
            "This process stands by to lead and cannot take jobs now;",
            False,
            0,
        ),
        (Role.WORKER, False, True, "This process carries out jobs; the leader is X.", True, 1),
        (Role.WORKER, False, False, "This process cannot take jobs now;", False, 0),
        (Role.LEADER, True, False, "This process leads.", True, 1),
        (Role.LEADER, False, False, "This process stands by to lead; the leader is X.", True, 0),
        (None, False, False, "This process stands by; the work is done by X.", True, 0),
    ],
)
def test_a_machine_is_ready_when_it_does_what_its_role_says(
    database: Database,
    alive: Liveness,
    role: Role | None,
    is_working: bool,
    takes_jobs: bool,
    sentence: str,
    does_its_part: bool,
    sees_work: float,
) -> None:
    machine = replace(alive, role=role, is_working=is_working, takes_jobs=takes_jobs, worker="" if is_working else "X")
    settings = scene.settings_of()
    source = HistoryReader(lambda: settings, database, lambda: scene.NOW)
    client = Client(application(source, HttpSettings(), token=None, alive=lambda: machine))
    checks = {each["name"]: each for each in client.get("/readyz", accept="application/json").json()["checks"]}
    assert (sentence in checks["worker"]["what"], checks["worker"]["ok"]) == (True, does_its_part)
    assert metric(client, "rotator_working") == sees_work
    assert sentence in text_of(client, "/")
    assert ("This machine takes no jobs" in text_of(client, "/")) is not does_its_part
