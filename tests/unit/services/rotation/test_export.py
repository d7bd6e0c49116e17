"""Writing a keystore: whole or not at all, for its owner only, and never without a trace."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from rotator.core.actor import Actor
from rotator.core.crypto.keystores import Format
from rotator.core.secret import Secret
from rotator.errors import CertificateError, ConfigurationError, HistoryError, StoreError
from rotator.services.rotation.export import ExportRequest, export
from rotator.stores.files.store import FilesStore
from rotator.testing.stores import stored_current
from rotator.testing.versions import make_version
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.core.credentials import KeyVersion

PASSWORD = "a long password"


class Journal:
    """Events as they come in."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, str | int]]] = []
        self.failure: HistoryError | None = None

    def record(self, kind: str, **details: str | int) -> None:
        if self.failure:
            raise self.failure
        self.events.append((kind, details))


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def store(tmp_path: Path) -> FilesStore:
    return FilesStore("keys", tmp_path / "store")


@pytest.fixture
def current(store: FilesStore) -> KeyVersion:
    return stored_current(store)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mule"
    made.mkdir()
    return made


@pytest.fixture(autouse=True)
def _careless_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def request(path: Path, **other: Any) -> ExportRequest:
    usual: dict[str, Any] = {"credential": "billing", "format": Format.PKCS12, "password": Secret(PASSWORD)}
    return ExportRequest(path=path, actor=Actor("alex@host"), **{**usual, **other})


@longer
def test_the_current_version_is_written_for_its_owner_only(
    store: FilesStore, current: KeyVersion, journal: Journal, folder: Path
) -> None:
    store.put_pending(make_version("billing"))
    written = export(request(folder / "billing.p12"), store, journal.record)
    assert (written.fingerprint, written.alias) == (current.fingerprint, "billing")
    assert stat.S_IMODE(written.path.stat().st_mode) == 0o600
    found = pkcs12.load_pkcs12(written.path.read_bytes(), PASSWORD.encode())
    assert found.key is not None
    assert found.key.private_numbers() == current.private_key.signing_key().private_numbers()  # type: ignore[union-attr] # an RSA key
    assert [place.name for place in folder.iterdir()] == ["billing.p12"]


def test_the_history_keeps_who_did_it_and_what_went_where(
    store: FilesStore, current: KeyVersion, journal: Journal, folder: Path
) -> None:
    export(request(folder / "billing.jks", format=Format.JKS), store, journal.record)
    told = {
        "actor": "alex@host",
        "fingerprint": current.fingerprint,
        "format": "jks",
        "path": str(folder / "billing.jks"),
    }
    assert journal.events == [("export", told)]


@longer
def test_what_the_history_cannot_keep_is_not_written(
    store: FilesStore, current: KeyVersion, journal: Journal, folder: Path
) -> None:
    assert current
    journal.failure = HistoryError("It is full.", hint="")
    with pytest.raises(HistoryError):
        export(request(folder / "billing.p12"), store, journal.record)
    assert list(folder.iterdir()) == []


@longer
def test_a_file_that_is_there_is_replaced_whole(
    store: FilesStore, current: KeyVersion, journal: Journal, folder: Path
) -> None:
    assert current
    old = folder / "billing.p12"
    old.write_bytes(b"old")
    old.chmod(0o644)
    (folder / ".billing.p12.new").write_bytes(b"left behind")
    export(request(old), store, journal.record)
    assert old.read_bytes() != b"old"
    assert stat.S_IMODE(old.stat().st_mode) == 0o600
    assert [place.name for place in folder.iterdir()] == ["billing.p12"]


@longer
def test_a_link_is_replaced_and_not_followed(
    store: FilesStore, current: KeyVersion, journal: Journal, folder: Path, tmp_path: Path
) -> None:
    assert current
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"theirs")
    (folder / "billing.p12").symlink_to(elsewhere)
    export(request(folder / "billing.p12"), store, journal.record)
    assert elsewhere.read_bytes() == b"theirs"
    assert not (folder / "billing.p12").is_symlink()


@longer
def test_a_full_disk_leaves_what_was_there(
    store: FilesStore, current: KeyVersion, journal: Journal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert current
    (folder / "billing.p12").write_bytes(b"old")

    def full(_descriptor: int, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rotator.services.rotation.export._write", full)
    with pytest.raises(ConfigurationError, match="No space left"):
        export(request(folder / "billing.p12"), store, journal.record)
    assert [(place.name, place.read_bytes()) for place in folder.iterdir()] == [("billing.p12", b"old")]


@longer
@pytest.mark.parametrize("place", ["nowhere/billing.p12", "."])
def test_a_file_that_cannot_be_written_is_told_and_no_export_is_recorded(
    store: FilesStore, current: KeyVersion, journal: Journal, folder: Path, place: str
) -> None:
    assert current
    with pytest.raises(ConfigurationError, match="cannot be written") as caught:
        export(request(folder / place), store, journal.record)
    assert caught.value.effect == "What was there before was left as it was."
    assert caught.value.hint == "Check the folder, its permissions and its space, and name a file in it."
    assert journal.events == []


def test_without_a_current_version_nothing_is_written(store: FilesStore, journal: Journal, folder: Path) -> None:
    store.put_pending(make_version("billing"))
    with pytest.raises(StoreError, match="no current version of billing") as caught:
        export(request(folder / "billing.p12"), store, journal.record)
    assert caught.value.effect == "Nothing was written."
    assert caught.value.hint == "`rotator status billing` says whether it was there before, and what to do."
    assert (journal.events, list(folder.iterdir())) == ([], [])


def test_a_password_that_is_too_short_writes_nothing(
    store: FilesStore, current: KeyVersion, journal: Journal, folder: Path
) -> None:
    assert current
    with pytest.raises(CertificateError):
        export(request(folder / "billing.p12", password=Secret("12345")), store, journal.record)
    assert (journal.events, list(folder.iterdir())) == ([], [])
