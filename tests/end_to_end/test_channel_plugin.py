"""A type of channel from another package: the one in docs/alerts.md, installed beside rotator, used as any other."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rotator.simulator.serving.export import Export
from tests.end_to_end.orgs import hosted_orgs
from tests.end_to_end.packages import beside, install
from tests.end_to_end.processes import Ran, start
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = (
    "rotator_tickets/__init__.py",
    "rotator_tickets/settings.py",
    "rotator_tickets/channel.py",
    "test_tickets.py",
)
"""What the blocks of Python in the document are, in this order."""

ENTRY_POINTS = "[rotator.channels]\ntickets = rotator_tickets:PLUGIN\nbroken = rotator_tickets.missing:PLUGIN\n"
CHANNEL = "\nalerts:\n  channels:\n    desk: {type: tickets, folder: tickets}\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the document."""
    return install(tmp_path_factory.mktemp("site"), "alerts.md", "rotator_tickets", FILES, ENTRY_POINTS)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two simulated orgs, with a channel of the plug-in's type."""
    export = Export(tmp_path_factory.mktemp("export"))
    with hosted_orgs(export):
        export.config.write_text(export.config.read_text() + CHANNEL)
        yield export.config


@pytest.fixture
def tickets(config: Path) -> Path:
    """The folder of the tickets, which is empty."""
    folder = config.parent / "tickets"
    folder.mkdir(exist_ok=True)
    for ticket in folder.iterdir():
        ticket.unlink()
    return folder


def rotator(installed: Path, config: Path, *arguments: str) -> Ran:
    return start("rotator", "--config", config, *arguments, environ=beside(installed)).ran()


def refusal(installed: Path, config: Path, change: tuple[str, str]) -> str:
    changed = config.with_name("changed.yaml")
    assert change[0] in config.read_text()
    changed.write_text(config.read_text().replace(*change))
    done = rotator(installed, changed, "status")
    assert done.code == 2
    return done.err


def test_a_channel_of_another_package_is_checked_and_tried(installed: Path, config: Path, tickets: Path) -> None:
    checked = {line["name"]: line["result"] for line in rotator(installed, config, "check", "--json").json}
    assert checked["channel desk"] == "ok"
    assert list(tickets.iterdir()) == []
    tried = rotator(installed, config, "alerts", "test", "desk", "--json")
    assert (tried.code, tried.json[0]["accepted"]) == (0, True)
    (ticket,) = tickets.iterdir()
    assert "If you can read this, alerts arrive here." in ticket.read_text()


def test_what_it_does_not_accept_is_told_with_what_to_do(installed: Path, config: Path, tickets: Path) -> None:
    tickets.rmdir()
    tried = rotator(installed, config, "alerts", "test", "desk")
    assert tried.code == 1
    assert "took no ticket (No such file or directory)" in tried.out
    assert "Make the folder, and let rotator write there." in tried.out


def test_alerts_go_there_each_into_its_own_thread(installed: Path, config: Path, tickets: Path) -> None:
    rotator(installed, config, "run", "--once")
    open_alerts = {alert["id"]: alert for alert in rotator(installed, config, "alerts", "list", "--json").json}
    delivered = {
        alert_id
        for alert_id, alert in open_alerts.items()
        if any(each["channel"] == "desk" and each["delivered_at"] for each in alert["notifications"])
    }
    assert delivered == set(open_alerts) != set()
    written = "".join(ticket.read_text() for ticket in tickets.iterdir())
    assert all(alert["title"] in written for alert in open_alerts.values())


@thorough
def test_the_channel_of_the_document_keeps_the_promises_of_every_channel(installed: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_tickets.py"]
    done = subprocess.run(command, env=beside(installed), capture_output=True, text=True, check=False, cwd=installed)
    assert done.returncode == 0, done.stdout
    assert re.search(r"\b1\d passed", done.stdout)


def test_what_is_wrong_with_a_plug_in_is_told_in_one_sentence(installed: Path, config: Path) -> None:
    told = refusal(installed, config, ("type: tickets", "type: tickts"))
    assert "alerts.channels.desk.type: there is no type of channel `tickts`; did you mean `tickets`?" in told
    assert (
        "desk.type: the plug-in `broken` of rotator-tickets 1.0 (rotator_tickets.missing:PLUGIN)"
        " cannot be loaded: ModuleNotFoundError: No module named 'rotator_tickets.missing'"
    ) in refusal(installed, config, ("type: tickets", "type: broken"))
    told = refusal(installed, config, ("folder: tickets", "foldr: tickets"))
    assert "desk.foldr: unknown key; did you mean `folder`?" in told
