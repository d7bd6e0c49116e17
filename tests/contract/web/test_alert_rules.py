"""The rules for Prometheus, by promtool over what /metrics shows in an hour in which consumers are refused."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rotator.config.daemon import HttpSettings
from rotator.history.engine.database import open_database
from rotator.history.journal.journal import Journal
from rotator.services.reporting.reader import HistoryReader
from rotator.web.routes import application
from rotator.web.source import Liveness
from tests.unit.web import scene
from tests.unit.web.client import Client

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

RULES: Final = Path(__file__).parents[3] / "docs" / "rotator.rules.yml"
MINUTE: Final = timedelta(minutes=1)
ENDS_IN_TIME: Final = "_timestamp_seconds"

pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not there")


def promtool(*arguments: str | Path) -> None:
    run = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def scraped(database: Database, now: datetime) -> dict[str, float]:
    """Each series of a scrape at that moment; times count from the start of the hour, as promtool's do."""
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
        return an_hour(database)


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


def test_what_a_halted_rotation_left_is_an_alert_until_a_key_is_proven(
    hour: list[dict[str, float]], tmp_path: Path
) -> None:
    names = sorted({name for scrape in hour for name in scrape if name.startswith("rotator_")})

    def values(name: str) -> str:
        samples = (scrape.get(name, math.nan) for scrape in hour)
        return " ".join("_" if math.isnan(value) else f"{value:.0f}" for value in samples)

    refused = {
        "exp_labels": {"severity": "critical", "credential": "billing"},
        "exp_annotations": {"summary": "Consumers of billing are refused: rotator status billing says what to do"},
    }

    halted = {
        "exp_labels": {"severity": "critical", "credential": "billing"},
        "exp_annotations": {"summary": "A rotation of billing needs a person: rotator status billing says why"},
    }

    def expected(minute: int, *alerts: dict[str, Any], name: str = "ConsumersAreRefused") -> dict[str, Any]:
        return {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": list(alerts)}

    document = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values(name)} for name in names],
                "alert_rule_test": [
                    expected(9),
                    expected(14),
                    *(expected(minute, refused) for minute in (16, 25, 39)),
                    expected(46),
                    expected(11, name="RotationHalted"),
                    *(expected(minute, halted, name="RotationHalted") for minute in (13, 21, 39)),
                    expected(46, name="RotationHalted"),
                    {"eval_time": "30m", "alertname": "RotatorStandsStill", "exp_alerts": []},
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(json.dumps(document))
    promtool("test", "rules", tmp_path / "test.yml")
