"""What goes wrong is told in sentences, with an exit code, and nothing is lost by it."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from rotator.cli.failures import BROKEN_PIPE
from rotator.cli.main import cli
from rotator.cli.simulator import simulated
from rotator.history.database import open_database
from rotator.history.locks import rotation_locks
from rotator.simulator import hosting
from rotator.simulator.faults import Effect, Fault, Kind
from rotator.simulator.server import SimulatorServer, utc_now
from rotator.stores.disk import Directory
from tests.end_to_end.strangers import Folder, Ran, run_here, run_unread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.simulator.org import Org

NOTHING_LISTENS = "127.0.0.1:1"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SimulatorServer, Path]]:
    """Two simulated orgs in this process, so that a test can reach into them, and what they exported."""
    with pytest.MonkeyPatch.context() as patch:
        servers: list[SimulatorServer] = []

        def remembered(*arguments: Any, **options: Any) -> SimulatorServer:
            servers.append(SimulatorServer(*arguments, **options))
            return servers[-1]

        patch.setattr(hosting, "SimulatorServer", remembered)
        folder = tmp_path_factory.mktemp("simulated") / "export"
        with simulated(folder, propagation=0, flap=0) as config:
            yield servers[0], config.parent


@pytest.fixture
def org(served: tuple[SimulatorServer, Path]) -> Iterator[Org]:
    """The production org; its faults end with the test."""
    org = served[0].org("production")
    yield org
    org.faults.clear()


@pytest.fixture
def folder(served: tuple[SimulatorServer, Path], tmp_path: Path) -> Folder:
    """A configuration of the simulated orgs with a store and a history of its own."""
    shutil.copytree(served[1], tmp_path / "mine", symlinks=True)
    return Folder(tmp_path / "mine").fast()


def refused(ran: Ran, code: int, *words: str) -> None:
    """It ended with this exit code and an error that says what happened, and what to do."""
    assert ran.code == code, ran
    assert "\nError: " in f"\n{ran.err}"
    assert "\nWhat to do: " in ran.err
    for word in words:
        assert word in ran.err


def production(folder: Folder, **changes: Any) -> Folder:
    """The same configuration with the production org's section changed."""
    settings = folder.read()
    orgs = {**settings["orgs"], "production": settings["orgs"]["production"] | changes}
    return folder.configured("changed.yaml", orgs=orgs)


def login_of(folder: Folder) -> dict[str, Any]:
    login: dict[str, Any] = folder.read()["orgs"]["production"]["login"]
    return login


def locked(key: bytes, password: bytes) -> bytes:
    """A private key that is encrypted with a password."""
    plain = load_pem_private_key(key, None)
    return plain.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))


# The command line and the configuration: exit code 2, and nothing was touched.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["now"], ["No credential was named", "Name one of billing"]),
        (["now", "billing", "--all"], ["Names and --all were given", "one or the other"]),
        (["now", "biling"], ["no credential called 'biling'", "Did you mean 'billing'?"]),
        (["back", "nobody"], ["no credential called 'nobody'", "Configured are: billing"]),
        (["now", "billing", "--keep-key", "--compromised"], ["must not be kept"]),
    ],
)
def test_a_command_line_that_cannot_be_meant(folder: Folder, arguments: list[str], words: list[str]) -> None:
    before = folder.everything()
    refused(folder.rotate(*arguments), 2, "Nothing was touched.", *words)
    assert folder.everything() == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("  rotate_befor: 3d", ["config.yaml:", "rotation.rotate_befor", "`rotate_before`"]),
        ("  grace: soon", ["config.yaml:", "a duration such as 30d"]),
        ("\tgrace: 1d", ["config.yaml:", "tab"]),
    ],
)
def test_a_mistake_in_the_configuration_is_told_with_its_line(folder: Folder, line: str, words: list[str]) -> None:
    config = folder.path / "config.yaml"
    config.write_text(config.read_text().replace("rotation:\n", f"rotation:\n{line}\n"))
    number = config.read_text().splitlines().index(line) + 1
    refused(Folder(folder.path).rotator("status"), 2, f":{number}", *words)


