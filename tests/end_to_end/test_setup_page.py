"""docs/salesforce-setup.md, as a new user with one external client app types it: from nothing to a rotated key.

Every command is taken from the page. What a person fills in is filled in: the org's address, users, and the name of the
app; Salesforce's own command line is stood in for by tests/end_to_end/sf.py, and tried itself in tests/clients.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests

from rotator.cli.main import COMMANDS, cli
from tests.end_to_end.processes import Ran
from tests.end_to_end.strangers import SCRIPTS, Folder, run_here, served
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator


PAGE: Final = Path(__file__).parents[2] / "docs" / "salesforce-setup.md"
OURS: Final = {"rotator": cli, "rotate": COMMANDS["rotate"].load()}
BLOCK: Final = re.compile(r"^```(sh|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
APP: Final = "Payroll"
"""The app that the user has: of the page's name this org has another."""
CONSUMER: Final = "shipping@production.example"
BEFORE: Final = f"""
openssl req -x509 -newkey rsa:2048 -sha256 -days 20 -nodes -subj /CN=payroll -keyout billing.key -out billing.crt
rotator config project mine --app {APP} --contact ada@example.com --certificate billing.crt
cd mine
sf project deploy start --source-dir force-app --target-org production
sf org assign permset --name Rotator --on-behalf-of {CONSUMER} --target-org production
cd ..
"""
"""How the app came into the org."""
FAST: Final = "rotation: {verification: {confirmations: 2, interval: 1s, hold: 0s}}\n"


