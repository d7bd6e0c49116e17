"""Asks every surface what it says of the same thing: the commands as text and as JSON, the page, the metrics, alerts.

Each answer is brought into the words that people read, and no further: what two surfaces put differently stays so.
"""

from __future__ import annotations

import io
import re
from abc import ABC, abstractmethod
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from lxml import html
from prometheus_client.parser import text_string_to_metric_families

from rotator.cli.output import inventory_table, status_table
from rotator.config.daemon import HttpSettings
from rotator.core import words
from rotator.core.actor import Actor
from rotator.core.lifecycle.states import CertificateState, CredentialState, in_words
from rotator.core.severity import Severity
from rotator.history.sightings import last_sightings
from rotator.services.alerting.kinds import EXPIRY
from rotator.services.inventory.credential_history import histories
from rotator.services.inventory.scan import Scan, scan
from rotator.services.inventory.status import StatusReader
from rotator.services.reporting.reader import HistoryReader
from rotator.services.rotation.observer import Observer
from rotator.services.rotation.requests import Request, resumed
from rotator.services.schedule.due import due_now, next_due_after
from rotator.web.routes import application
from rotator.web.source import Liveness
from tests.unit.web.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from rotator.config.settings import Settings
    from rotator.core.observed import ObservedCertificate
    from rotator.core.schedule import NextDue
    from rotator.history.engine.database import Database
    from rotator.history.records import Rotation
    from rotator.services.inventory.status import CredentialStatus
    from rotator.services.schedule.due import DueNow
    from tests.unit.services.cycle_bench import CycleBench

_GAP: Final = re.compile(r" {2,}")
"""Between two columns of a table that is not folded."""


class Shown(ABC):
    """What the surfaces show of one credential."""

    @property
    @abstractmethod
    def now(self) -> datetime:
        """The time."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The credential's."""

    @property
    @abstractmethod
    def settings(self) -> Settings:
        """What is configured."""

    @property
    @abstractmethod
    def database(self) -> Database:
        """The history."""

    @abstractmethod
    def status(self) -> CredentialStatus:
        """What `rotator status` reads."""

    def page(self, address: str) -> list[dict[str, str]]:
        """The lines of the first table of a page, by the headings of its columns."""
        document = html.fromstring(self._client().get(address).content)
        table = next(document.iter("table"), None)
        if table is None:
            return []
        columns = [_said(cell) for cell in table.iter("th") if cell.get("scope") == "col"]
        return [dict(zip(columns, map(_cell, row), strict=True)) for row in table.iterfind("tbody/tr")]

    def text(self, address: str) -> str:
        """What a page says."""
        return _said(html.fromstring(self._client().get(address).content))

    def links(self, address: str) -> list[str]:
        """Where a page leads."""
        links = {str(link.get("href")) for link in html.fromstring(self._client().get(address).content).iter("a")}
        return [link for link in sorted(links) if link.startswith("/")]

    def dead_links(self, address: str) -> list[str]:
        """Where a page leads, and nothing is."""
        return [link for link in self.links(address) if self._client().get(link).status != 200]

    def metrics(self) -> dict[str, Metric]:
        """The families of a scrape."""
        return {family.name: family for family in text_string_to_metric_families(self.scrape())}

    def scrape(self) -> str:
        """What `/metrics` answers."""
        return self._client().get("/metrics").text

    def _client(self) -> Client:
        alive = Liveness(
            started_at=self.now, ticked_at=self.now, since_tick=timedelta(0), tick=timedelta(seconds=15),
            lag=timedelta(0), is_working=True,
        )  # fmt: skip
        source = HistoryReader(lambda: self.settings, self.database, lambda: self.now)
        return Client(application(source, HttpSettings(), token=None, alive=lambda: alive))