def test_every_mistake_is_told_at_once(folder: Folder) -> None:
    wrong = production(folder, login_ulr="https://example.com", proxy=5).configured("changed.yaml", databse="x")
    refused(wrong.rotator("check"), 2, "3 mistakes", "did you mean `database`", "login_ulr", "proxy")


def test_a_configuration_that_is_not_there_or_no_file(tmp_path: Path) -> None:
    absent = Folder(tmp_path, "absent.yaml")
    refused(absent.rotator("status"), 2, "absent.yaml cannot be read", "config.yaml.example")
    ran = Folder(tmp_path.parent, tmp_path.name).rotator("status")
    assert ran.code == 2
    assert "is a directory" in ran.err


def test_no_configuration_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROTATOR_CONFIG", raising=False)
    refused(run_here(cli, "rotator", "status"), 2, "config.yaml")


def test_a_missing_environment_variable(folder: Folder) -> None:
    secret = production(folder, login=login_of(folder) | {"private_key": {"env": "NOBODY_SET_THIS"}})
    refused(secret.rotator("inventory"), 2, "The environment variable NOBODY_SET_THIS is not set")


def test_a_key_file_that_others_can_read(folder: Folder) -> None:
    key = folder.path / "keys" / "production-Billing.pem"
    key.chmod(0o640)
    before = folder.everything()
    refused(folder.rotator("adopt", "onboarding", "--key", str(key)), 2, "mode 0640", f"chmod 600 {key}")
    assert folder.everything() == before


@pytest.mark.parametrize(("password", "words"), [("wrong", "password"), (None, "password")])
def test_a_wrong_or_missing_password_for_a_key(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, password: str | None, words: str
) -> None:
    key = folder.path / "locked.pem"
    key.write_bytes(locked(folder.key("production", "Billing"), b"right"))
    key.chmod(0o600)
    options = []
    if password:
        monkeypatch.setenv("KEY_PASSWORD", password)
        options = ["--password-env", "KEY_PASSWORD"]
    before = folder.everything()
    ran = folder.rotator("adopt", "billing", "--key", str(key), *options)
    refused(ran, 2, words, str(key))
    assert folder.everything() == before


def test_a_certificate_where_a_key_should_be(folder: Folder) -> None:
    certificate = folder.stored("billing") / "certificate.pem"
    refused(folder.rotator("adopt", "billing", "--key", str(certificate)), 2, str(certificate), "private key")


# Stores: nothing in them changes, and a store that is full or away is worth another try.


def test_a_store_that_cannot_be_a_folder(folder: Folder) -> None:
    (folder.path / "taken").write_text("a file")
    wrong = folder.configured("changed.yaml", stores={"keys": {"type": "files", "path": "taken"}})
    refused(wrong.rotate("now", "billing"), 1, "'keys'", "is not a directory")
    checked = wrong.rotator("check")
    assert checked.code == 1
    assert "✗ failed   store keys" in checked.out


def test_a_damaged_version_is_neither_used_nor_thrown_away(folder: Folder) -> None:
    document = folder.stored("billing") / "credential.json"
    document.write_text("{")
    before = folder.everything()
    refused(folder.rotate("now", "billing"), 1, f"billing/versions/{folder.fingerprint('billing')}")
    status = folder.rotator("status", "billing")
    assert (status.code, "✗ unknown" in status.out) == (1, True)
    assert folder.everything() == before


def test_a_stage_that_points_nowhere(folder: Folder) -> None:
    versions = folder.path / "store" / "billing" / "versions"
    shutil.move(versions / str(folder.fingerprint("billing")), folder.path / "elsewhere")
    before = folder.everything()
    refused(folder.rotate("now", "billing"), 1, "billing")
    refused(folder.rotator("verify", "billing"), 1, "billing")
    assert folder.everything() == before


def test_a_store_that_others_can_read(folder: Folder) -> None:
    store = folder.path / "store"
    store.chmod(0o755)
    refused(folder.rotate("now", "billing"), 1, "open to other users (mode 0755)", f"chmod 700 {store}")


