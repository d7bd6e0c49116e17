"""Three orgs with forty apps, and a daemon's rounds over them, driven by a clock through a year in seconds.

Logins, rotations, store, history, outbox and delivery are real. After some weeks, with rotations under either strategy
over HTTPS, the orgs are called without a connection (tests.near_orgs). Looks at whole orgs are taken from the simulated
orgs' memory, as a year has more than a thousand of them; that they show the same is asserted once. Channels write down
what they are told.
"""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from rotator.alerts.base import DeliveryFailed
from rotator.application import Application
from rotator.config.loading import parse
from rotator.core.actor import Actor
from rotator.core.credentials import KeyVersion, key_version
from rotator.core.crypto.certificates import Certificate, SubjectName, self_signed
from rotator.core.observed import Kind, ObservedCertificate
from rotator.errors import OrgUnavailable
from rotator.history.engine.database import Database, open_database
from rotator.net.limits import Limits
from rotator.salesforce.inventory.org_inventory import Inventory
from rotator.salesforce.transport import Transport
from rotator.services.posture.auditing import Audit
from rotator.services.rotation.report import Silent
from rotator.services.schedule.context import ServiceContext
from rotator.services.schedule.cycle import Cycle
from rotator.simulator.org.org import Org
from rotator.simulator.serving.server import SimulatorServer
from rotator.simulator.wire.faults import Effect, Fault
from rotator.simulator.wire.faults import Kind as Call
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import spare_key
from tests.near_orgs import NearTransport
from tests.rotation.ground import KEYS, Clock
from tests.rotation.year_people import people_decide
from tests.rotation.year_plan import (
    BEGIN,
    CHANNELS,
    CLOCK_SET,
    CONFIGURATION,
    CREDENTIALS,
    DAY,
    NEAR_SINCE,
    ORGS,
    ROBOT_KEY,
    SLACK_DOWN,
    STOPPED,
    TICK,
    UNMANAGED,
    UNREADABLE,
    Credential,
    Unmanaged,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from rotator.alerts.base import Channel, Message
    from rotator.config.settings import Settings
    from rotator.core.crypto.keys import PrivateKey
    from rotator.core.decision.actions import Action
    from rotator.core.logins import LoginAnswer
    from rotator.services.rotation.observer import CredentialContext
    from rotator.services.schedule.jobs import Job


@dataclass
class Told:
    """A channel that writes down what it is told, and may be down."""

    name: str
    year: Year
    digest_from: int = 100
    has_threads: bool = True
    messages: list[tuple[datetime, Message, str | None]] = field(default_factory=list)
    refused: int = 0

    def send(self, message: Message, *, thread: str | None) -> str:
        """See rotator.alerts.base.Channel."""
        if self.name == "slack" and self.year.is_within(SLACK_DOWN):
            self.refused += 1
            raise DeliveryFailed("Slack is down.", hint="Wait.")
        self.messages.append((self.year.clock.time, message, thread))
        return f"{self.name} {len(self.messages)}"

    def send_digest(self, messages: Sequence[Message]) -> str:
        """See rotator.alerts.base.Channel."""
        raise AssertionError(f"so many at once: {len(messages)}")

    def check(self) -> str:
        """See rotator.alerts.base.Channel."""
        return "told"

    def close(self) -> None:
        """See rotator.alerts.base.Channel."""


class YearProgram(Application):
    """The program, with its looks and its channels in memory."""

    year: Year

    def fork(self, *, settings: Settings | None = None, limited: bool = False) -> YearProgram:
        """See Application."""
        forked = super().fork(settings=settings, limited=limited)
        forked.year = self.year
        return forked

    def new_transport(self, org: str) -> Transport:
        """See Application. Opening a connection costs more than a login."""
        return self.year.transports[org] if self.now() < NEAR_SINCE else self.year.near

    def credential_context(self, name: str) -> CredentialContext:
        """See Application. Making a key takes longer than all the rest of a rotation."""
        return replace(super().credential_context(name), new_key=lambda _bits: self.year.next_key(name))

    def inventory(self, org: str, *, last_seen: object = None) -> Inventory:  # noqa: ARG002
        """See Application."""
        if org == "beta" and self.year.is_within(UNREADABLE):
            raise OrgUnavailable("The org beta is away.", rerun="Run it again.")
        return self.year.inventory(org)

    def audit(self, orgs: Collection[str]) -> Audit:  # noqa: ARG002
        """See Application. To read all of three orgs each day takes longer than the year's rotations."""
        return Audit(self.now(), ())

    def inventory_over_https(self, org: str) -> Inventory:
        """What a look over HTTPS shows."""
        self._transports[org] = self.year.transports[org]
        return super().inventory(org)

    def channel(self, name: str) -> Channel:
        """See Application."""
        return self.year.channels[name]

    def send_heartbeat(self) -> None:
        """See Application."""
        self.year.beats.append(self.year.clock.time)


@dataclass
class _Follower(Silent):
    """Proves after every step of a rotation that no consumer of an alternating pair was locked out."""

    year: Year
    credential: str

    def ended(self, action: Action, seconds: float, answer: LoginAnswer | None) -> None:  # noqa: ARG002 - see Listener
        """See rotator.services.rotation.report.Listener."""
        self.year.steps[action.kind] += 1
        self.year.check_pair(self.credential)


@dataclass
class Year:
    """The orgs, and one daemon after the other."""

    server: SimulatorServer
    folder: Path
    clock: Clock
    transports: dict[str, Transport]
    near: NearTransport
    database: Database
    beats: list[datetime] = field(default_factory=list)
    channels: dict[str, Told] = field(default_factory=dict)
    steps: Counter[str] = field(default_factory=Counter)
    jobs: Counter[str] = field(default_factory=Counter)
    begun: list[datetime] = field(default_factory=list)
    """When a daemon was started."""
    _keys: Counter[str] = field(default_factory=Counter)
    _round: Cycle | None = None

    def __post_init__(self) -> None:
        self.channels = {name: Told(name, self) for name in CHANNELS}
        for org in self.server.orgs:
            org.add_user(f"robot@{org.name}.example", may_use_metadata=True, profile="Robot")
            org.add_user(f"user@{org.name}.example")
            if org.name != "beta":
                robot = f"robot@{org.name}.example"
                forever = self._certificate(ROBOT_KEY, BEGIN + 3000 * DAY)
                org.add_app("Robot", username=robot, certificate=forever)
        for credential in CREDENTIALS:
            self._set_up(credential)
        for number, unmanaged in enumerate(UNMANAGED):
            self._put(unmanaged, number)

    def org(self, name: str) -> Org:
        """A simulated org."""
        return self.server.orgs[ORGS.index(name)]

    @property
    def store(self) -> FilesStore:
        """Where the keys are."""
        return FilesStore("keys", self.folder / "store")

    def next_key(self, credential: str) -> PrivateKey:
        """Another key than the last few of the credential."""
        self._keys[credential] += 1
        # Others than those of throwaway certificates, which take turns too: an app must refuse a key that is new to it.
        return spare_key(KEYS + self._keys[credential] % 5)

    def is_within(self, span: tuple[datetime, datetime]) -> bool:
        """Whether it is that time now."""
        return span[0] <= self.clock.time < span[1]

    def _certificate(self, key: int, until: datetime) -> Certificate:
        begun = self.clock.time - 100 * DAY
        subject = SubjectName(f"year {key} {until:%Y%m%d%H%M%S}")
        return self_signed(spare_key(key), subject, now=begun, lifetime=until - begun)

    def _set_up(self, credential: Credential) -> None:
        org = self.org(credential.org)
        for app in credential.apps:
            org.add_app(app, username=credential.user)
        key = 8 + CREDENTIALS.index(credential) % 6
        app = credential.apps[0]
        until = BEGIN + credential.expires * DAY + timedelta(minutes=CREDENTIALS.index(credential))
        version = KeyVersion(
            credential=credential.name,
            org=credential.org,
            app=app,
            client_id=org.app(app).client_id,
            username=credential.user,
            login_url=org.url,
            audience=org.url,
            certificate=self._certificate(key, until),
            private_key=spare_key(key),
            created_at=BEGIN - 100 * DAY,
            rotation_id="",
        )
        org.put_certificate(app, version.certificate)
        self.store.put_pending(version)
        self.store.promote(credential.name, version.fingerprint, replaces=None)

    def _put(self, unmanaged: Unmanaged, number: int) -> None:
        org = self.org(unmanaged.org)
        if unmanaged.kind is Kind.CERTIFICATE:
            org.add_certificate(unmanaged.name, unmanaged.not_after)
            return
        certificate = self._certificate(8 + number % 6, unmanaged.not_after)
        if unmanaged.kind is Kind.APP:
            org.add_app(unmanaged.name, certificate=certificate)
        else:
            org.add_identity_provider(unmanaged.name, certificate)

    def inventory(self, org: str) -> Inventory:
        """What an org holds, as a look shows it."""
        found = self.org(org)

        def at(name: str, kind: Kind, modified_at: datetime) -> ObservedCertificate:
            return ObservedCertificate(org=org, app=name, type=kind, last_modified_at=modified_at)

        apps = [
            replace(at(app.name, Kind.APP, app.modified_at), client_id=app.client_id).holding(app.live_certificate)
            for app in sorted(found.apps.values(), key=lambda app: app.name)
        ]
        saml = [
            at(each.name, Kind.IDENTITY_PROVIDER, each.modified_at).holding(
                Certificate.parse(str(each.component["validationCert"]))
            )
            for each in found.identity_providers.values()
        ]
        own = [
            replace(
                at(each.name, Kind.CERTIFICATE, each.modified_at), not_after=each.expires_at, key_bits=each.key_bits
            )
            for each in found.certificates
        ]
        return Inventory((*apps, *saml, *own))

    def program(self) -> YearProgram:
        """The program in a process that starts now."""
        text = CONFIGURATION.format(
            folder=self.folder,
            ca=self.server.ca_file,
            alpha_id=self.org("alpha").app("Robot").client_id,
            gamma_id=self.org("gamma").app("Robot").client_id,
            credentials="\n".join(credential.as_configured() for credential in CREDENTIALS),
            **{org.name: org.url for org in self.server.orgs},
        )
        environ = {"ROTATOR_KEY": spare_key(ROBOT_KEY).pem().reveal()}
        settings = parse(text, self.folder / "config.yaml")
        program = YearProgram(
            settings, environ=environ, now=self.clock.now, sleep=self.clock.sleep, elapsed=self.clock.elapsed
        )
        program.year = self
        program.__dict__["database"] = self.database
        return program

    def start(self, seed: int) -> None:
        """A daemon begins: it knows nothing but what the history, the store and the orgs tell."""
        program = self.program()
        self.begun.append(self.clock.time)
        self._round = Cycle(
            ServiceContext(
                settings=program.settings,
                database=self.database,
                open_adapters=program.fork,
                now=self.clock.now,
                random=Random(seed).random,
                actor=Actor("rotator on a test"),
                listener=lambda credential: _Follower(self, credential),
            )
        )

    def live_through(self, until: datetime, *, seed: int) -> None:
        """The year goes on, with everything that happens in it."""
        self.start(seed)
        tick, ahead = BEGIN, timedelta(0)
        while tick < until:
            if STOPPED[0] <= tick < STOPPED[1]:
                tick = STOPPED[1]
                self.start(seed + 1)
            self._tick_at(tick + ahead)
            if tick in CLOCK_SET:
                ahead += CLOCK_SET[tick]
                self._tick_at(tick + ahead)
            tick += TICK

    def _tick_at(self, time: datetime) -> None:
        self.clock.time = time
        self._happen(time)
        self.tick()

    def _happen(self, tick: datetime) -> None:
        """What people, orgs and clocks do at this time."""
        for unmanaged in UNMANAGED:
            if unmanaged.replaced and unmanaged.replaced - TICK < tick <= unmanaged.replaced:
                self._replace(unmanaged)
        people_decide(self.program, self.database, tick)
        beta = self.org("beta")
        beta.faults.clear()
        if self.is_within(UNREADABLE):
            beta.sessions.end_all()
            beta.faults.add(Fault(Call.TOKEN, Effect.FAIL, times=None, answer="http_503"))

    def _replace(self, unmanaged: Unmanaged) -> None:
        """A person sees to it in time."""
        certificate = self._certificate(9, self.clock.time + 600 * DAY)
        self.org(unmanaged.org).put_certificate(unmanaged.name, certificate)

    def tick(self) -> None:
        """Does what is due, and what is due because of that."""
        assert self._round
        for _ in range(10):
            due = self._round.due()
            if not due:
                return
            self._run(due)
        raise AssertionError(f"there is no end of what is due: {due}")

    def _run(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            self.jobs[job.kind] += 1
            job.run()

    def check_pair(self, name: str) -> None:
        """Consumers that know only `current` log in, at every moment."""
        credential = next(each for each in CREDENTIALS if each.name == name)
        if len(credential.apps) == 1:
            return
        current = self.current(name)
        held = self.org(credential.org).app(current.app).live_certificate
        assert held == current.certificate, f"{name} is locked out at {self.clock.time}"

    def current(self, credential: str) -> KeyVersion:
        """What consumers log in with."""
        fingerprint = self.store.stages(credential).current
        assert fingerprint
        return key_version(self.store.read(credential, fingerprint))


@contextmanager
def year_in(folder: Path, migrated: Path) -> Iterator[Year]:
    """A year whose files are in the folder; `migrated` is a history with all its tables and nothing in them."""
    clock = Clock(BEGIN)
    orgs = [Org(name, clock=clock.now, random=Random(number), number=number + 1) for number, name in enumerate(ORGS)]
    shutil.copy(migrated, folder / "rotator.db")
    with (
        SimulatorServer(orgs) as server,
        open_database(f"sqlite:///{folder}/rotator.db") as database,
        ExitStack() as stack,
    ):
        transports = {
            name: stack.enter_context(closing(Transport(ca=server.ca_file, limits=Limits(connect=60.0, silence=60.0))))
            for name in ORGS
        }
        near = stack.enter_context(closing(NearTransport(orgs)))
        yield Year(server, folder, clock, transports, near, database)
