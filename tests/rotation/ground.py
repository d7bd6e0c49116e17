"""A simulated org, a store and a history that programs act on, made anew for each scenario; time passes as they sleep.

Everything is real but the clock, the key pairs, and the wire to the org (tests.near_orgs), unless a test wants HTTPS.
The store is files, the history SQLite, unless a test puts others in their places.
"""

from __future__ import annotations

import shutil
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final

from rotator.application import Application
from rotator.config.loading import parse
from rotator.core.credentials import KeyVersion, key_version
from rotator.core.crypto.certificates import Certificate, SubjectName, self_signed, throwaway
from rotator.history.engine.database import open_database
from rotator.history.journal.journal import Journal
from rotator.net.limits import Limits
from rotator.salesforce.transport import Transport
from rotator.simulator.org.org import Org
from rotator.simulator.serving.server import SimulatorServer
from rotator.testing.versions import MOMENT, spare_key
from tests.near_orgs import NearTransport
from tests.rotation.lineups import CONNECTED, Lineup
from tests.rotation.moments import Moment
from tests.rotation.places import FilesKeys, History, Keys, SqliteHistory
from tests.rotation.watching import WatchedApplication

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rotator.config.settings import Settings
    from rotator.core.credentials import Stages
    from rotator.core.crypto.keys import PrivateKey
    from rotator.history.engine.database import Database
    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.settings import OrgSettings
    from rotator.stores.base import Store
    from tests.rotation.watching import Watcher

ROBOT: Final = "rotator@production.example"
USER: Final = "integration@production.example"
ROBOT_KEY: Final = 14
"""Number of the spare key that the program itself logs in with."""
PERSONS_KEY: Final = 15
"""Number of the spare key that a person puts on an app."""
KEYS: Final = 16
"""Spare keys in all: 0 to 7 are for programs to make, 8 to 13 for what is in use before."""

_CONFIGURATION: Final = """
database: sqlite:///{folder}/rotator.db
orgs:
  production:
    login_url: {url}
    ca: {ca}
    login: {login}
    write: {write}
stores: {{keys: {store}}}
credentials:
  billing: {{org: production, store: keys, username: {user}, apps: [Billing]}}
  warehouse: {{org: production, store: keys, username: {user}, apps: [Warehouse_A, Warehouse_B]}}
  management: {{org: production, store: keys, username: {robot}, apps: [Robot]}}
  managers: {{org: production, store: keys, username: {robot}, apps: [Robot_A, Robot_B]}}
rotation:
  verification: {{confirmations: {confirmations}, hold: {hold}, interval: 2s, timeout: 2m}}
"""
_WITH_KEY: Final = "{{client_id: {client_id}, username: {robot}, private_key: {{env: ROTATOR_KEY}}}}"
APPS: Final = {
    "Robot": ROBOT,
    "Robot_A": ROBOT,
    "Robot_B": ROBOT,
    "Billing": USER,
    "Warehouse_A": USER,
    "Warehouse_B": USER,
}


@dataclass
class Clock:
    """Time that passes only when somebody sleeps."""

    time: datetime = MOMENT
    slept: timedelta = timedelta()

    def now(self) -> datetime:
        """The time."""
        return self.time

    def elapsed(self) -> float:
        """Seconds, whatever the time was set to."""
        return self.slept.total_seconds()

    def sleep(self, seconds: float) -> None:
        """Lets time pass."""
        self.time += timedelta(seconds=seconds)
        self.slept += timedelta(seconds=seconds)


