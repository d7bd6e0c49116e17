"""`rotator demo`: four rotations against a simulated org, with consumers at work; the last one does not go well."""

# ruff: noqa: PLC0415 - the simulator and the adapters are imported when the demo runs, not when help is shown

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from rotator.cli.exit_codes import ExitCode
from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import console, print_json, say, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.application import Application
    from rotator.cli.output.progress import LiveProgress
    from rotator.cli.traffic import Consumer, Traffic
    from rotator.core.alert import NewAlert
    from rotator.core.decision.actions import Action
    from rotator.core.decision.options import RotationOptions
    from rotator.core.logins import LoginAnswer
    from rotator.services.inventory.scan import Scan
    from rotator.services.rotation.report import Report
    from rotator.simulator.serving.server import SimulatorServer

PROPAGATION: Final = 2.0
"""Seconds for which the simulated login servers disagree about a new certificate."""

FLAP: Final = 0.5
"""Share of the logins in that time that meet an up-to-date server."""

IN_PLACE: Final = "billing"
"""One app."""

PAIR: Final = "warehouse"
"""An integration that has a connected app, and has got an external client app beside it."""

SECOND: Final = "Warehouse_External"
"""That external client app: without a certificate, until the first rotation."""

REFUSED: Final = "reporting"
"""One app in place, whose org refuses the new key for as long as its certificate is there."""

PATIENCE: Final = timedelta(seconds=4)
"""How long that key is tried. In a real org a change may take minutes to arrive, so there it is 15 minutes."""


@dataclass(frozen=True)
class Rotated:
    """One rotation of the demo, and what its consumers met."""

    report: Report
    traffic: Traffic

    @property
    def kept_its_promise(self) -> bool:
        """Nobody was refused; in place, the plain consumer within the reported gap only.

        Where the org takes no key at all, both are refused, and within the gap only: then the old key is back.
        """
        dual_key, plain = self.traffic.dual_key, self.traffic.plain
        if self.report.credential == REFUSED:
            outside = (*plain.failures_outside(self.report.gap), *dual_key.failures_outside(self.report.gap))
            return self.report.outcome == "reverted" and not outside
        return (
            self.report.outcome == "rotated"
            and not dual_key.failures
            and not plain.failures_outside(self.report.gap)
            and (self.report.strategy == "in_place" or not plain.failures)
        )


@click.command()
@common_options
@json_option
@pass_invocation
def demo(invocation: Invocation) -> None:
    """Rotate an app in place, and a pair that takes turns, in a simulated org while consumers log in.

    The pair is a connected app and an external client app, and each has its turn. At last an org takes no new key, and
    the old one comes back. Everything happens in a temporary folder and on loopback; nothing is left behind. Exits 0
    when all rotations kept what they promise, else 1.

    \b
    With --json {"inventory": [as `inventory --json`], "rotations": [{"credential", "strategy", "outcome",
      "old_fingerprint", "new_fingerprint", "gap_seconds",
      "consumers": {"plain": {"logins", "failed_logins", "failed_outside_gap"}, "dual_key": {the same}},
      "steps": [{"action", "seconds", "times"}]}], "told": {"title", "text"}, "history": {"events", "verified"}}.
    """
    from rotator.application import Application
    from rotator.cli.commands.simulator import simulated
    from rotator.core.decision.options import RotationOptions
    from rotator.history.journal.verification import verify

    with tempfile.TemporaryDirectory(prefix="rotator-demo-") as folder:
        _say(invocation, "Starting two simulated orgs whose login servers take two seconds to agree ...")
        simulation = simulated(Path(folder), propagation=PROPAGATION, flap=FLAP)
        with simulation as (config, server), Application.configured(_with_a_pair(config, server)) as app:
            found = _inventory(invocation, app)
            # Nobody sees whether a new external client app hides a certificate: that nobody uses it is said once. The
            # second turn goes back to the pair's first app, whose key has to end before.
            turns = [RotationOptions(replace_unknown=True), RotationOptions(retire_now=True)]
            rotations = [_rotate(invocation, app, IN_PLACE)]
            rotations += [_rotate(invocation, app, PAIR, options=options) for options in turns]
            refused, alert = _take_back(invocation, app, server)
            rotations.append(refused)
            history = verify(app.database)
    if invocation.json:
        from rotator.cli.output.inventory_table import as_json

        proof = {"events": history.events, "verified": history.intact}
        found_apps = [as_json(life) for each in found for life in each.certificates]
        rotated = [_as_json(each) for each in rotations]
        told = {"title": alert.title, "text": alert.text}
        print_json({"inventory": found_apps, "rotations": rotated, "told": told, "history": proof})
    else:
        _summary(rotations, history.events, intact=history.intact)
    kept = history.intact and all(each.kept_its_promise for each in rotations)
    raise click.exceptions.Exit(ExitCode.DONE if kept else ExitCode.PERSON_NEEDED)


def _with_a_pair(config: Path, server: SimulatorServer) -> Path:
    """The integration's second app is made, and its name put into the configuration."""
    org = server.org("production")
    org.add_external_app(SECOND, username=org.app("Warehouse_A").username)
    config.write_text(config.read_text().replace("- Warehouse_B\n", f"- {SECOND}\n"))
    return config


