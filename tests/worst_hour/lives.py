"""One credential on a machine, with an org and a store of its own, so that its trouble is nobody else's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import SystemRandom
from threading import Event
from typing import TYPE_CHECKING, Any, Final

from rotator.core.credentials import KeyVersion
from rotator.core.crypto.certificates import SubjectName, self_signed, throwaway
from rotator.core.decision.policies import Strategy
from rotator.simulator.org.org import Org
from rotator.simulator.serving.server import utc_now
from rotator.simulator.wire.faults import Effect, Fault, Kind
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import spare_key
from tests.worst_hour.waited import Waited

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from rotator.core.crypto.certificates import Certificate
    from rotator.simulator.org.apps import ClientApp
    from tests.end_to_end.processes import Process, Ran
    from tests.worst_hour.consumers import PlainConsumer
    from tests.worst_hour.endings import Ending
    from tests.worst_hour.machines import Machine

APP: Final = "Billing"
"""The app of `current` at first."""
STANDBY: Final = "Billing_B"
"""The other one, where two take turns."""
LIFETIME: Final = timedelta(days=365)


@dataclass
class Life:
    """What befalls one credential."""

    name: str
    strategy: Strategy
    ending: Ending
    machine: Machine
    org: Org = field(init=False)
    old: KeyVersion = field(init=False)
    """What is current at first."""
    before: dict[str, Certificate] = field(init=False)
    """What its apps hold at first: the standby what ended the key of an earlier version, as after each rotation."""
    consumer: PlainConsumer = field(init=False)
    process: Process | None = None
    """The one that was started last, as long as it runs."""
    _is_run: bool = False
    """Whether calls are those of a process: it may make the first before it is known which one it is."""
    waited: Waited = field(init=False)
    """For how long its processes waited for a processor."""
    ran: list[Ran] = field(default_factory=list)
    """What its processes left behind."""
    mended_at: datetime | None = None
    """When what was in the way was mended."""
    is_in_trouble: bool = True
    """Whether the next rotation meets what makes it end badly."""
    has_met_trouble: bool = False
    """Whether that was ever so."""
    new_seen: int = 0
    """How often its process has read the app with the new certificate."""
    has_come: Event = field(default_factory=Event)
    """Set when its process has asked the org for the first time."""
    killed_after: int = 0
    """How often its app is read with the new certificate before a process is killed; the first time is the check of
    what was written."""
    _held: Event | None = None
    _mended_at_next_call: bool = False

    def __post_init__(self) -> None:
        self.waited = Waited(lambda: self.process)
        settings = self.ending.org_settings()
        if self.ending.is_hidden and self.strategy is Strategy.IN_PLACE:
            settings = replace(settings, external_certificate_returned="never")
        self.org = Org(self.name, clock=utc_now, random=SystemRandom(), settings=settings)
        self.org.add_user("rotator@example.com", may_use_metadata=True, profile="Certificate Rotation")
        self.org.add_user(self.username, profile="Integration User")
        made: Any = {"now": utc_now(), "lifetime": LIFETIME}
        certificate = self_signed(spare_key(0), SubjectName("Rotator"), **made)
        self.org.add_app("Rotator", username="rotator@example.com", private_key=spare_key(0), certificate=certificate)
        self._certificate = self_signed(spare_key(1), SubjectName(self.name), **made)
        self.before = {APP: self._certificate, STANDBY: throwaway(now=utc_now())}
        for app in self.apps:
            add = self.org.add_external_app if app in self.external else self.org.add_app
            add(app, username=self.username, certificate=self.before[app])
        self.org.faults.take = self._take  # type: ignore[method-assign] # asked once for each call

    def is_served(self, folder: Path) -> None:
        """Its org has an address: files are written, and its store is filled."""
        (folder / "rotator.pem").write_text(spare_key(0).pem().reveal())
        (folder / "rotator.pem").chmod(0o600)
        self.old = KeyVersion(
            credential=self.name,
            org=self.name,
            app=APP,
            client_id=self.app(APP).client_id,
            username=self.username,
            login_url=self.org.url,
            audience=self.org.url,
            certificate=self._certificate,
            private_key=spare_key(1),
            created_at=utc_now(),
            rotation_id="",
        )
        self.store.put_pending(self.old)
        self.store.promote(self.name, self.old.fingerprint, replaces=None)

    def configuration(self) -> dict[str, dict[str, Any]]:
        """Its part of each section of config.yaml."""
        login = {
            "client_id": self.org.app("Rotator").client_id,
            "username": "rotator@example.com",
            "private_key": {"file": "rotator.pem"},
        }
        credential = {"org": self.name, "store": self.name, "username": self.username, "apps": list(self.apps)}
        return {
            "orgs": {self.name: {"login_url": self.org.url, "ca": "ca.pem", "login": login}},
            "stores": {self.name: {"type": "files", "path": str(self.store_folder)}},
            "credentials": {self.name: credential},
        }

    @property
    def username(self) -> str:
        """Who logs in with it."""
        return "integration@example.com"

    @property
    def apps(self) -> tuple[str, ...]:
        """Its apps."""
        return (APP,) if self.strategy is Strategy.IN_PLACE else (APP, STANDBY)

    @property
    def external(self) -> frozenset[str]:
        """Those that are external client apps: of two the standby, and the one app of every second ending."""
        if self.strategy is Strategy.ALTERNATING:
            return frozenset({STANDBY})
        return frozenset({APP}) if self.ending.is_of_external_app else frozenset()

    def app(self, name: str) -> ClientApp:
        """One of its apps, as the org has it."""
        return self.org.external_app(name) if name in self.external else self.org.app(name)

    def _concerned(self, names: Iterable[str]) -> set[str]:
        """Which of its apps a call is about that names these components: satellites have names of their own."""
        called = {app: {app} for app in self.apps}
        for app in self.external:
            called[app] |= {each.name for each in self.org.external_app(app).satellites.values()}
        return {app for app, theirs in called.items() if not theirs.isdisjoint(names)}

    @property
    def target(self) -> str:
        """The app that its first rotation gives a new certificate."""
        return self.apps[-1]

    @property
    def store_folder(self) -> Path:
        """The folder of its store."""
        return self.machine.folder / "stores" / self.name

    @property
    def store(self) -> FilesStore:
        """Its store."""
        return FilesStore(self.name, self.store_folder)

    @property
    def is_new_live(self) -> bool:
        """Whether the target holds a certificate that is neither the old one nor a throwaway."""
        live = self.app(self.target).live_certificate
        return live is not None and live.fingerprint != self.old.fingerprint and not live.is_throwaway

    def run(self, *arguments: str, script: str = "rotate") -> Ran:
        """A command from beginning to end."""
        self._is_run = True
        self.process = self.machine.start(script, *arguments, largest_file=self.ending.largest_file(self))
        return self._end()

    def run_and_kill(self, *arguments: str) -> Ran:
        """A command that is killed in the middle of what its ending is about; or ends before it comes so far."""
        held = self._held = Event()
        self._is_run = True
        self.process = self.machine.start("rotate", *arguments)
        while not held.wait(0.01) and self.process.poll() is None:
            pass
        self._held = None
        self.process.kill()
        return self._end()

    def run_and_mend(self, *arguments: str) -> Ran:
        """A command at whose first call about the credential what is in the way is mended."""
        self._mended_at_next_call = not self.ending.is_mended_before
        if self.ending.is_mended_before:
            self._mend()
        return self.run(*arguments)

    def end(self) -> None:
        """What a person types then: to finish it; and where nothing was begun, to see whether its key logs in."""
        self.run_and_mend("finish", self.name, "--json")
        self.run("verify", self.name, script="rotator")

    def _end(self) -> Ran:
        assert self.process
        ran = self.process.ran()
        self.machine.ended(self.process)
        self.process, self._is_run, self.new_seen = None, False, 0
        self.has_come.clear()
        self.ran.append(ran)
        return ran

    def _mend(self) -> None:
        self._mended_at_next_call = False
        self.is_in_trouble, self.mended_at = False, utc_now()
        self.ending.mend(self)

    def _take(self, kind: Kind, apps: Iterable[str]) -> Fault | None:
        """What a call to the org meets. Consumers make no other than logins through the apps of the credential."""
        about = self._concerned([*apps])
        if not self._is_run or (kind is Kind.TOKEN and about):
            return self._trouble(kind, about)
        self.has_come.set()
        if self._mended_at_next_call and (self._stops_at_login or (kind is Kind.SOAP_READ and about)):
            self._mend()
        reads_new = kind is Kind.SOAP_READ and bool(about) and self.is_new_live
        self.new_seen += reads_new
        held = self._held
        if held and (self._stops_at_login or self.new_seen > self.killed_after):
            held.set()
            return Fault(kind, Effect.HANG)
        return self._trouble(kind, about)

    @property
    def _stops_at_login(self) -> bool:
        return self.is_in_trouble and self.ending.has_begun and self.ending.stops_at_login

    def _trouble(self, kind: Kind, about: set[str]) -> Fault | None:
        met = self.ending.meets(self, kind, about) if self.is_in_trouble else None
        self.has_met_trouble = self.has_met_trouble or self.ending.has_begun or met is not None
        return met
