"""The unit files: systemd finds nothing wrong, their exposure is low, and the service works under what they forbid.

What needs a running systemd (its view of the file system, PrivateUsers=, LoadCredential=, that it starts the service
anew) is tried by tests/by_hand/under_systemd.sh.
"""

from __future__ import annotations

import errno
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import requests
import yaml

from tests.end_to_end import sandboxed
from tests.end_to_end.daemons import SERVICE
from tests.end_to_end.places import DEADLINE, hosted_place
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.places import Place

UNITS: Final = Path(__file__).parents[2] / "systemd"
SERVICES: Final = ("rotator.service", "rotator-once.service", "rotator-pages.service")
ROTATOR: Final = Path(sys.executable).with_name("rotator")


def under(unit: str) -> list[str | Path]:
    """Before a command, what runs it under the directives of the unit."""
    return [sys.executable, "-I", sandboxed.__file__, UNITS / unit]


FORBIDDEN: Final = """
import mmap, os, socket
for act in (
    lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC),
    lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    lambda: os.chown("/", 0, 0),
    lambda: os.nice(-1),
):
    try:
        act()
        print("done")
    except OSError as error:
        print(error.errno)
"""

THRESHOLD: Final = 11
"""An exposure of 1.1, as systemd-analyze takes it."""


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", "--no-pager", *arguments], check=False, capture_output=True, text=True)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as they are installed, with the program where it is here."""
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/opt/rotator/bin/rotator", str(ROTATOR))
        (tmp_path / unit.name).write_text(text)
    return tmp_path


def test_systemd_finds_nothing_wrong_with_the_units(installed: Path) -> None:
    found = analyze("verify", *sorted(installed.iterdir()))
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@pytest.mark.parametrize("unit", SERVICES)
def test_the_exposure_of_a_service_is_low(unit: str) -> None:
    found = analyze("security", "--offline=true", f"--threshold={THRESHOLD}", UNITS / unit)
    assert found.returncode == 0, found.stdout + found.stderr


def hardening(unit: str) -> list[str]:
    """The directives under which a service runs."""
    section = (UNITS / unit).read_text().partition("# A fixed user")[2].partition("[Install]")[0]
    return [line for line in section.splitlines() if re.match("[A-Z]", line)]


def test_a_single_round_runs_under_the_same_directives_as_the_service() -> None:
    assert hardening("rotator-once.service") == hardening("rotator.service")
    assert "NoNewPrivileges=yes" in hardening("rotator.service")


def test_the_pages_run_under_the_same_directives_and_write_nowhere() -> None:
    own = {"InaccessiblePaths", "MemoryMax", "TasksMax", "LimitNOFILE", "StateDirectory", "StateDirectoryMode"}
    pages, service = (
        [line for line in hardening(unit) if line.partition("=")[0] not in {*own, "WorkingDirectory"}]
        for unit in ("rotator-pages.service", "rotator.service")
    )
    assert pages == service
    text = (UNITS / "rotator-pages.service").read_text()
    assert "ProtectSystem=strict" in text
    assert not re.search(
        "^(?:StateDirectory|ReadWritePaths|BindPaths|CacheDirectory|LogsDirectory)=", text, re.MULTILINE
    )
    assert "-/var/lib/rotator/keys" in text


@pytest.mark.parametrize("unit", ["rotator.service", "rotator-pages.service"])
def test_a_service_has_bounds_for_what_it_takes_from_the_machine(unit: str) -> None:
    bounded = {line.partition("=")[0] for line in hardening(unit)}
    assert {"MemoryMax", "MemorySwapMax", "TasksMax", "LimitNOFILE", "LimitCORE"} <= bounded


@pytest.mark.parametrize("unit", ["rotator.service", "rotator-pages.service"])
def test_a_service_is_started_anew_however_it_ended_but_for_a_wrong_configuration(unit: str) -> None:
    section = (UNITS / unit).read_text().partition("[Service]")[2].partition("[Install]")[0]
    said = dict(line.split("=", 1) for line in section.splitlines() if re.match("Restart", line))
    # Not on-failure: what ends by itself with 0, as its server was away, is to come back, too.
    assert said == {"Restart": "always", "RestartSec": "15s", "RestartPreventExitStatus": "2"}


def test_a_service_that_upgrades_a_large_history_first_is_not_ended_meanwhile() -> None:
    """systemd.service(5): TimeoutStartSec is 90 seconds where a unit says nothing, until READY=1 has come."""
    assert "TimeoutStartSec=15min" in (UNITS / "rotator.service").read_text().splitlines()


def test_the_timer_starts_single_rounds_and_makes_up_for_missed_ones() -> None:
    timer = (UNITS / "rotator-once.timer").read_text()
    assert "Persistent=true" in timer
    assert re.search("RandomizedDelaySec=", timer)


@pytest.mark.parametrize("unit", ["rotator.service", "rotator-pages.service"])
def test_under_the_directives_of_the_unit_much_is_forbidden(unit: str) -> None:
    ran = subprocess.run(
        [*under(unit), sys.executable, "-I", "-c", FORBIDDEN], check=True, capture_output=True, text=True
    )
    assert ran.stdout.split() == [str(each) for each in (errno.EPERM, errno.EAFNOSUPPORT, errno.EPERM, errno.EPERM)]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with hosted_place(tmp_path / "place") as place:
        yield place


def test_the_service_rotates_under_the_rights_and_system_calls_that_its_unit_leaves_it(place: Place) -> None:
    config = place.folder / "config.yaml"
    settings = yaml.safe_load(config.read_text())
    credentials = {"billing": settings["credentials"]["billing"]}
    config.write_text(yaml.safe_dump({**settings, **SERVICE, "credentials": credentials}))
    old = place.current("billing")
    command = [*under("rotator.service"), ROTATOR, "run", "--log-format", "journal", "--config", config]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        log = []
        for line in process.stderr:
            log.append(line)
            if line.startswith("<6>promote ended"):
                process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0, log
    assert [line for line in log if not line.startswith("<6>")] == []
    assert log[-1] == "<6>ended\n"
    assert place.live("Billing") == place.current("billing").fingerprint != old.fingerprint
    assert place.outcomes("billing") == ["rotated"]


@thorough
def test_the_pages_are_served_under_the_rights_and_system_calls_that_their_unit_leaves_them(place: Place) -> None:
    config = place.folder / "config.yaml"
    settings = yaml.safe_load(config.read_text())
    config.write_text(yaml.safe_dump({**settings, **SERVICE, "http": {"port": 0, "process": "own"}}))
    command = [*under("rotator-pages.service"), ROTATOR, "pages", "--log-format", "json", "--config", config]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        served = json.loads(process.stderr.readline())
        assert served["event"] == "pages are served"
        # Nobody has made a history yet, and it makes none.
        answers = [requests.get(served["url"] + path, timeout=60).status_code for path in ("/healthz", "/readyz", "/")]
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
    assert answers == [200, 503, 503]
    assert not (place.folder / "rotator.db").exists()
