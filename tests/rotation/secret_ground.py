"""A simulated org with an external client app, a store and a history, for rotations of its client secret."""

from __future__ import annotations

import shutil
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from rotator.application import Application
from rotator.config.loading import parse
from rotator.core.actor import Actor
from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.core.decision.options import RotationOptions
from rotator.core.logins import LoginOutcome
from rotator.history.engine.database import open_database
from rotator.history.journal.journal import Journal
from rotator.salesforce.client_secrets import Pair, State
from rotator.salesforce.login import LoginTarget, proof_of, prove
from rotator.services.rotation.client_secrets.pair_adoption import secret_to_adopt
from rotator.services.rotation.report import Report, Silent
from rotator.services.rotation.requests import Request
from rotator.simulator.org.org import Org
from rotator.simulator.org.settings import OrgSettings
from rotator.testing.versions import spare_key
from tests.near_orgs import NearTransport
from tests.rotation.ground import ROBOT, ROBOT_KEY, USER, Clock, forget_all
from tests.rotation.places import FilesKeys, SqliteHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from rotator.core.credentials import Stages, Version
    from rotator.core.crypto.certificates import Certificate
    from rotator.core.crypto.keys import PrivateKey
    from rotator.services.rotation.observer import CredentialContext
    from rotator.simulator.org.external_apps import Consumer, KeyPair
    from rotator.stores.base import Store
    from tests.rotation.places import History, Keys

_T = TypeVar("_T")

NAME: Final = "shipping"
APP: Final = "Shipping"
ME: Final = Actor("tester")

_CONFIGURATION: Final = """
database: sqlite:///{folder}/rotator.db
orgs:
  production:
    login_url: {url}
    login: {{client_id: {client_id}, username: {robot}, private_key: {{env: ROTATOR_KEY}}}}
stores: {{keys: {store}}}
credentials:
  shipping: {{kind: client_secret, org: production, store: keys, username: {user}, apps: [{app}], {more}}}
rotation:
  verification: {{confirmations: 2, hold: 2s, interval: 2s, timeout: 2m}}
{sections}
"""

CALLS: Final = {
    "store": ("stages", "read", "put_pending", "recall", "promote", "discard", "retire", "sweep"),
    "org": ("read", "stage", "rotate", "delete"),
    "history": ("begin_rotation", "finish_rotation", "record"),
}


class Died(BaseException):
    """The process ends here."""


READS: Final = frozenset({"stages", "read"})
"""Calls that change nothing: who dies at one leaves the world as the call before it did."""


@dataclass
class Crash:
    """Ends the process just after the n-th call that changes something; at none where `at` is 0."""

    at: int = 0
    calls: list[str] = field(default_factory=list)
    check: Callable[[], None] = lambda: None

    def call(self, name: str, call: Callable[[], _T]) -> _T:
        """Makes a call."""
        result = call()
        if name.partition(".")[2] in READS:
            return result
        self.calls.append(name)
        if not name.startswith("history."):
            self.check()
        if len(self.calls) == self.at:
            raise Died
        return result


class _Watched:
    def __init__(self, kind: str, target: object, crash: Crash) -> None:
        self._kind, self._target, self._crash = kind, target, crash

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if name not in CALLS[self._kind]:
            return found
        return lambda *given, **named: self._crash.call(f"{self._kind}.{name}", partial(found, *given, **named))


class WatchedProgram(Application):
    """The program, which dies where it is told to."""

    crash: Crash

    def credential_context(self, name: str) -> CredentialContext:
        """See Application."""
        found = super().credential_context(name)
        return replace(
            found,
            store=cast("Any", _Watched("store", found.store, self.crash)),
            secrets=cast("Any", _Watched("org", found.secrets, self.crash)),
        )

    @property
    def journal(self) -> Journal:
        """See Application."""
        return cast("Journal", _Watched("history", Journal(self.database), self.crash))


