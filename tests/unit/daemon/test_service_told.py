"""What a service and a process of the pages say of themselves: in the log, and in a line for `systemctl status`."""

from __future__ import annotations

import logging
import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from rotator.application import Application
from rotator.config.loading import load
from rotator.core.machines.fleet import Role
from rotator.daemon.pages_process import PagesProcess, serve_pages
from rotator.daemon.scheduler import Scheduler
from rotator.daemon.signals import RELOAD
from rotator.errors import ConfigurationError
from tests.tiers import longer
from tests.unit.daemon.conftest import Heard, Stage, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.daemon.service import Service

WRONG = "nonsense: 1\n"
SIZE = {"orgs": 1, "credentials": 1, "channels": 0}


@pytest.fixture(autouse=True)
def _nothing_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself: a test ticks where it wants to."""
    for name in ("start", "stop"):
        monkeypatch.setattr(Scheduler, name, lambda _: None)
    monkeypatch.setattr(Scheduler, "tick_now", lambda _: None)
    monkeypatch.setattr(Scheduler, "change", lambda *_: None)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records]


def about(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """What the last line is about."""
    return vars(caplog.records[-1])


def test_the_log_has_when_a_service_started_with_what_and_why_it_ended(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rotator.daemon.service")
    stage.service.run(lambda _seconds: signal.SIGTERM if stage.service._stopping_since is None else None)
    assert said(caplog) == ["started", "stopping: nothing is half done", "ended"]
    assert {name: vars(caplog.records[0])[name] for name in SIZE} == SIZE
    assert vars(caplog.records[1])["signal"] == "SIGTERM"


def test_a_rotation_that_is_waited_for_is_in_the_status(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    rotations = SimpleNamespace(statuses=["billing: verifies", "crm: uploads"], credentials=["billing"])
    monkeypatch.setattr(stage.service, "_rotations", rotations)
    stage.service._stop(signal.SIGTERM)
    assert stage.heard.told[-1] == "STATUS=stopping: billing: verifies; crm: uploads"


def test_the_status_has_what_is_wrong_and_nothing_where_nothing_is(
    stage: Stage, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = stage.service
    assert service._status() == "starting"
    assert service._leader._verb == "works"
    service._dispatcher.role = Role.BOTH
    assert service._status().endswith(": orgs 1, credentials 1, channels 0")
    monkeypatch.setattr(service._scheduler, "problem", "It broke.")
    service._dispatcher.role = None
    assert service._status() == "starting; the last tick failed: It broke."
    assert world.ticks == 0


@pytest.mark.parametrize("text", [WRONG, "http: {port: 1}\n"])
def test_the_log_has_what_became_of_a_configuration_that_was_read_again(
    stage: Stage, config: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    caplog.set_level(logging.INFO, "rotator.daemon.service")
    config.write_text(config.read_text() + text)
    stage.service._reload()
    [line] = said(caplog)
    if text == WRONG:
        assert line.startswith(f"the configuration was refused, the one before stays in force: {config}")
        return
    assert line == "the configuration was read again"
    assert ("http" in about(caplog)["changed"], about(caplog)["restart_for"]) == (True, ["http"])


def test_jobs_are_taken_while_the_history_is_open_and_until_it_stops(stage: Stage) -> None:
    service: Service = stage.service
    assert not service.is_open()
    service._tick()
    assert service.is_open()
    assert service.liveness().is_working
    service._stopping_since = 1.0
    assert not service.is_open()


def test_what_a_machine_does_is_part_of_how_alive_it_is(stage: Stage, world: World) -> None:
    service = stage.service
    service._dispatcher.role = Role.WORKER
    assert service.liveness().role is Role.WORKER
    service._dispatcher.role = None
    world.other = SimpleNamespace(pid=7, host="crm-2", since=service._started_at)  # type: ignore[assignment]
    service._leader.other = "process 7 on crm-2"
    assert (service.liveness().role, service.liveness().worker) == (None, "process 7 on crm-2")


def test_nobody_is_told_twice_of_one_configuration(stage: Stage, world: World, config: Path) -> None:
    service, right = stage.service, config.read_text()
    for text, told in ((right + WRONG, (1, 1)), (right, (1, 2))):
        service._tick()
        config.write_text(text)
        service._reload()
        for _ in range(3):
            service._tick()
        assert (world.alerting.problem.call_count, world.alerting.solved.call_count) == told


@longer
def test_memory_is_given_back_once_after_jobs_and_not_too_often(
    stage: Stage, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, running = stage.service, [object()]
    workers = SimpleNamespace(running=running)
    monkeypatch.setattr(service, "_workers", workers)
    service._tick()

    def given_back() -> int:
        service._tidy_up()
        return int(world.database.rest.call_count)

    idle: list[object] = []
    workers.running = idle
    assert given_back() == 0, "nothing has run yet"
    for at, expected in ((0, 1), (1, 1), (100_000, 2)):
        world.steady = 1000.0 + at
        workers.running = running
        given_back()
        workers.running = idle
        assert given_back() == expected
    world.steady += 100_000
    assert given_back() == 2, "nothing has run since"


@pytest.fixture
def pages(config: Path) -> Iterator[tuple[PagesProcess, Heard]]:
    heard = Heard()
    with Application(load(config), environ={}, config=config) as app:
        yield PagesProcess(app, SimpleNamespace(), heard, monotonic=lambda: 1.0), heard  # type: ignore[arg-type]


def test_a_process_of_the_pages_that_is_not_to_be_says_what_to_write(config: Path) -> None:
    config.write_text(config.read_text() + "http: null\n")
    with Application(load(config), environ={}) as app, pytest.raises(ConfigurationError) as refused:
        serve_pages(app)
    assert refused.value.effect == "Nothing was started."
    assert refused.value.hint == "Take that line out, or write `http: {process: own}`."


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (WRONG, "the configuration was refused, the one before stays in force: /"),
        (
            "http: {host: 0.0.0.0, token: {env: NO_SUCH_VARIABLE}}\n",
            "the configuration was refused, the one before stays in force: ",
        ),
        ("http: {port: 1}\n", "the configuration was read again"),
    ],
)
def test_the_log_of_the_pages_has_what_became_of_a_configuration(
    pages: tuple[PagesProcess, Heard], config: Path, caplog: pytest.LogCaptureFixture, text: str, line: str
) -> None:
    process, heard = pages
    caplog.set_level(logging.INFO, "rotator.daemon.pages_process")
    config.write_text(config.read_text() + text)
    process._reload()
    [told] = said(caplog)
    assert told.startswith(line)
    assert len(told) > len("the configuration was refused, the one before stays in force: ") or "again" in told
    assert heard.count("RELOADING=1") == heard.count("READY=1") == 1
    if "again" in told:
        assert ("http" in about(caplog)["changed"], about(caplog)["restart_for"]) == (True, ["http"])


def test_a_process_of_the_pages_needs_no_secret_of_a_channel_when_it_reads_its_configuration_again(
    pages: tuple[PagesProcess, Heard], config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rotator.daemon.pages_process")
    channel = "{type: slack-webhook, url: {env: NO_SUCH_VARIABLE}}"
    config.write_text(f"{config.read_text()}alerts: {{channels: {{team: {channel}}}}}\n")
    pages[0]._reload()
    assert said(caplog) == ["the configuration was read again"]


def test_a_process_of_the_pages_reads_its_configuration_again_when_it_is_asked_to(
    pages: tuple[PagesProcess, Heard], caplog: pytest.LogCaptureFixture
) -> None:
    process, heard = pages
    caplog.set_level(logging.INFO, "rotator.daemon.pages_process")
    for signals, reloads in (([None, signal.SIGTERM], 0), ([RELOAD, None, signal.SIGTERM], 1)):
        coming = iter(signals)
        process.run(lambda _seconds, coming=coming: next(coming))  # type: ignore[misc]
        assert heard.count("RELOADING=1") == reloads
    assert [each for each in said(caplog) if "configuration" not in each] == ["started", "ended"] * 2


@pytest.mark.parametrize(("is_stopping", "rotates"), [(True, True), (True, False), (False, True)])
def test_systemd_waits_for_a_rotation_of_a_service_that_is_to_stop(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, *, is_stopping: bool, rotates: bool
) -> None:
    service = stage.service
    monkeypatch.setattr(service, "_rotation_jobs", lambda: [object()] if rotates else [])
    monkeypatch.setattr(service, "_watchdog", SimpleNamespace(check=lambda _settings: True))
    service._stopping_since = 1.0 if is_stopping else None
    service._check()
    assert stage.heard.count("EXTEND_TIMEOUT_USEC") == int(is_stopping and rotates)
