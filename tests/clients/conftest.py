"""Public programs, unmodified, against the simulated org: `make clients` installs them and runs this folder.

Each test is one operation of one program. The table of them in docs/simulator.md is what a run found: a run fails where
the two differ, and writes the table when it is told to (`make clients PYTEST_ARGS=--write-table`).
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.crypto.certificates import PrivateKey, SubjectName, self_signed
from rotator.simulator.org.org import Org
from rotator.simulator.serving.server import SimulatorServer, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTALLED: Final = os.environ.get("ROTATOR_CLIENTS", "")
"""Where `.ci/clients` put the programs."""
collect_ignore_glob = [] if INSTALLED else ["test_*.py"]

PROGRAMS: Final = {
    "test_sf": "sf",
    "test_jsforce": "jsforce",
    "test_simple_salesforce": "simple-salesforce",
    "test_cumulusci": "CumulusCI",
}
DOCS: Final = Path(__file__).parents[2] / "docs" / "simulator.md"
START, END = "<!-- clients: start -->\n", "<!-- clients: end -->\n"
USERNAME: Final = "admin@acme.example"
PASSWORD: Final = "correct horse"
MY_DOMAIN: Final = "acme.my.salesforce.com"

_passed: dict[str, set[str]] = {}
_outcomes: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-table", action="store_true", help="Write what the run found into docs/simulator.md.")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "operation(name): what the test has the program do, for the table.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        mark = item.get_closest_marker("operation")
        if mark:
            item.user_properties.append(("operation", mark.args[0]))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Reports come from the processes that run the tests to the one that writes the table."""
    operation = dict(report.user_properties).get("operation")
    if operation is None or (report.when != "call" and report.passed):
        return
    _outcomes.append(report.outcome)
    if report.passed:
        _passed.setdefault(str(operation), set()).add(PROGRAMS[Path(report.nodeid.partition("::")[0]).stem])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The table is compared after a whole run alone: one that left programs out has nothing to say."""
    is_whole = set(_outcomes) == {"passed"} and not session.config.option.keyword
    is_worker = hasattr(session.config, "workerinput")
    if is_worker or not is_whole or len(set().union(*_passed.values())) < len(PROGRAMS):
        return
    before, _, rest = DOCS.read_text().partition(START)
    _, _, after = rest.partition(END)
    text = before + START + _table() + END + after
    if session.config.option.write_table:
        DOCS.write_text(text)
    elif text != DOCS.read_text():
        print(f"\n{DOCS.name} has another table than this run made: make clients PYTEST_ARGS=--write-table")  # noqa: T201
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _table() -> str:
    head = f"| | {' | '.join(PROGRAMS.values())} |\n| --- |{' --- |' * len(PROGRAMS)}\n"
    rows = (
        f"| {operation} | {' | '.join('yes' if name in names else '' for name in PROGRAMS.values())} |"
        for operation, names in sorted(_passed.items())
    )
    return head + "\n".join(rows) + "\n"


def program(folder: str, names: str) -> Path:
    """Where programs are installed; the test is skipped where their registry could not be reached."""
    found = Path(INSTALLED) / folder
    if not (found / ".installed").exists():
        pytest.skip(f"{names}: not installed, as the registry could not be reached")
    return found


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture(scope="module")
def server(key: PrivateKey) -> Iterator[SimulatorServer]:
    """An org with two Connected Apps and an external client app, all over one key."""
    certificate = self_signed(key, SubjectName("app"), now=utc_now(), lifetime=timedelta(days=9))
    org = Org("acme", clock=utc_now, random=SystemRandom())
    org.addresses.hosts.append(MY_DOMAIN)
    org.add_user(USERNAME, may_use_metadata=True, profile="System Administrator", password=PASSWORD)
    for name in ("Management", "Billing"):
        app = org.add_app(name, certificate=certificate, username=USERNAME, private_key=key)
        app.oauth.update(isClientCredentialEnabled="true", oauthClientCredentialUser=USERNAME)
    org.add_external_app("Shipping", certificate=certificate, username=USERNAME, private_key=key)
    with SimulatorServer([org]) as running:
        yield running


@pytest.fixture(scope="module")
def org(server: SimulatorServer) -> Org:
    return server.org("acme")


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory, key: PrivateKey) -> Path:
    file = tmp_path_factory.mktemp("keys") / "key.pem"
    file.touch(mode=0o600)
    file.write_text(key.pem().reveal())
    return file


@pytest.fixture(scope="module")
def node_environment(server: SimulatorServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """For programs on Node: the newer Node of the package, a home of their own, and no calls to anybody else."""
    modules = program("npm", "sf and jsforce") / "node_modules"
    node = next(iter(sorted(modules.glob("node-linux-*/bin"))))
    return {
        "PATH": f"{node}:{modules / '.bin'}:{os.environ['PATH']}",
        "HOME": str(tmp_path_factory.mktemp("home")),
        "NODE_EXTRA_CA_CERTS": str(server.ca_file),
        "SF_DISABLE_TELEMETRY": "true",
        "SF_AUTOUPDATE_DISABLE": "true",
        "SF_SKIP_NEW_VERSION_CHECK": "true",
        "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
        "NODE_PATH": str(modules),
    }


def archive_of(files: dict[str, str]) -> bytes:
    """A zip archive to deploy."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def files_of(archive: bytes) -> dict[str, str]:
    """What a retrieve brought."""
    with zipfile.ZipFile(io.BytesIO(archive)) as retrieved:
        return {name: retrieved.read(name).decode() for name in retrieved.namelist()}


def with_label(text: str, label: str) -> str:
    """A Connected App's file with another label, and without the consumer key, which no update may bring."""
    return re.sub("<label>.*</label>", f"<label>{label}</label>", re.sub("<consumerKey>.*</consumerKey>", "", text))


def with_callback(text: str, url: str) -> str:
    """The file of an external client app's global OAuth settings with another callback."""
    return re.sub("<callbackUrl>.*</callbackUrl>", f"<callbackUrl>{url}</callbackUrl>", text)


def run(command: list[str], environment: dict[str, str], folder: Path) -> str:
    """What a program printed. Fails the test with all that it said when it did not succeed."""
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout
