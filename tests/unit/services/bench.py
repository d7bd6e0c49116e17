"""A credential on a workbench: store and org in memory, a real history, and time that passes when somebody sleeps."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from rotator.core.actor import Actor
from rotator.core.credentials import Fingerprint, KeyVersion, Stages, Version, key_version
from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import Kind
from rotator.errors import HistoryUnavailable, OrgError, OrgUnavailable, StoreError
from rotator.history.journal.journal import Journal
from rotator.history.journal.queries import events
from rotator.history.last_observations import note_observation
from rotator.salesforce.apps.app import App
from rotator.salesforce.component import nothing_to_note
from rotator.services.inventory.credential_history import histories_of
from rotator.services.rotation.observer import CredentialContext
from rotator.services.rotation.requests import Request
from rotator.services.rotation.rotation_service import RotationService
from rotator.services.rotation.run import RunContext
from rotator.testing.versions import MOMENT, spare_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.config.settings import Settings
    from rotator.core.crypto.certificates import Certificate
    from rotator.core.crypto.keys import PrivateKey
    from rotator.core.observed import ObservedCredential
    from rotator.core.usage.retirement import Confirmation
    from rotator.history.engine.database import Database
    from rotator.history.records import Event
    from rotator.services.rotation.report import Report

NOW = Request("replace", Actor("alex@laptop"))
BACK = Request("back", Actor("alex@laptop"))
FINISH = Request("", Actor("alex@laptop"))


class Died(BaseException):
    """The process ends here."""


@dataclass
class MemoryStore:
    """A store of one credential (`rotator.stores.base.Store`)."""

    name: str = "memory"
    staged: Stages = field(default_factory=Stages)
    versions: dict[str, Version] = field(default_factory=dict)

    def stages(self, _credential: str) -> Stages:
        return self.staged

    def read(self, _credential: str, fingerprint: Fingerprint) -> Version:
        if fingerprint not in self.versions:
            raise StoreError("It is not there.", hint="Look again.")
        return self.versions[fingerprint]

    def put_pending(self, version: Version) -> None:
        self.versions[version.fingerprint] = version
        self.staged = replace(self.staged, pending=version.fingerprint)

    def recall(self, _credential: str, fingerprint: Fingerprint) -> None:
        self.staged = replace(self.staged, pending=fingerprint)

    def promote(self, _credential: str, fingerprint: Fingerprint, *, replaces: Fingerprint | None) -> None:
        self.staged = Stages(current=fingerprint, previous=replaces)

    def discard(self, _credential: str, _fingerprint: Fingerprint) -> None:
        self.staged = replace(self.staged, pending=None)

    def retire(self, _credential: str, _fingerprint: Fingerprint) -> None:
        self.staged = replace(self.staged, previous=None)

    def sweep(self, _credential: str) -> int:
        return 0

    def check(self) -> None:
        """Nothing to check."""


@dataclass
class Bench:
    """What a RotationService works with. `before` is called with the name of every event before it is recorded."""

    settings: Settings
    database: Database
    credential: str
    store: MemoryStore = field(default_factory=MemoryStore)
    live: dict[str, Certificate | None] = field(default_factory=dict)
    time: datetime = MOMENT
    clock_was_set_by: timedelta = timedelta()
    writes: Counter[str] = field(default_factory=Counter)
    refuses: Callable[[KeyVersion], LoginAnswer | None] = lambda _: None
    before: Callable[[str], None] = lambda _: None
    stop_asked: bool = False
    client_ids: dict[str, str] = field(default_factory=dict)
    external: set[str] = field(default_factory=set)
    """Apps that are external client apps, and show their certificate."""
    hiding: set[str] = field(default_factory=set)
    """External client apps whose certificate the org does not show."""
    on_write: Callable[[str], None] = lambda _: None
    reads: list[list[str]] = field(default_factory=list)
    """The apps of each call that reads what can be read."""
    unreadable: dict[str, OrgError] = field(default_factory=dict)
    """Why an app cannot be read, where others can."""
    on_settling: Callable[[], bool] = lambda: False
    """What a write that was begun before comes to."""
    _turns: Any = field(default_factory=count)

    def now(self) -> datetime:
        """The time."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Lets time pass."""
        self.time += timedelta(seconds=seconds)

    def elapsed(self) -> float:
        """Seconds by a clock that nobody sets."""
        return (self.time - self.clock_was_set_by).timestamp()

    def new_key(self, _bits: int = 2048) -> PrivateKey:
        """Another key than the last few."""
        return spare_key(next(self._turns) % 5)

    def version(self, app: str, *, days: int = 365, key: PrivateKey | None = None) -> KeyVersion:
        """A version that is stored nowhere yet."""
        key = key or self.new_key()
        lifetime = timedelta(days=days)
        return KeyVersion(
            credential=self.credential,
            org="production",
            app=app,
            client_id=f"key of {app}",
            username="integration@example.com",
            login_url="https://example.my.salesforce.com",
            audience="https://example.my.salesforce.com",
            certificate=self_signed(key, SubjectName("bench"), now=self.time, lifetime=lifetime),
            private_key=key,
            created_at=self.time,
            rotation_id="",
        )

    def use(self, app: str) -> KeyVersion:
        """A version that is live and current from now on."""
        version = self.version(app)
        self.store.put_pending(version)
        self.store.promote(self.credential, version.fingerprint, replaces=self.store.staged.current)
        self.live[app] = version.certificate
        return version

    @property
    def current(self) -> KeyVersion:
        """The current version."""
        fingerprint = self.store.staged.current
        assert fingerprint
        return key_version(self.store.versions[fingerprint])

    def read(self, full_name: str) -> App | None:
        """See rotator.services.rotation.observer.Apps."""
        client_id = self.client_ids.get(full_name, f"key of {full_name}")
        if full_name in self.hiding:
            return App(Kind.EXTERNAL_APP, full_name, client_id, None, None, hides_certificate=True)
        kind = Kind.EXTERNAL_APP if full_name in self.external else Kind.APP
        return App(kind, full_name, client_id, self.live.get(full_name), None)

    def read_all(self, full_names: Sequence[str]) -> list[App | None]:
        """See rotator.services.rotation.observer.Apps."""
        return [self.read(name) for name in full_names]

    def read_each(self, full_names: Sequence[str]) -> list[App | OrgError | None]:
        """See rotator.services.rotation.observer.Apps."""
        self.reads.append([*full_names])
        return [self.unreadable.get(name) or self.read(name) for name in full_names]

    def replace_certificate(
        self,
        full_name: str,
        certificate: Certificate,
        *,
        expecting: Fingerprint | None,
        sends: Callable[[], None] = nothing_to_note,
    ) -> App:
        """See rotator.services.rotation.observer.Apps."""
        held = self.live.get(full_name)
        assert full_name in self.hiding or (held.fingerprint if held else None) == expecting
        sends()
        self.writes[full_name] += 1
        self.on_write(full_name)
        self.live[full_name] = certificate
        return cast("App", self.read(full_name))

    def absent(self, *full_names: str) -> OrgError:
        """See rotator.services.rotation.observer.Apps."""
        return OrgError(f"The org production has no app {', '.join(full_names)}.")

    def settle(self) -> bool:
        """See rotator.services.rotation.observer.Apps."""
        return self.on_settling()

    def _confirmation(self, seen: ObservedCredential) -> Confirmation:
        known = histories_of(self.database, [self.credential])[self.credential]
        return known.confirmation(self.settings.credentials[self.credential], seen)

    def is_live(self, version: KeyVersion) -> bool:
        """Whether the app of a version holds its certificate."""
        return self.live.get(version.app) == version.certificate

    def prove(self, stored: Version) -> LoginAnswer:
        """A login succeeds with the key of the live certificate."""
        version = key_version(stored)
        held = self.live.get(version.app)
        matches = held is not None and version.private_key.matches(held)
        said = LoginAnswer(LoginOutcome.ACCEPTED if matches else LoginOutcome.MISMATCH, "" if matches else "no match")
        return self.refuses(version) or said

    @property
    def journal(self) -> Journal:
        """The history."""
        return Journal(self.database)

    @property
    def credential_context(self) -> CredentialContext:
        """The credential with its adapters."""
        settings = self.settings.credentials[self.credential]
        return CredentialContext(
            name=self.credential,
            settings=settings,
            org=self.settings.orgs[settings.org],
            store=self.store,
            apps=self,
            prove=self.prove,
            last_promotion=lambda: self.journal.last_promotion(self.credential),
            open_rotation=lambda: self.journal.open_rotation(self.credential),
            confirmation=self._confirmation,
            known=lambda: self.journal.credential_record(self.credential),
            note=lambda seen, held: note_observation(self.database, self.credential, seen, held, self.now()),
            new_key=self.new_key,
        )

    def rotation_service(self) -> RotationService:
        """As a process that starts now has it."""

        def run_context(rotation_id: str | None) -> RunContext:
            def record(kind: str, **details: Any) -> None:
                self.before(kind)
                self.journal.record(
                    kind, now=self.now(), credential=self.credential, rotation_id=rotation_id, **details
                )

            return RunContext(self.now, self.sleep, self.elapsed, record, lambda: self.stop_asked)

        locks = self.database.rotation_locks(self.now)
        return RotationService(self.credential_context, self.journal, locks, run_context)

    def handle(self, request: Request = NOW) -> Report:
        """Runs a request to its end, in a process of its own."""
        return self.rotation_service().handle(request)

    def die_before(
        self, event: str, handle: Callable[[RotationService], Report] = lambda service: service.handle(NOW)
    ) -> None:
        """A process that serves a request, and ends before it records this event."""

        def die(kind: str) -> None:
            if kind == event:
                raise Died

        self.before = die
        try:
            handle(self.rotation_service())
        except Died:
            return
        finally:
            self.before = lambda _: None
            self.time += timedelta(seconds=1)
        raise AssertionError(f"it never recorded {event}")

    def events(self) -> list[Event]:
        """What was written down of the credential, oldest first."""
        return events(self.database, credential=self.credential)


def away(_name: str) -> None:
    """What an org that is away does to a call."""
    raise OrgUnavailable("The org is away.", rerun="Run it again.")


def full(_kind: str) -> None:
    """What a full disk does to the history."""
    raise HistoryUnavailable("The disk is full.", hint="Make room.")
