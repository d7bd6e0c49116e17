from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.machines.fleet import Role
from rotator.daemon import start
from rotator.services.schedule.jobs import CycleEnd, JobKind

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.outcomes import Command

CONFIG = """\
database: sqlite:///rotator.db
orgs:
  production:
    login_url: https://example.my.salesforce.com
    login: {client_id: key, username: rotator@example.com, private_key: {file: management.pem}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the service is begun with, which does nothing here."""
    begun: list[dict[str, Any]] = []

    def serve_once(*_: object, **options: Any) -> CycleEnd:
        begun.append(options)
        return CycleEnd.WELL

    monkeypatch.setattr("rotator.cli.commands.service.run.begin_as_service", lambda *_: None)
    monkeypatch.setattr(start, "serve", lambda *_, **options: begun.append(options))
    monkeypatch.setattr(start, "serve_once", serve_once)
    return begun


def test_a_machine_leads_and_works_as_long_as_nothing_else_is_said(
    rotator: Command, config: Path, served: list[dict[str, Any]]
) -> None:
    assert rotator("run", "--config", config).code == 0
    assert (served[0]["role"], served[0]["at_once"]) == (Role.BOTH, {})


def test_its_role_and_how_much_it_does_at_once_can_be_said(
    rotator: Command, config: Path, served: list[dict[str, Any]]
) -> None:
    said = ("--role", "worker", "--concurrency", "inventory=8", "--concurrency", "rotate=1")
    assert rotator("run", "--config", config, *said).code == 0
    assert (served[0]["role"], served[0]["at_once"]) == (Role.WORKER, {JobKind.INVENTORY: 8, JobKind.ROTATE: 1})


def test_one_cycle_does_so_much_at_once_too_and_has_no_role(
    rotator: Command, config: Path, served: list[dict[str, Any]]
) -> None:
    assert rotator("run", "--once", "--config", config, "--concurrency", "deliver=3").code == 0
    assert served[0]["at_once"] == {JobKind.DELIVER: 3}
    refused = rotator("run", "--once", "--config", config, "--role", "leader")
    assert refused.code == 2
    assert "it takes no --role" in refused.err


@pytest.mark.parametrize(
    "wrong",
    [
        "inventory",
        "inventory=",
        "inventory=0",
        "inventory=-1",
        "inventory=65",
        "rotate=" + "9" * 5000,
        "look=2",
        "=2",
        "audit=2",
        "hook=\u0662",
    ],
    ids=lambda wrong: wrong[:20],
)
def test_how_much_of_what_has_to_be_said_plainly(rotator: Command, config: Path, wrong: str) -> None:
    refused = rotator("run", "--config", config, "--concurrency", wrong)
    assert refused.code == 2
    assert "inventory, rotate, deliver or hook" in refused.err


def test_who_carries_out_nothing_is_not_told_how_much_and_nobody_twice(rotator: Command, config: Path) -> None:
    refused = rotator("run", "--config", config, "--role", "leader", "--concurrency", "rotate=2")
    assert refused.code == 2
    assert "--role leader carries out no jobs" in refused.err
    refused = rotator("run", "--config", config, "--concurrency", "rotate=2", "--concurrency", "rotate=3")
    assert refused.code == 2
    assert "rotate is named twice" in refused.err
