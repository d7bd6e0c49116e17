"""The rules for Prometheus, by promtool over what /metrics shows in an hour in which consumers are refused."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from rotator.config.daemon import HttpSettings
from rotator.core.attempts import AUDIT, AttemptRecord
from rotator.core.posture.assessment import Result
from rotator.core.posture.checks import APP_OPEN
from rotator.core.posture.judgements import Verdict
from rotator.core.usage.sources import Source
from rotator.core.usage.usage import Usage
from rotator.history.attempt_records import AttemptRecords
from rotator.history.audit_findings import AuditFindings
from rotator.history.engine.database import open_database
from rotator.history.journal.journal import Journal
from rotator.history.usage.usages import Usages
from rotator.services.machines.fleet_reader import MachinesShown
from rotator.services.reporting import reader
from rotator.services.reporting.reader import HistoryReader
from rotator.web.routes import application
from rotator.web.source import Liveness
from tests.unit import fleets
from tests.unit.web import scene
from tests.unit.web.client import Client

if TYPE_CHECKING:
    from rotator.core.machines.fleet import Fleet
    from rotator.history.engine.database import Database

RULES: Final = Path(__file__).parents[3] / "docs" / "rotator.rules.yml"
MINUTE: Final = timedelta(minutes=1)
LOST: Final = range(20, 40)
ENDS_IN_TIME: Final = "_timestamp_seconds"

pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not there")


def promtool(*arguments: str | Path) -> None:
    run = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def machines_at(minute: int, now: datetime) -> Fleet:
    """After twenty minutes the machines are lost that carry out jobs, with ten jobs; after forty they are back."""
    fleet = fleets.in_trouble(now) if minute in LOST else fleets.well(now)
    lost = 0 if minute < LOST.start else 10
    queue = tuple(replace(line, stalls=lost) if line.kind == "look" else line for line in fleet.queue)
    return replace(fleet, queue=queue)


def scraped(database: Database, now: datetime) -> dict[str, float]:
    """Each series of a scrape at that moment; times count from the start of the hour, as promtool's do."""
    machines = machines_at((now - scene.NOW) // MINUTE, now)
    with patch.object(reader, "shown_machines", lambda *_: MachinesShown(machines)):
        return _scraped(database, now)


def _scraped(database: Database, now: datetime) -> dict[str, float]:
    settings = scene.settings_of(("production", "emea", "uat"), scene.COMPANY, ("crm-team", "on-call"))
    alive = Liveness(
        started_at=scene.NOW, ticked_at=now, since_tick=timedelta(0), tick=timedelta(seconds=15), lag=timedelta(0),
        is_working=True,
    )  # fmt: skip
    source = HistoryReader(lambda: settings, database, lambda: now)
    client = Client(application(source, HttpSettings(), token=None, alive=lambda: alive))
    series = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            labels = ",".join(f"{name}={json.dumps(value)}" for name, value in sorted(sample.labels.items()))
            shift = scene.NOW.timestamp() if sample.name.endswith(ENDS_IN_TIME) else 0
            series[f"{sample.name}{{{labels}}}"] = sample.value - shift
    return series


def an_hour(database: Database) -> list[dict[str, float]]:
    """A scrape a minute of a rotation that halts.

    After ten minutes an upload takes the place of current's key; at twelve the run stops for a person. At twenty
    another process tries again, which proves nothing, and stops at twenty-three. After forty the new key logs in.
    """
    record, scrapes = partial(Journal(database).record, credential="billing"), []
    at_work = ExitStack()
    for minute in range(60):
        now = scene.NOW + minute * MINUTE
        if minute == 20:
            at_work.enter_context(database.rotation_locks(lambda: scene.NOW + 20 * MINUTE).hold("billing"))
        if minute == 23:
            at_work.close()
        if minute == 10:
            record("upload_begins", now=now, opens_gap=True)
            record("upload", now=now, app="Billing", version="f" * 64)
        if minute in {12, 23}:
            record("stopped", now=now, error="Its key does not log in.", halt="unproven", needs_person=True)
        if minute == 40:
            record("promote", now=now, version="f" * 64)
        scrapes.append(scraped(database, now))
    return scrapes


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    with open_database(f"sqlite:///{tmp_path_factory.mktemp('rules')}/rotator.db") as database:
        scene.company(database)
        left_behind(database)
        audited(database)
        return an_hour(database)


def left_behind(database: Database) -> None:
    """Somebody logs in with the old key of a credential whose previous version is kept, and is refused."""
    promoted_at = scene.NOW - 2 * scene.DAY
    refused = Source("192.0.2.7", "batch", before_at=promoted_at, refused_at=scene.NOW, refused=4)
    sources = (refused, Source("192.0.2.8", "web", accepted_at=scene.NOW, accepted=9))
    told = Usage(credential="warehouse", promoted_at=promoted_at, looked_at=scene.NOW, sources=sources)
    Usages(database).put(told)


def audited(database: Database) -> None:
    """One org just now, and another, of which all is well, five days ago."""
    found = Result(check=APP_OPEN, org="production", credential="billing", verdict=Verdict.FINDING, seen="So it is.")
    AuditFindings(database).put("production", (found,), scene.NOW)
    attempts = AttemptRecords(database)
    attempts.put(AttemptRecord(AUDIT, "production").succeeded(scene.NOW))
    attempts.put(AttemptRecord(AUDIT, "emea").succeeded(scene.NOW - 5 * scene.DAY))


def test_the_rules_are_rules() -> None:
    promtool("check", "rules", RULES)


def of_billing(hour: list[dict[str, float]], what: str) -> list[int | None]:
    """A gauge of times by the minute: in minutes since the hour began."""
    found = (scrape.get(f'rotator_credential_{what}_timestamp_seconds{{credential="billing"}}') for scrape in hour)
    return [None if value is None else round(value / 60) for value in found]


def test_the_gauges_do_not_blink_while_somebody_tries_again(hour: list[dict[str, float]]) -> None:
    needed = [scrape.get('rotator_needs_attention{kind="rotate",name="billing"}') for scrape in hour]
    assert of_billing(hour, "refused_since") == [None] * 10 + [10] * 30 + [None] * 20
    assert of_billing(hour, "halted_since") == [None] * 12 + [12] * 28 + [None] * 20
    assert of_billing(hour, "running_since") == [None] * 20 + [20] * 3 + [None] * 37
    accepted = of_billing(hour, "last_accepted_login")
    assert accepted[0] is not None
    assert accepted == [accepted[0]] * 40 + [40] * 20
    assert needed == [None] * 12 + [1.0] * 28 + [None] * 20


def test_how_many_have_moved_is_counted(hour: list[dict[str, float]]) -> None:
    name = 'rotator_credential_sources{{credential="warehouse",standing="{}"}}'
    counted = {standing: hour[0][name.format(standing)] for standing in ("moved", "refused", "old", "silent")}
    assert counted == {"moved": 1, "refused": 1, "old": 0, "silent": 0}
    assert not [series for series in hour[0] if series.startswith("rotator_credential_sources") and "billing" in series]


Firing = dict[str, dict[str, str]]
"""What an alert says, by its summary, and its labels."""

REFUSED: Final[Firing] = {
    "Consumers of billing are refused: rotator status billing says what to do": {
        "severity": "critical",
        "credential": "billing",
    }
}
HALTED: Final[Firing] = {
    "A rotation of billing needs a person: rotator status billing says why": {
        "severity": "critical",
        "credential": "billing",
    }
}


def a_person_is_needed(*names: str) -> Firing:
    labels = {"severity": "warning", "kind": "rotate"}
    sentence = "{} cannot succeed before a person does something: rotator alerts list"
    return {sentence.format(name): labels | {"name": name} for name in names}


def expires(app: str, days: float, org: str = "production") -> Firing:
    fingerprint = scene.sighting(org, app, scene.NOW + days * scene.DAY).fingerprint
    held = {
        "org": org,
        "app": app,
        "type": "ConnectedApp",
        "fingerprint": fingerprint,
    }
    return {f"The certificate of {app} in {org} expires within a week.": held | {"severity": "warning"}}


LATE: Final[Firing] = {
    "The rotation of telephony is two days late.": {"severity": "warning", "credential": "telephony"}
}
UNREAD: Final[Firing] = {
    "The certificates of the org uat were not read for six hours.": {"severity": "warning", "org": "uat"}
}
NOBODY_WORKS: Final[Firing] = {
    "Jobs are not done (no worker): rotator workers says what to do": {"severity": "critical", "trouble": "no worker"}
}
GONE: Final[Firing] = {
    "The machine crm-3 has gone without a word: rotator workers shows the others": {
        "severity": "warning",
        "host": "crm-3",
    }
}
ARE_LOST: Final[Firing] = {
    "Again and again a machine is lost with a job of the kind inventory.": {"severity": "warning", "kind": "inventory"}
}
BEHIND: Final[Firing] = {
    "1 of those who log in with warehouse use its old key and are refused: rotator status warehouse --usage": {
        "severity": "critical",
        "credential": "warehouse",
        "standing": "refused",
    }
}
FOUND: Final[Firing] = {
    "The audit finds app-open in production: rotator audit says how to mend it": {
        "severity": "warning",
        "org": "production",
        "check": "app-open",
    }
}
NOT_AUDITED: Final[Firing] = {"The org emea was not audited for three days.": {"severity": "warning", "org": "emea"}}
STANDS_STILL: Final[Firing] = {"No rotator service is at work on this database.": {"severity": "critical"}}

FIRES: Final[dict[str, dict[int, Firing]]] = {
    "ConsumersAreRefused": {9: {}, 14: {}, 16: REFUSED, 25: REFUSED, 39: REFUSED, 46: {}},
    "RotationHalted": {11: {}, 13: HALTED, 21: HALTED, 39: HALTED, 46: {}},
    "RotatorNeedsAPerson": {
        9: {},
        21: a_person_is_needed("telephony"),
        39: a_person_is_needed("billing", "telephony"),
        46: a_person_is_needed("telephony"),
    },
    "RotationIsLate": {1: LATE, 30: LATE, 59: LATE},
    "OrgIsNotRead": {30: UNREAD},
    "CertificateExpires": {30: expires("Data_Loader_Nightly", 2.4) | expires("Marketing_Sync", -12.2)},
    "RotatorStandsStill": {30: {}},
    "MachinesDoNotWork": {19: {}, 21: {}, 25: NOBODY_WORKS, 39: NOBODY_WORKS, 42: {}},
    "MachineIsGone": {19: {}, 21: GONE, 39: GONE, 42: {}},
    "MachinesAreLost": {19: {}, 25: ARE_LOST, 59: ARE_LOST},
    "ConsumersLeftBehind": {30: BEHIND},
    "AuditFinds": {30: FOUND},
    "AuditIsOld": {30: NOT_AUDITED},
}
"""Each rule, with what it says at some minutes of the hour."""


def evaluated(hour: list[dict[str, float]], fires: dict[str, dict[int, Firing]], folder: Path) -> None:
    """Has promtool evaluate the rules over the scrapes, and compare what fires."""
    names = sorted({name for scrape in hour for name in scrape if name.startswith("rotator_")})

    def values(name: str) -> str:
        samples = (scrape.get(name, math.nan) for scrape in hour)
        return " ".join("_" if math.isnan(value) else f"{value:.0f}" for value in samples)

    tests = [
        {
            "eval_time": f"{minute}m",
            "alertname": rule,
            "exp_alerts": [
                {"exp_labels": labels, "exp_annotations": {"summary": summary}} for summary, labels in firing.items()
            ],
        }
        for rule, by_minute in fires.items()
        for minute, firing in by_minute.items()
    ]
    series = [{"series": name, "values": values(name)} for name in names]
    document = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "alert_rule_test": tests}],
    }
    (folder / "test.yml").write_text(json.dumps(document))
    promtool("test", "rules", folder / "test.yml")


def test_every_rule_says_what_is_so_until_a_key_is_proven(hour: list[dict[str, float]], tmp_path: Path) -> None:
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    assert {rule["alert"] for rule in rules} == FIRES.keys()
    evaluated(hour, FIRES, tmp_path)


def test_a_service_that_is_gone_is_an_alert(hour: list[dict[str, float]], tmp_path: Path) -> None:
    gone = [*hour[:10], *({} for _ in hour[10:])]
    evaluated(gone, {"RotatorStandsStill": {9: {}, 17: {}, 30: STANDS_STILL}}, tmp_path)
