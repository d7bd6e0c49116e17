"""A client secret from nothing to a rotated one, as a person types it, by real processes over HTTPS."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from rotator import consumer
from rotator.core.credentials import SecretVersion, secret_version
from rotator.simulator.wire.faults import Kind
from rotator.stores.files.store import FilesStore
from tests.end_to_end.places import HANG, Place, hosted_place, kill
from tests.end_to_end.processes import Ran, start
from tests.end_to_end.strangers import SCRIPTS
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME, APP = "shipping", "Shipping"


@dataclass
class Ground:
    """A place with one client secret beside its key pairs."""

    place: Place

    def rotator(self, *arguments: str, program: str = "rotator") -> Ran:
        """A process from beginning to end."""
        environ = {**os.environ, "ROTATOR_CONFIG": str(self.place.folder / "config.yaml"), "COLUMNS": "200"}
        return start(program, *arguments, environ=environ).ran()

    def json(self, *arguments: str) -> Any:
        """What a command says to a program; it must end well."""
        ran = self.rotator(*arguments, "--json")
        assert ran.code == 0, ran
        return ran.json

    @property
    def current(self) -> SecretVersion:
        """What consumers read."""
        store = FilesStore("keys", self.place.folder / "store")
        fingerprint = store.stages(NAME).current
        assert fingerprint
        return secret_version(store.read(NAME, fingerprint))

    def configure(self, **changes: Any) -> None:
        """Writes the credential into config.yaml; None leaves a field out."""
        file = self.place.folder / "config.yaml"
        config = yaml.safe_load(file.read_text())
        known = config["credentials"].get(NAME, {})
        config["credentials"][NAME] = {key: value for key, value in {**known, **changes}.items() if value is not None}
        file.write_text(yaml.safe_dump(config))

    def logs_in(self) -> bool:
        """Whether a consumer gets a token."""
        folder = self.place.folder
        login = consumer.from_files(folder / "store", NAME, ca=folder / "ca.pem", waiting=consumer.Waiting(5))
        return bool(login.token().access_token.reveal())


@pytest.fixture
def ground(tmp_path: Path, migrated_file: Path) -> Iterator[Ground]:
    with hosted_place(tmp_path / "orgs", migrated_file) as place:
        org = place.org
        org.settings = replace(org.settings, external_secrets_over_rest=True)
        user = next(name for name, each in org.users.items() if not each.may_use_metadata)
        app = org.add_external_app(APP, username=user)
        policies = app.satellites["ExtlClntAppOauthConfigurablePolicies"].component
        policies.update(isClientCredentialsFlowEnabled="true", clientCredentialsFlowUser=user)
        ground = Ground(place)
        ground.configure(kind="client_secret", org="production", store="keys", username=user, apps=[APP], max_age="90d")
        yield ground


def line_of(ground: Ground) -> Any:
    [line] = ground.json("status", NAME)
    return line


def test_from_nothing_to_a_rotated_secret(ground: Ground) -> None:
    checked = ground.rotator("check")
    assert "Consumer key and secret of Shipping can be read and just logged in" in " ".join(checked.out.split())
    assert "takes the consumer key and secret that are in use" in checked.out
    assert line_of(ground)["state"] == "not stored"
    assert ground.rotator("enroll", NAME).code == 0
    first = ground.current
    line = line_of(ground)
    assert (line["state"], line["strategy"], line["stages"]["current"]) == ("ok", "staged", first.fingerprint)
    assert ground.logs_in()

    [plan] = ground.rotator("plan", NAME, "--json", program="rotate").json
    assert [step["action"] for step in plan["steps"]][-2:] == ["verify", "promote"]
    ran = ground.rotator("now", NAME, program="rotate")
    assert ran.code == 0, ran
    assert "putting" in ran.err + ran.out
    second = ground.current
    assert first.client_id != second.client_id
    assert ground.logs_in()

    [entry] = [each for each in ground.json("inventory") if each["type"] == "ClientSecret"]
    assert (entry["app"], entry["credential"], entry["client_secret"]["fingerprint"]) == (APP, NAME, second.fingerprint)
    assert entry["state"] == "ok"
    assert [login["outcome"] for login in ground.json("verify", NAME)] == ["accepted", "accepted"]
    checked = ground.rotator("check")
    assert "The current version is the consumer key and secret that Shipping uses" in checked.out
    history = ground.rotator("history", NAME)
    assert history.code == 0
    assert ground.rotator("history", "verify").code == 0

    assert ground.rotator("back", NAME, program="rotate").code == 0
    assert ground.current == first
    assert ground.rotator("now", NAME, program="rotate").code == 0
    assert ground.current == second
    ended = ground.rotator("now", NAME, "--compromised", "--yes", program="rotate")
    assert ended.code == 0, ended
    assert line_of(ground)["stages"]["previous"] is None
    assert ground.logs_in()


def test_a_process_that_dies_at_the_staging_is_gone_on_from(ground: Ground) -> None:
    assert ground.rotator("enroll", NAME).code == 0
    before = ground.current
    consumer_of_app = ground.place.org.external_app(APP).consumer
    assert consumer_of_app

    def staged(call: tuple[Kind, tuple[str, ...]]) -> bool:
        return call[0] is Kind.CREDENTIALS and consumer_of_app.staged is not None

    kill(ground.place.start_and_reach(staged, HANG, "now", NAME))
    vars(ground.place.org.faults).pop("take", None)
    assert consumer_of_app.staged
    assert ground.rotator("finish", NAME, program="rotate").code == 0
    assert ground.current != before
    assert ground.logs_in()


def test_a_flow_that_is_not_enabled_is_found_before_anything_is_stored(ground: Ground) -> None:
    policies = ground.place.org.external_app(APP).satellites["ExtlClntAppOauthConfigurablePolicies"].component
    policies["isClientCredentialsFlowEnabled"] = "false"
    checked = ground.rotator("check")
    assert checked.code == 1
    assert "no client credentials user enabled" in " ".join(checked.out.split())


def test_what_makes_no_sense_of_a_client_secret_is_refused_in_a_sentence(ground: Ground) -> None:
    ground.configure(lifetime="365d")
    ran = ground.rotator("status")
    assert ran.code != 0
    assert "say `max_age`" in ran.err


@thorough
def test_no_secret_is_printed_logged_written_down_or_shown_of_a_process(ground: Ground) -> None:
    assert ground.rotator("enroll", NAME).code == 0
    secrets = set(secrets_of(ground))
    said = [
        ground.rotator("--verbose", "check"),
        ground.rotator("--verbose", "status", NAME),
        ground.rotator("--verbose", "adopt", NAME),
        ground.rotator("export", NAME, "--format", "pkcs12", "--out", "x.p12", "--password-env", "HOME"),
    ]
    everything = rotated_and_watched(ground) + ground.rotator("history", NAME, "--json").out
    everything += json.dumps([[ran.out, ran.err] for ran in said])
    for file in sorted(ground.place.folder.rglob("*")):
        if file.is_file() and "store" not in file.parts and file.name != "simulator-state.json":
            everything += file.read_bytes().decode("latin-1")
    secrets |= set(secrets_of(ground))
    assert len(secrets) == 2
    assert not [each for each in secrets if each in everything]
    assert "a keystore holds keys" in said[-1].err


def rotated_and_watched(ground: Ground) -> str:
    """What a process of its own says that ends the old pair at once, and what its command line and environment show."""
    shown = set[bytes]()
    command: list[str | Path] = [SCRIPTS / "rotate", "now", NAME, "--verbose", "--retire-now", "--yes"]
    environ = {**os.environ, "ROTATOR_CONFIG": str(ground.place.folder / "config.yaml")}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        while running.poll() is None:
            shown |= {read_while_it_runs(running.pid, what) for what in ("cmdline", "environ")}
            time.sleep(0.02)
        assert running.stdout
        told = running.stdout.read()
    assert running.returncode == 0, told.decode()
    assert any(b"--verbose" in each for each in shown)
    assert any(b"ROTATOR_CONFIG" in each for each in shown)
    return b"\n".join([told, *shown]).decode("latin-1")


def read_while_it_runs(pid: int, what: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except OSError:
        return b""


def secrets_of(ground: Ground) -> list[str]:
    """Every secret that the org has, and that is stored."""
    found = ground.place.org.external_app(APP).consumer
    assert found
    pairs = [found.pair, *([found.staged.pair] if found.staged else [])]
    return [*(pair.secret.reveal() for pair in pairs), ground.current.client_secret.reveal()]


@thorough
def test_it_is_revoked_and_brought_back_by_commands(ground: Ground) -> None:
    assert ground.rotator("enroll", NAME).code == 0
    old = ground.current
    [planned] = ground.json("revoke", NAME, "--dry-run")
    assert [each["step"] for each in planned["steps"]] == ["certificate", "tokens"]
    [revoked] = ground.json("revoke", NAME, "--reason", "found in a ticket", "--yes")
    assert (revoked["outcome"], revoked["apps"]) == ("revoked", [APP])
    assert line_of(ground)["state"] == "revoked"
    told = ground.rotator("revoke", NAME, "--only", "access", "--reason", "again", "--yes")
    assert told.code != 0
    assert "turns the client credentials flow off" in " ".join(told.err.split())
    assert ground.rotator("revoke", "--undo", NAME, "--yes").code == 0
    assert ground.current != old
    assert ground.logs_in()
    assert line_of(ground)["state"] == "ok"
