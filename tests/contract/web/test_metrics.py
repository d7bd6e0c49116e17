"""/metrics as Prometheus reads it: by the official parsers, and by the rules that `promtool check metrics` goes by."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from rotator.config.daemon import HttpSettings
from rotator.history.engine.database import open_database
from rotator.history.sightings import record_sightings
from rotator.plain_text import escaped
from rotator.services.reporting.reader import HistoryReader
from rotator.web import exposition, metrics
from rotator.web.routes import application
from rotator.web.source import Liveness
from tests.unit.web import scene
from tests.unit.web.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from prometheus_client.metrics_core import Metric

    from rotator.history.engine.database import Database
    from rotator.web.metrics import Many, OrgsShare

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"

# promtool, "check metrics": units that are not base units, and words that the type says already.
NO_BASE_UNITS = {"milliseconds", "ms", "minutes", "hours", "days", "weeks", "kilobytes", "megabytes", "bits", "percent"}
ESCAPINGS = ("allow-utf-8", "underscores", "dots", "values")
RESERVED_ENDINGS = ("_total", "_count", "_sum", "_bucket", "_info")


def openmetrics(text: str) -> Iterator[Metric]:
    """The families of a text in OpenMetrics."""
    families: Iterator[Metric] = parse_openmetrics(text)  # type: ignore[no-untyped-call] # it has no types
    return families


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with open_database(f"sqlite:///{tmp_path_factory.mktemp('metrics')}/rotator.db") as database:
        scene.company(database)
        yield database


def client_of(database: Database) -> Client:
    settings = scene.settings_of(("production", "emea", "uat"), scene.COMPANY, ("crm-team", "on-call"))
    alive = Liveness(
        started_at=scene.NOW, ticked_at=scene.NOW, since_tick=timedelta(seconds=2), tick=timedelta(seconds=15),
        lag=timedelta(seconds=0.25), is_working=True,
    )  # fmt: skip
    source = HistoryReader(lambda: settings, database, lambda: scene.NOW)
    return Client(application(source, HttpSettings(), token=None, alive=lambda: alive))


@pytest.fixture(scope="module")
def families(database: Database) -> dict[str, Metric]:
    """What the parser of the text format makes of it."""
    return {family.name: family for family in parse_text(client_of(database).get("/metrics").text)}


def value(families: dict[str, Metric], series: str, /, **labels: str) -> float:
    """Of the one sample that has these labels among its own."""
    found = [
        sample.value
        for family in families.values()
        for sample in family.samples
        if sample.name == series and labels.items() <= sample.labels.items()
    ]
    assert len(found) == 1, (series, labels, found)
    return found[0]


def test_the_text_format_has_what_monitoring_needs(families: dict[str, Metric]) -> None:
    billing = scene.fingerprint_of("billing now")
    expires = value(
        families, "rotator_certificate_not_after_timestamp_seconds", org="production", app="Billing",
        type="ConnectedApp", credential="billing", fingerprint=billing, stage="current",
    )  # fmt: skip
    assert expires == (scene.NOW + 201 * scene.DAY).timestamp()
    assert value(families, "rotator_certificate_not_before_timestamp_seconds", app="Billing") < expires
    look = value(families, "rotator_org_last_good_look_timestamp_seconds", org="uat")
    assert look == (scene.NOW - 3 * scene.DAY).timestamp()
    assert value(families, "rotator_org_readable", org="uat") == 0
    assert value(families, "rotator_org_readable", org="emea") == 1
    warehouse = {"credential": "warehouse", "outcome": "rotated", "trigger": "schedule"}
    assert value(families, "rotator_rotations_total", **warehouse) == 2
    assert value(families, "rotator_rotations_total", credential="telephony", outcome="reverted") == 1
    assert value(families, "rotator_rotation_gap_seconds_sum", credential="telephony") == pytest.approx(921.3)
    assert value(families, "rotator_rotation_gap_seconds_count", credential="telephony") == 2
    assert value(families, "rotator_rotation_last_gap_seconds", credential="telephony") == 912
    assert value(families, "rotator_alerts", state="acknowledged", kind="expiry", severity="warning") == 1
    assert value(families, "rotator_alerts", state="open", kind="expiry", severity="critical") == 2
    for name in ("rotator_notifications_pending", "rotator_notices_owed"):
        assert value(families, name, channel="on-call") == 1
        assert value(families, name, channel="crm-team") == 0
    assert value(families, "rotator_needs_attention", kind="rotate", name="telephony") == 1
    assert value(families, "rotator_scheduler_lag_seconds") == 0.25
    assert value(families, "rotator_scheduler_last_tick_timestamp_seconds") == scene.NOW.timestamp()
    assert value(families, "rotator_working") == 1
    assert value(families, "rotator_build_info") == 1
    assert value(families, "rotator_history_readable") == 1
    assert value(families, "process_resident_memory_bytes") > 1e6


def test_year_9999_and_what_has_no_fingerprint_are_told_like_any_other(families: dict[str, Metric]) -> None:
    name = "rotator_certificate_not_after_timestamp_seconds"
    assert value(families, name, app="ADFS", type="SamlSsoConfig") == scene.FOREVER.timestamp()
    assert value(families, name, app="SelfSignedCert_2024", fingerprint="") > scene.NOW.timestamp()


def test_prometheus_gets_openmetrics_when_it_asks_for_it(database: Database) -> None:
    answer = client_of(database).get("/metrics", accept=OPENMETRICS)
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    found = {family.name: family for family in openmetrics(answer.text)}
    assert found["rotator_rotations"].type == "counter"
    assert found["rotator_build"].type == "info"
    assert answer.text.endswith("# EOF\n")


def test_whoever_asks_for_nothing_gets_the_text_format(database: Database) -> None:
    kind = client_of(database).get("/metrics").headers["content-type"]
    assert kind.startswith("text/plain; version=0.0.4")


def test_every_metric_keeps_the_rules_of_promtool(database: Database, families: dict[str, Metric]) -> None:
    text = client_of(database).get("/metrics").text
    for family in families.values():
        assert re.fullmatch("[a-z][a-z0-9_]*", family.name)
        assert family.documentation, family.name
        assert not NO_BASE_UNITS & set(family.name.split("_")), family.name
        assert not {"gauge", "counter", "summary", "histogram"} & set(family.name.split("_")), family.name
        if family.type == "gauge" and family.name != "rotator_build_info":
            assert not family.name.endswith(RESERVED_ENDINGS), family.name
        if family.type == "counter":
            assert {sample.name for sample in family.samples} <= {f"{family.name}_total"}, family.name
        assert family.type != "unknown", family.name
        for sample in family.samples:
            assert all(re.fullmatch("[a-z][a-z0-9_]*", label) for label in sample.labels)
    for keyword in ("HELP", "TYPE"):
        named = Counter(re.findall(rf"^# {keyword} (\S+)", text, re.MULTILINE))
        assert max(named.values()) == 1


def test_no_series_is_there_twice(families: dict[str, Metric]) -> None:
    series = Counter(
        (sample.name, *sorted(sample.labels.items())) for family in families.values() for sample in family.samples
    )
    assert series.most_common(1)[0][1] == 1


def test_every_family_is_announced_even_where_it_has_no_series_yet(
    families: dict[str, Metric], empty_history: Callable[[], Database]
) -> None:
    answer = client_of(empty_history()).get("/metrics").text
    assert {family.name for family in parse_text(answer)} == set(families)


def test_names_may_hold_anything(empty_history: Callable[[], Database]) -> None:
    name = 'Quote " back\\slash\nnew line {brace} é'
    database = empty_history()
    record_sightings(database, [scene.sighting("production", name, scene.NOW + scene.DAY)], scene.NOW)
    client = client_of(database)
    for text, parse in (
        (client.get("/metrics").text, parse_text),
        (client.get("/metrics", accept=OPENMETRICS).text, openmetrics),
    ):
        names = [sample.labels.get("app") for family in parse(text) for sample in family.samples]
        assert escaped(name) in names, "on one line, as logs have it"


@pytest.mark.parametrize(
    "accept", ["", OPENMETRICS, *(f"text/plain;version=1.0.0;escaping={each}" for each in ESCAPINGS)]
)
def test_samples_are_written_as_the_library_writes_them(accept: str) -> None:
    odd = ("<0> {1} %s 2.0", 'Quote " back\\slash\nnew line', "é \x1b", "")
    encode, _ = choose_encoder(accept)
    gauge = GaugeMetricFamily("rotator_x_seconds", "What.", labels=("org", "app", "at", "zone"))
    gauges = metrics.Many(GaugeMetricFamily, "rotator_x_seconds", "What.", ("org", "app", "at", "zone"))
    for value in (0, 1.5, -1, 1790000000.25, 10**17, float("nan"), float("-inf")):
        gauge.add_metric([*map(escaped, odd)], value)
        gauges.add_metric(odd, value)
    counter = CounterMetricFamily("rotator_x", "What.", labels=("org",))
    counters = metrics.Many(CounterMetricFamily, "rotator_x", "What.", ("org",))
    counter.add_metric(["a"], 7)
    counters.add_metric(("a",), 7)
    summary = SummaryMetricFamily("rotator_y", "What.", labels=("org",))
    summaries = metrics.Many(SummaryMetricFamily, "rotator_y", "What.", ("org",))
    summary.add_metric(["a"], 7, 0.125)
    summaries.add_metric(("a",), 7, 0.125)
    forms = exposition._forms(encode, [gauges, counters, summaries])
    part = exposition._Part((), forms, [gauges, counters, summaries])
    mine = "".join(form.head + part.samples[name] for name, form in forms.items())
    assert mine == exposition._written(encode, [gauge, counter, summary])


def test_of_very_many_certificates_those_that_expire_next_are_told_one_by_one(
    empty_history: Callable[[], Database],
) -> None:
    expiring = [
        scene.sighting("production", f"App_{days:03}", scene.NOW + days * scene.DAY) for days in range(-200, 1300)
    ]
    database = empty_history()
    record_sightings(database, expiring, scene.NOW)
    text = client_of(database).get("/metrics").text
    found = {family.name: family for family in parse_text(text)}
    told = [sample.labels["app"] for sample in found["rotator_certificate_state"].samples]
    assert set(told) == {f"App_{days:03}" for days in range(1, 1001)}
    assert value(found, "rotator_certificates_without_metrics") == 500
    counted = found["rotator_org_certificates"].samples
    assert sum(sample.value for sample in counted) == 1500
    assert value(found, "rotator_org_certificates", org="production", managed="no", state="expired") == 201


def test_what_is_kept_between_scrapes_is_what_is_written_anew(empty_history: Callable[[], Database]) -> None:
    database = empty_history()
    scene.company(database)
    client = client_of(database)
    for days in (10, 20):
        for accept in ("", OPENMETRICS):
            shown = client.get("/metrics", accept=accept).text
            assert without_process(shown) == without_process(client_of(database).get("/metrics", accept=accept).text)
        seen = scene.sighting("emea", "Another", scene.NOW + days * scene.DAY)
        record_sightings(database, [seen], scene.NOW)


def test_orgs_are_told_alike_however_many_of_them_are_written_together(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = []
    for together in (1, 2, 3, 10):
        monkeypatch.setattr(exposition, "_TOGETHER", together)
        texts.append(without_process(client_of(database).get("/metrics").text))
    assert all(sorted(each) == sorted(texts[0]) for each in texts)


def without_process(text: str) -> list[str]:
    """The lines without what the process says of its own."""
    return [line for line in text.splitlines() if not line.startswith("process_")]


def test_a_scrape_writes_what_has_changed_and_no_more(
    empty_history: Callable[[], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[str, ...]] = []

    def of_orgs(share: OrgsShare, at: datetime) -> Iterator[Many]:
        written.extend([tuple(line.name for line in share.lines)] if share.lines else [])
        return metrics.of_orgs(share, at)

    monkeypatch.setattr(exposition, "of_orgs", of_orgs)
    monkeypatch.setattr(exposition, "_TOGETHER", 1)
    database = empty_history()
    scene.company(database)
    client = client_of(database)
    client.get("/metrics")
    assert sorted(written) == [("emea",), ("production",), ("uat",)]
    written.clear()
    client.get("/metrics")
    client.get("/metrics", accept=OPENMETRICS)
    assert ("uat",) not in written, "where something is due, it would begin now: that is another moment each time"
    record_sightings(database, [scene.sighting("uat", "Another", scene.NOW + scene.DAY)], scene.NOW)
    client.get("/metrics")
    client.get("/metrics")
    assert written.count(("uat",)) == 1


def test_the_series_of_a_replaced_certificate_goes(empty_history: Callable[[], Database]) -> None:
    database = empty_history()
    client = client_of(database)
    before, after = (scene.sighting("production", "Billing", scene.NOW + days * scene.DAY) for days in (10, 375))
    record_sightings(database, [before], scene.NOW - scene.DAY)
    assert str(before.fingerprint) in client.get("/metrics").text
    record_sightings(database, [after], scene.NOW)
    text = client.get("/metrics").text
    assert str(after.fingerprint) in text
    assert str(before.fingerprint) not in text


def test_without_the_history_the_process_still_says_how_it_is(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE sighting RENAME TO elsewhere")
    try:
        answer = client_of(database).get("/metrics")
    finally:
        with database.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO sighting")
    found = {family.name: family for family in parse_text(answer.text)}
    assert answer.status == 200
    assert value(found, "rotator_history_readable") == 0
    assert value(found, "rotator_working") == 1
    assert "rotator_org_readable" not in found