@dataclass
class Ground:
    """Where scenarios take place. `begin` makes everything new; `program` is a process that starts then."""

    server: SimulatorServer
    folder: Path
    clock: Clock
    transport: Transport
    keys: Keys
    history: History
    confirmations: int = 1
    """How many logins with a new key must succeed in a row."""
    hold: str = "0s"
    """How long that row must last."""
    lineup: Lineup = CONNECTED
    """Of which kind the apps are."""
    by_hand: Certificate | None = None
    """What a person put on an app last."""
    login: str = ""
    """How the program logs in to the org, as config.yaml has it; empty: with a key of its own."""
    write: str = "auto"
    """How the program writes apps, as config.yaml has it."""
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def org(self) -> Org:
        """The simulated org."""
        return self.server.orgs[0]

    @property
    def store(self) -> Store:
        """The store, as nobody who crashes or fails uses it."""
        return self.keys.store

    @property
    def database(self) -> Database:
        """The history."""
        return self.history.database

    @property
    def apps(self) -> dict[str, ClientApp]:
        """The apps of the org, of either kind, by name."""
        return {app.name: app for app in self.org.client_apps}

    def begin(self, settings: OrgSettings | None = None, lineup: Lineup | None = None) -> None:
        """An org with apps that hold nothing, an empty store, an empty history. The apps' kinds stay what they were."""
        self.lineup = lineup or self.lineup
        self.clock.time, self.clock.slept = MOMENT, timedelta()
        self.login, self.confirmations, self.hold, self.write = "", 1, "0s", "auto"
        self._replace_files(None)
        org = self.org
        with org.lock:
            org.settings = settings or self.lineup.settings
            forget_all(org)
        org.add_user(ROBOT, may_use_metadata=True, profile="Robot")
        org.add_user(USER)
        for app, user in APPS.items():
            add = org.add_external_app if app in self.lineup.external else org.add_app
            add(app, username=user)
        self.put_own_key("Robot")

    def _replace_files(self, files: Path | None) -> None:
        self.history.pause()
        shutil.rmtree(self.folder, ignore_errors=True)
        if files:
            shutil.copytree(files, self.folder, symlinks=True)
        else:
            self.folder.mkdir(parents=True)
        self.keys.go_back(files)
        self.history.go_back(files)

    def _let_it_spread(self) -> None:
        """What was set up is old when a scenario begins."""
        self.clock.time += timedelta(days=2)

    def certificate(self, key: PrivateKey, days: int = 365) -> Certificate:
        """A certificate over the key, unlike any other."""
        subject = SubjectName(f"scenario {next(self._numbers)}")
        return self_signed(key, subject, now=self.clock.time - timedelta(days=30), lifetime=timedelta(days=30 + days))

    def new_key(self, _bits: int = 2048) -> PrivateKey:
        """A key that none of the last few versions has, and no program makes."""
        return spare_key(8 + next(self._numbers) % 6)

    def version(self, credential: str, app: str, key: PrivateKey | None = None) -> KeyVersion:
        """A version that is stored nowhere yet."""
        private_key = key or self.new_key()
        return KeyVersion(
            credential=credential,
            org="production",
            app=app,
            client_id=self.apps[app].client_id,
            username=APPS[app],
            login_url=self.org.url,
            audience=self.org.url,
            certificate=self.certificate(private_key),
            private_key=private_key,
            created_at=self.clock.now() - timedelta(days=30),
            rotation_id="",
        )

    def in_use(self, credential: str, *apps: str, keys: Sequence[PrivateKey] = ()) -> KeyVersion:
        """Makes a version for each app live there, and `current` one after the other; gives the last."""
        chosen = keys or [self.new_key() for _ in apps]
        for app, key in zip(apps, chosen, strict=True):
            version = self.version(credential, app, key)
            self.org.put_certificate(app, version.certificate)
            self.store.put_pending(version)
            self.store.promote(credential, version.fingerprint, replaces=self.store.stages(credential).current)
        self._let_it_spread()
        return version

    def put_by_hand(self, app: str) -> None:
        """A person puts another certificate on an app."""
        self.by_hand = self.certificate(spare_key(PERSONS_KEY))
        self.org.put_certificate(app, self.by_hand)
        self._let_it_spread()

    def take_over(self, app: str) -> None:
        """An app that may hide what it holds is known to hold nothing that anybody uses: it was ended once."""
        self.org.put_certificate(app, throwaway(now=self.clock.time))
        self._let_it_spread()

    def put_own_key(self, app: str) -> None:
        """The key that the program itself logs in with is the app's."""
        self.org.put_certificate(app, self.certificate(spare_key(ROBOT_KEY)))
        self._let_it_spread()

    def note_promotion(self, credential: str) -> None:
        """The history knows that the current version was promoted just now."""
        version = self.stages(credential).current
        Journal(self.database).record("promote", now=self.clock.now(), credential=credential, version=version)

    def logs_in_by(self, credential: str) -> None:
        """The program logs in to the org by a credential that it manages."""
        self.login = f"{{credential: {credential}}}"

    @contextmanager
    def over_https(self, *, patience: float = 60.0) -> Iterator[None]:
        """Calls go over a connection while the context lasts. `patience`: seconds to wait for an answer."""
        near = self.transport
        with closing(
            Transport(ca=self.server.ca_file, limits=Limits(connect=60.0, silence=patience))
        ) as self.transport:
            yield
        self.transport = near

    @contextmanager
    def program(self, watcher: Watcher | None = None) -> Iterator[Application]:
        """The program in a process that starts now: nothing is in memory but the connection."""
        own = self.login or _WITH_KEY.format(client_id=self.apps["Robot"].client_id, robot=ROBOT)
        text = _CONFIGURATION.format(
            folder=self.folder,
            url=self.org.url,
            ca=self.server.ca_file,
            login=own,
            write=self.write,
            store=self.keys.settings,
            user=USER,
            robot=ROBOT,
            confirmations=self.confirmations,
            hold=self.hold,
        )
        environ = {"ROTATOR_KEY": spare_key(ROBOT_KEY).pem().reveal()}
        settings = _settings(text, self.folder / "config.yaml")
        kind = WatchedApplication if watcher else Application
        with kind(
            settings, environ=environ, now=self.clock.now, sleep=self.clock.sleep, elapsed=self.clock.elapsed
        ) as app:
            app._transports["production"] = self.transport
            app.__dict__["database"] = self.database
            app.__dict__["file_of_certificate"] = self.by_hand if self.lineup.hides else None
            self.keys.equip(app)
            if isinstance(app, WatchedApplication) and watcher:
                app.watcher = watcher
            yield app

    def live(self, app: str) -> str | None:
        """Fingerprint of an app's live certificate."""
        certificate = self.apps[app].live_certificate
        return certificate.fingerprint if certificate else None

    def stages(self, credential: str) -> Stages:
        """What stands where in the store."""
        return self.store.stages(credential)

    def current(self, credential: str) -> KeyVersion:
        """The current version, read from the store."""
        fingerprint = self.stages(credential).current
        assert fingerprint
        return key_version(self.store.read(credential, fingerprint))

    def history_is_closed(self, credential: str) -> bool:
        """Whether no rotation is left open."""
        return Journal(self.database).open_rotation(credential) is None

    def kept(self, credential: str) -> set[str]:
        """Every version that somebody could still read, in a stage or not."""
        return self.keys.kept(credential)

    def describe(self, credential: str) -> str:
        """The world in one line, for a test that failed."""
        live = {app: (self.live(app) or "")[:8] for app in APPS if self.live(app)}
        return f"{self.stages(credential)}, live: {live}"

    def stored(self, credential: str) -> tuple[Stages, int]:
        """What stands where in the store, and how many versions somebody could still read: ten requests to a server."""
        return self.stages(credential), len(self.kept(credential))

    def kind_of_world(
        self, credential: str, ever: frozenset[str], stored: tuple[Stages, int] | None = None
    ) -> tuple[object, ...]:
        """Equal for two worlds that a program which starts anew cannot tell apart, but for names and times."""
        (stages, kept), live = stored or self.stored(credential), {app: self.live(app) for app in APPS}
        journal = Journal(self.database)
        rotation, promoted = journal.open_rotation(credential), journal.promoted_version(credential)
        in_gap = journal.credential_record(credential).refused_since is not None
        subject = rotation and (rotation.replaces or rotation.brings_back)
        seen = [stages.current, stages.pending, stages.previous, promoted, subject, *live.values()]
        roles = {name: index for index, name in enumerate(dict.fromkeys(filter(None, seen)))}
        return (
            *(roles.get(name or "") for name in seen),
            rotation and (rotation.goal, rotation.trigger),
            in_gap,
            kept,
            len(ever),
        )

    def keep(self, key: tuple[object, ...], number: int, ever: frozenset[str]) -> Moment:
        """Keeps the world as it is, to go back to it."""
        files = self.folder.with_name(f"moment-{number}")
        shutil.rmtree(files, ignore_errors=True)
        shutil.copytree(self.folder, files, symlinks=True)
        self.keys.keep(files)
        self.history.keep(files)
        slots = {name: list(app.slot.changes) for name, app in self.apps.items()}
        return Moment(key, files, slots, self.clock.time, ever)

    def go_back(self, moment: Moment) -> None:
        """Makes the world what it was; whoever had a session has none any more."""
        self._replace_files(moment.files)
        for name, changes in moment.slots.items():
            self.apps[name].slot.changes[:] = changes
        self.org.sessions.end_all()
        self.clock.time = moment.time


def forget_all(org: Org) -> None:
    """An org without users, apps, and whatever else somebody did in it or it did itself."""
    org.faults.clear()
    org.sessions.end_all()
    for made in (org.users, org.profiles, org.permission_sets, org.features):
        made.clear()
    for holding in (org.apps, org.external_apps, org.identity_providers, org.certificates):
        holding.clear()
    for happened in (org.grants, org.jobs, org.logins, org.calls, org.cursors):
        happened.clear()


@cache
def _settings(text: str, path: Path) -> Settings:
    """Hundreds of programs in one scenario have the same."""
    return parse(text, path)


@contextmanager
def ground_in(folder: Path, migrated: Path) -> Iterator[Ground]:
    """A ground whose files are in the folder; `migrated` is a history with all its tables and nothing in them."""
    clock = Clock()
    org = Org("production", clock=clock.now, random=Random(7))
    place = folder / "scenario"
    with SimulatorServer([org]) as server, open_database(f"sqlite:///{place}/rotator.db") as database:
        history = SqliteHistory(database, place / "rotator.db", migrated)
        with closing(NearTransport([org])) as transport:
            yield Ground(server, place, clock, transport, FilesKeys(place / "store"), history)
