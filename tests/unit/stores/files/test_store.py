"""What the files store looks like from outside, and what it refuses."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.credentials import Fingerprint, KeyVersion, Stage, Stages, Version
from rotator.core.crypto.certificates import PrivateKey
from rotator.errors import StoreError, StoreUnavailable
from rotator.stores.base import read_stage
from rotator.stores.files import store as store_module
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import make_version

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "billing"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> FilesStore:
    return FilesStore("keys", root)


@pytest.fixture
def current(store: FilesStore) -> KeyVersion:
    version = make_version(NAME)
    store.put_pending(version)
    store.promote(NAME, version.fingerprint, replaces=None)
    return version


@pytest.fixture
def folder(root: Path, current: KeyVersion) -> Path:
    assert current
    return root / NAME


@pytest.fixture
def careless_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def refusal(store: FilesStore) -> str:
    with pytest.raises(StoreError) as refused:
        store.stages(NAME)
    assert not isinstance(refused.value, StoreUnavailable)
    assert refused.value.hint
    return str(refused.value)


def test_a_consumer_finds_the_current_key_and_certificate_as_plain_files(folder: Path, current: KeyVersion) -> None:
    assert PrivateKey.from_pem((folder / "current" / "private_key.pem").read_text()).matches(current.certificate)
    assert (folder / "current" / "private_key.pem").read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert (folder / "current" / "certificate.pem").read_text() == current.certificate.pem
    assert json.loads((folder / "current" / "credential.json").read_text())["client_id"] == current.client_id


def test_stages_are_relative_links_so_that_a_store_can_be_moved(root: Path, folder: Path, current: KeyVersion) -> None:
    assert (folder / "current").readlink() == Path("versions") / current.fingerprint
    moved = root.rename(root.with_name("moved"))
    assert FilesStore("keys", moved).read(NAME, current.fingerprint) == current


@pytest.mark.usefixtures("careless_umask")
def test_directories_are_0700_and_files_0600_whatever_the_umask(store: FilesStore, root: Path) -> None:
    store.put_pending(make_version(NAME))
    places = [root, *root.rglob("*")]
    for place in places:
        if not place.is_symlink():
            assert stat.S_IMODE(place.stat().st_mode) == (0o700 if place.is_dir() else 0o600), place


def test_a_missing_root_is_made_with_what_is_above_it(tmp_path: Path) -> None:
    root = tmp_path / "lib" / "rotator" / "store"
    FilesStore("keys", root).put_pending(make_version(NAME))
    assert stat.S_IMODE((tmp_path / "lib").stat().st_mode) == 0o700


def test_looking_into_a_store_that_is_not_there_makes_nothing(store: FilesStore, root: Path) -> None:
    assert store.stages(NAME) == Stages()
    assert store.sweep(NAME) == 0
    store.discard(NAME, Fingerprint("0" * 64))
    assert not root.exists()


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o710, 0o755])
def test_a_root_that_others_can_enter_is_refused_with_path_mode_and_advice(
    store: FilesStore, root: Path, folder: Path, mode: int
) -> None:
    assert folder.exists()
    root.chmod(mode)
    said = refusal(store)
    assert str(root) in said
    assert f"{mode:04o}" in said
    assert f"chmod 700 {root}" in said


@pytest.mark.parametrize("file", ["private_key.pem", "credential.json", "certificate.pem"])
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_file_that_others_can_read_is_refused(
    store: FilesStore, folder: Path, current: KeyVersion, file: str, mode: int
) -> None:
    path = folder / "versions" / current.fingerprint / file
    path.chmod(mode)
    with pytest.raises(StoreError, match=f"mode {mode:04o}") as refused:
        store.read(NAME, current.fingerprint)
    assert f"chmod 600 {path}" in refused.value.hint


@pytest.mark.parametrize(
    "target", ["/etc", "../payroll/current", "versions/..", "versions/x", f"versions/{'a' * 64}/x", f"a/{'a' * 64}"]
)
def test_a_stage_link_that_leads_elsewhere_is_refused(store: FilesStore, folder: Path, target: str) -> None:
    (folder / "current").unlink()
    (folder / "current").symlink_to(target)
    said = refusal(store)
    assert str(folder / "current") in said
    assert target in said


def test_a_dangling_stage_link_is_refused(store: FilesStore, folder: Path, current: KeyVersion) -> None:
    shutil.rmtree(folder / "versions" / current.fingerprint)
    said = refusal(store)
    assert "`current`" in said
    assert current.fingerprint[:12] in said


def test_a_version_that_is_a_link_to_elsewhere_is_refused(store: FilesStore, folder: Path, current: KeyVersion) -> None:
    inside = folder / "versions" / current.fingerprint
    inside.symlink_to(inside.rename(folder.parent.parent / "elsewhere"))
    assert "`current`" in refusal(store)
    with pytest.raises(StoreError):
        store.read(NAME, current.fingerprint)


def test_a_key_file_that_is_a_link_is_refused(store: FilesStore, folder: Path, current: KeyVersion) -> None:
    inside = folder / "versions" / current.fingerprint / "private_key.pem"
    inside.symlink_to(inside.rename(folder / "elsewhere.pem"))
    with pytest.raises(StoreError, match="links to others"):
        store.read(NAME, current.fingerprint)


def test_a_version_whose_directory_holds_another_certificate_is_refused(
    store: FilesStore, folder: Path, current: KeyVersion
) -> None:
    other = Fingerprint("c" * 64)
    (folder / "versions" / current.fingerprint).rename(folder / "versions" / other)
    with pytest.raises(StoreError, match=f"it holds {current.fingerprint[:12]}"):
        store.read(NAME, other)


def test_a_version_of_another_credential_is_refused(store: FilesStore, root: Path, current: KeyVersion) -> None:
    (root / NAME).rename(root / "payroll")
    with pytest.raises(StoreError, match="of billing"):
        store.read("payroll", current.fingerprint)


@pytest.mark.parametrize("file", ["private_key.pem", "certificate.pem"])
def test_a_file_that_differs_from_the_document_is_damage(
    store: FilesStore, folder: Path, current: KeyVersion, file: str
) -> None:
    other = make_version(NAME)
    text = other.private_key.pem().reveal() if file == "private_key.pem" else other.certificate.pem
    (folder / "versions" / current.fingerprint / file).write_text(text)
    with pytest.raises(StoreError, match=r"damaged.*is not the one in credential\.json"):
        store.read(NAME, current.fingerprint)


@pytest.mark.parametrize("file", ["private_key.pem", "certificate.pem", "credential.json"])
def test_a_missing_file_is_damage(store: FilesStore, folder: Path, current: KeyVersion, file: str) -> None:
    (folder / "versions" / current.fingerprint / file).unlink()
    with pytest.raises(StoreError, match="damaged: a file is missing"):
        store.read(NAME, current.fingerprint)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{", b"x" * ((1 << 20) + 1), b"[]", b'{"format": 2}'])
def test_a_damaged_document_is_a_sentence(store: FilesStore, folder: Path, current: KeyVersion, content: bytes) -> None:
    (folder / "versions" / current.fingerprint / "credential.json").write_bytes(content)
    with pytest.raises(StoreError) as refused:
        store.read(NAME, current.fingerprint)
    assert str(folder) in str(refused.value)


def test_a_pipe_in_the_place_of_a_file_does_not_hang_the_program(
    store: FilesStore, folder: Path, current: KeyVersion
) -> None:
    path = folder / "versions" / current.fingerprint / "credential.json"
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(StoreError):
        store.read(NAME, current.fingerprint)


@pytest.mark.parametrize("credential", ["", ".", "..", ".hidden", "a/b", "../billing", "a\0b", "rechnung-ä", "a\n"])
def test_a_name_that_would_leave_the_root_is_refused_by_every_call(store: FilesStore, credential: str) -> None:
    fingerprint = Fingerprint("0" * 64)
    calls: list[Any] = [
        lambda: store.stages(credential),
        lambda: store.read(credential, fingerprint),
        lambda: store.put_pending(make_version(credential)),
        lambda: store.recall(credential, fingerprint),
        lambda: store.promote(credential, fingerprint, replaces=None),
        lambda: store.discard(credential, fingerprint),
        lambda: store.retire(credential, fingerprint),
        lambda: store.sweep(credential),
    ]
    for call in calls:
        with pytest.raises(StoreError, match="cannot be the name"):
            call()


def test_a_root_that_is_a_file_is_refused(store: FilesStore, root: Path) -> None:
    root.write_text("")
    assert "is not a directory" in refusal(store)
    for call in (store.check, lambda: store.put_pending(make_version(NAME))):
        with pytest.raises(StoreError, match="is not a directory"):
            call()


def test_a_credential_directory_that_is_a_link_is_refused(store: FilesStore, root: Path, folder: Path) -> None:
    (root / "payroll").symlink_to(folder)
    with pytest.raises(StoreError, match="links to others"):
        store.stages("payroll")


def test_root_does_not_write_into_the_store_of_another_user(
    store: FilesStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(root, 4321, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(StoreError, match="sudo -u"):
        store.put_pending(make_version(NAME))
    assert list(root.iterdir()) == []


def test_two_programs_do_not_change_one_credential_at_once(
    store: FilesStore, root: Path, current: KeyVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, refused = FilesStore("keys", root), []
    real = os.symlink

    def meanwhile(*arguments: Any, **keywords: Any) -> None:
        with pytest.raises(StoreUnavailable, match="Another program") as busy:
            other.sweep(NAME)
        refused.append(busy.value.transient)
        real(*arguments, **keywords)

    monkeypatch.setattr(os, "symlink", meanwhile)
    pending = make_version(NAME)
    store.put_pending(pending)
    assert refused == [True]
    assert other.stages(NAME) == Stages(pending=pending.fingerprint, current=current.fingerprint)


def test_stages_are_never_read_half_from_before_and_half_from_after(
    store: FilesStore, root: Path, current: KeyVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = make_version(NAME)
    store.put_pending(pending)
    real, reads = os.readlink, iter(range(100))

    def promoted_after_the_first_link(*arguments: Any, **keywords: Any) -> str:
        target: str = real(*arguments, **keywords)
        if next(reads) == 0:
            FilesStore("keys", root).promote(NAME, pending.fingerprint, replaces=current.fingerprint)
        return target

    monkeypatch.setattr(os, "readlink", promoted_after_the_first_link)
    assert store.stages(NAME) == Stages(current=pending.fingerprint, previous=current.fingerprint)


def test_links_that_never_come_to_rest_are_reported(
    store: FilesStore, current: KeyVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = iter(f"versions/{number:064x}" for number in range(10_000))
    monkeypatch.setattr(os, "readlink", lambda *_arguments, **_keywords: next(targets))
    with pytest.raises(StoreUnavailable, match="faster than they can be read"):
        store.stages(current.credential)


def test_a_reader_looks_again_when_the_version_was_replaced_and_destroyed_under_its_hands(
    store: FilesStore, root: Path, current: KeyVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_version(NAME), make_version(NAME)
    real = store.read

    def two_promotions_first(credential: str, fingerprint: Fingerprint) -> Version:
        if fingerprint == current.fingerprint:
            other = FilesStore("keys", root)
            for version, replaces in ((first, current), (second, first)):
                other.put_pending(version)
                other.promote(NAME, version.fingerprint, replaces=replaces.fingerprint)
        return real(credential, fingerprint)

    monkeypatch.setattr(store, "read", two_promotions_first)
    assert read_stage(store, NAME, Stage.CURRENT) == second


def test_a_reader_is_told_when_the_version_in_a_stage_cannot_be_read(
    store: FilesStore, folder: Path, current: KeyVersion
) -> None:
    (folder / "versions" / current.fingerprint / "credential.json").unlink()
    with pytest.raises(StoreError, match="damaged"):
        read_stage(store, NAME, Stage.CURRENT)


def test_a_version_that_is_destroyed_while_it_is_read_is_said_to_be_gone(
    store: FilesStore, root: Path, current: KeyVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = make_version(NAME)
    store.put_pending(pending)
    real = os.fdopen

    def destroyed_after_the_first_file(*arguments: Any, **keywords: Any) -> Any:
        FilesStore("keys", root).discard(NAME, pending.fingerprint)
        return real(*arguments, **keywords)

    monkeypatch.setattr(os, "fdopen", destroyed_after_the_first_file)
    with pytest.raises(StoreError, match="There is no version"):
        store.read(NAME, pending.fingerprint)
    assert store.stages(NAME) == Stages(current=current.fingerprint)


def test_what_people_keep_beside_the_versions_is_left_alone(store: FilesStore, folder: Path) -> None:
    (folder / "README").write_text("ours")
    (folder / "versions" / "lost+found").mkdir(mode=0o700)
    assert store.sweep(NAME) == 0
    assert (folder / "README").exists()
    assert (folder / "versions" / "lost+found").exists()


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (errno.ENOSPC, StoreUnavailable, "is full"),
        (errno.EDQUOT, StoreUnavailable, "is full"),
        (errno.EIO, StoreUnavailable, "cannot be used just now"),
        (errno.ESTALE, StoreUnavailable, "cannot be used just now"),
        (errno.ENOLCK, StoreUnavailable, "cannot be used just now"),
        (errno.EROFS, StoreError, "is read-only"),
        (errno.EACCES, StoreError, "may not be used"),
        (errno.EPERM, StoreError, "may not be used"),
        (errno.ENAMETOOLONG, StoreError, "cannot be used"),
    ],
)
def test_what_the_system_refuses_is_said_in_a_sentence(
    store: FilesStore, current: Version, monkeypatch: pytest.MonkeyPatch, error: int, kind: type[StoreError], words: str
) -> None:
    def refuse(*_arguments: Any, **_keywords: Any) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "symlink", refuse)
    with pytest.raises(StoreError, match=words) as refused:
        store.put_pending(make_version(NAME))
    assert type(refused.value) is kind
    assert refused.value.hint
    assert refused.value.__cause__ is None
    assert store.stages(NAME) == Stages(current=current.fingerprint)


def test_only_the_disk_module_makes_system_calls_on_files() -> None:
    used = {name for name in dir(os) if f"os.{name}(" in Path(store_module.__file__).read_text()}
    assert used == {"geteuid"}
