"""Who has lost its lock changes nothing more: asked before each step that cannot be taken back, by every program.

One process plays the zombie: it is stopped before each question in turn, its lock is taken from it, and it is woken.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.core.secret import Secret
from rotator.errors import LockLost
from rotator.services.rotation.client_secrets.pair_adoption import its_secrets, secret_to_adopt
from rotator.services.rotation.report import Silent
from rotator.services.rotation.requests import Request
from rotator.simulator.org.settings import OrgSettings
from tests.rotation.lineups import CONNECTED, Lineup
from tests.rotation.revoking import BACK, in_use, revoke, revoke_in
from tests.rotation.scenarios import SCENARIOS
from tests.rotation.secret_ground import ME, NAME, Crash, Died, SecretGround
from tests.rotation.watching import handle
from tests.rotation.zombies import Seen, Thief, listen_to_stores, put_before
from tests.tiers import standard_first, thorough

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.application import Application
    from tests.rotation.ground import Ground

DEPLOYING: Final = OrgSettings(deploy_seconds=20.0, deploy_work_seconds=30.0)
BY_NAME: Final = {str(each): each for each in SCENARIOS}
STORED: Final = frozenset({"store.sweep", "store.put_pending", "store.promote"})


@dataclass(frozen=True)
class Work:
    """Something that takes the lock of a credential."""

    name: str
    prepare: Callable[[Any], object]
    do: Callable[[Application], object]
    changes: frozenset[str]
    """What it does that cannot be taken back, among what it does."""
    credential: str = "billing"
    write: str = "auto"
    lineup: Lineup = field(default=CONNECTED)

    def __str__(self) -> str:
        return self.name


def rotating(scenario: str, *changes: str, write: str = "auto", lineup: Lineup = CONNECTED) -> Work:
    """The work of a scenario."""
    found = BY_NAME[scenario]
    name = f"{scenario}, {write}" if write != "auto" else scenario
    return Work(name, found.prepare, found.handle, STORED | {*changes}, found.credential, write, lineup)


def revoked(ground: Ground) -> None:
    """A credential whose key, access and tokens were ended."""
    in_use(ground)
    revoke(ground)


def late(ground: Ground) -> None:
    """A deployment waits for its turn, and the process that has begun it is gone."""
    BY_NAME["in place"].prepare(ground)

    def sleep(seconds: float) -> None:
        if any(not job.options["checkOnly"] for job in ground.org.jobs):
            raise KeyboardInterrupt
        ground.clock.sleep(seconds)

    with ground.program() as app:
        app.sleep = sleep
        with pytest.raises(KeyboardInterrupt):
            BY_NAME["in place"].handle(app)


ORG: Final = "updateMetadata"
BACK_AGAIN: Final = frozenset({ORG, "store.recall", "store.promote"})
KEYS: Final = [
    rotating("in place", ORG),
    rotating("in place, compromised", ORG, "store.retire"),
    rotating("alternating, compromised", ORG, "store.retire"),
    rotating("alternating, retire now", ORG, "store.retire"),
    rotating("enroll", ORG),
    rotating("adopt"),
    Work("back", BY_NAME["in place, back"].prepare, BY_NAME["in place, back"].handle, BACK_AGAIN),
    Work("restore", BY_NAME["restore"].prepare, BY_NAME["restore"].handle, frozenset({ORG})),
    Work(
        "finish",
        BY_NAME["finish after grace"].prepare,
        BY_NAME["finish after grace"].handle,
        frozenset({ORG, "store.retire"}),
        "warehouse",
    ),
    rotating("in place", "deploy", write="deploy"),
    Work("a deployment is taken back", late, BY_NAME["in place"].handle, frozenset({"cancelDeploy"}), write="deploy"),
    Work(
        "revoke",
        in_use,
        lambda app: revoke_in(app, "billing"),
        frozenset({ORG, "DELETE sobjects/SetupEntityAccess", "POST revoke"}),
    ),
    Work(
        "what was revoked comes back",
        revoked,
        handle("billing", BACK),
        STORED | {ORG, "POST sobjects/SetupEntityAccess"},
    ),
]
KEYS_IN_STANDARD: Final = [each for each in KEYS if str(each) in {"revoke", "in place, deploy"}]


def begin(ground: Ground, work: Work) -> None:
    """The world before."""
    ground.begin(lineup=work.lineup)
    ground.write = work.write
    deploys = {name: getattr(DEPLOYING, name) for name in ("deploy_seconds", "deploy_work_seconds")}
    ground.org.settings = replace(ground.org.settings, **deploys)
    work.prepare(ground)


def stopped(ground: Ground | SecretGround, work: Work, seen: Seen, at: int) -> bool:
    """Does the work in a process that is stopped at its n-th question; whether it came so far."""
    thief = Thief(ground.history.database, work.credential, ground.clock.now)
    with ground.program() as app, closing(thief):
        put_before(app, ground.org, seen, at, thief)
        if at:
            try:
                work.do(app)
            except LockLost:
                assert seen.stopped_at is not None
            return seen.stopped_at is not None
        work.do(app)
    return False


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    seen = Seen()
    listen_to_stores(monkeypatch, seen)
    return seen


@pytest.mark.parametrize("work", standard_first(KEYS, KEYS[::2]), ids=str)
def test_it_is_asked_just_before_each_step_that_cannot_be_taken_back(ground: Ground, seen: Seen, work: Work) -> None:
    begin(ground, work)
    seen.events.clear()
    stopped(ground, work, seen, at=0)
    assert seen.unasked == []
    assert work.changes <= set(seen.changes)


@pytest.mark.parametrize("work", standard_first(KEYS, KEYS_IN_STANDARD), ids=str)
def test_a_process_that_is_woken_when_another_has_its_lock_changes_nothing(
    ground: Ground, seen: Seen, work: Work
) -> None:
    for at in count(1):
        begin(ground, work)
        seen.events.clear()
        seen.stopped_at = None
        if not stopped(ground, work, seen, at):
            break
        assert seen.since_stopped == [], f"stopped before question {at}"
    assert at > len(work.changes)


def _secret(app: Application, trigger: str) -> object:
    service = app.rotation_service(NAME, listener=Silent(), stop_asked=lambda: False)
    return service.handle(Request("replace", ME, trigger=trigger))


def _adopted(app: Application) -> object:
    credential = app.credential_context(NAME)
    version = secret_to_adopt(credential, its_secrets(credential), app.now())
    return app.rotation_service(NAME, listener=Silent(), stop_asked=lambda: False).adopt(Request("adopt", ME), version)


def enrolled(ground: SecretGround) -> None:
    """Its pair is stored and in use."""
    ground.handle("enroll")


def rotated(ground: SecretGround) -> None:
    """The pair before is taken for a while still."""
    enrolled(ground)
    ground.handle("replace")


def secret_revoked(ground: SecretGround) -> None:
    """Nobody has a pair that the org takes."""
    rotated(ground)
    with ground.program() as app:
        revoke_in(app, NAME)


def with_staged(ground: SecretGround) -> None:
    """A rotation has staged a pair and died; people have put another one in use since."""
    enrolled(ground)
    for at in count(1):
        if ground.stages().pending:
            break
        with pytest.raises(Died):
            ground.handle("replace", crash=Crash(at))
    ground.consumer.pair = replace(ground.consumer.pair, secret=Secret(sha256(b"by hand").hexdigest().upper()))


POST_STAGED, PATCH_STAGED, DELETE_STAGED = (
    f"{method} apps/oauth/credentials/staged" for method in ("POST", "PATCH", "DELETE")
)
SECRETS: Final = [
    Work("rotate", enrolled, lambda app: _secret(app, "manual"), STORED | {POST_STAGED, PATCH_STAGED}, NAME),
    Work(
        "rotate, compromised",
        enrolled,
        lambda app: _secret(app, "compromised"),
        STORED | {POST_STAGED, PATCH_STAGED, DELETE_STAGED, "store.retire"},
        NAME,
    ),
    Work("adopt beside what is pending", with_staged, _adopted, STORED | {DELETE_STAGED, "store.discard"}, NAME),
    Work(
        "revoke", rotated, lambda app: revoke_in(app, NAME), frozenset({POST_STAGED, PATCH_STAGED, DELETE_STAGED}), NAME
    ),
    Work(
        "what was revoked comes back",
        secret_revoked,
        handle(NAME, BACK),
        STORED | {POST_STAGED, PATCH_STAGED, "store.retire"},
        NAME,
    ),
]


@thorough
@pytest.mark.parametrize("work", SECRETS, ids=str)
def test_so_it_is_with_client_secrets(secret_ground: SecretGround, seen: Seen, work: Work) -> None:
    for at in count():
        secret_ground.begin()
        work.prepare(secret_ground)
        seen.events.clear()
        seen.stopped_at = None
        is_stopped = stopped(secret_ground, work, seen, at)
        if at == 0:
            assert seen.unasked == []
            assert work.changes <= set(seen.changes)
        elif not is_stopped:
            break
        else:
            assert seen.since_stopped == [], f"stopped before question {at}"
