"""The installation's key: made once, for its owner alone, or taken from the configuration."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from rotator.core.crypto.keys import PrivateKey
from rotator.core.crypto.signatures import PublicKey, SigningKey
from rotator.core.secret import Secret
from rotator.errors import CertificateError, HistoryError
from rotator.history.signing.signer import Signer, key_file, signed_of_event
from tests.contract.history.databases import together

if TYPE_CHECKING:
    from pathlib import Path

HASH = "a" * 64


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "rotator.db.key"


@pytest.fixture(autouse=True)
def _careless_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_key_is_made_once_for_its_owner_alone(file: Path) -> None:
    signature, key_id = Signer(file).sign_event(HASH)

    again = Signer(file)
    assert again.keys()[key_id].has_signed(signature, signed_of_event(HASH))
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_to_look_makes_no_key(file: Path) -> None:
    assert (Signer(file).keys(), Signer(file).public_key(), Signer(file).last_head()) == ({}, "", None)
    assert not file.parent.exists()


def test_of_many_who_make_the_key_at_once_one_does(file: Path) -> None:
    made = []
    together(lambda _: made.append(Signer(file).key().public.text))

    assert len(set(made)) == 1
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_a_key_that_is_configured_counts_in_the_place_of_the_file(file: Path) -> None:
    configured = SigningKey.generate()

    signer = Signer(file, configured=configured.pem)
    assert signer.key().public.text == signer.public_key() == configured.public.text
    assert not file.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_read_is_not_used(file: Path, mode: int) -> None:
    Signer(file).key()
    file.chmod(mode)

    with pytest.raises(HistoryError, match="can be read by others") as refused:
        Signer(file).key()
    assert f"chmod 600 {file}" in refused.value.hint


def test_a_link_in_the_place_of_the_key_is_not_followed(file: Path, tmp_path: Path) -> None:
    Signer(tmp_path / "other.key").key()
    file.parent.mkdir()
    file.symlink_to(tmp_path / "other.key")

    with pytest.raises(HistoryError, match="cannot be read"):
        Signer(file).key()


@pytest.mark.parametrize("content", ["", "-----BEGIN NOTHING-----", "x" * 100])
def test_what_is_no_key_is_not_taken_for_one(file: Path, content: str) -> None:
    file.parent.mkdir()
    file.write_text(content)
    file.chmod(0o600)

    with pytest.raises(HistoryError) as refused:
        Signer(file).key()
    assert refused.value.hint
    assert file.read_text() == content


def test_where_no_key_can_be_made_nothing_is_written(file: Path) -> None:
    file.parent.write_text("in the way")

    with pytest.raises(HistoryError, match="cannot be") as refused:
        Signer(file).key()
    assert "signing_key" in refused.value.hint


def test_the_key_is_shown_to_nobody() -> None:
    key = SigningKey.generate()

    assert (repr(key), f"{key}", f"{key:>9}") == ("***", "***", "***")
    with pytest.raises(TypeError, match="not pickled"):
        key.__reduce__()


@pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:AAAA", "rsa:" + "A" * 43 + "=", "ed25519:!!!!"])
def test_a_public_key_is_read_as_it_is_shown(text: str) -> None:
    shown = SigningKey.generate().public
    assert PublicKey.parse(shown.text).id == shown.id
    with pytest.raises(ValueError, match=r"."):
        PublicKey.parse(text)


def test_a_signature_in_any_other_form_is_none() -> None:
    key = SigningKey.generate()
    for signature in ("", "A", "é", "A" * 86, key.sign(b"another")):
        assert not key.public.has_signed(signature, b"this")


def test_an_rsa_key_is_refused() -> None:
    with pytest.raises(CertificateError, match="Ed25519"):
        SigningKey.from_pem(PrivateKey.generate().pem())
    with pytest.raises(CertificateError, match="Ed25519"):
        SigningKey.from_pem(Secret("é"))


@pytest.mark.parametrize(
    ("database", "environ", "place"),
    [
        ("sqlite:////srv/state/rotator.db", {}, "/srv/state/rotator.db.key"),
        ("postgresql+psycopg://u:***@db.example/r", {"STATE_DIRECTORY": "/s/a:/s/b"}, "/s/a/history-db.example-r.key"),
        ("postgresql+psycopg://u@/ro%2Ftator?host=/run", {"STATE_DIRECTORY": "/s"}, "/s/history--ro_tator.key"),
    ],
)  # fmt: skip
def test_the_key_is_beside_the_state(database: str, environ: dict[str, str], place: str) -> None:
    assert str(key_file(database, environ)) == place


def test_without_a_folder_of_the_service_it_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = "postgresql+psycopg://u@db/rotator"
    monkeypatch.setattr("rotator.history.installation._OF_THE_UNIT", tmp_path / "none")
    assert str(key_file(url, {"HOME": "/home/ada"})) == "/home/ada/.local/state/rotator/history-db-rotator.key"
    assert str(key_file(url, {"XDG_STATE_HOME": "/x"})) == "/x/rotator/history-db-rotator.key"
    monkeypatch.setattr("rotator.history.installation._OF_THE_UNIT", tmp_path)
    assert key_file(url, {"HOME": "/home/ada"}).parent == tmp_path
