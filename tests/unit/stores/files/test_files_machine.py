"""The files store against a model of what every store promises, with crashes in between."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rotator.core.credentials import Fingerprint, Stages, Version
from rotator.errors import StoreError
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import make_version
from tests.rotation.disk_faults import Crash, FaultyOs, When, disk_of
from tests.tiers import longer, of_tier

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "billing"
VERSIONS = [make_version(NAME) for _ in range(4)]
versions = st.sampled_from(VERSIONS)
replaced = st.sampled_from([None, *(version.fingerprint for version in VERSIONS)])
crashes = st.none() | st.tuples(st.integers(0, 30), st.sampled_from([When.BEFORE, When.AFTER]))
Crashes = tuple[int, When] | None


class FilesMachine(RuleBasedStateMachine):
    """Any calls in any order, each either whole or cut off at some system call."""

    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp(prefix="rotator-test-"))
        self.root = self.top / "store"
        self.model = Stages()

    def teardown(self) -> None:
        shutil.rmtree(self.top)

    @rule(version=versions, crash=crashes)
    def put_pending(self, version: Version, crash: Crashes) -> None:
        now, fingerprint = self.model, version.fingerprint
        allowed = now.pending in {None, fingerprint} and fingerprint not in {now.current, now.previous}
        after = replace(now, pending=fingerprint) if allowed else None
        self.call(lambda store: store.put_pending(version), after, crash)

    @rule(version=versions, crash=crashes)
    def recall(self, version: Version, crash: Crashes) -> None:
        now, fingerprint = self.model, version.fingerprint
        allowed = now.previous == fingerprint and now.pending in {None, fingerprint}
        after = replace(now, pending=fingerprint) if allowed else None
        self.call(lambda store: store.recall(NAME, fingerprint), after, crash)

    @rule(version=versions, replaces=replaced, crash=crashes)
    def promote_over_any(self, version: Version, replaces: Fingerprint | None, crash: Crashes) -> None:
        now, fingerprint = self.model, version.fingerprint
        after: Stages | None = None
        if now.current == fingerprint:
            after = now
        elif now.pending == fingerprint and now.current == replaces:
            after = Stages(current=fingerprint, previous=now.current)
        self.call(lambda store: store.promote(NAME, fingerprint, replaces=replaces), after, crash)

    @rule(crash=crashes)
    def promote_pending(self, crash: Crashes) -> None:
        pending = [version for version in VERSIONS if version.fingerprint == self.model.pending]
        for version in pending:
            self.promote_over_any(version, self.model.current, crash)

    @rule(version=versions, crash=crashes)
    def discard(self, version: Version, crash: Crashes) -> None:
        taken = self.model.pending == version.fingerprint
        after = replace(self.model, pending=None) if taken else self.model
        self.call(lambda store: store.discard(NAME, version.fingerprint), after, crash)

    @rule(version=versions, crash=crashes)
    def retire(self, version: Version, crash: Crashes) -> None:
        taken = self.model.previous == version.fingerprint
        after = replace(self.model, previous=None) if taken else self.model
        self.call(lambda store: store.retire(NAME, version.fingerprint), after, crash)

    @rule(crash=crashes)
    def sweep(self, crash: Crashes) -> None:
        self.call(lambda store: store.sweep(NAME), self.model, crash)

    @invariant()
    def everything_staged_is_there_and_nothing_is_open_to_others(self) -> None:
        assert FilesStore("keys", self.root).stages(NAME) == self.model
        stored = {place.name for place in (self.root / NAME / "versions").glob("*")}
        assert stored >= set(self.model.fingerprints)
        assert not [place for place in self.root.rglob("[!.]*") if place.stat().st_mode & 0o077]

    def call(self, act: Callable[[FilesStore], object], after: Stages | None, crash: Crashes) -> None:
        at, when = crash or (-1, When.BEFORE)
        with disk_of(FaultyOs(at=at, when=when)) as faulty, suppress(Crash):
            if after is None:
                with pytest.raises(StoreError):
                    act(FilesStore("keys", self.root))
            else:
                act(FilesStore("keys", self.root))
        found = FilesStore("keys", self.root).stages(NAME)
        expected = after or self.model
        assert found in ({self.model, expected} if faulty.dead else {expected})
        self.model = found


FilesMachine.TestCase.settings = settings(max_examples=of_tier(30, thorough=120), stateful_step_count=25, deadline=None)
TestFilesMachine = longer(FilesMachine.TestCase)
