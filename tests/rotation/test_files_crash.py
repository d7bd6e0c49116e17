"""The files store under crashes, failures and lost power at every single system call."""

from __future__ import annotations

import errno
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rotator.errors import StoreError, StoreUnavailable
from rotator.stores.files.store import FilesStore
from tests.rotation.disk_faults import NEEDING_ROOM, FaultyOs
from tests.rotation.files_scenarios import (
    NAME,
    SCENARIOS,
    Case,
    Scenario,
    assert_swept,
    assert_whole,
    loose_modes,
    stored_text,
    sweep,
)
from tests.rotation.lost_power import ModelledDisk
from tests.tiers import first_standard, standard_first

if TYPE_CHECKING:
    from collections.abc import Iterator


def stored_names(root: Path) -> set[str]:
    """The versions that can be found by their names, in a stage or not."""
    return {place.name for place in (root / NAME / "versions").glob("[!.]*")}


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is one: thousands of stores are made and removed."""
    memory = Path("/dev/shm")  # noqa: S108 -- the directory in it is made with an unguessable name
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as directory:
        yield Path(directory)


@pytest.fixture(params=standard_first(SCENARIOS, SCENARIOS[::2]), ids=lambda scenario: scenario.title)
def case(request: pytest.FixtureRequest, scratch: Path) -> Case:
    scenario: Scenario = request.param
    return Case(scenario, scratch / "template")


def test_at_every_instant_the_state_is_the_one_before_or_the_one_after(case: Case, scratch: Path) -> None:
    root = case.start(scratch / "store")
    seen = []
    current_keys = {
        stored_text(version)["private_key.pem"]
        for version in case.versions.values()
        if version.fingerprint in {case.before.current, case.after.current}
    }

    def look(_name: str, _arguments: tuple[Any, ...], _keywords: dict[str, Any]) -> None:
        seen.append(FilesStore("keys", root).stages(NAME))
        assert loose_modes(root) == []
        if case.before.current:
            assert (root / NAME / "current" / "private_key.pem").read_text() in current_keys

    case.call(root, FaultyOs(before_each=look, after_each=look))
    changed = seen.index(case.after) if case.after in seen else len(seen)
    assert set(seen[:changed]) <= {case.before}
    assert set(seen[changed:]) <= {case.after}
    assert FilesStore("keys", root).stages(NAME) == case.after
    assert_whole(root, case)


def test_after_a_crash_at_any_system_call_the_store_is_whole_and_the_call_can_be_repeated(
    case: Case, scratch: Path
) -> None:
    for at, when in case.crash_points(scratch / "count"):
        root = case.start(scratch / f"{at}-{when.value}")
        assert case.crash(root, at, when)
        assert FilesStore("keys", root).stages(NAME) in {case.before, case.after}
        assert loose_modes(root) == []
        assert_whole(root, case)
        case.call(root)
        assert FilesStore("keys", root).stages(NAME) == case.after
        assert_whole(root, case)
        sweep(root)
        assert_swept(root)
        shutil.rmtree(root, ignore_errors=True)


def test_after_a_crash_at_any_system_call_sweeping_leaves_exactly_the_staged_versions(
    case: Case, scratch: Path
) -> None:
    for at, when in case.crash_points(scratch / "count"):
        root = case.start(scratch / f"{at}-{when.value}")
        assert case.crash(root, at, when)
        stages = FilesStore("keys", root).stages(NAME)
        sweep(root)
        assert FilesStore("keys", root).stages(NAME) == stages
        assert sweep(root) == 0
        assert_whole(root, case)
        assert_swept(root)
        shutil.rmtree(root, ignore_errors=True)


@pytest.mark.parametrize("error", first_standard([errno.EIO, errno.EROFS]))
def test_a_system_call_that_fails_is_a_sentence_and_leaves_the_state_whole(
    case: Case, scratch: Path, error: int
) -> None:
    kind = StoreUnavailable if error == errno.EIO else StoreError
    for at in range(case.effects(scratch / "count")):
        root = case.start(scratch / str(at))
        faulty = FaultyOs(at=at, error=error)
        refused = case.refusal(root, faulty)
        assert faulty.count > at
        assert refused is None or type(refused) is kind
        assert refused is None or f"'keys' ({root})" in str(refused)
        assert FilesStore("keys", root).stages(NAME) in {case.before, case.after}
        assert_whole(root, case)
        case.call(root)
        assert FilesStore("keys", root).stages(NAME) == case.after
        shutil.rmtree(root, ignore_errors=True)


def test_a_full_disk_leaves_nothing_half_there(case: Case, scratch: Path) -> None:
    for at in range(case.effects(scratch / "count")):
        root = case.start(scratch / str(at))
        full = case.refusal(root, FaultyOs(at=at, error=errno.ENOSPC, failing=NEEDING_ROOM))
        assert full is None or (full.transient and "is full" in full.message)
        assert FilesStore("keys", root).stages(NAME) in {case.before, case.after}
        assert_whole(root, case)
        case.call(root)
        sweep(root)
        assert FilesStore("keys", root).stages(NAME) == case.after
        assert_swept(root)
        shutil.rmtree(root, ignore_errors=True)


def test_a_full_disk_keeps_no_key_of_a_version_that_could_not_be_put(scratch: Path) -> None:
    scenario = next(scenario for scenario in SCENARIOS if scenario.title == "a version is put beside others")
    case = Case(scenario, scratch / "template")
    for at in range(case.effects(scratch / "count")):
        root = case.start(scratch / str(at))
        with pytest.raises(StoreUnavailable):
            case.call(root, FaultyOs(at=at, error=errno.ENOSPC, failing=NEEDING_ROOM))
        stages = FilesStore("keys", root).stages(NAME)
        assert stored_names(root) == set(stages.fingerprints)


def test_when_power_is_lost_at_any_instant_the_state_is_the_one_before_or_the_one_after(
    case: Case, scratch: Path
) -> None:
    root = case.start(scratch / "store")
    modelled = ModelledDisk(scratch)

    def after_each(name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        modelled.note(name, arguments, keywords)
        for found in modelled.after_losing_power(root, scratch / "restored"):
            assert FilesStore("keys", found).stages(NAME) in {case.before, case.after}
            assert_whole(found, case)

    case.call(root, FaultyOs(before_each=modelled.prepare, after_each=after_each))
    assert not modelled.doubtful()
    assert FilesStore("keys", root).stages(NAME) == case.after


def test_what_was_interrupted_and_repeated_outlives_a_loss_of_power(case: Case, scratch: Path) -> None:
    for at, when in case.crash_points(scratch / "count"):
        top = scratch / f"{at}-{when.value}"
        top.mkdir()
        root = case.start(top / "store")
        modelled = ModelledDisk(top)
        assert case.crash(root, at, when, modelled)
        case.call(root, FaultyOs(before_each=modelled.prepare, after_each=modelled.note))
        assert not modelled.doubtful()
        assert FilesStore("keys", root).stages(NAME) == case.after
        shutil.rmtree(top)