@dataclass
class Surfaces(Shown):
    """All of them, as they are at the time of a bench, after its org was just looked at."""

    one: CycleBench

    def look(self) -> None:
        """What the service does every hour, and every few minutes; it rotates nothing."""
        self.one.cycle.take_inventory("production")
        self.one.cycle.evaluate()

    @property
    def now(self) -> datetime:
        """See Shown."""
        return self.one.bench.time

    @property
    def name(self) -> str:
        """See Shown."""
        return self.one.bench.credential

    @property
    def settings(self) -> Settings:
        """See Shown."""
        return self.one.bench.settings

    @property
    def database(self) -> Database:
        """See Shown."""
        return self.one.context.database

    def status(self) -> CredentialStatus:
        """See Shown."""

        def read_app(org: str, app: str) -> ObservedCertificate | None:
            seen = self.one.outside.inventory(org).entries
            return next((each for each in seen if each.app == app), None)

        reader = StatusReader(
            self.settings,
            read_app=read_app,
            store=self.one.outside.store,
            histories=lambda: histories(self.database, [self.name]),
            now=self.now,
        )
        return reader.one(self.name)

    def scan(self) -> Scan:
        """What `rotator inventory` reads."""
        return scan(
            self.settings,
            "production",
            read_org=self.one.outside.inventory,
            store=self.one.outside.store,
            last_seen=lambda org: last_sightings(self.database, org),
            histories=lambda: histories(self.database, [self.name]),
            now=self.now,
        )

    def open_rotation(self) -> Rotation | None:
        """The rotation that the history knows no end of."""
        return self.one.outside.credential_context(self.name).open_rotation()

    def service(self) -> tuple[DueNow, NextDue]:
        """What the service would do now, and what it remembers of the time to come."""
        if self.one.outside.store_fails:
            raise self.one.outside.store_fails
        context = self.one.outside.credential_context(self.name)
        seen, rotation = Observer(context).observe(), self.open_rotation()
        begun = resumed(rotation, Request(goal="", actor=Actor("rotator"))) if rotation else None
        found = due_now(seen, begun, context.policy, self.now)
        return found, next_due_after(seen, found, context.policy, self.now)


def _said(element: Any) -> str:
    return " ".join(element.text_content().split())


def _cell(cell: Any) -> str:
    """Of a state the word, without what is said of it."""
    state = next((each for each in cell.iter("span") if "state" in (each.get("class") or "").split()), None)
    return _said(cell if state is None else state)


def _printed(show: Callable[[], None]) -> list[dict[str, str]]:
    """The lines of the table that is printed, by the headings of its columns; all that is printed as one more."""
    out = io.StringIO()
    with redirect_stdout(out):
        show()
    lines = out.getvalue().splitlines()
    headings = _GAP.split(lines[0].strip())
    places = [lines[0].index(heading) for heading in headings]
    cells = [[line[a:b].strip() for a, b in zip(places, [*places[1:], None], strict=True)] for line in lines[2:]]
    table = [dict(zip(headings, row, strict=True)) for row in cells]
    return [*table, {"All": " ".join(lines)}]


def _word(cell: str) -> str:
    """A state without its sign."""
    return cell.split(" ", 1)[1]


def _time(family: Metric, **labels: str) -> float | None:
    values = [sample.value for sample in family.samples if labels.items() <= sample.labels.items()]
    return values[0] if values else None


def states_of_the_credential(all_of: Shown) -> dict[str, str]:
    """Its state, by surface."""
    status, name = all_of.status(), all_of.name
    as_json = status_table.as_json(status, all_of.now)
    shown = next(line for line in all_of.page("/credentials") if line["Credential"] == name)
    measured = [
        sample.labels["state"]
        for sample in all_of.metrics()["rotator_credential_state"].samples
        if sample.labels["credential"] == name and sample.value
    ]
    printed = _printed(lambda: status_table.print_statuses([status], all_of.now))[0]
    return {
        "text": _word(printed["State"]),
        "json": in_words(as_json["state"], as_json["urgency"]),
        "page": shown["State"],
        "metrics": in_words(CredentialState(measured[0]), as_json["urgency"]) if len(measured) == 1 else f"{measured}",
    }


