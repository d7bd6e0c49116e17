"""What is shown is what a reader without a memory shows, whenever and whatever was written; and it costs little."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.attempts import AttemptBackOff
from rotator.history.attempt_records import AttemptRecords
from rotator.history.journal.journal import Journal
from rotator.history.last_observations import LastObservations
from rotator.history.records import NewRotation
from rotator.history.sightings import last_sightings, record_sightings
from rotator.services.reporting.reader import HistoryReader
from tests.statements import statements
from tests.tiers import longer
from tests.unit.web import scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.config.settings import Settings
    from rotator.history.engine.database import Database
    from rotator.services.reporting.overview import Overview

ORGS: Final = ("production", "emea", "uat")
DAY: Final = timedelta(days=1)


class Clock:
    def __init__(self) -> None:
        self.now = scene.NOW

    def __call__(self) -> datetime:
        return self.now


def shown(overview: Overview) -> dict[str, object]:
    """All that pages and metrics ask for."""
    return {
        "certificates": [
            (life.seen, life.state, life.urgency, life.due_at, life.valid_from) for life in overview.certificates
        ],
        "orgs": overview.orgs,
        "credentials": [
            *((each.credential, each.state, each.urgency, each.why_unknown) for each in overview.credentials),
            *((each.apps, each.history) for each in overview.credentials),
            *((each.life.begins, each.life.due_at, each.life.danger) for each in overview.credentials),
            *((each.life.previous_until, each.life.halt, each.life.goes_on_at) for each in overview.credentials),
        ],
        "rest": (overview.channels, overview.alerts, overview.troubles, overview.untold, overview.rotations),
    }


def see(database: Database, now: datetime, random: Random) -> None:
    org = random.choice(ORGS)
    apps = random.sample(["App_0", "App_1", "App_2", "App_3"], 3)
    seen = [scene.sighting(org, app, scene.NOW + random.choice((-1, 5, 40, 300)) * DAY) for app in apps]
    gone = [each for each in last_sightings(database, org) if each.app not in apps and not each.is_vanished]
    record_sightings(database, seen, now, gone=gone[: random.randrange(2)])
    AttemptRecords(database).put(AttemptRecords(database).get("look", org).succeeded(now))


def fail(database: Database, now: datetime, random: Random) -> None:
    kind, name = random.choice([("look", random.choice(ORGS)), ("rotate", "billing"), ("deliver", "crm-team")])
    attempts = AttemptRecords(database)
    attempts.put(attempts.get(kind, name).failed(now, AttemptBackOff(), problem="It is away.", lasting=True))


def rotate(database: Database, now: datetime, random: Random) -> None:
    journal = Journal(database)
    begun = journal.open_rotation("billing")
    if begun is None:
        new = NewRotation(credential="billing", org="production", strategy="in_place", trigger="manual", actor="alex")
        journal.begin_rotation(new, now)
    else:
        journal.record("promote", now=now, credential="billing", rotation_id=begun.id, version="b" * 64)
        journal.finish_rotation(begun.id, outcome="rotated", now=now, gap_seconds=random.random())


def observe(database: Database, now: datetime, random: Random) -> None:
    kept = LastObservations(database)
    seen = kept.get("billing").seen
    if seen is None or random.random() < 0.2:
        kept.put_problem("billing", "The store is away.")
    else:
        kept.put("billing", replace(seen, promoted_at=now - random.choice((1, 20)) * DAY), now, now)


WRITES: Final[tuple[Callable[[Database, datetime, Random], None], ...]] = (see, fail, rotate, observe)


@longer
@pytest.mark.parametrize("seed", range(2))
def test_it_shows_what_a_reader_without_a_memory_shows(database: Database, seed: int) -> None:
    random, clock = Random(seed), Clock()
    scene.company(database)
    settings = scene.settings_of(ORGS, scene.COMPANY, ("crm-team",))
    kept = HistoryReader(lambda: settings, database, clock)
    for _ in range(16):
        clock.now += random.choice((timedelta(0), timedelta(hours=5), 4 * DAY, 30 * DAY, -10 * DAY))
        if random.random() < 0.6:
            random.choice(WRITES)(database, clock.now, random)
        fresh = HistoryReader(lambda: settings, database, clock)
        assert shown(kept.overview()) == shown(fresh.overview())
        assert kept.readiness() == fresh.readiness()


@pytest.fixture
def many(database: Database) -> Settings:
    """A hundred orgs, each with its inventory."""
    orgs = [f"org{number:03}" for number in range(100)]
    record_sightings(database, [scene.sighting(name, "Billing", scene.NOW + 300 * DAY) for name in orgs], scene.NOW)
    return scene.settings_of(tuple(orgs))


@longer
def test_a_look_at_what_has_not_changed_reads_one_list_of_changes(database: Database, many: Settings) -> None:
    reader = HistoryReader(lambda: many, database, lambda: scene.NOW)
    with statements(database) as first:
        reader.overview()
    assert len(first) < 20, "however many orgs there are"
    with statements(database) as again:
        reader.overview()
    assert len(again) == 1


def test_an_org_that_has_not_changed_is_kept_as_it_is(database: Database, many: Settings) -> None:
    reader = HistoryReader(lambda: many, database, lambda: scene.NOW)
    before = reader.overview()
    record_sightings(database, [scene.sighting("org007", "Billing", scene.NOW + 301 * DAY)], scene.NOW)
    after = reader.overview()
    kept = {id(life) for life in before.certificates}
    assert [life.seen.org for life in after.certificates if id(life) not in kept] == ["org007"]
    lines = zip(before.orgs, after.orgs, strict=True)
    assert [line.name for former, line in lines if former is not line] == ["org007"]
