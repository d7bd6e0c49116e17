"""What a stranger has: the console scripts, an exported folder, and a client that knows nothing of this package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jwt
import requests
import yaml
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rotator.cli import error_output
from rotator.cli.main import COMMANDS, cli
from tests.end_to_end.processes import Ran, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

SCRIPTS: Final = Path(sys.executable).parent
FAST: Final = {"confirmations": 2, "interval": "1s", "hold": "0s"}
"""Verification for orgs that take a change at once."""


@dataclass(frozen=True)
class Folder:
    """The folder that `rotator simulator serve --export` made, and whatever is configured in it."""

    path: Path
    config: str = "config.yaml"

    def run(self, script: str, *arguments: str, largest_file: int | None = None, **environ: str) -> Ran:
        """Runs a console script with this folder's configuration, as a process.

        `largest_file` is the most bytes that a file may have which it writes: beyond it every write fails.
        """
        ours = _environment(ROTATOR_CONFIG=str(self.path / self.config), **environ)
        return start(script, *arguments, environ=ours, largest_file=largest_file).ran()

    def rotator(self, *arguments: str) -> Ran:
        """`rotator` in this process, which spares a second of imports."""
        return run_here(cli, "rotator", "--config", str(self.path / self.config), *arguments)

    def rotate(self, *arguments: str) -> Ran:
        """`rotate` in this process."""
        return run_here(COMMANDS["rotate"].load(), "rotate", "--config", str(self.path / self.config), *arguments)

    def read(self) -> dict[str, Any]:
        """The configuration."""
        settings: dict[str, Any] = yaml.safe_load((self.path / self.config).read_text())
        return settings

    def configured(self, name: str, **sections: Any) -> Folder:
        """The same folder with another configuration: these sections replaced."""
        (self.path / name).write_text(yaml.safe_dump({**self.read(), **sections}, sort_keys=False))
        return Folder(self.path, name)

    def fast(self) -> Folder:
        """The same configuration without waiting for a propagation that this org does not have."""
        return self.configured(f"fast-{self.config}", rotation={"verification": FAST})

    def index(self) -> dict[str, Any]:
        """simulator.json."""
        index: dict[str, Any] = json.loads((self.path / "simulator.json").read_text())
        return index

    def key(self, org: str, app: str) -> bytes:
        """The exported private key of an app."""
        return (self.path / "keys" / f"{org}-{app}.pem").read_bytes()

    def stored(self, credential: str, stage: str = "current") -> Path:
        """Where the store has a stage of a credential."""
        return self.path / "store" / credential / stage

    def fingerprint(self, credential: str, stage: str = "current") -> str | None:
        """The version that stands in a stage."""
        link = self.stored(credential, stage)
        return link.readlink().name if link.is_symlink() else None

    def login(self, org: str, app: str, key: bytes) -> tuple[int, dict[str, Any]]:
        """The org's answer to a login through one of its apps, as any JWT bearer client makes it (RFC 7523)."""
        found = next(each for each in self.index()["orgs"] if each["name"] == org)
        client = next(each for each in found["apps"] if each["name"] == app)
        claims = {
            "iss": client["client_id"],
            "sub": client["username"],
            "aud": found["url"],
            "exp": int(time.time()) + 120,
        }
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": jwt.encode(claims, _read(key), "RS256"),
        }
        answer = requests.post(f"{found['url']}/services/oauth2/token", data=form, verify=found["ca"], timeout=60)
        return answer.status_code, answer.json()

    def logs_in(self, org: str, app: str, key: bytes) -> bool:
        """Whether the org gives a token; if not, it must be because key and certificate do not match."""
        status, answer = self.login(org, app, key)
        assert status == 200 or answer == {"error": "invalid_grant", "error_description": "invalid assertion"}
        return status == 200

    def current_logs_in(self, org: str, credential: str) -> bool:
        """Whether what the store says of its current version, and nothing else, is enough to log in."""
        document = json.loads((self.stored(credential) / "credential.json").read_text())
        return self.logs_in(org, document["app"], (self.stored(credential) / "private_key.pem").read_bytes())

    def state(self, org: str) -> dict[str, Any]:
        """What the simulated org says of itself."""
        found = next(each for each in self.index()["orgs"] if each["name"] == org)
        state: dict[str, Any] = requests.get(f"{found['url']}/simulator/state", verify=found["ca"], timeout=60).json()
        return state

    def everything(self) -> dict[str, Any]:
        """Store and orgs, to be compared with what they were."""
        store = self.path / "store"
        files = {str(file.relative_to(store)): _content(file) for file in sorted(store.rglob("*"))}
        return {"store": files} | {org["name"]: self.state(org["name"])["apps"] for org in self.index()["orgs"]}


@cache
def _read(key: bytes) -> RSAPrivateKey:
    """A key, whose consistency OpenSSL would take 50 ms to check, each time anew."""
    read = load_pem_private_key(key, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(read, RSAPrivateKey)
    return read


def _content(file: Path) -> str:
    if file.is_symlink():
        return f"-> {file.readlink()}"
    return file.read_text() if file.is_file() else "directory"


def run(script: str, *arguments: str | Path) -> Ran:
    """Runs a console script to its end, as a person starts it."""
    done = subprocess.run(
        [SCRIPTS / script, *arguments], capture_output=True, text=True, timeout=120, env=_environment(), check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def _environment(**more: str) -> dict[str, str]:
    """This process's, without what configures `rotator`."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ROTATOR_")} | more


def run_unread(folder: Folder, script: str, *arguments: str) -> int:
    """Runs a console script whose output goes to a pipe that nobody reads; gives its exit code."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command: list[str | Path] = [SCRIPTS / script, "--config", folder.path / folder.config, *arguments]
        return subprocess.run(command, stdout=writing, stderr=writing, timeout=120, check=False).returncode
    finally:
        os.close(writing)


def run_here(command: click.Command, name: str, *arguments: str) -> Ran:
    """Runs a command in this process, with pipes for standard output and error."""
    out, err = TextIOWrapper(BytesIO(), encoding="utf-8"), TextIOWrapper(BytesIO(), encoding="utf-8")
    with redirect_stdout(out), redirect_stderr(err):
        code = error_output.run(command, name, arguments)
    told = [stream.buffer.getvalue().decode() for stream in map(_flushed, (out, err))]  # type: ignore[attr-defined]
    return Ran(code, *told)


def _flushed(stream: TextIOWrapper) -> TextIOWrapper:
    stream.flush()
    return stream


@contextmanager
def served(folder: Path, *arguments: str) -> Iterator[tuple[Folder, list[str]]]:
    """`rotator simulator serve --export` as a process, and the lines that it printed once it was ready."""
    command: list[str | Path] = [
        SCRIPTS / "rotator",
        "simulator",
        "serve",
        "--port",
        "0",
        "--export",
        folder,
        *arguments,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.rstrip().endswith(" check"):
                break
        try:
            yield Folder(folder), lines
        finally:
            process.terminate()
            process.wait(60)