def times_of_the_credential(all_of: Surfaces) -> dict[str, dict[str, str]]:
    """When it is due, when the grace of its previous version ends and its certificate: each by surface, to the day."""
    status, now = all_of.status(), all_of.now
    as_json = status_table.as_json(status, now)
    shown = next(line for line in all_of.page("/credentials") if line["Credential"] == all_of.name)
    metrics = all_of.metrics()
    printed = _printed(lambda: status_table.print_statuses([status], now))
    table, below = printed[0], printed[-1]["All"]
    kept = re.search(r"(?:is kept until|grace ended) (\S+ \S+ UTC)", below)
    due, until = as_json["due_at"], as_json["previous_until"]
    measured_due = _time(metrics["rotator_credential_rotation_due_timestamp_seconds"], credential=all_of.name)
    measured_until = _time(metrics["rotator_credential_previous_until_timestamp_seconds"], credential=all_of.name)
    return {
        "due": {
            "text": table["Due"],
            "json": _due(due, now),
            "metrics": _due(_moment(measured_due, due), now),
        },
        "previous until": {
            "text": kept[1] if kept else "none kept",
            "json": words.moment(until) if until else "none kept",
            "metrics": words.moment(_moment(measured_until, until)) if measured_until else "none kept",
            "page": _page_until(shown["Previous kept until"], until, now),
        },
        "not after": {
            "text": table["Not after"],
            "json": words.day(as_json["not_after"]) if as_json["not_after"] else "-",
            "page": shown["Valid until"].replace("unknown", "-"),
        },
    }


def _due(time: datetime | None, now: datetime) -> str:
    if time is None:
        return "-"
    return "now" if time <= now else words.distance(time, now)


def _moment(seconds: float | None, like: datetime | None) -> Any:
    return None if seconds is None or like is None else datetime.fromtimestamp(seconds, tz=like.tzinfo)


def _page_until(cell: str, until: datetime | None, now: datetime) -> str:
    """The page has the day: the moment, where that is the day of it."""
    if until and cell == (words.day(until) if until > now else "its grace is over"):
        return words.moment(until)
    return cell


def states_of_the_certificates(all_of: Surfaces) -> dict[str, dict[str, str]]:
    """The states of all that has a date and is there, by app, and by surface."""
    found = all_of.scan()
    lives = [life for life in found.certificates if life.expiry and not life.seen.is_vanished]
    text = {line.get("App") or line.get("Name", ""): line for line in _tables(found, all_of.now)}
    page = {line["Certificate of"].split()[0]: line for line in all_of.page("/certificates")}
    metrics = {sample.labels["app"]: sample.labels for sample in all_of.metrics()["rotator_certificate_state"].samples}
    answers = {}
    for life in lives:
        app, as_json = life.seen.app, inventory_table.as_json(life)
        measured = metrics[app]
        answers[app] = {
            "text": _word(text[app]["State"]),
            "json": in_words(as_json["state"], as_json["urgency"]),
            "page": page[app]["State"],
            "metrics": in_words(CertificateState(measured["state"]), _severity(measured["urgency"])),
        }
    return answers


def _severity(word: str) -> Severity | None:
    return Severity(word) if word else None


def _tables(found: Scan, now: datetime) -> Iterator[dict[str, str]]:
    """The lines of both tables of the inventory."""
    out = io.StringIO()
    with redirect_stdout(out):
        inventory_table.print_scans([found], now)
    for block in re.split(r"\n\nOther certificates:\n\n", out.getvalue()):
        yield from _printed(lambda block=block: print(block))[:-1]  # type: ignore[misc] # noqa: T201


def urgencies_of_the_certificates(all_of: Surfaces) -> dict[str, tuple[str, str]]:
    """How urgent each is: by its state, and by the alert that is open of its expiry."""
    alerts = {
        (alert.app, alert.fingerprint): str(alert.severity)
        for alert in all_of.one.context.history.alerts.open_alerts(kind=EXPIRY)
    }
    answers = {}
    for life in all_of.scan().certificates:
        seen = life.seen
        if seen.app:
            alert = alerts.pop((seen.app, seen.fingerprint or None), "")
            answers[seen.app] = (str(life.urgency or ""), alert)
    assert not alerts, "of what nobody sees"
    return answers
