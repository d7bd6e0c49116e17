"""Whatever call to AWS is the last, consumers read a whole current version, and the next run finishes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.core.credentials import Stages, Version
from rotator.errors import StoreError
from rotator.stores.aws.secrets_manager import AwsCalls
from rotator.stores.aws.store import AwsStore, NewSecrets
from rotator.testing.versions import make_version
from tests.tiers import standard_first

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.contract.stores.aws.stores import AwsGround

NAME: Final = "billing"
WRITERS: Final = 8


class Crash(BaseException):
    """The process ends."""


class LastCall(AwsCalls):
    """Calls that end the process before the one with this number; `watch` looks at AWS after each."""

    def __init__(self, calls: AwsCalls, number: int, watch: Callable[[], None]) -> None:
        vars(self).update(vars(calls))
        self.left = number
        self.watch = watch

    def call(self, operation: str, secret: str, **parameters: Any) -> Mapping[str, Any]:
        if self.left == 0:
            raise Crash
        self.left -= 1
        try:
            return super().call(operation, secret, **parameters)
        finally:
            self.watch()


@dataclass(frozen=True)
class Change:
    """One call of the store: what is there before it, what it does, and what is there after it."""

    before: Stages
    act: Callable[[AwsStore], object]
    after: Stages


@pytest.fixture(scope="module")
def versions() -> list[Version]:
    return [make_version(NAME) for _ in range(3)]


@pytest.fixture(
    params=standard_first(
        ["put", "promote", "first promotion", "recall", "promote again", "discard", "retire"],
        ["promote", "retire"],
    )
)
def change(request: pytest.FixtureRequest, versions: list[Version]) -> Change:
    new, current, previous = (version.fingerprint for version in versions)
    both = Stages(current=current, previous=previous)
    changes = {
        "put": Change(both, lambda store: store.put_pending(versions[0]), Stages(new, current, previous)),
        "promote": Change(
            Stages(new, current, previous),
            lambda store: store.promote(NAME, new, replaces=current),
            Stages(None, new, current),
        ),
        "first promotion": Change(
            Stages(pending=new), lambda store: store.promote(NAME, new, replaces=None), Stages(current=new)
        ),
        "recall": Change(both, lambda store: store.recall(NAME, previous), Stages(previous, current, previous)),
        "promote again": Change(
            Stages(previous, current, previous),
            lambda store: store.promote(NAME, previous, replaces=current),
            Stages(None, previous, current),
        ),
        "discard": Change(Stages(new, current, previous), lambda store: store.discard(NAME, new), both),
        "retire": Change(both, lambda store: store.retire(NAME, previous), Stages(current=current)),
    }
    return changes[request.param]


def arrange(aws: AwsGround, stages: Stages, versions: list[Version]) -> None:
    """Has AWS keep these stages, past all rules; each secret begins as the store has it begin."""
    documents = {version.fingerprint: version.to_document().reveal() for version in versions}
    secret = aws.prefix + NAME
    first = "rotator-placeholder-no-credential-yet"
    aws.layer.ask("CreateSecret", Name=secret, ClientRequestToken=first, SecretString="{}")
    for fingerprint in (stages.previous, stages.current):
        if fingerprint:
            put(aws, fingerprint, documents[fingerprint], "AWSCURRENT")
    if stages.pending and stages.pending == stages.previous:
        aws.layer.ask(
            "UpdateSecretVersionStage", SecretId=secret, VersionStage="AWSPENDING", MoveToVersionId=stages.pending
        )
    elif stages.pending:
        put(aws, stages.pending, documents[stages.pending], "AWSPENDING")


def put(aws: AwsGround, version: str, value: str, label: str) -> None:
    aws.layer.ask(
        "PutSecretValue",
        SecretId=aws.prefix + NAME,
        ClientRequestToken=version,
        SecretString=value,
        VersionStages=[label],
    )


def crashing(store: AwsStore, number: int, watch: Callable[[], None]) -> AwsStore:
    """The same store in a process that ends before the call with this number."""
    return AwsStore(store.name, LastCall(store._calls, number, watch), store._prefix, NewSecrets())


def whole_current(aws: AwsGround, versions: list[Version]) -> str | None:
    """The fingerprint of what consumers read as `current`, whole to the last byte; None before the first."""
    text = aws.layer.value(aws.prefix + NAME, "AWSCURRENT")
    whole = {version.to_document().reveal(): version.fingerprint for version in versions}
    assert text in whole or "private_key" not in text
    return whole.get(text)


def ends_before(aws: AwsGround, change: Change, number: int, versions: list[Version]) -> bool:
    """Whether a process that ends before this call ends before the change is done; judges what it leaves."""
    arrange(aws, change.before, versions)
    store = aws.store()
    seen: set[str | None] = set()
    try:
        change.act(crashing(store, number, lambda: seen.add(whole_current(aws, versions))))
        crashed = False
    except Crash:
        crashed = True
        assert store.stages(NAME) in (change.before, change.after)
        change.act(store)
    assert seen <= {change.before.current, change.after.current}
    assert store.stages(NAME) == change.after
    assert whole_current(aws, versions) == change.after.current
    store.sweep(NAME)
    assert set(aws.labels(NAME)) <= {"AWSPENDING", "AWSCURRENT", "AWSPREVIOUS"}
    return crashed


def test_after_a_crash_at_any_call_the_next_run_finishes(
    aws: AwsGround, change: Change, versions: list[Version]
) -> None:
    number = 0
    while ends_before(aws, change, number, versions):
        number += 1
        aws.prefix = f"{aws.prefix}x"
    assert number >= 2


def test_after_a_crash_at_any_call_of_the_first_version_the_next_run_stores_it(
    aws: AwsGround, versions: list[Version]
) -> None:
    for number in range(30):
        aws.prefix = f"{aws.prefix}x"
        store, new = aws.store(), versions[0]
        try:
            crashing(store, number, lambda: None).put_pending(new)
        except Crash:
            assert store.stages(NAME) in (Stages(), Stages(pending=new.fingerprint))
            store.put_pending(new)
            assert store.stages(NAME) == Stages(pending=new.fingerprint)
            assert whole_current(aws, versions) is None
        else:
            return
    raise AssertionError("the version was never stored")


def test_another_key_pair_is_stored_after_a_crash_as_well(aws: AwsGround, versions: list[Version]) -> None:
    left_behind, new = versions[:2]
    for number in range(30):
        aws.prefix = f"{aws.prefix}x"
        store = aws.store()
        try:
            crashing(store, number, lambda: None).put_pending(left_behind)
        except Crash:
            store.discard(NAME, left_behind.fingerprint)
            store.put_pending(new)
            assert store.stages(NAME) == Stages(pending=new.fingerprint)
            with pytest.raises(StoreError):
                store.read(NAME, left_behind.fingerprint)
        else:
            return
    raise AssertionError("the version was never stored")


def outcomes_of(aws: AwsGround, attempt: Callable[[AwsStore, int], None]) -> list[StoreError | None]:
    """What became of the same attempt in programs that know nothing of each other."""
    start = Barrier(WRITERS)

    def run(index: int) -> StoreError | None:
        store = aws.store(name=f"installation-{index}")
        start.wait()
        try:
            attempt(store, index)
        except StoreError as error:
            return error
        return None

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(run, range(WRITERS)))


def test_of_programs_that_store_at_once_one_gets_through(aws: AwsGround) -> None:
    made = [make_version(NAME) for _ in range(WRITERS)]
    outcomes = outcomes_of(aws, lambda store, index: store.put_pending(made[index]))
    winners = [version for version, error in zip(made, outcomes, strict=True) if error is None]
    assert len(winners) == 1
    assert aws.store().stages(NAME) == Stages(pending=winners[0].fingerprint)
    assert aws.store().read(NAME, winners[0].fingerprint) == winners[0]
    assert all("pending" in str(error).lower() for error in outcomes if error)
    aws.store().sweep(NAME)
    assert set(aws.labels(NAME)) == {"AWSPENDING", "AWSCURRENT"}


def test_of_programs_that_promote_different_versions_at_once_one_gets_through(
    aws: AwsGround, versions: list[Version]
) -> None:
    new, current, previous = versions
    arrange(aws, Stages(None, current.fingerprint, previous.fingerprint), versions)

    def rotate(store: AwsStore, index: int) -> None:
        if index % 2:
            store.recall(NAME, previous.fingerprint)
            store.promote(NAME, previous.fingerprint, replaces=current.fingerprint)
        else:
            store.put_pending(new)
            store.promote(NAME, new.fingerprint, replaces=current.fingerprint)

    outcomes = outcomes_of(aws, rotate)
    stages = aws.store().stages(NAME)
    assert stages.current in {new.fingerprint, previous.fingerprint}
    assert stages.previous == current.fingerprint
    through = {index % 2 for index, error in enumerate(outcomes) if error is None}
    assert through == ({1} if stages.current == previous.fingerprint else {0})
    assert whole_current(aws, versions) == stages.current


def test_a_promotion_that_comes_too_late_says_so_and_changes_nothing(aws: AwsGround, versions: list[Version]) -> None:
    new, current, previous = versions
    arrange(aws, Stages(new.fingerprint, current.fingerprint, previous.fingerprint), versions)
    store = aws.store()

    def meanwhile() -> None:
        labels = aws.labels(NAME)
        if labels["AWSCURRENT"] == current.fingerprint:
            aws.layer.ask(
                "UpdateSecretVersionStage",
                SecretId=aws.prefix + NAME,
                VersionStage="AWSCURRENT",
                MoveToVersionId=previous.fingerprint,
                RemoveFromVersionId=current.fingerprint,
            )

    with pytest.raises(StoreError, match="another program moved AWSCURRENT"):
        crashing(store, 30, meanwhile).promote(NAME, new.fingerprint, replaces=current.fingerprint)
    assert store.stages(NAME) == Stages(new.fingerprint, previous.fingerprint, current.fingerprint)


def test_a_version_that_comes_too_late_does_not_take_pending_from_another(
    aws: AwsGround, versions: list[Version]
) -> None:
    new, current, theirs = versions
    arrange(aws, Stages(current=current.fingerprint), versions)
    store = aws.store()

    def meanwhile() -> None:
        if "AWSPENDING" not in aws.labels(NAME):
            put(aws, theirs.fingerprint, theirs.to_document().reveal(), "AWSPENDING")

    with pytest.raises(StoreError, match="another program moved AWSPENDING"):
        crashing(store, 30, meanwhile).put_pending(new)
    assert store.stages(NAME) == Stages(theirs.fingerprint, current.fingerprint)
    assert store.sweep(NAME) > 0
    assert set(aws.labels(NAME)) == {"AWSPENDING", "AWSCURRENT"}
    with pytest.raises(StoreError):
        store.read(NAME, new.fingerprint)
