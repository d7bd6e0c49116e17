"""What `rotator inventory` and `rotator status` cost the processor beside the official command line at the same org.

`.venv/bin/python -m tests.benchmarks.beside_sf` measures it and writes the table into docs/performance.md. `sf` is what
`make clients` installs, unmodified, with its newer Node and without telemetry. Whole processes, from start to end, in
turns, of which the least of several runs is told; both have run before, and have their caches.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rotator.core.crypto.keys import PrivateKey
from tests.benchmarks.fleet import USER, fleet
from tests.benchmarks.looks import PAGE, put, table
from tests.benchmarks.waiting import ROTATOR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.fleet import Member

APPS: Final = 20
RUNS: Final = 11

PAIRS: Final = (
    (("org", "list", "metadata", "--metadata-type", "ConnectedApp"), "inventory"),
    (("org", "display"), "status"),
)
"""What `sf` and `rotator` are told."""

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Program:
    """A program with its environment."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path

    def cpu(self, *arguments: str) -> float:
        """Seconds of the processor that one run takes, with all of its threads. Raises OSError where it fails."""
        process = subprocess.Popen(
            [*self.command, *arguments], env=self.environment, cwd=self.folder, stdout=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise OSError(f"{' '.join(arguments)} ended with {process.returncode}")
        return used.ru_utime + used.ru_stime


def sf_at(member: Member, folder: Path, key_file: Path) -> Program:
    """The official command line, logged in. Raises OSError where it is not installed and cannot be."""
    installed = Path(
        subprocess.run([ROOT / ".ci/clients"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    )
    modules = installed / "npm/node_modules"
    node = next(iter(sorted(modules.glob("node-linux-*/bin"))), None)
    if node is None:
        raise OSError("sf is not installed: the npm registry could not be reached")
    environment = {
        "PATH": f"{node}:{modules / '.bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "NODE_EXTRA_CA_CERTS": member.ca,
        "SF_DISABLE_TELEMETRY": "true",
        "SF_AUTOUPDATE_DISABLE": "true",
        "SF_SKIP_NEW_VERSION_CHECK": "true",
        "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
        "SF_TARGET_ORG": USER,
    }
    sf = Program([str(modules / ".bin/sf")], environment, folder)
    login = ["--client-id", member.client_id, "--jwt-key-file", str(key_file), "--instance-url", member.url]
    sf.cpu("org", "login", "jwt", "--username", USER, *login)
    return sf


def rotator_at(member: Member, folder: Path, key_file: Path) -> Program:
    """`rotator`, with a credential that is in its store."""
    config = folder / "config.yaml"
    login = f"{{client_id: {member.client_id}, username: {USER}, private_key: {{file: {key_file}}}}}"
    config.write_text(
        f"database: sqlite:///{folder}/rotator.db\n"
        f"stores: {{disk: {{type: files, path: {folder}/store}}}}\n"
        f"orgs: {{acme: {{login_url: '{member.url}', ca: {member.ca}, login: {login}}}}}\n"
        f"credentials: {{robot: {{org: acme, store: disk, apps: [Robot], username: {USER}}}}}\n"
    )
    # As pip installs it: with its modules compiled.
    left_out = {"PYTHONDONTWRITEBYTECODE"}
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    rotator = Program([str(ROTATOR), "--config", str(config)], environment, folder)
    rotator.cpu("adopt", "robot", "--key", str(key_file))
    return rotator


def compare(folder: Path) -> list[list[str]]:
    """A line for each pair of commands."""
    key, lines = PrivateKey.generate(), []
    with fleet(2, APPS, key) as members:
        key_file = folder / "robot.pem"
        key_file.touch(0o600)
        key_file.write_text(key.pem().reveal())
        sf, rotator = sf_at(members[0], folder, key_file), rotator_at(members[0], folder, key_file)
        for theirs, ours in PAIRS:
            runs = [(sf.cpu(*theirs), rotator.cpu(ours)) for _ in range(1 + RUNS)]
            least = [min(each) for each in zip(*runs[1:], strict=True)]
            names = f"`sf {' '.join(theirs[:3])}`", f"`rotator {ours}`"
            told = [f"{name}: {cpu:.2f} s" for name, cpu in zip(names, least, strict=True)]
            lines.append([*told, f"{least[1] / least[0]:.2f}"])
    return lines


def main() -> None:
    """Measures, and writes it down."""
    with tempfile.TemporaryDirectory() as name:
        lines = compare(Path(name))
    put("beside", table([f"an org with {APPS} apps, of the processor", "", "ratio"], lines))
    sys.stdout.write(PAGE.read_text())


if __name__ == "__main__":
    main()
