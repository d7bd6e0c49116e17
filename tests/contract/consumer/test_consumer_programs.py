"""The programs in docs/consumers.md do what the page says, word for word but for the folder of the store."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import pytest

from rotator.simulator.org.org import Org
from rotator.simulator.org.settings import OrgSettings, Refusal
from rotator.simulator.serving.server import SimulatorServer
from rotator.simulator.wire.faults import Effect, Fault, Kind
from rotator.stores.files.store import FilesStore
from tests.contract.consumer.billing import USER, billing_version
from tests.tiers import first_standard

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = Path(__file__).parents[3] / "docs" / "consumers.md"
ROOT: Final = "/var/lib/rotator/keys"


def program(language: str) -> str:
    """The one block of the page in a language."""
    (block,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert isinstance(block, str)
    return block


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorServer]:
    with SimulatorServer([Org("production", clock=lambda: datetime.now(UTC), random=Random(1))]) as server:
        org = server.org("production")
        org.add_user(USER)
        org.add_app("Billing", username=USER)
        yield server


@pytest.fixture
def keys(simulator: SimulatorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store in the middle of a rotation in place: `pending` is live already, `current` is refused."""
    for variable in ("REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
        monkeypatch.setenv(variable, str(simulator.ca_file))
    org, store = simulator.org("production"), FilesStore("keys", tmp_path / "keys")
    current, pending = (billing_version(org, index) for index in range(2))
    store.put_pending(current)
    store.promote("billing", current.fingerprint, replaces=None)
    store.put_pending(pending)
    org.put_certificate("Billing", pending.certificate)
    org.calls.clear()
    return tmp_path / "keys"


def test_the_program_in_python_logs_in_and_calls_the_org(simulator: SimulatorServer, keys: Path) -> None:
    text = program("python")
    assert ROOT in text
    exec(compile(text.replace(ROOT, str(keys)), PAGE, "exec"), {})  # noqa: S102 - it is our own page
    assert simulator.org("production").calls == {Kind.TOKEN: 2, Kind.DATA: 1}


INVALID_ASSERTION: Final = Refusal("invalid_grant", "invalid assertion")
NODE: Final = """
const answer = await logIn("billing");
const told = await logIn("nobody").catch((error) => error.message);
console.log(answer.instance_url, told);
"""

if shutil.which("node"):

    @pytest.mark.parametrize(
        "refusal", [INVALID_ASSERTION, Refusal("invalid_client", "invalid client credentials", 401)]
    )
    def test_the_program_for_node_logs_in(
        simulator: SimulatorServer, keys: Path, tmp_path: Path, refusal: Refusal
    ) -> None:
        simulator.org("production").settings = OrgSettings(refusals={"signature": refusal})
        assert run_node(tmp_path, keys) == f"{simulator.org('production').url} nothing is stored of nobody\n"

    def test_the_program_for_node_says_which_version_it_logged_in_with(
        simulator: SimulatorServer, keys: Path, tmp_path: Path
    ) -> None:
        simulator.org("production").settings = OrgSettings()
        store = FilesStore("keys", keys, reports=tmp_path / "reports")
        run_node(tmp_path, keys, REPORTS=str(tmp_path / "reports"), CONSUMER="batch")
        [report] = store.reports("billing", ["batch", "web"])
        assert (report.consumer, report.fingerprint) == ("batch", store.stages("billing").pending)
        assert datetime.now(UTC) - report.logged_in_at < timedelta(minutes=1)

    @pytest.mark.parametrize(
        "fault",
        first_standard(
            [
                Fault(Kind.TOKEN, Effect.FAIL, times=1, answer="http_503"),
                Fault(Kind.TOKEN, Effect.FAIL, times=2, answer="unknown_error"),
                Fault(Kind.TOKEN, Effect.LOSE_ANSWER, times=1),
                Fault(Kind.TOKEN, Effect.HANG, times=1),
            ]
        ),
        ids=["a page with 503", "retry your request", "a lost answer", "no answer"],
    )
    def test_the_program_for_node_waits_for_an_org_that_is_away(
        simulator: SimulatorServer, keys: Path, tmp_path: Path, fault: Fault
    ) -> None:
        org = simulator.org("production")
        org.settings = OrgSettings()
        org.faults.add(fault)
        assert run_node(tmp_path, keys).startswith(org.url)


def run_node(folder: Path, keys: Path, **environ: str) -> str:
    """The program of the page with shorter waits, and what it prints."""
    text = program("js")
    for long, short in (("TIMEOUT = 20_000", "TIMEOUT = 1_000"), ("PAUSE = 2_000", "PAUSE = 50")):
        assert long in text
        text = text.replace(long, short)
    file = folder / "program.mjs"
    file.write_text(text + NODE)
    environment = {**os.environ, "KEYS": str(keys), **environ}
    done = subprocess.run(["node", file], env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
