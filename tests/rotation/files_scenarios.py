"""Every call that changes a store, from every state in which it means something else; and the files store in it."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import KeyVersion, Stage, Stages
from rotator.errors import StoreError
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import make_version
from tests.rotation.disk_faults import Crash, FaultyOs, When, disk_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rotator.stores.base import Store
    from tests.rotation.lost_power import ModelledDisk

NAME: Final = "billing"
OLD, NOW, NEXT = "old", "now", "next"


@dataclass(frozen=True)
class Scenario:
    """A call, the stages before it by the versions' nicknames, and the stages after it."""

    title: str
    call: Callable[[Store, dict[str, KeyVersion]], object]
    pending: str | None = None
    current: str | None = None
    previous: str | None = None
    after: tuple[str | None, str | None, str | None] = (None, None, None)
    littered: bool = False


def _put(store: Store, versions: dict[str, KeyVersion]) -> None:
    store.put_pending(versions[NEXT])


def _promote_over(replaces: str | None) -> Callable[[Store, dict[str, KeyVersion]], None]:
    def promote(store: Store, versions: dict[str, KeyVersion]) -> None:
        old = versions[replaces].fingerprint if replaces else None
        store.promote(NAME, versions[NEXT].fingerprint, replaces=old)

    return promote


def _promote_back(store: Store, versions: dict[str, KeyVersion]) -> None:
    store.promote(NAME, versions[OLD].fingerprint, replaces=versions[NOW].fingerprint)


def _recall(store: Store, versions: dict[str, KeyVersion]) -> None:
    store.recall(NAME, versions[OLD].fingerprint)


def _discard(name: str) -> Callable[[Store, dict[str, KeyVersion]], None]:
    return lambda store, versions: store.discard(NAME, versions[name].fingerprint)


def _retire(store: Store, versions: dict[str, KeyVersion]) -> None:
    store.retire(NAME, versions[OLD].fingerprint)


def _sweep(store: Store, _versions: dict[str, KeyVersion]) -> int:
    return store.sweep(NAME)


SCENARIOS: Final = (
    Scenario("the first version is put", _put, after=(NEXT, None, None)),
    Scenario("a version is put beside others", _put, None, NOW, OLD, (NEXT, NOW, OLD)),
    Scenario("a version is put among litter", _put, None, NOW, OLD, (NEXT, NOW, OLD), littered=True),
    Scenario("the first version is promoted", _promote_over(None), NEXT, None, None, (None, NEXT, None)),
    Scenario("a version is promoted", _promote_over(NOW), NEXT, NOW, None, (None, NEXT, NOW)),
    Scenario("a version is promoted and one destroyed", _promote_over(NOW), NEXT, NOW, OLD, (None, NEXT, NOW)),
    Scenario(
        "a version is promoted among litter", _promote_over(NOW), NEXT, NOW, OLD, (None, NEXT, NOW), littered=True
    ),
    Scenario("the previous version is recalled", _recall, None, NOW, OLD, (OLD, NOW, OLD)),
    Scenario("the recalled version is promoted", _promote_back, OLD, NOW, OLD, (None, OLD, NOW)),
    Scenario("the pending version is discarded", _discard(NEXT), NEXT, NOW, OLD, (None, NOW, OLD)),
    Scenario("the recalled version is discarded", _discard(OLD), OLD, NOW, OLD, (None, NOW, OLD)),
    Scenario("the previous version is retired", _retire, NEXT, NOW, OLD, (NEXT, NOW, None)),
    Scenario("the recalled version is retired", _retire, OLD, NOW, OLD, (OLD, NOW, None)),
    Scenario("litter is swept", _sweep, NEXT, NOW, OLD, (NEXT, NOW, OLD), littered=True),
)


