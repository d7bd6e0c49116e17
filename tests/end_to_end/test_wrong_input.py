"""A command line, a configuration or a key that cannot be meant is told in sentences, and nothing is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from rotator.cli.main import cli
from tests.end_to_end.strangers import Folder, run_here
from tests.end_to_end.troubles import login_of, production, refused

if TYPE_CHECKING:
    from pathlib import Path


def locked(key: bytes, password: bytes) -> bytes:
    """A private key that is encrypted with a password."""
    plain = load_pem_private_key(key, None)
    return plain.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))


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
    refused(absent.rotator("status"), 2, "absent.yaml cannot be read", "rotator config example")
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