@dataclass
class SecretGround:
    """Where the scenarios take place; `begin` makes everything new."""

    org: Org
    clock: Clock
    folder: Path
    transport: NearTransport
    keys: Keys
    history: History
    more: str = "max_age: 90d"
    """What else config.yaml says of the credential."""
    app: str = APP
    """The app that config.yaml names."""
    sections: str = ""
    """Further sections of it."""
    off: timedelta = timedelta(0)
    """By how much the clock of the program's machine is wrong."""

    def begin(self, settings: OrgSettings | None = None) -> None:
        """An org with the app, nothing stored, an empty history."""
        self.history.pause()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.keys.go_back(None)
        self.history.go_back(None)
        self.more, self.app, self.sections, self.off = "max_age: 90d", APP, "", timedelta(0)
        org = self.org
        org.settings = replace(settings or OrgSettings(), external_secrets_over_rest=True)
        forget_all(org)
        org.add_user(ROBOT, may_use_metadata=True, profile="Robot")
        org.add_user(USER)
        key = spare_key(ROBOT_KEY)
        org.add_app("Robot", username=ROBOT, private_key=key, certificate=_certificate(key, self.clock))
        app = org.add_external_app(APP, username=USER)
        policies = app.satellites["ExtlClntAppOauthConfigurablePolicies"].component
        policies.update(isClientCredentialsFlowEnabled="true", clientCredentialsFlowUser=USER)

    @property
    def store(self) -> Store:
        """The store, as nobody who crashes uses it."""
        return self.keys.store

    @property
    def consumer(self) -> Consumer:
        """What the org has."""
        found = self.org.external_app(APP).consumer
        assert found
        return found

    @contextmanager
    def program(self, crash: Crash | None = None) -> Iterator[Application]:
        """The program in a process that starts now."""
        text = _CONFIGURATION.format(
            folder=self.folder,
            url=self.org.url,
            client_id=self.org.app("Robot").client_id,
            robot=ROBOT,
            user=USER,
            store=self.keys.settings,
            app=self.app,
            more=self.more,
            sections=self.sections,
        )
        settings = parse(text, self.folder / "config.yaml")
        environ = {"ROTATOR_KEY": spare_key(ROBOT_KEY).pem().reveal()}
        clock = self.clock
        with WatchedProgram(settings, environ=environ, now=self.now, sleep=clock.sleep, elapsed=clock.elapsed) as app:
            app.crash = crash or Crash()
            app._transports["production"] = self.transport
            app.__dict__["database"] = self.history.database
            self.keys.equip(app)
            yield app

    def now(self) -> datetime:
        """What the clock of the program's machine says."""
        return self.clock.now() + self.off

    def handle(self, goal: str, *, trigger: str = "manual", crash: Crash | None = None, **options: bool) -> Report:
        """What the command line does with a request."""
        request = Request(goal, ME, trigger=trigger, options=RotationOptions(**options))
        with self.program(crash) as app:
            service = app.rotation_service(NAME, listener=Silent(), stop_asked=lambda: False)
            if goal != "adopt":
                return service.handle(request)
            credential = app.credential_context(NAME)
            assert credential.secrets
            return service.adopt(request, secret_to_adopt(credential, credential.secrets, app.now()))

    def stages(self) -> Stages:
        """What stands where."""
        return self.store.stages(NAME)

    def version(self, stage: str) -> Version:
        """The version in a stage."""
        fingerprint = getattr(self.stages(), stage)
        assert fingerprint
        return self.store.read(NAME, fingerprint)

    def logs_in(self, version: Version) -> bool:
        """Whether the org takes a version."""
        answer = prove(self.transport, LoginTarget.of(version, self.org.id), proof_of(version), self.clock.now())
        return answer.outcome is LoginOutcome.ACCEPTED

    @property
    def in_use(self) -> str:
        """Fingerprint of the pair in use."""
        return fingerprint(self.consumer.pair)

    def second(self, state: State) -> str | None:
        """Fingerprint of the second pair, if it is in this state."""
        staged = self.consumer.staged
        return fingerprint(staged.pair) if staged and staged.state == state else None


def fingerprint(pair: KeyPair) -> str:
    """Of a pair in the org."""
    return Pair(pair.key, pair.secret).fingerprint


def promises(ground: SecretGround) -> Callable[[], None]:
    """What holds after each call, whoever crashes: what consumers read logs in."""
    ever = {fingerprint(ground.consumer.pair)}

    def check() -> None:
        stages = ground.stages()
        ever.update(stages.fingerprints)
        if stages.current:
            assert ground.logs_in(ground.version("current")), "consumers of `current` log in"
        assert ground.in_use in ever, "no pair is put in use that was not stored before"

    return check


def _certificate(key: PrivateKey, clock: Clock) -> Certificate:
    return self_signed(key, SubjectName("robot"), now=clock.now(), lifetime=timedelta(days=3650))


@contextmanager
def secret_ground_in(folder: Path, migrated: Path) -> Iterator[SecretGround]:
    """A ground whose files are in the folder; `migrated` is an empty history."""
    clock, place = Clock(), folder / "scenario"
    org = Org("production", clock=clock.now, random=Random(7))
    org.url = "https://rotator.my.salesforce.example"
    with open_database(f"sqlite:///{place}/rotator.db") as database, closing(NearTransport([org])) as transport:
        history = SqliteHistory(database, place / "rotator.db", migrated)
        yield SecretGround(org, clock, place, transport, FilesKeys(place / "store"), history)