@dataclass
class NewUser:
    """One folder, a shell, and what is on the page."""

    folder: Path
    org: dict[str, Any]
    environ: dict[str, str]
    inside: Path = Path()
    """Where the shell is, from the folder."""

    def types(self, text: str) -> Ran:
        """Some lines in a shell, which ends at the first that fails; ours are run here, which spares their imports."""
        out = []
        for line in self.filled_in(text).replace("\\\n", " ").splitlines():
            program, *arguments = shlex.split(line) or ["true"]
            ran = self._ours(program, arguments) if program in OURS else self._others(line)
            out.append(ran.out)
            if ran.code:
                return Ran(ran.code, "".join(out), ran.err)
        return Ran(0, "".join(out), "")

    def _ours(self, program: str, arguments: list[str]) -> Ran:
        before = Path.cwd()
        os.chdir(self.folder / self.inside)
        try:
            return run_here(OURS[program], program, *arguments)
        finally:
            os.chdir(before)

    def _others(self, line: str) -> Ran:
        done = subprocess.run(
            ["bash", "-e", "-c", f"{line}\npwd"],
            cwd=self.folder / self.inside, env=self.environ, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        *told, where = done.stdout.splitlines() or [""]
        if done.returncode == 0:
            self.inside = Path(where)
        return Ran(done.returncode, "\n".join(told), done.stderr)

    def filled_in(self, text: str) -> str:
        """With names of this org in place of the page's."""
        for ours, theirs in (
            ("https://example.my.salesforce.com", self.org["url"]),
            ("rotator@example.com", self.org["management"]["username"]),
            ("billing@example.com", CONSUMER),
            ("apps: [Billing]", f"apps: [{APP}]"),
        ):
            text = text.replace(ours, theirs)
        return text

    def writes(self, config: str, client_id: str) -> None:
        """The configuration; its org has an authority of its own, and takes a change at once."""
        text = self.filled_in(config).replace("CONSUMER_KEY_OF_THE_MANAGEMENT_APP", client_id)
        known = text.replace("    login:\n", f"    ca: {self.org['ca']}\n    login:\n", 1)
        (self.folder / "config.yaml").write_text(known + FAST)

    @property
    def config(self) -> str:
        """What is written."""
        return (self.folder / "config.yaml").read_text()

    def set(self, **settings: Any) -> None:
        """Changes how the simulated org behaves."""
        url = f"{self.org['url']}/simulator/settings"
        requests.patch(url, json=settings, verify=self.org["ca"], timeout=60).raise_for_status()


def steps(title: str) -> list[str]:
    """The blocks of one section of the page."""
    [section] = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## )", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [block for _, block in BLOCK.findall(section)]


@pytest.fixture(scope="module", params=["spring-26", pytest.param("eca-unreadable", marks=thorough)])
def org(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    with served(tmp_path_factory.mktemp("simulated") / "export", "--like", request.param) as (folder, _):
        yield folder


@pytest.fixture
def user(org: Folder, tmp_path: Path) -> NewUser:
    told = next(each for each in org.index()["orgs"] if each["name"] == "production")
    programs = tmp_path / "bin"
    programs.mkdir()
    script = programs / "sf"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("sf.py")} "$@"\n')
    script.chmod(0o755)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ROTATOR_")}
    environ = plain | {
        "PATH": f"{programs}:{SCRIPTS}:{os.environ['PATH']}",
        "SF_ORG": json.dumps({"url": told["url"], "ca": told["ca"], **told["management"]}),
    }
    work = tmp_path / "work"
    work.mkdir()
    found = NewUser(work, told, environ)
    made = found.types(BEFORE)
    assert made.code == 0, made.err
    return found


def test_from_nothing_to_a_rotated_key(user: NewUser, org: Folder) -> None:
    make, deploy, assign = steps("1. A management app and a user of its own")
    made = user.types(make)
    assert made.code == 0, made.err
    deployed = user.types(deploy)
    assert deployed.code == 0, deployed.err
    [config] = steps("2. The configuration")
    user.writes(config, client_id=made.out.split()[-1])
    too_early = Folder(user.folder).rotator("check")
    assert too_early.code == 1
    assert "user is not admin approved to access this app" in too_early.out
    assert "permission set" in too_early.out

    assigned = user.types(assign)
    assert assigned.code == 0, assigned.err
    [look] = steps("3. Does it work?")
    looked = user.types(look)
    assert looked.code == 0, looked.out + looked.err
    assert {"Rotator_Management", APP} <= set(looked.out.split())
    for config, causes in (
        (user.config.replace(APP, "Payrol"), ["has no app Payrol", f"Did you mean `{APP}`?"]),
        (user.config.replace(f"[{APP}]", f"[{{name: {APP}, kind: connected_app}}]"), [f"{APP}", "is no connected app"]),
    ):
        (user.folder / "wrong.yaml").write_text(config)
        assert_says(Folder(user.folder, "wrong.yaml").rotator("check"), causes)
    hidden = ["ExternalClientApplication", "ExtlClntAppGlobalOauthSettings"]
    causes = ["external client app", "View all External Client Apps, view their settings, and edit their policies"]
    for types in (hidden, hidden[1:]):
        user.set(hidden_types=types)
        assert_says(Folder(user.folder).rotator("check"), causes)
        assert_says(Folder(user.folder).rotator("inventory"), causes)
    user.set(hidden_types=[])

    [adopt] = steps("4. The apps to be rotated")
    [rotate] = steps("5. The first rotation")
    if "not shown" in looked.out:
        needed = user.types(adopt)
        assert_says(needed, [f"does not show the certificate of {APP}", "--certificate FILE"])
        adopt = adopt.replace("--key billing.key", "--key billing.key --certificate billing.crt")
    else:
        (user.folder / "wrong.yaml").write_text(user.config.replace(CONSUMER, "shipping@sandbox.example"))
        wrong = Folder(user.folder, "wrong.yaml").rotator("adopt", "billing", "--key", str(user.folder / "billing.key"))
        assert_says(wrong, [f"matches the certificate of {APP}", "shipping@sandbox.example is a user of production"])
    rotated = user.types(adopt + rotate)
    assert rotated.code == 0, rotated.err
    assert "billing: ✓ rotated" in rotated.out
    assert "first rotation" in rotated.out
    stored = user.folder / "keys/billing/current"
    assert org.state("production")["external_apps"][APP] == stored.resolve().name


def assert_says(ran: Ran, causes: list[str]) -> None:
    assert ran.code == 1
    told = " ".join(f"{ran.out} {ran.err}".split())
    assert [cause for cause in causes if cause not in told] == [], told
