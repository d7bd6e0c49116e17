"""`rotator alerts`: what people were and will be told, and taking it on."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import click

from rotator.cli.exit_codes import ExitCode, of_error, of_tries
from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.lazy import Lazy, LazyGroup
from rotator.cli.output.console import NOTHING, away, console, day, moment, print_json, say, state, table
from rotator.cli.output.former_names import with_former_names
from rotator.cli.parameters import Text, meant
from rotator.cli.time_options import end_of
from rotator.core import words
from rotator.core.severity import Severity
from rotator.errors import ConfigurationError, RotatorError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rotator.alerts.base import Message
    from rotator.application import Application
    from rotator.core.alert import Alert
    from rotator.services.alerting.details import AlertDetails


@dataclass(frozen=True)
class _Answer:
    """How one channel took the message."""

    channel: str
    accepted: bool
    problem: str = ""
    hint: str = ""
    exit_code: ExitCode = ExitCode.DONE


@click.command("test")
@click.argument("channels", metavar="[CHANNEL]...", nargs=-1)
@common_options
@json_option
@pass_invocation
def test(invocation: Invocation, channels: tuple[str, ...]) -> None:
    """Send a test message by these channels, or by all of them, and say which accepted it.

    Exit code 3 when one did not and may later, 1 when a person is needed.

    \b
    With --json a list of {"channel", "accepted", "problem", "hint"}.
    """
    answers = []
    with invocation.application() as app:
        for name in _chosen(app, channels):
            answers.append(_try(app, name))
            invocation.has_acted = True
            if not invocation.json:
                _print_answer(answers[-1])
    if invocation.json:
        told = ({name: value for name, value in asdict(each).items() if name != "exit_code"} for each in answers)
        print_json([*map(with_former_names, told)])
    if code := of_tries(answer.exit_code for answer in answers):
        raise click.exceptions.Exit(code)


def _chosen(app: Application, names: tuple[str, ...]) -> list[str]:
    """The channels to try, each once. Raises ConfigurationError for one that there is not, before any is tried."""
    configured = app.settings.alerts.channels
    unknown = [name for name in names if name not in configured]
    if unknown or not configured:
        there_are = f"Configured are: {', '.join(configured)}." if configured else "Add one under `alerts: channels:`."
        message = f"There is no channel called {unknown[0]!r}." if unknown else "No channel is configured."
        raise ConfigurationError(message, effect="Nothing was sent.", hint=there_are)
    return list(dict.fromkeys(names or configured))


def _try(app: Application, name: str) -> _Answer:
    from rotator.alerts.base import DeliveryFailed, PartlyAccepted  # noqa: PLC0415 - `--help` needs no channel
    from rotator.services.alerting.messages import Origin  # noqa: PLC0415

    try:
        app.channel(name).send(Origin.of(app.settings).signed(_message(name, app.now())), thread=None)
    except RotatorError as error:
        accepted = isinstance(error, PartlyAccepted)
        code = of_error(error) if isinstance(error, DeliveryFailed) else ExitCode.PERSON_NEEDED
        return _Answer(name, accepted=accepted, problem=error.message, hint=error.advice, exit_code=code)
    return _Answer(name, accepted=True)


def _message(channel: str, now: datetime) -> Message:
    from rotator.alerts.base import Message  # noqa: PLC0415 - `--help` needs no channel
    from rotator.core.alert import Alert  # noqa: PLC0415
    from rotator.process import actor  # noqa: PLC0415

    test = Alert(
        id="test",
        key="test",
        kind="test",
        severity=Severity.INFO,
        title="A test message of rotator",
        text="Nothing has happened. If you can read this, alerts arrive here.",
        channel=channel,
        facts={"Channel": channel, "Sent by": str(actor(os.environ))},
        opened_at=now,
        closed_at=now,
    )
    return Message(
        alert=test,
        # Each test is a message of its own, which no reader takes for a double.
        key=f"test/{now.isoformat()}/{channel}",
        title=test.title,
        text=test.text,
        at=now,
        facts=test.facts,
    )


def _print_answer(answer: _Answer) -> None:
    word = "accepted" if answer.accepted else "failed"
    console().print(state(word), answer.channel)
    for line in (answer.problem, answer.hint):
        if line:
            console().print(f"  {line}")


COMMANDS: Final = {
    "test": Lazy("rotator.cli.commands.alerts", "test", "Send a test message by each channel."),
}

_NEWEST: Final = 100
_SHOWN: Final = (
    "id",
    "key",
    "kind",
    "severity",
    "title",
    "text",
    "meanwhile",
    "to_do",
    "refused_since",
    "again_at",
    "org",
    "app",
    "type",
    "credential",
    "store",
    "channel",
    "fingerprint",
    "not_after",
    "facts",
    "opened_at",
    "closed_at",
    "closed_why",
)
_SHOWN_OF_A_NOTIFICATION: Final = ("step", "channel", "queued_at", "delivered_at", "attempts", "next_at", "problem")
_HELP: Final = "See `rotator alerts --help`."
_REASON = click.option("--reason", required=True, metavar="TEXT", help="Why, for the history and the others.")


@click.group(cls=LazyGroup, lazy=COMMANDS)
def alerts() -> None:
    """What people are told, by which channel, and who has taken it on."""


@alerts.command("list")
@click.argument("ids", metavar="[ID]...", nargs=-1, type=Text())
@click.option("--all", "every", is_flag=True, help=f"Also what has ended; the newest {_NEWEST}.")
@common_options
@json_option
@pass_invocation
def list_(invocation: Invocation, ids: tuple[str, ...], every: bool) -> None:
    """What people should know of now, and who was told of it.

    The worst comes first; with when the next threshold is crossed, and who has taken it on. With an ID, or as much of
    it as no other has, that alert in full.

    \b
    With --json a list of
      {"id", "key", "kind", "severity": "info", "warning" or "critical", "title", "text": what is so,
       "meanwhile": what rotator does about it, "to_do": what to do first,
       "refused_since": since when consumers are refused, or null, "again_at": the next try, or null,
       "org", "app", "type",
       "credential", "store", "channel", "fingerprint", "not_after", "facts": {name: value}, "opened_at", "closed_at",
       "closed_why", "next_at": when the next threshold is crossed, or null,
       "acknowledged": {"at", "by", "why"} or null, "snoozed": {"until", "by", "why"} or null,
       "notifications": [{"step", "channel", "queued_at", "delivered_at", "attempts", "next_at", "problem"}]}.
    """
    from rotator.history.alerts.alerts import AlertRecords  # noqa: PLC0415 - `ack --help` needs no database
    from rotator.services.alerting.details import details_of  # noqa: PLC0415
    from rotator.services.alerting.rules import open_alerts  # noqa: PLC0415

    with invocation.application("read") as app:
        now, alerts = app.now(), AlertRecords(app.database)
        if ids:
            found = list(map(alerts.find, ids))
        else:
            found = (
                alerts.all(_NEWEST)
                if every
                else sorted(open_alerts(app.database, app.settings), key=lambda alert: alert.rank)
            )
        lines = details_of(found, app.settings, app.database, now)
    if invocation.json:
        print_json([_details_as_json(line) for line in lines])
    else:
        _print(lines, now, has_channels=bool(app.settings.alerts.channels), in_full=bool(ids))


@alerts.command()
@click.argument("alert_id", metavar="ID", type=Text())
@_REASON
@common_options
@pass_invocation
def ack(invocation: Invocation, alert_id: str, reason: str) -> None:
    """Take an alert on: of it only its end is told from now on, and that a certificate has expired.

    ID is the alert's, or as much of its beginning or of its letters as no other has.
    """
    from rotator.history.alerts.alerts import AlertRecords  # noqa: PLC0415
    from rotator.process import actor  # noqa: PLC0415

    with invocation.application() as app:
        now, by = app.now(), actor(os.environ)
        alert = AlertRecords(app.database).acknowledge(alert_id, actor=by, reason=meant(reason, _HELP), now=now)
    invocation.has_acted = True
    say(f"{alert.id} is acknowledged: {alert.title}.")
    say(f"Of it only {_what_is_told_still(alert)} told from now on.")


@alerts.command()
@click.argument("alert_id", metavar="ID", type=Text())
@click.option("--for", "length", metavar="DURATION", help="For how long, such as 7d or 12h.")
@click.option("--until", metavar="TIME", help="Until when, such as 2026-12-01T08:00 (UTC, unless it names its zone).")
@_REASON
@common_options
@pass_invocation
def snooze(invocation: Invocation, alert_id: str, length: str | None, until: str | None, reason: str) -> None:
    """Be left alone with an alert for a while: what comes up meanwhile is told then, once.

    ID is the alert's, or as much of its beginning or of its letters as no other has.
    """
    from rotator.core.thresholds import expires_between  # noqa: PLC0415
    from rotator.history.alerts.alerts import AlertRecords  # noqa: PLC0415
    from rotator.process import actor  # noqa: PLC0415

    with invocation.application() as app:
        now, by = app.now(), actor(os.environ)
        ends = end_of(until, length, now, hint=_HELP, without_zone=UTC)
        alert = AlertRecords(app.database).snooze(alert_id, until=ends, actor=by, reason=meant(reason, _HELP), now=now)
    invocation.has_acted = True
    say(f"{alert.id} is snoozed until {moment(ends, now)}: {alert.title}.")
    if alert.not_after and expires_between(alert.not_after, now, ends):
        say(f"The certificate expires before that, on {day(alert.not_after)}: that is told all the same.")


def _what_is_told_still(alert: Alert) -> str:
    from rotator.services.alerting.kinds import EXPIRY, rotation_trouble  # noqa: PLC0415

    told, name = ["its end"], alert.credential
    if alert.kind == EXPIRY:
        told.append("that the certificate has expired")
    if name and (alert.kind == EXPIRY or alert.key == rotation_trouble(name)):
        told.append("that consumers are refused")
    return f"{words.listed(told)} {'are' if len(told) > 1 else 'is'}"


def _details_as_json(details: AlertDetails) -> dict[str, Any]:
    """One line of `alerts list --json`."""
    alert = details.alert
    acknowledged = {"at": alert.acknowledged_at, "by": alert.acknowledged_by, "why": alert.acknowledged_why}
    snoozed = {"until": alert.snoozed_until, "by": alert.snoozed_by, "why": alert.snoozed_why}
    notifications = [
        with_former_names({name: getattr(each, name) for name in _SHOWN_OF_A_NOTIFICATION})
        for each in details.notifications
    ]
    rest = {
        "refused_since": alert.refused_since if alert.is_open else None,
        "next_at": details.next_at,
        "acknowledged": acknowledged if alert.is_acknowledged else None,
        "snoozed": snoozed if alert.snoozed_until else None,
        "notifications": notifications,
    }
    return with_former_names({name: getattr(alert, name) for name in _SHOWN} | rest)


def _print(lines: list[AlertDetails], now: datetime, *, has_channels: bool, in_full: bool) -> None:
    if not lines:
        console().print("Nothing is open.")
    else:
        rows = table(
            "Id", "Severity", "What", "Since (UTC)", "Channels", "Next", prose=["What"], spare=("Since (UTC)",)
        )
        for line in lines:
            rows.add_row(
                line.alert.id,
                state(line.alert.severity),
                line.alert.title,
                words.moment(line.alert.since),
                ", ".join([*line.delivered_to, *(f"{name} (pending)" for name in line.pending_for)]) or NOTHING,
                _next(line, now),
            )
        console().print(rows)
        for line in lines:
            for sentence in (*(_in_full(line.alert, now) if in_full else ()), *_remarks(line, now)):
                console().print(f"{line.alert.id}: {sentence}")
    if not has_channels:
        console().print("No channel is configured, so nobody is told: add one under `alerts` in config.yaml.")


def _next(line: AlertDetails, now: datetime) -> str:
    """When more of it is told."""
    if not line.alert.is_open:
        return line.alert.state(now)
    if line.alert.is_snoozed(now):
        return f"snoozed, {away(line.alert.snoozed_until, now)}"
    return away(line.next_at, now)


def _in_full(alert: Alert, now: datetime) -> Iterable[str]:
    """What messages say beside the title; of what is over, nothing that was to be done."""
    still = (alert.what_is_done(now), alert.to_do) if alert.is_open else ()
    yield from (text for text in (alert.refusal(now), alert.text, *still) if text)
    yield from (f"{name}: {value}" for name, value in alert.facts.items())


def _remarks(line: AlertDetails, now: datetime) -> Iterable[str]:
    """What a person should know of it besides."""
    alert = line.alert
    if alert.acknowledged_at:
        when = words.distance(alert.acknowledged_at, now)
        yield f"acknowledged by {alert.acknowledged_by}, {when}: {alert.acknowledged_why}"
    if alert.is_open and alert.is_snoozed(now):
        yield f"snoozed by {alert.snoozed_by} until {moment(alert.snoozed_until, now)}: {alert.snoozed_why}"
    if alert.closed_at and alert.closed_why:
        yield f"closed {words.distance(alert.closed_at, now)}: {alert.closed_why}"
    for channel, problem in line.problems.items():
        yield f"{channel} has not accepted it: {problem}"
