"""Several programs, each sure to be alone, that change one credential at the same moment."""

from __future__ import annotations

import threading
from time import sleep
from typing import TYPE_CHECKING

import pytest

from rotator.core.credentials import Stages
from rotator.errors import StoreError
from rotator.testing.versions import make_version
from tests.contract.servers.vault import closing, sealed_server, standby_of
from tests.contract.stores.vault.stores import new_folder, opened
from tests.contract.stores.vault.wire import Wire, attach
from tests.tiers import standard_first, thorough
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import requests

    from rotator.stores.vault.store import VaultStore
    from tests.contract.servers.vault import VaultProcess

NAME = "billing"
PROGRAMS = 8


@pytest.fixture
def folder() -> str:
    return new_folder()


def together(server: VaultProcess, folder: str, call: Callable[[VaultStore, int], None]) -> list[StoreError | None]:
    """Each program's own refusal, or None. All are at their first write when the first of them may go on."""
    barrier = threading.Barrier(PROGRAMS)
    refusals: list[StoreError | None] = [None] * PROGRAMS

    def program(number: int) -> None:
        waited = list[bool]()

        def wait(_at: int, request: requests.PreparedRequest) -> None:
            if request.method == "POST" and not waited:
                waited.append(True)
                barrier.wait(30)

        with opened(server, path=folder) as store:
            attach(store, Wire(before=wait))
            try:
                call(store, number)
            except StoreError as refused:
                refusals[number] = refused

    threads = [threading.Thread(target=program, args=(number,)) for number in range(PROGRAMS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refusals


def test_of_programs_that_store_a_pending_version_one_gets_through(dev_vault: VaultProcess, folder: str) -> None:
    versions = [make_version(NAME) for _ in range(PROGRAMS)]
    refusals = together(dev_vault, folder, lambda store, number: store.put_pending(versions[number]))
    (winner,) = [number for number, refused in enumerate(refusals) if refused is None]
    assert all("another program stored a pending version" in refused.message for refused in refusals if refused)
    with opened(dev_vault, path=folder) as store:
        assert store.stages(NAME) == Stages(pending=versions[winner].fingerprint)
        assert store.read(NAME, versions[winner].fingerprint) == versions[winner]


def test_programs_that_promote_the_same_version_write_it_once(dev_vault: VaultProcess, folder: str) -> None:
    version = make_version(NAME)
    with opened(dev_vault, path=folder) as store:
        store.put_pending(version)
    refusals = together(
        dev_vault, folder, lambda store, _number: store.promote(NAME, version.fingerprint, replaces=None)
    )
    assert refusals == [None] * PROGRAMS
    with closing(dev_vault.admin()) as admin, opened(dev_vault, path=folder) as store:
        assert store.stages(NAME) == Stages(current=version.fingerprint)
        assert admin.secrets.kv.v2.read_secret_metadata(f"{folder}/{NAME}")["data"]["current_version"] == 1


def test_who_promotes_over_what_was_promoted_meanwhile_changes_nothing(dev_vault: VaultProcess, folder: str) -> None:
    first, mine, theirs = (make_version(NAME) for _ in range(3))
    with opened(dev_vault, path=folder) as store, opened(dev_vault, path=folder) as other:
        store.put_pending(first)
        store.promote(NAME, first.fingerprint, replaces=None)
        store.put_pending(mine)

        def overtake(_at: int, request: requests.PreparedRequest) -> None:
            if request.method == "POST" and other.stages(NAME).current == first.fingerprint:
                other.discard(NAME, mine.fingerprint)
                other.put_pending(theirs)
                other.promote(NAME, theirs.fingerprint, replaces=first.fingerprint)

        attach(store, Wire(before=overtake))
        with pytest.raises(StoreError, match="another program promoted meanwhile") as refused:
            store.promote(NAME, mine.fingerprint, replaces=first.fingerprint)
        assert f"is {theirs.fingerprint[:12]}, not {mine.fingerprint[:12]}" in refused.value.message
        assert store.stages(NAME) == Stages(None, theirs.fingerprint, first.fingerprint)


@pytest.mark.parametrize("place", standard_first(range(16), range(0, 16, 3)))
def test_tidying_up_never_destroys_what_another_program_just_stored(
    dev_vault: VaultProcess, folder: str, place: int
) -> None:
    first, second, theirs = (make_version(NAME) for _ in range(3))
    with opened(dev_vault, path=folder) as store, opened(dev_vault, path=folder) as other:
        store.put_pending(first)
        store.promote(NAME, first.fingerprint, replaces=None)
        store.put_pending(second)

        def store_another(at: int, _request: requests.PreparedRequest) -> None:
            if at == place and other.stages(NAME).current == second.fingerprint:
                other.put_pending(theirs)

        attach(store, Wire(before=store_another))
        store.promote(NAME, second.fingerprint, replaces=first.fingerprint)
        stages = store.stages(NAME)
        assert (stages.current, stages.previous) == (second.fingerprint, first.fingerprint)
        assert stages.pending in {None, theirs.fingerprint}
        if stages.pending:
            assert store.read(NAME, theirs.fingerprint) == theirs
        else:
            assert other.sweep(NAME) == 0


def test_each_request_asks_for_a_node_that_has_what_was_written_before(sealed_vault: VaultProcess, folder: str) -> None:
    asked = list[str | None]()
    with opened(sealed_vault, path=folder) as store:
        attach(store, Wire(before=lambda _at, request: asked.append(request.headers.get("X-Vault-Index"))))
        version = make_version(NAME)
        store.put_pending(version)
        store.promote(NAME, version.fingerprint, replaces=None)
        assert store.stages(NAME) == Stages(current=version.fingerprint)
    assert asked[0] is None
    assert None not in asked[-4:]
    assert len(set(asked)) > 2


@thorough
def test_a_standby_that_lags_behind_shows_the_program_what_it_wrote(tmp_path: Path) -> None:
    active, standby = tmp_path / "active", tmp_path / "standby"
    active.mkdir()
    standby.mkdir()
    with sealed_server(active) as leader, standby_of(leader, standby) as server:
        for _ in range(10):
            catching_up = VirtualTime(while_sleeping=lambda: sleep(0.05))
            with opened(server, path=new_folder(), mount="kv", time=catching_up, patience="1h") as store:
                replaced = None
                for version in (make_version(NAME), make_version(NAME)):
                    store.put_pending(version)
                    assert store.stages(NAME).pending == version.fingerprint
                    store.promote(NAME, version.fingerprint, replaces=replaced)
                    assert store.stages(NAME) == Stages(current=version.fingerprint, previous=replaced)
                    replaced = version.fingerprint
