"""Asks every surface of a machine what it says of each credential, in the middle of the hour."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from lxml import html
from prometheus_client.parser import text_string_to_metric_families

from rotator.application import Application
from rotator.config.daemon import HttpSettings
from rotator.config.loading import load
from rotator.core.actor import Actor
from rotator.core.lifecycle.states import CredentialState, in_words
from rotator.core.severity import Severity
from rotator.history.alerts.alerts import AlertRecords
from rotator.services.alerting.delivery import AT_ONCE
from rotator.services.reporting.reader import HistoryReader
from rotator.services.schedule.context import ServiceContext
from rotator.services.schedule.cycle import Cycle
from rotator.web.routes import application
from rotator.web.source import Liveness
from tests.unit.web.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

    from rotator.core.alert import Alert
    from tests.contract.servers.mail import MailServer
    from tests.worst_hour.hours import Hour
    from tests.worst_hour.machines import Machine


MOST_ALERTS: Final = 5
"""Of one life at one moment, two of them of certificates that a slow clock takes for not yet valid."""


@dataclass(frozen=True)
class Answers:
    """What is said of one credential at one moment, by surface."""

    when: str
    credential: str
    is_refused: bool
    """Whether its consumer is."""
    is_away: bool
    """Whether its consumer gets no answer."""
    states: dict[str, str]
    refused_since: dict[str, datetime | None]
    has_halted: bool
    """Whether a rotation of it stands where it stopped for a person."""
    history: str
    """How its newest rotation has ended, or where it stands."""
    is_current_known: bool
    """Whether that rotation is, by the history, the one that has left the version current that is."""
    alerts: tuple[Alert, ...]
    """Those that are open of it."""
    mails: tuple[str, ...]
    """Subject and text of those that name it."""


class Service:
    """The service of a machine, which looks and tells, and is never asked to rotate anything."""

    def __init__(self, machine: Machine, mail: MailServer) -> None:
        self._machine: Final = machine
        self._mail: Final = mail

    def ask(self, hour: Hour, when: str) -> list[Answers]:
        """The answers about each of its lives.

        Takes the inventories, evaluates, delivers; then asks all surfaces at once.
        """
        with self._opened() as (app, cycle):
            for org in app.settings.orgs:
                cycle.take_inventory(org)
            cycle.evaluate()
            for _ in range(ceil(len(hour.lives) * MOST_ALERTS / AT_ONCE)):
                cycle.deliver("mail")
            logins = {life.name: life.consumer.next_login() for life in hour.lives}
            text, as_json, rotations = self._commands()
            page, metrics = self._pages(app)
            alerts = AlertRecords(app.database).open_alerts()
        mails = [_text(mail) for mail in self._mail.arrived]
        answers = []
        for name, login in logins.items():
            line = as_json[name]
            urgency = Severity(line["urgency"]) if line["urgency"] else None
            states = {
                "text": text[name],
                "json": in_words(CredentialState(line["state"]), urgency),
                "page": page[name],
                "metrics": in_words(metrics.state(name), urgency),
            }
            since = line["refused_since"]
            refused_since = {
                "json": datetime.fromisoformat(since) if since else None,
                "metrics": metrics.refused_since(name),
            }
            mine = [each for each in rotations if each["credential"] == name]
            # By a clock that was set back the last one to begin may stand below another.
            newest = next((each for each in mine if each["outcome"] is None), mine[0])
            answers.append(
                Answers(
                    when,
                    name,
                    bool(login.refusal),
                    login.is_away,
                    states,
                    refused_since,
                    line["halted_since"] is not None,
                    newest["ending"],
                    newest["new_fingerprint"] == line["stages"]["current"],
                    tuple(alert for alert in alerts if alert.credential == name),
                    tuple(mail for mail in mails if name in mail),
                )
            )
        return answers

    @contextmanager
    def _opened(self) -> Iterator[tuple[Application, Cycle]]:
        config = self._machine.config
        with Application(load(config), environ={}, config=config, now=self._machine.now) as app:
            context = ServiceContext(
                settings=app.settings,
                database=app.database,
                open_adapters=app.fork,
                now=app.now,
                random=lambda: 0.5,
                actor=Actor("rotator on a machine"),
            )
            yield app, Cycle(context)

    def _commands(self) -> tuple[dict[str, str], dict[str, Any], list[dict[str, Any]]]:
        commands = (("status",), ("status", "--json"), ("history", "--json", "--limit", "100"))
        asked = [self._machine.start("rotator", *command) for command in commands]
        text, as_json, history = (each.ran() for each in asked)
        for each in asked:
            self._machine.ended(each)
        known = {line["credential"]: line for line in as_json.json}
        head, *lines = text.out.splitlines()
        begins = head.index("State")
        ends = begins + 5 + len(head[begins + 5 :]) - len(head[begins + 5 :].lstrip())
        cells = ((line[:begins].strip(), line[begins:ends].strip()) for line in lines[1:])
        states = {name: cell.split(" ", 1)[1] for name, cell in cells if name in known}
        return states, known, history.json["rotations"]

    def _pages(self, app: Application) -> tuple[dict[str, str], Metrics]:
        now = self._machine.now()
        alive = Liveness(
            started_at=now, ticked_at=now, since_tick=timedelta(0), tick=timedelta(seconds=15), lag=timedelta(0),
            is_working=True,
        )  # fmt: skip
        source = HistoryReader(lambda: app.settings, app.database, self._machine.now)
        client = Client(application(source, HttpSettings(), token=None, alive=lambda: alive))
        document: Any = html.fromstring(client.get("/credentials").content)
        states = {}
        for row in document.xpath("//table/tbody/tr"):
            cells = row.xpath("./*")
            shown = next(each for each in row.iter("span") if "state" in (each.get("class") or "").split())
            states[" ".join(cells[0].text_content().split())] = " ".join(shown.text_content().split())
        return states, Metrics(client.get("/metrics").text)


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return f"{mail['subject']}\n{body.get_content() if body else ''}"


class Metrics:
    """One scrape."""

    def __init__(self, text: str) -> None:
        self._families: Final = {family.name: family for family in text_string_to_metric_families(text)}

    def state(self, name: str) -> CredentialState:
        """The one that is set."""
        (state,) = (labels["state"] for labels, value in self._of("rotator_credential_state", name) if value)
        return CredentialState(state)

    def refused_since(self, name: str) -> datetime | None:
        """In whole seconds, as JSON has times; None while consumers are not refused."""
        for _, value in self._of("rotator_credential_refused_since_timestamp_seconds", name):
            return datetime.fromtimestamp(int(value), tz=UTC)
        return None

    def _of(self, family: str, name: str) -> list[tuple[dict[str, str], float]]:
        found = self._families.get(family)
        samples = found.samples if found else []
        return [(each.labels, each.value) for each in samples if each.labels["credential"] == name]
