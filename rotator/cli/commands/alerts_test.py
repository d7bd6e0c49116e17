"""`rotator alerts test`: does a message arrive?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from rotator.cli.options import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import clean, console, print_json, state
from rotator.errors import ConfigurationError, RotatorError

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.alerts.base import Message
    from rotator.application import Application


@dataclass(frozen=True)
class _Answer:
    """How one channel took the message."""

    channel: str
    accepted: bool
    problem: str = ""
    advice: str = ""
    exit_code: int = 0


@click.command("test")
@click.argument("channels", metavar="[CHANNEL]...", nargs=-1)
@common_options
@json_option
@pass_invocation
def test(invocation: Invocation, channels: tuple[str, ...]) -> None:
    """Send a test message by these channels, or by all of them, and say which accepted it.

    Exit code 3 when one did not and may later, 1 when a person is needed.

    \b
    With --json a list of {"channel", "accepted", "problem", "advice"}.
    """
    answers = []
    with invocation.application() as app:
        for name in _chosen(app, channels):
            answers.append(_try(app, name))
            if not invocation.json:
                _print(answers[-1])
    if invocation.json:
        print_json([_as_json(answer) for answer in answers])
    codes = {answer.exit_code for answer in answers} - {0}
    if codes:
        raise click.exceptions.Exit(3 if codes == {3} else 1)


def _chosen(app: Application, names: tuple[str, ...]) -> list[str]:
    """The channels to try, each once. Raises ConfigurationError for one that there is not, before any is tried."""
    configured = app.settings.alerts.channels
    unknown = [name for name in names if name not in configured]
    if unknown or not configured:
        there_are = f"Configured are: {', '.join(configured)}." if configured else "Add one under `alerts: channels:`."
        what = f"There is no channel called {unknown[0]!r}." if unknown else "No channel is configured."
        raise ConfigurationError(what, left="Nothing was sent.", advice=there_are)
    return list(dict.fromkeys(names or configured))


def _try(app: Application, name: str) -> _Answer:
    from rotator.alerts.base import DeliveryFailed, PartlyAccepted  # noqa: PLC0415 - `--help` needs no channel

    try:
        app.channel(name).send(_message(name, app.now()), thread=None)
    except PartlyAccepted as partly:
        return _Answer(name, accepted=True, problem=partly.what, advice=partly.advice, exit_code=1)
    except DeliveryFailed as failure:
        code = 1 if failure.lasting else failure.exit_code
        return _Answer(name, accepted=False, problem=failure.what, advice=failure.advice, exit_code=code)
    except RotatorError as error:
        return _Answer(name, accepted=False, problem=error.what, advice=error.advice, exit_code=1)
    return _Answer(name, accepted=True)


def _message(channel: str, now: datetime) -> Message:
    from rotator.alerts.base import Message  # noqa: PLC0415 - `--help` needs no channel
    from rotator.cli.runs import actor  # noqa: PLC0415
    from rotator.core.severity import Severity  # noqa: PLC0415

    return Message(
        matter="test",
        # Each test is a message of its own, which no reader takes for a double.
        key=f"test/{now.isoformat()}/{channel}",
        title="A test message of rotator",
        text="Nothing has happened. If you can read this, alerts arrive here.",
        severity=Severity.INFO,
        at=now,
        facts=(("Channel", channel), ("Sent by", actor())),
        is_end=True,
    )


def _print(answer: _Answer) -> None:
    word = "accepted" if answer.accepted else "failed"
    console().print(state(word), answer.channel)
    for line in (answer.problem, answer.advice):
        if line:
            console().print(f"  {clean(line)}")


def _as_json(answer: _Answer) -> dict[str, Any]:
    return {name: value for name, value in asdict(answer).items() if name != "exit_code"}