def _inventory(invocation: Invocation, app: Application) -> list[Scan]:
    from rotator.cli.output.inventory_table import print_scans

    found = app.scan(app.now())
    if not invocation.json:
        _say(invocation, "", "The inventory, what expires first on top:", "")
        print_scans(found, app.now())
    return found


def _take_back(invocation: Invocation, app: Application, server: SimulatorServer) -> tuple[Rotated, NewAlert]:
    """A rotation whose key the org never takes, and what people are told of it."""
    from rotator.core.attempts import ROTATE, AttemptRecord
    from rotator.services.alerting.rotation_alerts import reverted
    from rotator.simulator.wire.faults import Effect, Fault, Kind

    credential = app.credential(REFUSED)
    verification = credential.verification.model_copy(update={"timeout": PATIENCE})
    impatient = credential.model_copy(update={"verification": verification})
    credentials = {**app.settings.credentials, REFUSED: impatient}
    faults = server.org(credential.org).faults
    fault = Fault(Kind.TOKEN, Effect.FAIL, times=None, answer="invalid_assertion", app=credential.app_names[0])

    def refuse_while_it_is_there(action: Action) -> None:
        if action.kind == "upload":
            faults.add(fault)
        elif action.kind == "restore":
            faults.clear()

    with app.fork(settings=app.settings.model_copy(update={"credentials": credentials})) as program:
        rotated = _rotate(invocation, program, REFUSED, refuse_while_it_is_there)
    # A service that had begun it would leave it to a person, as consumers were refused.
    alert = reverted(AttemptRecord(ROTATE, REFUSED, needs_attention=True), credential.org, rotated.report)
    told = [f"  {text}" for text in (alert.title, alert.text, alert.meanwhile, alert.to_do)]
    _say(invocation, "", "What people are told by Slack and mail then:", "", *told)
    return rotated, alert


def _rotate(
    invocation: Invocation,
    app: Application,
    name: str,
    when_done: Callable[[Action], None] = lambda _action: None,
    options: RotationOptions | None = None,
) -> Rotated:
    from rotator.cli.output.endings import print_report
    from rotator.cli.output.progress import LiveProgress
    from rotator.cli.traffic import Traffic
    from rotator.core.decision.options import RotationOptions
    from rotator.process import actor
    from rotator.services.rotation.requests import Request

    settings = app.credential(name)
    _say(invocation, "", f"Rotating {name} ({settings.strategy}) while two consumers log in many times a second:", "")
    request = Request(goal="replace", actor=actor(os.environ), reason="demo", options=options or RotationOptions())
    traffic = Traffic(app.store(settings.store), name, lambda: app.new_transport(settings.org), app.now)
    with traffic, LiveProgress(name, quiet=invocation.json) as progress:
        listener = _Following(progress, when_done)
        report = app.rotation_service(name, listener=listener, stop_asked=lambda: False).handle(request)
    if not invocation.json:
        print_report(report, app.now())
    return Rotated(report, traffic)


@dataclass(frozen=True)
class _Following:
    """Shows the steps, and tells of each that has ended (`rotator.services.rotation.report.Listener`)."""

    progress: LiveProgress
    when_done: Callable[[Action], None]

    def begins(self, action: Action) -> None:
        self.progress.begins(action)

    def ended(self, action: Action, seconds: float, answer: LoginAnswer | None) -> None:
        self.when_done(action)
        self.progress.ended(action, seconds, answer)

    def failed(self, action: Action | None, why: str) -> None:
        self.progress.failed(action, why)


def _summary(rotations: list[Rotated], events: int, *, intact: bool) -> None:
    rows = table("Credential", "Strategy", "Gap", "Consumer", "Logins", "Failed", "Outside the gap")
    for each in rotations:
        report = each.report
        for consumer in (each.traffic.plain, each.traffic.dual_key):
            counted = _consumer_as_json(consumer, report).values()
            gap = f"{report.gap_seconds:.1f} s"
            rows.add_row(report.credential, report.strategy, gap, consumer.name, *map(str, counted))
    out = console()
    for line in ("", "What the consumers met:", ""):
        say(line)
    out.print(rows)
    say("")
    say(f"History: {events} events, {'none changed since it was written' if intact else 'CHANGED'}.")
    for each in rotations:
        promise = "kept its promise" if each.kept_its_promise else "BROKE its promise"
        say(f"{each.report.credential}: {each.report.strategy} {promise}.")


def _as_json(rotated: Rotated) -> dict[str, Any]:
    report, traffic = rotated.report, rotated.traffic
    return {
        "credential": report.credential,
        "strategy": report.strategy,
        "outcome": report.outcome,
        "old_fingerprint": report.old_fingerprint,
        "new_fingerprint": report.new_fingerprint,
        "gap_seconds": report.gap_seconds,
        "consumers": {each.name: _consumer_as_json(each, report) for each in (traffic.plain, traffic.dual_key)},
        "steps": [{"action": step.action, "seconds": step.seconds, "times": step.times} for step in report.steps],
    }


def _consumer_as_json(consumer: Consumer, report: Report) -> dict[str, int]:
    return {
        "logins": consumer.logins,
        "failed_logins": len(consumer.failures),
        "failed_outside_gap": len(consumer.failures_outside(report.gap)),
    }


def _say(invocation: Invocation, *paragraphs: str) -> None:
    if not invocation.json:
        for text in paragraphs:
            say(text)
