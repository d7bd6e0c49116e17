"""A credential that is lent to a group: its members read it, nobody else does, and every write keeps it so."""

from __future__ import annotations

import grp
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rotator.config.loading import parse
from rotator.core.credentials import Stages
from rotator.errors import ConfigurationError, StoreError
from rotator.stores.files import modes
from rotator.stores.files.settings import FilesStoreSettings
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import make_version
from tests.tiers import longer
from tests.unit.config.conftest import SOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotator.core.credentials import Version

NAME = "billing"
IS_ROOT = os.geteuid() == 0
GROUP = 4242 if IS_ROOT else os.getegid()
"""Of which this user is a member, or may be."""
CONSUMER = 4243
"""A user who is in no group but the one that it is given."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> FilesStore:
    return FilesStore("keys", root, groups={NAME: GROUP})


@pytest.fixture
def versions() -> tuple[Version, Version, Version]:
    return make_version(NAME), make_version(NAME), make_version(NAME)


def places(folder: Path) -> Iterator[Path]:
    yield folder
    yield from (each for each in folder.rglob("*") if not each.is_symlink() and each.name != ".lock")


def is_lent(folder: Path, *, folder_mode: int = 0o2750) -> None:
    for place in places(folder):
        found = place.stat()
        wanted = folder_mode if place.is_dir() else 0o640
        assert (stat.S_IMODE(found.st_mode), found.st_gid) == (wanted, GROUP), place


def test_every_write_keeps_what_the_group_may(
    store: FilesStore, root: Path, versions: tuple[Version, Version, Version]
) -> None:
    first, second, third = versions
    acts: list[Callable[[], object]] = [
        lambda: store.put_pending(first),
        lambda: store.promote(NAME, first.fingerprint, replaces=None),
        lambda: store.put_pending(second),
        lambda: store.promote(NAME, second.fingerprint, replaces=first.fingerprint),
        lambda: store.recall(NAME, first.fingerprint),
        lambda: store.discard(NAME, first.fingerprint),
        lambda: store.retire(NAME, first.fingerprint),
        lambda: store.put_pending(third),
        lambda: store.discard(NAME, third.fingerprint),
        lambda: store.sweep(NAME),
    ]
    for act in acts:
        act()
        is_lent(root / NAME)
        assert stat.S_IMODE(root.stat().st_mode) == 0o711
        assert stat.S_IMODE((root / NAME / ".lock").stat().st_mode) == 0o600
    assert store.stages(NAME) == Stages(current=second.fingerprint)


def test_a_credential_without_a_group_stays_its_own(store: FilesStore, root: Path) -> None:
    other = make_version("payroll")
    store.put_pending(other)
    for place in places(root / "payroll"):
        assert stat.S_IMODE(place.stat().st_mode) == (0o700 if place.is_dir() else 0o600)
    assert store.read("payroll", other.fingerprint) == other


def test_one_that_was_private_before_is_lent_by_the_next_write(
    store: FilesStore, root: Path, versions: tuple[Version, Version, Version]
) -> None:
    before = FilesStore("keys", root)
    before.put_pending(versions[0])
    before.promote(NAME, versions[0].fingerprint, replaces=None)
    assert store.read(NAME, versions[0].fingerprint) == versions[0]
    store.put_pending(versions[1])
    is_lent(root / NAME)


def test_one_that_comes_from_a_backup_is_lent_by_the_next_write(
    store: FilesStore, root: Path, tmp_path: Path, versions: tuple[Version, Version, Version]
) -> None:
    store.put_pending(versions[0])
    shutil.copytree(root, tmp_path / "backup", symlinks=True)
    store.discard(NAME, versions[0].fingerprint)
    shutil.rmtree(root)
    # As `cp -r` under the umask of 0077 leaves them.
    shutil.copytree(tmp_path / "backup", root, symlinks=True)
    for place in [root, *root.rglob("*")]:
        if not place.is_symlink():
            os.chown(place, -1, os.getegid())
            place.chmod(0o700 if place.is_dir() else 0o600)
    store.promote(NAME, versions[0].fingerprint, replaces=None)
    is_lent(root / NAME)


def test_where_no_such_bit_may_be_set_everything_is_given_to_the_group_all_the_same(
    store: FilesStore, root: Path, versions: tuple[Version, Version, Version], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under systemd's RestrictSUIDSGID."""
    chmod = os.fchmod

    def restricted(descriptor: int, mode: int) -> None:
        if mode & (stat.S_ISGID | stat.S_ISUID):
            raise PermissionError(1, "Operation not permitted")
        chmod(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", restricted)
    store.put_pending(versions[0])
    store.promote(NAME, versions[0].fingerprint, replaces=None)
    is_lent(root / NAME, folder_mode=0o750)


@pytest.mark.parametrize(("mode", "file"), [(0o755, "."), (0o770, "."), (0o644, "f"), (0o660, "f")])
def test_more_than_the_group_may_is_refused(
    store: FilesStore, root: Path, versions: tuple[Version, Version, Version], mode: int, file: str
) -> None:
    store.put_pending(versions[0])
    place = root / NAME / ("versions" if file == "." else f"versions/{versions[0].fingerprint}/private_key.pem")
    place.chmod(mode)
    for one in (store, FilesStore("keys", root, only_reads=True)):
        with pytest.raises(StoreError, match=rf"open to other users \(mode {mode:04o}\)"):
            one.read(NAME, versions[0].fingerprint)


def test_a_group_is_no_reason_to_take_what_was_not_lent(
    store: FilesStore, root: Path, versions: tuple[Version, Version, Version]
) -> None:
    store.put_pending(versions[0])
    with pytest.raises(StoreError, match="open to other users"):
        FilesStore("keys", root).stages(NAME)


@pytest.mark.skipif(not IS_ROOT, reason="only root can give a file to any group")
def test_another_group_than_the_configured_one_is_refused(
    store: FilesStore, root: Path, versions: tuple[Version, Version, Version]
) -> None:
    store.put_pending(versions[0])
    os.chown(root / NAME / "versions", -1, GROUP + 1)
    with pytest.raises(StoreError, match=f"open to the group {GROUP + 1}, and not to {GROUP}") as refused:
        store.stages(NAME)
    assert f"chgrp {GROUP}" in refused.value.hint


@longer
@pytest.mark.skipif(not IS_ROOT, reason="only root can run as another user")
def test_a_consumer_of_the_group_reads_it_and_no_other_does(
    store: FilesStore, root: Path, tmp_path: Path, versions: tuple[Version, Version, Version]
) -> None:
    store.put_pending(versions[0])
    store.promote(NAME, versions[0].fingerprint, replaces=None)
    payroll = make_version("payroll")
    store.put_pending(payroll)
    place = tmp_path
    while place != Path("/dev/shm") and place != Path("/tmp") and place != Path("/"):  # noqa: S108 - where pytest puts it
        place.chmod(place.stat().st_mode | 0o711)
        place = place.parent

    # Nobody may write where the lines are counted that a child reaches.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}

    def read(credential: str, groups: list[int]) -> str:
        # It reads as root first, so that nothing has to be loaded when it is nobody.
        told = subprocess.run(
            [sys.executable, "-c", _READING, str(root), credential, repr(groups), str(CONSUMER)],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.stderr == ""
        return told.stdout.strip()

    assert read(NAME, [GROUP]) == versions[0].fingerprint
    assert "may not be used: Permission denied" in read(NAME, [GROUP + 1])
    assert "may not be used: Permission denied" in read("payroll", [GROUP])


_READING = """
import ast, os, sys
from pathlib import Path
from rotator.core.credentials import Stage
from rotator.errors import StoreError
from rotator.stores.base import read_stage
from rotator.stores.files.store import FilesStore

root, credential, groups, user = sys.argv[1:]
store = FilesStore("keys", Path(root), only_reads=True)

def read():
    return next(store.read(credential, found).fingerprint for _, found in store.stages(credential))

read()
os.setgroups(ast.literal_eval(groups))
os.setgid(int(user))
os.setuid(int(user))
try:
    print(read())
except StoreError as error:
    print(error.message)
"""


def checked(store: FilesStore, monkeypatch: pytest.MonkeyPatch, *, readers: bool = True) -> str:
    """What `check` says is wrong; the folders above are those of the test."""
    monkeypatch.setattr("rotator.stores.files.lending.has_readers", lambda _: readers)
    monkeypatch.setattr("rotator.stores.files.lending.closed_on_the_way", lambda _root, _group: iter(()))
    try:
        store.check()
    except StoreError as error:
        return f"{error.message} {error.hint}"
    return ""


def test_a_check_finds_what_the_group_cannot_read_and_says_what_to_type(
    store: FilesStore, root: Path, versions: tuple[Version, Version, Version], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_pending(versions[0])
    assert checked(store, monkeypatch) == ""
    key = root / NAME / "versions" / versions[0].fingerprint / "private_key.pem"
    key.chmod(0o600)
    said = checked(store, monkeypatch)
    assert f"Consumers of billing cannot read it: {key} is 0600" in said
    typed = said.partition("Type: ")[2]
    subprocess.run(["/bin/sh", "-c", typed], check=True)
    assert checked(store, monkeypatch) == ""
    assert store.read(NAME, versions[0].fingerprint) == versions[0]


def test_a_check_finds_a_group_without_members_and_a_folder_above_that_is_closed(
    store: FilesStore, root: Path, versions: tuple[Version, Version, Version], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_pending(versions[0])
    assert "nobody is in the group" in checked(store, monkeypatch, readers=False)
    root.parent.chmod(0o700)
    monkeypatch.undo()
    monkeypatch.setattr("rotator.stores.files.lending.has_readers", lambda _: True)
    if root.parent.stat().st_gid != GROUP:
        with pytest.raises(StoreError, match=r"cannot go through .* \(mode 0700\)") as refused:
            store.check()
        assert f"chmod o+x {root.parent}" in refused.value.hint


def test_who_is_in_a_group_beside_this_user() -> None:
    assert modes.has_readers(987654)
    alone = next(each for each in grp.getgrall() if not each.gr_mem and each.gr_name == "root")
    assert not modes.has_readers(alone.gr_gid) or not IS_ROOT


def test_a_group_that_is_not_there_or_not_ours_is_an_error_before_anything_is_written(
    root: Path, versions: tuple[Version, Version, Version], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match="There is no group nowhere-to-be-found") as refused:
        FilesStore("keys", root, groups={NAME: "nowhere-to-be-found"}).put_pending(versions[0])
    assert "groupadd" in refused.value.hint
    monkeypatch.setattr(os, "geteuid", lambda: CONSUMER)
    monkeypatch.setattr(os, "getgroups", list)
    with pytest.raises(StoreError, match="is not in the group") as refused:
        FilesStore("keys", root, groups={NAME: 987654}).put_pending(versions[0])
    assert "usermod -aG 987654" in refused.value.hint
    assert not root.exists()


def test_groups_are_named_by_credential_in_the_configuration() -> None:
    given = SOUND.replace("path: store}", "path: store, groups: {billing: billing-consumers}}")
    store = parse(given, Path("/etc/rotator/config.yaml")).stores["keys"]
    assert isinstance(store, FilesStoreSettings)
    assert store.groups == {"billing": "billing-consumers"}
    with pytest.raises(ConfigurationError, match="there is no credential `biling`; did you mean `billing`"):
        parse(given.replace("{billing:", "{biling:"), Path("/etc/rotator/config.yaml"))
    others = "  others: {type: files, path: others, groups: {warehouse: 7}}\n"
    elsewhere = given.replace("credentials:\n", f"{others}credentials:\n", 1)
    with pytest.raises(ConfigurationError, match="the credential `warehouse` is not in this store"):
        parse(elsewhere, Path("/etc/rotator/config.yaml"))