def full(*_: object, **__: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_under_the_store(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    before = folder.everything()
    with monkeypatch.context() as patch:
        patch.setattr(Directory, "write", full)
        refused(folder.rotate("now", "billing"), 3, "is full", "Make room")
    assert folder.everything() == before
    assert folder.rotate("now", "billing").code == 0
    assert folder.current_logs_in("production", "billing")


# The history: what cannot be written down is not begun.


def test_a_full_disk_under_the_history(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder.rotator("history").code == 0
    before = folder.everything()
    connect = sqlite3.connect

    def without_room(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        # SQLite takes it as the number of pages that there are: the file cannot grow.
        connection.execute("PRAGMA max_page_count = 1")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr("sqlite3.dbapi2.connect", without_room)
        patch.setattr("sqlite3.connect", without_room)
        refused(folder.rotate("now", "reporting", "--reason", "x" * 50_000), 3, "the disk is full", "Make room")
    assert folder.everything() == before


def test_a_process_that_may_write_nothing(folder: Folder) -> None:
    assert folder.rotator("history").code == 0
    before = folder.everything()
    refused(folder.run("rotate", "now", "reporting", largest_file=0), 3, "rotator.db cannot be ", "Look at the disk")
    assert folder.everything() == before


def test_a_database_of_a_newer_version(folder: Folder) -> None:
    assert folder.rotator("db", "upgrade").code == 0
    with sqlite3.connect(folder.path / "rotator.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = folder.everything()
    for command in (["history"], ["status"], ["rotate", "now", "reporting"], ["inventory"]):
        refused(folder.rotator(*command), 1, "9999", "newer release")
    assert folder.everything() == before


def test_a_database_that_is_none(folder: Folder) -> None:
    (folder.path / "rotator.db").write_text("a shopping list, and not a short one\n" * 100)
    refused(folder.rotate("now", "reporting"), 1, "is not a database")


def test_two_rotations_at_once(folder: Folder) -> None:
    before = folder.everything()
    with open_database(f"sqlite:///{folder.path / 'rotator.db'}") as database:
        database.upgrade()
        with rotation_locks(database, utc_now).hold("reporting"):
            refused(folder.rotate("now", "reporting"), 3, "reporting", str(os.getpid()))
            assert folder.rotator("status", "reporting").code == 0
    assert folder.everything() == before


# Orgs: one that is away is worth another try, one that says no needs a person.


def test_an_org_where_nobody_answers(folder: Folder) -> None:
    away = production(folder, login_url=f"https://{NOTHING_LISTENS}")
    before = folder.everything()
    refused(away.rotate("now", "reporting"), 3, NOTHING_LISTENS, "onnection refused")
    told = away.rotate("now", "--all", "--json")
    assert told.code == 3
    assert {each["credential"]: each["exit_code"] for each in told.json} == {
        name: 0 if name == "billing-sandbox" else 3 for name in folder.read()["credentials"]
    }
    assert folder.everything()["production"] == before["production"]


def test_a_proxy_that_does_not_answer(folder: Folder) -> None:
    before = folder.everything()
    refused(production(folder, proxy=f"http://{NOTHING_LISTENS}").rotate("now", "reporting"), 3, "the proxy does not")
    assert folder.everything() == before


def test_an_org_whose_tls_certificate_is_not_trusted(folder: Folder) -> None:
    before = folder.everything()
    refused(production(folder, ca=None).rotate("now", "reporting"), 1, "is not trusted", "Set `ca` of the org")
    assert folder.everything() == before


def test_a_clock_that_is_wrong(folder: Folder, org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(org, "clock", lambda: utc_now() + timedelta(minutes=10))
    before = folder.everything()
    refused(folder.rotate("now", "reporting"), 1, "expired authorization code", "Set this machine's clock")
    assert folder.everything() == before


def test_the_programs_own_user_may_not_use_the_metadata_api(
    folder: Folder, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(org.users["rotator@production.example"], "may_use_metadata", False)
    before = folder.everything()
    refused(folder.rotate("now", "reporting"), 1, "INSUFFICIENT_ACCESS")
    checked = folder.rotator("check")
    assert checked.code == 1
    assert "✗ failed   metadata of production" in checked.out
    assert folder.everything() == before


def test_the_programs_own_key_is_not_the_management_apps(folder: Folder) -> None:
    wrong = {"private_key": {"file": "keys/production-Billing.pem"}}
    before = folder.everything()
    ran = production(folder, login=login_of(folder) | wrong).rotate("now", "reporting")
    refused(ran, 1, "refuses the program's own login", "invalid assertion")
    assert folder.everything() == before


@pytest.mark.parametrize("app", ["Ghost", "reporting_"])
def test_an_app_that_is_not_there(folder: Folder, app: str) -> None:
    settings = folder.read()
    ghost = settings["credentials"]["reporting"] | {"apps": [app]}
    gone = folder.configured("changed.yaml", credentials={"reporting": ghost})
    before = folder.everything()
    ran = gone.rotate("now", "reporting")
    assert ran.code == 1
    assert app in ran.out + ran.err
    assert "What to do: " in ran.out + ran.err
    status = gone.rotator("status", "reporting")
    refused(Ran(status.code, "", status.err), 1, app)
    assert folder.everything() == before


def test_a_user_who_is_not_approved(folder: Folder, org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("profileName", "permissionSetName"):
        monkeypatch.setitem(org.app("Reporting").component, part, [])
    before = folder.everything()
    ran = folder.rotate("now", "reporting")
    assert ran.code == 1
    assert "✗ halted" in ran.out
    assert "not admin approved" in ran.out
    assert "permission set" in ran.out
    assert folder.state("production")["apps"] == before["production"]
    assert folder.fingerprint("reporting")
    assert folder.rotator("verify", "reporting").code == 1


def test_an_app_whose_certificate_is_none(folder: Folder, org: Org) -> None:
    app = org.app("Reporting")
    changes = list(app.slot.changes)
    garbage: Any = SimpleNamespace(base64="bm90IGEgY2VydGlmaWNhdGU=", fingerprint="garbage")
    app.slot.put(garbage, utc_now())
    try:
        before = folder.everything()
        refused(folder.rotate("now", "reporting"), 1, "Reporting", "cannot be read")
        inventory = folder.rotator("inventory")
        assert "✗ unreadable" in inventory.out
        assert folder.everything() == before
    finally:
        app.slot.changes[:] = changes


@pytest.mark.parametrize(
    ("kind", "answer", "words"),
    [
        (Kind.SOAP_READ, "request_limit_exceeded", "used up its API calls"),
        (Kind.TOKEN, "login_rate_exceeded", "LOGIN_RATE_EXCEEDED"),
        (Kind.TOKEN, "http_503", "HTTP 503"),
    ],
)
def test_an_org_that_has_had_enough_for_now(folder: Folder, org: Org, kind: Kind, answer: str, words: str) -> None:
    org.faults.add(Fault(kind, Effect.FAIL, times=None, answer=answer))
    before = folder.everything()
    refused(folder.rotate("now", "reporting"), 3, words)
    assert folder.everything() == before


def test_a_standby_app_whose_certificate_nobody_knows(folder: Folder, org: Org) -> None:
    standby, reporting = org.app("Warehouse_B"), org.app("Reporting")
    changes = list(standby.slot.changes)
    standby.slot.put(reporting.live_certificate, utc_now())
    try:
        before = folder.everything()
        ran = folder.rotate("now", "warehouse")
        assert ran.code == 1
        assert "nobody here knows" in ran.out
        assert "rotator adopt" in ran.out
        assert folder.everything() == before
    finally:
        standby.slot.changes[:] = changes


# A rotation that has begun is ended.


def test_a_rotation_ends_well_though_nobody_reads_what_it_says(folder: Folder) -> None:
    before = folder.fingerprint("legacy-sync")
    assert run_unread(folder, "rotate", "now", "legacy-sync") in {0, BROKEN_PIPE}
    assert folder.fingerprint("legacy-sync", "previous") == before
    assert folder.current_logs_in("production", "legacy-sync")
    (rotation,) = folder.rotator("history", "legacy-sync", "--json").json["rotations"]
    assert rotation["outcome"] == "rotated"


# Empty states.


def test_nothing_is_configured_yet(folder: Folder) -> None:
    bare = folder.configured("bare.yaml", credentials={})
    assert "Billing" in bare.rotator("inventory").out
    for command in (["status"], ["rotate", "plan"]):
        ran = bare.rotator(*command)
        assert ran.code == 0
        assert "No credential is configured" in ran.out
    assert bare.rotator("check").code == 0
    assert bare.rotator("status", "--json").json == []
    refused(bare.rotate("now", "--all"), 2, "No credential is configured")
