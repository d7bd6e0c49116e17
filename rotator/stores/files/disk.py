"""Directories of the files store: the one place with the system calls that read and change it.

Every change is one atomic system call or is prepared under another name: a reader, or a crash between two calls, meets
the state before or the state after. What is pointed to has been synchronised to the disk before.
"""

# ruff: noqa: PTH101, PTH102, PTH208 -- names are resolved in an open directory, which pathlib cannot do.

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Self

from rotator.errors import NOTHING_CHANGED, StoredDamaged, StoreError, StoreUnavailable
from rotator.stores.files.modes import OWN, Access

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

LARGEST_FILE: Final = 1 << 20
"""Bytes that a file of a store may have; a credential has about six thousand."""

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_WAY: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LOCK: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Directory:
    """One open directory, whose modes are those of its `access`.

    Names are resolved in it and never through a link, so that nothing leads out of it.
    Its methods raise OSError when the system says no, and StoreError when others could read what is here.
    """

    def __init__(self, descriptor: int, path: Path, access: Access) -> None:
        self._descriptor: Final = descriptor
        self._access: Final = access
        self.path: Final = path
        """Where it was opened, for messages."""

    @classmethod
    def open(cls, path: Path, access: Access = OWN) -> Self:
        """Opens the root of a store; the path to it may lead through links, as the configuration says."""
        return cls._checked(os.open(path, _WAY if access.only_reads else _DIRECTORY), path, access)

    @classmethod
    def _checked(cls, descriptor: int, path: Path, access: Access) -> Self:
        try:
            access.judge(path, os.fstat(descriptor))
        except BaseException:  # an interruption, too: no descriptor is left open
            os.close(descriptor)
            raise
        return cls(descriptor, path, access)

    @property
    def is_lent(self) -> bool:
        """Whether a group may read what is in it."""
        return self._access.group is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def inside(self, name: str, access: Access | None = None) -> Self:
        """Opens a directory in this one, of the same access or another."""
        descriptor = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=self._descriptor)
        return self._checked(descriptor, self.path / name, access or self._access)

    def names(self) -> list[str]:
        """Everything in it, in order."""
        return sorted(os.listdir(self._descriptor))

    def holds(self, name: str) -> bool:
        """Whether there is a directory of this name, and no link to one."""
        try:
            found = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return stat.S_ISDIR(found.st_mode)

    def link(self, name: str) -> str | None:
        """Where the symbolic link points; None where there is none. Raises StoredDamaged for what is no link."""
        try:
            return os.readlink(name, dir_fd=self._descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise StoredDamaged(
                f"{self.path / name} is no link, and this program did not write it.",
                effect="Nothing was read or changed.",
                hint="Move it elsewhere, or set another `path` of the store; `rotator adopt NAME --key FILE` takes a"
                " key that is in it.",
            ) from None

    def read(self, name: str) -> str:
        """The text of a file that nobody else can read."""
        path = self.path / name
        descriptor = os.open(name, _READ, dir_fd=self._descriptor)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            self._access.judge(path, found)
            content = file.read(LARGEST_FILE + 1) if stat.S_ISREG(found.st_mode) else b""
        if not content or len(content) > LARGEST_FILE or not content.isascii():
            raise StoredDamaged(
                f"{path} is no file of a store.",
                effect=NOTHING_CHANGED,
                hint="Put it back from a backup, or move its directory away if a later version is current.",
            )
        return content.decode("ascii")

    def make(self, name: str) -> None:
        """Makes a directory, 0700 whatever the umask, unless it is there."""
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=self._descriptor)
            os.chmod(name, 0o700, dir_fd=self._descriptor)

    def give(self) -> None:
        """Gives the directory, and every file in it, the mode and the group of its access, where they differ."""
        if not self.is_lent:
            return
        for name in self.names():
            found = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode) and not name.startswith(".") and not self._access.is_given(found):
                descriptor = os.open(name, _READ, dir_fd=self._descriptor)
                try:
                    self._access.give(descriptor)
                finally:
                    os.close(descriptor)
        self._access.give(self._descriptor)

    def write(self, name: str, text: str) -> None:
        """Writes a new file, to the disk. Its directory is not synchronised yet."""
        descriptor = os.open(name, _CREATE, 0o600, dir_fd=self._descriptor)
        try:
            self._access.give(descriptor)
            rest = text.encode("ascii")
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def point(self, name: str, target: str) -> None:
        """Lets the link `name` point to `target` from one instant to the next, and synchronises."""
        prepared = prepared_link(name)
        self.remove(prepared)
        os.symlink(target, prepared, dir_fd=self._descriptor)
        self.rename(prepared, name)
        self.sync()

    def rename(self, old: str, new: str) -> None:
        """Renames within the directory; a link or an empty directory named `new` is replaced."""
        os.rename(old, new, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def remove(self, name: str) -> bool:
        """Removes a file or a link. Returns whether there was one."""
        try:
            os.unlink(name, dir_fd=self._descriptor)
        except FileNotFoundError:
            return False
        return True

    def remove_directory(self, name: str) -> None:
        """Removes a directory with its files, if it is there.

        Nothing is overwritten first: journals and solid-state disks write elsewhere, so the old blocks would stay.
        """
        try:
            with self.inside(name) as directory:
                for inner in directory.names():
                    directory.remove(inner)
        except FileNotFoundError:
            return
        os.rmdir(name, dir_fd=self._descriptor)

    def sync(self) -> None:
        """Returns when the names in this directory are on the disk."""
        os.fsync(self._descriptor)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Holds the lock file `name`; the lock dies with the process. Raises StoreUnavailable when another holds it."""
        descriptor = os.open(name, _LOCK, 0o600, dir_fd=self._descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise StoreUnavailable(
                f"Another program is changing {self.path} right now.",
                effect=NOTHING_CHANGED,
                rerun="Run it again when the other is done.",
            ) from None
        except OSError:
            os.close(descriptor)
            raise
        try:
            yield
        finally:
            os.close(descriptor)


def prepared_link(name: str) -> str:
    """The name under which a link is made before it takes its place."""
    return f".{name}.new"


def make_root(path: Path, access: Access = OWN) -> list[Path]:
    """Makes the root of a store and what is missing above it, 0700, durably; the root lets others through if it has to.

    Returns what it made, the outermost first. Raises StoreError when root would write into the store of another user,
    who could not read what it wrote.
    """
    made = []
    for missing in reversed([place for place in (path, *path.parents) if not place.exists()]):
        with suppress(FileExistsError):
            os.mkdir(missing, 0o700)
            made.append(missing)
            os.chmod(missing, 0o700)
        _sync_parent(missing)
    _sync_parent(path)
    found = path.stat()
    if access is not OWN and stat.S_IMODE(found.st_mode) == OWN.folder:
        os.chmod(path, access.folder)
    owner = found.st_uid
    if os.geteuid() == 0 and owner != 0:
        raise StoreError(
            f"{path} belongs to the user with the id {owner}, who could not read what root writes there.",
            effect=NOTHING_CHANGED,
            hint=f"Run it as that user, such as with `sudo -u '#{owner}'`.",
        )
    return made


def unmake(made: list[Path]) -> None:
    """Takes away again what `make_root` made, as far as nobody has put anything there since."""
    with suppress(OSError):
        for folder in reversed(made):
            folder.rmdir()


def _sync_parent(path: Path) -> None:
    # Whoever may enter a directory may still not open it; then a person made the root in it, long ago.
    with suppress(PermissionError):
        descriptor = os.open(path.parent, _DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
