"""`rotator run` under a parent that listens as systemd does: it tells how it is, and takes its signals."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
import yaml

from rotator.application import Application
from rotator.daemon.start import serve_once
from rotator.errors import DaemonRunning
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.engine.database import open_database
from tests.end_to_end.daemons import Daemon, configured, exits, running
from tests.end_to_end.places import DEADLINE, Place
from tests.end_to_end.processes import start
from tests.end_to_end.troubles import refused

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def config(place: Place, request: pytest.FixtureRequest) -> Path:
    """A service that has nothing to rotate, with a history of its own."""
    name = request.node.name
    daemon = {"tick": "1s", "jitter": "0s", "inventory_every": "2s"}
    return configured(place, name, credentials={}, daemon=daemon, database=f"sqlite:///{name}.db")


def open_alerts(config: Path) -> set[str]:
    """What people should know of just now."""
    with open_database(f"sqlite:///{config.with_suffix('.db')}") as database:
        return {alert.key for alert in AlertRecords(database).open_alerts()}


def come(is_so: Callable[[], bool]) -> None:
    """Waits until it is so."""
    until = time.monotonic() + DEADLINE
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def is_stopped(pid: int) -> bool:
    """Whether each of its threads is: the signal is sent before that."""
    states = [stat.read_text().rpartition(")")[2].split()[0] for stat in Path(f"/proc/{pid}/task").glob("*/stat")]
    return set(states) == {"T"}


def page(daemon: Daemon, path: str) -> requests.Response:
    return requests.get(daemon.logs("pages are served")["url"] + path, timeout=60)


def test_it_tells_systemd_when_it_is_ready_alive_and_stopping_and_serves_its_pages(config: Path) -> None:
    with running(config) as daemon:
        assert "STATUS=" in daemon.hears("READY=1", more=False)
        daemon.logs("inventory ended", org="production")
        daemon.logs("inventory ended", org="sandbox")
        assert "STATUS=working: orgs 2, credentials 0" in daemon.hears("STATUS=working", more=False)
        assert daemon.hears("WATCHDOG=1") == "WATCHDOG=1"
        # A tick that a busy machine is late for is one that /healthz tells of.
        come(lambda: [page(daemon, path).status_code for path in ("/healthz", "/readyz", "/")] == [200] * 3)
        assert "rotator_scheduler_lag_seconds" in page(daemon, "/metrics").text
        assert daemon.asked_to_stop() == 0
        assert "nothing is half done" in daemon.hears("STOPPING=1", more=False)
        assert daemon.events[-1]["event"] == "ended"


def test_a_configuration_that_is_read_again_counts_and_a_wrong_one_is_refused_and_told(config: Path) -> None:
    right = yaml.safe_load(config.read_text())
    with running(config) as daemon:
        daemon.logs("inventory ended", org="sandbox")
        config.write_text(yaml.safe_dump({**right, "deamon": {}}))
        daemon.process.send_signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in daemon.hears("RELOADING=1")
        assert "config.yaml is wrong, the one before it is in force" in daemon.hears("READY=1")
        assert "deamon" in daemon.logs("the configuration was refused")["event"]
        come(lambda: "configuration" in open_alerts(config))

        right["daemon"]["tick"] = "2s"
        right["http"]["port"] = 1
        right["orgs"] = {"production": right["orgs"]["production"]}
        config.write_text(yaml.safe_dump(right))
        daemon.process.send_signal(signal.SIGHUP)
        daemon.hears("RELOADING=1")
        assert "http in config.yaml counts from the next start" in daemon.hears("READY=1")
        assert daemon.logs("the configuration was read again")["changed"] == ["orgs", "daemon", "http"]
        come(lambda: "configuration" not in open_alerts(config))
        assert "STATUS=working: orgs 1" in daemon.hears("STATUS=working: orgs 1", more=False)
        come(lambda: page(daemon, "/healthz").status_code == 200)
        assert daemon.asked_to_stop() == 0


def test_a_second_one_stands_by_and_takes_over_when_the_first_is_killed(config: Path) -> None:
    with running(config) as first:
        first.logs("the lock was taken")
        with running(config) as second:
            assert f"process {first.process.pid}" in second.logs("stands by")["worker"]
            assert f"standing by: process {first.process.pid}" in second.hears("STATUS=standing by", more=False)
            come(lambda: page(second, "/healthz").status_code == 200)
            with Application.configured(config) as app, pytest.raises(DaemonRunning) as refused:
                serve_once(app, lambda: False, exit_at_once=exits)
            assert refused.value.transient

            # As a machine that is suspended: it does nothing, and is still the one that works.
            os.kill(first.process.pid, signal.SIGSTOP)
            come(lambda: is_stopped(first.process.pid))
            assert first.quiet_for(1.5), "the watchdog is fed by nothing but progress"
            assert not second.has_logged("the lock was taken")
            os.kill(first.process.pid, signal.SIGCONT)
            first.hears("WATCHDOG=1")

            first.process.kill()
            second.logs("the lock was taken")
            second.logs("inventory ended", org="production")
            assert second.asked_to_stop() == 0


def test_one_round_ends_with_a_code_that_says_whether_all_is_well(config: Path) -> None:
    well = start("rotator", "run", "--once", "--config", config).ran()
    assert (well.code, well.out) == (0, "")
    assert "inventory ended" in well.err

    settings = yaml.safe_load(config.read_text())
    settings["orgs"]["sandbox"]["login_url"] = "https://127.0.0.1:1"
    config.write_text(yaml.safe_dump(settings))
    away = start("rotator", "run", "--once", "--config", config).ran()
    assert away.code == 3
    assert 'what="inventory sandbox"' in away.err

    settings["http"] = {"token": {"env": "NO_SUCH_VARIABLE"}}
    config.write_text(yaml.safe_dump(settings))
    wrong = start("rotator", "run", "--config", config).ran()
    refused(wrong, 2, "The environment variable NO_SUCH_VARIABLE is not set.")
