"""`rotator simulator serve` as a process: what a person sees, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from rotator.core.credentials import Stage
from rotator.stores.files.store import FilesStore
from tests.end_to_end.places import DEADLINE
from tests.tiers import standard_first, thorough

if TYPE_CHECKING:
    from collections.abc import Iterator

ROTATOR = str(Path(sys.executable).with_name("rotator"))


@contextmanager
def served(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The process and the lines that it has printed when it is ready."""
    command = [ROTATOR, "simulator", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "check" in line or "authority" in line or "Error" in line:
                break
        try:
            yield process, lines
        finally:
            process.terminate()
            process.wait(DEADLINE)


@pytest.mark.usefixtures("signals_as_in_a_terminal")
@pytest.mark.parametrize("number", standard_first([signal.SIGINT, signal.SIGTERM], [signal.SIGINT]))
def test_it_stays_until_it_is_stopped_and_ends_well(tmp_path: Path, number: signal.Signals) -> None:
    with served("--export", str(tmp_path / "export")) as (process, lines):
        assert lines[-1].strip() == f"rotator --config {tmp_path}/export/config.yaml check"
        index = json.loads((tmp_path / "export" / "simulator.json").read_text())
        for org in index["orgs"]:
            answer = requests.get(f"{org['url']}/services/data/", verify=org["ca"], timeout=60)
            assert answer.status_code == 200
        process.send_signal(number)
        assert process.wait(DEADLINE) == 0
        assert process.stdout is not None
        assert process.stdout.read().strip() == "Stopped."


@thorough
def test_the_exported_store_holds_what_consumers_log_in_with(tmp_path: Path) -> None:
    with served("--export", str(tmp_path / "export")):
        store = FilesStore("keys", tmp_path / "export" / "store")
        for credential in ("billing", "warehouse", "legacy-sync"):
            assert [stage for stage, _ in store.stages(credential)] == [Stage.CURRENT]
        assert not any(store.stages("onboarding"))


def test_it_is_like_the_kind_of_org_that_was_asked_for_and_has_its_host_names(tmp_path: Path) -> None:
    hosts = ("acme.my.salesforce.com", "acme--uat.sandbox.my.salesforce.com")
    named = [part for host in hosts for part in ("--host", host)]
    with served("--export", str(tmp_path / "export"), "--like", "eca-unreadable", *named) as (_, lines):
        assert all(any(host in line for line in lines) for host in hosts)
        index = json.loads((tmp_path / "export" / "simulator.json").read_text())
        assert [org["hosts"] for org in index["orgs"]] == [[host] for host in hosts]
        production = index["orgs"][0]
        settings = requests.get(f"{production['url']}/simulator/settings", verify=production["ca"], timeout=60).json()
        assert settings["external_certificate_returned"] == "never"
        types = {app["name"]: app["type"] for app in production["apps"]}
        assert types["Shipping"] == "ExternalClientApplication"


def test_a_foreign_folder_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with served("--export", str(tmp_path)) as (process, lines):
        assert "is not empty" in lines[0]
        assert process.wait(DEADLINE) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]
