"""The rules for Prometheus, by promtool over what /metrics shows in an hour in which consumers are refused."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
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
    """A scrape a minute: after ten minutes an upload takes the place of current's key, proven again after forty."""
    record, scrapes = partial(Journal(database).record, credential="billing"), []
    for minute in range(60):
        now = scene.NOW + minute * MINUTE
        if minute == 10:
            record("upload_begins", now=now, opens_gap=True)
            record("upload", now=now, app="Billing", version="f" * 64)
        if minute == 12:
            record("stopped", now=now, error="Its key does not log in.")
        if minute == 40:
            record("gap", now=now, state="ended")
        scrapes.append(scraped(database, now))
    return scrapes


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, float]]:
    with open_database(f"sqlite:///{tmp_path_factory.mktemp('rules')}/rotator.db") as database:
        scene.company(database)
        return an_hour(database)


def test_the_rules_are_rules() -> None:
    promtool("check", "rules", RULES)


def test_consumers_that_are_refused_are_an_alert_until_a_key_is_proven(
    hour: list[dict[str, float]], tmp_path: Path
) -> None:
    names = sorted({name for scrape in hour for name in scrape if name.startswith("rotator_")})

    def values(name: str) -> str:
        samples = (scrape.get(name, math.nan) for scrape in hour)
        return " ".join("_" if math.isnan(value) else f"{value:.0f}" for value in samples)

    refused = {
        "exp_labels": {"severity": "critical", "credential": "billing"},
        "exp_annotations": {"summary": "Consumers of billing are refused: rotate finish billing"},
    }

    def expected(minute: int, *alerts: dict[str, Any]) -> dict[str, Any]:
        return {"eval_time": f"{minute}m", "alertname": "ConsumersAreRefused", "exp_alerts": list(alerts)}

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
                    {"eval_time": "30m", "alertname": "RotatorStandsStill", "exp_alerts": []},
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(json.dumps(document))
    promtool("test", "rules", tmp_path / "test.yml")
