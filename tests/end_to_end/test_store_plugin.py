"""A type of store from another package: the one in docs/stores.md, installed beside rotator, used from config.yaml."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rotator.simulator.serving.export import Export
from tests.end_to_end.orgs import hosted_orgs
from tests.end_to_end.packages import beside, install
from tests.end_to_end.processes import Ran, start
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator

ROTATOR = str(Path(sys.executable).with_name("rotator"))
FILES = ("rotator_onefile/__init__.py", "rotator_onefile/settings.py", "rotator_onefile/store.py", "test_onefile.py")
"""What the blocks of Python in the document are, in this order."""

ENTRY_POINTS = "[rotator.stores]\nonefile = rotator_onefile:PLUGIN\nbroken = rotator_onefile.missing:PLUGIN\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of the document."""
    return install(tmp_path_factory.mktemp("site"), "stores.md", "rotator_onefile", FILES, ENTRY_POINTS)


@pytest.fixture(scope="module")
def orgs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The configuration of two simulated orgs, whose store is of the plug-in's kind."""
    export = Export(tmp_path_factory.mktemp("export"))
    with hosted_orgs(export):
        text = export.config.read_text()
        for old, new in (
            ("type: files\n    path: store", "type: onefile\n    folder: store"),
            ("hold: 2s", "hold: 0s\n    confirmations: 1"),
        ):
            assert old in text
            text = text.replace(old, new)
        export.config.write_text(text)
        yield export.config


def rotator(installed: Path, config: Path, *arguments: str) -> Ran:
    return start("rotator", "--config", config, *arguments, environ=beside(installed)).ran()


def answer(installed: Path, config: Path, *arguments: str) -> Any:
    done = rotator(installed, config, *arguments, "--json")
    assert done.code == 0, done.out + done.err
    return done.json


def refusal(installed: Path, config: Path, change: tuple[str, str]) -> str:
    changed = config.with_name("changed.yaml")
    assert change[0] in config.read_text()
    changed.write_text(config.read_text().replace(*change))
    done = rotator(installed, changed, "status")
    assert done.code == 2
    return done.err


def test_a_key_pair_is_adopted_and_rotated_in_a_store_of_another_package(installed: Path, orgs: Path) -> None:
    key = orgs.parent / "keys" / "production-Billing.pem"
    answer(installed, orgs, "adopt", "billing", "--key", str(key))
    stored = orgs.parent / "store" / "billing.json"
    first = json.loads(stored.read_text())["current"]
    command: list[str | Path] = [ROTATOR, "--config", orgs, "rotate", "now", "billing", "--json"]
    done = subprocess.run(command, env=beside(installed), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    after = json.loads(stored.read_text())
    assert after["previous"] == first
    assert after["current"]["fingerprint"] != first["fingerprint"]
    checked = {line["name"]: line["result"] for line in answer(installed, orgs, "check")}
    assert checked["store keys"] == checked["key of billing"] == "ok"


CONSUMER = """\
import sys
from pathlib import Path
import rotator.consumer
login = rotator.consumer.login(sys.argv[1], ca=Path(sys.argv[2]))
print(login.token().instance_url)
print(*sorted({"pydantic", "click", "sqlalchemy", "rotator_onefile.settings"} & set(sys.modules)))
"""


def consume(installed: Path, address: str, orgs: Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [sys.executable, "-c", CONSUMER, address, orgs.parent / "ca.pem"]
    return subprocess.run(command, env=beside(installed), capture_output=True, text=True, check=False)


@thorough
def test_a_consumer_logs_in_from_a_store_of_another_package(installed: Path, orgs: Path) -> None:
    key = orgs.parent / "keys" / "production-Reporting.pem"
    answer(installed, orgs, "adopt", "reporting", "--key", str(key))
    done = consume(installed, f"onefile:reporting?folder={orgs.parent / 'store'}", orgs)
    url, loaded = done.stdout.split("\n", 1)
    assert (done.returncode, url.startswith("https://127.0.0.1"), loaded) == (0, True, "\n"), done.stderr
    mistaken = consume(installed, "onefile:reporting?folder=/srv&key=s3cret", orgs)
    assert "The address 'onefile:reporting' has an unknown option 'key'; there are folder" in mistaken.stderr
    assert "did you mean `onefile`?" in consume(installed, "onefiel:reporting", orgs).stderr


@thorough
def test_the_store_of_the_document_keeps_the_promises_of_every_store(installed: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_onefile.py"]
    done = subprocess.run(command, env=beside(installed), capture_output=True, text=True, check=False, cwd=installed)
    assert done.returncode == 0, done.stdout
    assert re.search(r"\b3\d passed", done.stdout)


def test_a_kind_that_is_not_there_is_told_with_those_that_are(installed: Path, orgs: Path) -> None:
    told = refusal(installed, orgs, ("type: onefile", "type: azure"))
    assert "stores.keys.type: there is no type of store `azure`; there is " in told
    assert "files, onefile" in told
    assert "did you mean `onefile`?" in refusal(installed, orgs, ("type: onefile", "type: onefiel"))


def test_a_plug_in_that_cannot_be_imported_is_told_in_one_sentence(installed: Path, orgs: Path) -> None:
    told = refusal(installed, orgs, ("type: onefile", "type: broken"))
    assert (
        "stores.keys.type: the plug-in `broken` of rotator-onefile 1.0 (rotator_onefile.missing:PLUGIN)"
        " cannot be loaded: ModuleNotFoundError: No module named 'rotator_onefile.missing'"
    ) in told


def test_an_unknown_key_of_a_plug_in_has_the_nearest_right_one(installed: Path, orgs: Path) -> None:
    assert "stores.keys.foldr: unknown key; did you mean `folder`?" in refusal(installed, orgs, ("folder:", "foldr:"))


def test_a_kind_without_policies_says_so(installed: Path, orgs: Path) -> None:
    done = rotator(installed, orgs, "check", "--print-policy")
    assert (done.code, done.out) == (0, "# The store keys (onefile) has no policies.\n\n")
