"""CumulusCI, which takes its login from the official command line."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.clients.conftest import USERNAME, program, run, with_label

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from rotator.simulator.serving.server import SimulatorServer

PROJECT = """\
minimum_cumulusci_version: '4.0.0'
project:
    name: Apps
    package:
        name: Apps
        api_version: '63.0'
    source_format: mdapi
"""
PACKAGE = """\
<?xml version="1.0" encoding="UTF-8"?>
<Package xmlns="http://soap.sforce.com/2006/04/metadata">
    <types>
        <members>*</members>
        <name>ConnectedApp</name>
    </types>
    <types>
        <members>*</members>
        <name>ExtlClntAppGlobalOauthSettings</name>
    </types>
    <version>63.0</version>
</Package>
"""


class Cci:
    """CumulusCI in a project that has the org."""

    def __init__(self, environment: dict[str, str], folder: Path, command: Path) -> None:
        self.environment, self.folder, self.command = environment, folder, command

    def __call__(self, *arguments: str) -> str:
        return run([str(self.command), *arguments], self.environment, self.folder)


@pytest.fixture(scope="module")
def cci(
    node_environment: dict[str, str],
    server: SimulatorServer,
    org: Org,
    key_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Cci:
    command = program("cumulusci", "CumulusCI") / "bin" / "cci"
    folder = tmp_path_factory.mktemp("project")
    (folder / "cumulusci.yml").write_text(PROJECT)
    (folder / "package.xml").write_text(PACKAGE)
    (folder / "got").mkdir()
    environment = {**node_environment, "REQUESTS_CA_BUNDLE": str(server.ca_file), "COLUMNS": "200"}
    own = Path(environment["HOME"], ".cumulusci")
    own.mkdir()
    # It asks a registry for a newer release of itself unless it did so not long ago.
    (own / "cumulus_timestamp").write_text(str(time.time()))
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@acme.example"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "Begin"]):
        subprocess.run([*git, *arguments], cwd=folder, env=environment, check=True)
    subprocess.run([*git, "remote", "add", "origin", "https://git.example/acme/apps"], cwd=folder, check=True)
    login = ["--client-id", org.app("Management").client_id, "--jwt-key-file", str(key_file)]
    run(["sf", "org", "login", "jwt", *login, "--username", USERNAME, "--instance-url", org.url], environment, folder)
    cci = Cci(environment, folder, command)
    cci("org", "import", USERNAME, "acme")
    return cci


@pytest.mark.operation("shows the org and its users")
def test_it_connects_the_org(cci: Cci, org: Org) -> None:
    told = cci("org", "info", "acme")
    assert org.id in told
    assert org.url in told


@pytest.mark.operation("retrieves and deploys a Connected App")
def test_it_retrieves_and_deploys_a_connected_app(cci: Cci, org: Org) -> None:
    cci("task", "run", "retrieve_unpackaged", "--org", "acme", "--package_xml", "package.xml", "--path", "got")
    for file in (cci.folder / "got" / "connectedApps").iterdir():
        label = "Invoices" if file.stem == "Billing" else file.stem
        file.write_text(with_label(file.read_text(), label))
    cci("task", "run", "deploy", "--org", "acme", "--path", "got")
    assert org.app("Billing").label == "Invoices"


@pytest.mark.operation("retrieves and deploys an external client app")
def test_it_deploys_what_it_retrieved_of_an_external_client_app(cci: Cci, org: Org) -> None:
    [file] = (cci.folder / "got" / "extlClntAppGlobalOauthSets").iterdir()
    file.write_text(re.sub("<certificate>.*</certificate>", "", file.read_text()))
    cci("task", "run", "deploy", "--org", "acme", "--path", "got")
    assert org.external_app("Shipping").live_certificate is None


@pytest.mark.operation("deploys over REST")
def test_it_deploys_over_rest(cci: Cci, org: Org) -> None:
    before = org.calls["deploy"]
    cci("task", "run", "deploy", "--org", "acme", "--path", "got", "--rest_deploy", "true")
    assert org.calls["deploy"] > before
