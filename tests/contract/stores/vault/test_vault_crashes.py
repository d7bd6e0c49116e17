"""The Vault store when the program ends, or the connection breaks, at any single request."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hvac.exceptions import InvalidPath

from rotator.core.credentials import KeyVersion, Stage, Stages
from rotator.stores.base import read_stage
from rotator.testing.versions import make_version
from tests.contract.servers.vault import closing
from tests.contract.stores.vault.stores import new_folder, opened
from tests.contract.stores.vault.wire import Crash, Wire, attach, crash_at, lose_answer
from tests.rotation.files_scenarios import NAME, NEXT, NOW, OLD, SCENARIOS, Scenario
from tests.tiers import standard_first

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from tests.contract.servers.vault import VaultProcess

LITTER = "litter"


@dataclass
class Case:
    """A scenario with its versions, from which every attempt starts in a new folder."""

    scenario: Scenario
    versions: dict[str, KeyVersion]
    server: VaultProcess

    @property
    def before(self) -> Stages:
        return self._named(self.scenario.pending, self.scenario.current, self.scenario.previous)

    @property
    def after(self) -> Stages:
        return self._named(*self.scenario.after)

    @contextmanager
    def started(self) -> Iterator[str]:
        """A folder with the state before, written past the store; litter is what a promotion left half tidied."""
        folder, scenario = new_folder(), self.scenario
        current, pending = [scenario.previous, scenario.current], [scenario.pending]
        if scenario.littered:
            current, pending = [LITTER, *current], [LITTER, scenario.pending or scenario.current]
        with closing(self.server.admin()) as admin:
            for path, names in ((NAME, current), (f"{NAME}/pending", pending)):
                for name in filter(None, names):
                    document = json.loads(self.versions[name].to_document().reveal())
                    admin.secrets.kv.v2.create_or_update_secret(f"{folder}/{path}", document)
        yield folder

    def call(self, folder: str, wire: Wire | None = None) -> None:
        """The call itself, by a program that starts anew."""
        with opened(self.server, path=folder) as store:
            attach(store, wire or Wire())
            self.scenario.call(store, self.versions)

    def count(self) -> Wire:
        """The requests that the call makes."""
        wire = Wire()
        with self.started() as folder:
            self.call(folder, wire)
        return wire

    def assert_after(self, folder: str) -> None:
        """The state after, with nothing left behind."""
        with opened(self.server, path=folder) as store:
            store.sweep(NAME)
            assert store.stages(NAME) == self.after
        with closing(self.server.admin()) as admin:
            assert stored(admin, f"{folder}/{NAME}") == sum(bool(name) for name in self.scenario.after[1:])
            assert stored(admin, f"{folder}/{NAME}/pending") == sum(bool(name) for name in self.scenario.after[:1])

    def _named(self, pending: str | None, current: str | None, previous: str | None) -> Stages:
        names = (pending, current, previous)
        return Stages(*(self.versions[name].fingerprint if name else None for name in names))


def stored(admin: Any, path: str) -> int:
    """How many KV versions of a secret still have their data."""
    try:
        versions = admin.secrets.kv.v2.read_secret_metadata(path)["data"]["versions"]
    except InvalidPath:
        return 0
    return sum(not version["destroyed"] for version in versions.values())


@pytest.fixture(scope="module")
def versions() -> dict[str, KeyVersion]:
    return {name: make_version(NAME) for name in (LITTER, OLD, NOW, NEXT)}


@pytest.fixture(params=standard_first(SCENARIOS, SCENARIOS[::2]), ids=lambda scenario: scenario.title)
def case(request: pytest.FixtureRequest, versions: dict[str, KeyVersion], dev_vault: VaultProcess) -> Case:
    return Case(request.param, versions, dev_vault)


def test_at_every_instant_the_state_is_the_one_before_or_the_one_after(case: Case) -> None:
    seen = []
    with case.started() as folder, opened(case.server, path=folder) as reader:

        def look(_at: int, request: requests.PreparedRequest) -> None:
            if request.method != "GET":
                seen.append(reader.stages(NAME))

        seen.append(reader.stages(NAME))
        case.call(folder, Wire(before=look, after=look))
        seen.append(reader.stages(NAME))
        changed = seen.index(case.after) if case.after in seen else len(seen)
        assert set(seen[:changed]) <= {case.before}
        assert set(seen[changed:]) == {case.after}
        case.assert_after(folder)


def test_consumers_find_a_whole_current_version_at_every_instant(case: Case) -> None:
    keys = {version.private_key.pem().reveal() for version in case.versions.values()}
    with case.started() as folder, closing(case.server.admin()) as consumer:

        def read(_at: int, request: requests.PreparedRequest) -> None:
            if request.method != "GET" and case.before.current:
                answer = consumer.secrets.kv.v2.read_secret_version(f"{folder}/{NAME}", raise_on_deleted_version=True)
                assert answer["data"]["data"]["private_key"] in keys

        case.call(folder, Wire(before=read, after=read))
        with opened(case.server, path=folder) as store:
            current = read_stage(store, NAME, Stage.CURRENT)
        assert (current.fingerprint if current else None) == case.after.current


@pytest.mark.parametrize("case", standard_first(SCENARIOS, SCENARIOS[::4]), ids=lambda each: each.title, indirect=True)
def test_after_a_crash_at_any_request_the_store_is_whole_and_the_call_can_be_repeated(case: Case) -> None:
    for place, request in enumerate(case.count().requests):
        # Who dies at a read leaves what he would have left after the write before it.
        for when in () if request.startswith("GET") else ("before", "after"):
            with case.started() as folder:
                with pytest.raises(Crash):
                    case.call(folder, crash_at(place, when=when))
                with opened(case.server, path=folder) as store:
                    assert store.stages(NAME) in {case.before, case.after}
                case.call(folder)
                case.assert_after(folder)


@pytest.mark.parametrize("case", standard_first(SCENARIOS, SCENARIOS[::4]), ids=lambda each: each.title, indirect=True)
def test_an_answer_that_is_lost_is_asked_for_again(case: Case) -> None:
    for place, request in enumerate(case.count().requests):
        if not request.startswith("GET"):
            with case.started() as folder:
                case.call(folder, lose_answer(place))
                case.assert_after(folder)
