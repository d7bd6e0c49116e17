"""A process that may change nothing any more is stopped before each request of a store, and not before each call alone.

A store over the network takes several requests for one call, and sends again for half a minute what was not answered.
By then another process may have taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest
import requests

from rotator.errors import LockLost
from rotator.stores.aws.secrets_manager import AwsCalls
from rotator.stores.aws.store import AwsStore, NewSecrets
from rotator.stores.base import Store
from rotator.stores.fenced_store import CHANGES, fenced
from rotator.testing.versions import make_version
from tests.contract.stores.aws.stores import new_prefix
from tests.contract.stores.vault.stores import opened
from tests.contract.stores.vault.wire import Wire, attach

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rotator.core.credentials import KeyVersion
    from tests.contract.servers.vault import VaultProcess
    from tests.contract.stores.aws.stores import AwsGround

ASKED: Final = "asked"
READS: Final = ("GET", "LIST", "describe_secret", "get_secret_value", "get_resource_policy")
NAME: Final = "billing"

Check: TypeAlias = Callable[[], None]
Opening: TypeAlias = "Callable[[list[str], Check], AbstractContextManager[Store]]"


@pytest.fixture(params=["vault", "aws"])
def opening(request: pytest.FixtureRequest) -> Opening:
    """Opens a store that notes each request, and asks `check` before each that changes something."""

    @contextmanager
    def vault(events: list[str], check: Check) -> Iterator[Store]:
        server: VaultProcess = request.getfixturevalue("dev_vault")

        def note(_at: int, sent: requests.PreparedRequest) -> None:
            events.append(str(sent.method))

        with opened(server, before_change=check) as store:
            attach(store, Wire(before=note))
            yield store

    @contextmanager
    def aws(events: list[str], check: Check) -> Iterator[Store]:
        ground: AwsGround = request.getfixturevalue("aws")
        ground.prefix = new_prefix()

        class Noted(AwsCalls):
            def _try(self, operation: str, parameters: Any) -> Any:
                events.append(operation)
                return super()._try(operation, parameters)

        calls = vars(ground.store())["_calls"]
        noted = Noted("cloud", calls._clients, calls._ground, calls._waiting, check)
        yield AwsStore("cloud", noted, ground.prefix, NewSecrets())

    return vault if request.param == "vault" else aws


def life(store: Store, versions: list[KeyVersion]) -> None:
    """Every change that there is, some of them twice."""
    one, two, three = versions
    store.put_pending(one)
    store.promote(NAME, one.fingerprint, replaces=None)
    store.put_pending(two)
    store.promote(NAME, two.fingerprint, replaces=one.fingerprint)
    store.recall(NAME, one.fingerprint)
    store.discard(NAME, one.fingerprint)
    store.put_pending(three)
    store.discard(NAME, three.fingerprint)
    store.retire(NAME, one.fingerprint)
    store.sweep(NAME)


@pytest.fixture(scope="module")
def versions() -> list[KeyVersion]:
    return [make_version(NAME) for _ in range(3)]


def test_it_asks_just_before_each_request_that_changes_something(opening: Opening, versions: list[KeyVersion]) -> None:
    events: list[str] = []
    with opening(events, lambda: events.append(ASKED)) as store:
        life(store, versions)
    changes = [each for each in events if each not in {*READS, ASKED}]
    unasked = [each for last, each in pairwise(events) if each in changes and last != ASKED]
    assert len(changes) > len(CHANGES)
    assert unasked == []


def test_once_it_may_not_it_sends_nothing_that_changes_something(opening: Opening, versions: list[KeyVersion]) -> None:
    lost_at = 0
    while True:
        lost_at += 1
        events: list[str] = []

        def check(events: list[str] = events, at: int = lost_at) -> None:
            events.append(ASKED)
            if events.count(ASKED) >= at:
                raise LockLost("The lock was lost.")

        with opening(events, check) as store:
            try:
                life(fenced(store, lambda: None), versions)
            except LockLost:
                last = len(events) - 1 - events[::-1].index(ASKED)
                assert [each for each in events[last:] if each not in {*READS, ASKED}] == []
                continue
        break
    assert lost_at > len(CHANGES)


def test_what_is_sent_again_is_asked_about_again(dev_vault: VaultProcess, versions: list[KeyVersion]) -> None:
    """The network is cut while a version is written: by the time at which it is sent again the lock is another's."""
    cut: list[str] = []

    def check() -> None:
        if cut:
            raise LockLost("The lock was lost.")

    def cuts(_at: int, sent: requests.PreparedRequest) -> None:
        if sent.method != "GET":
            cut.append(str(sent.method))
            raise requests.ConnectionError("the network is cut")

    with opened(dev_vault, before_change=check) as store:
        wire = attach(store, Wire(before=cuts))
        with pytest.raises(LockLost):
            store.put_pending(versions[0])
        assert len(cut) == 1
        assert [each for each in wire.requests if not each.startswith("GET")][1:] == []


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_a_fenced_store_is_asked_about_before_each_change_and_never_before_a_read(change: str) -> None:
    done: list[str] = []

    class Noted:
        name = "keys"

        def __getattr__(self, name: str) -> Any:
            return lambda *_: done.append(name)

    def lost() -> None:
        raise LockLost("The lock was lost.")

    store: Any = fenced(Noted(), lost)
    with pytest.raises(LockLost):
        getattr(store, change)(NAME)
    assert (store.name, done) == ("keys", [])
    store.stages(NAME)
    store.read(NAME)
    assert done == ["stages", "read"]


def test_whatever_a_store_can_change_is_fenced() -> None:
    """What is not a read is a change: a method that a store has one day is fenced, or this fails."""
    assert {name for name in vars(Store) if not name.startswith("_")} - {"name", "stages", "read", "check"} == CHANGES