class Case:
    """A scenario with versions and a prepared directory, from which every attempt starts with a copy."""

    def __init__(self, scenario: Scenario, template: Path) -> None:
        self.scenario: Final = scenario
        self.versions: Final = {name: make_version(NAME) for name in (OLD, NOW, NEXT)}
        self.texts: Final = {version.fingerprint: stored_text(version) for version in self.versions.values()}
        self.before: Final = self._named(scenario.pending, scenario.current, scenario.previous)
        self.after: Final = self._named(*scenario.after)
        self._template: Final = template
        with disk_of(FaultyOs()):
            self._prepare(FilesStore("keys", template))

    def call(self, root: Path, faulty: FaultyOs | None = None) -> None:
        """The call itself, by a process that starts anew."""
        with disk_of(faulty or FaultyOs()):
            self.scenario.call(FilesStore("keys", root), self.versions)

    def refusal(self, root: Path, faulty: FaultyOs) -> StoreError | None:
        """What the call says when it does not succeed."""
        try:
            self.call(root, faulty)
        except StoreError as refused:
            return refused
        return None

    def crash(self, root: Path, at: int, when: When, modelled: ModelledDisk | None = None) -> bool:
        """Lets the call end at one of its system calls. Returns whether it came so far."""
        faulty = FaultyOs(at=at, when=when)
        if modelled:
            faulty = replace(faulty, before_each=modelled.prepare, after_each=modelled.note)
        with suppress(Crash):
            self.call(root, faulty)
        return faulty.dead

    def start(self, root: Path) -> Path:
        """A fresh copy of the state before, at `root`."""
        if self._template.exists():
            shutil.copytree(self._template, root, symlinks=True, copy_function=shutil.copy)
        return root

    def effects(self, root: Path) -> int:
        """How many system calls that change something the call makes."""
        faulty = FaultyOs()
        self.call(self.start(root), faulty)
        return faulty.count

    def crash_points(self, root: Path) -> Iterator[tuple[int, When]]:
        """Every place where the call may end: before the first system call, in the middle of a write, after each.

        Before the second is after the first. A call that found nothing to remove has no after of its own.
        """
        begun: list[str] = []
        done: list[int] = []
        self.call(
            self.start(root),
            FaultyOs(
                before_each=lambda name, _arguments, _keywords: begun.append(name),
                after_each=lambda _name, _arguments, _keywords: done.append(len(begun) - 1),
            ),
        )
        yield 0, When.BEFORE
        for at in done:
            if begun[at] == "write":
                yield at, When.HALFWAY
            yield at, When.AFTER

    def _named(self, pending: str | None, current: str | None, previous: str | None) -> Stages:
        names = (pending, current, previous)
        return Stages(*(self.versions[name].fingerprint if name else None for name in names))

    def _prepare(self, store: FilesStore) -> None:
        scenario, replaces = self.scenario, None
        for name in (scenario.previous, scenario.current):
            if name:
                version = self.versions[name]
                store.put_pending(version)
                store.promote(NAME, version.fingerprint, replaces=replaces)
                replaces = version.fingerprint
        if scenario.pending == OLD:
            store.recall(NAME, self.versions[OLD].fingerprint)
        elif scenario.pending:
            store.put_pending(self.versions[scenario.pending])
        if scenario.littered:
            self._litter()

    def _litter(self) -> None:
        folder = self._template / NAME
        for name in ("e" * 64, f".{'a' * 64}.new", f".{'b' * 64}.gone"):
            (folder / "versions" / name).mkdir(mode=0o700)
            shutil.copy(folder / "current" / "private_key.pem", folder / "versions" / name)
        for name in (".current.new", "..replaced.new"):
            (folder / name).symlink_to(f"versions/{'e' * 64}")
        (folder / ".replaced").symlink_to((folder / "current").readlink())


def stored_text(version: KeyVersion) -> dict[str, str]:
    """What the three files of a version hold."""
    return {
        "private_key.pem": version.private_key.pem().reveal(),
        "certificate.pem": version.certificate.pem,
        "credential.json": version.to_document().reveal(),
    }


def loose_modes(root: Path) -> list[Path]:
    """Whatever another user could open."""
    places = [root, *root.rglob("*")]
    return [place for place in places if not place.is_symlink() and place.exists() and place.stat().st_mode & 0o077]


def assert_whole(root: Path, case: Case) -> None:
    """No link leads nowhere, and every version that has its name has its three files as they were written."""
    folder = root / NAME
    assert all((folder / stage).exists() for stage in Stage if (folder / stage).is_symlink())
    for fingerprint, text in case.texts.items():
        directory = folder / "versions" / fingerprint
        if directory.exists():
            assert {file.name: file.read_text() for file in directory.iterdir()} == text


def sweep(root: Path) -> int:
    """Sweeps by a process that starts anew."""
    with disk_of(FaultyOs()):
        return FilesStore("keys", root).sweep(NAME)


def assert_swept(root: Path) -> None:
    """Nothing is there but the stages and the versions in them."""
    stages = FilesStore("keys", root).stages(NAME)
    folder = root / NAME
    if folder.exists():
        names = {place.name for place in folder.iterdir()}
        assert names - {".lock", "versions"} == {stage.value for stage, _ in stages}
        assert {place.name for place in (folder / "versions").glob("*")} == set(stages.fingerprints)
