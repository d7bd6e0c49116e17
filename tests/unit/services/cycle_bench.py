"""A daemon's cycle over one org with one credential: store, org and channel in memory, a real history."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from rotator.alerts.base import DeliveryFailed
from rotator.config.loading import parse
from rotator.core.actor import Actor
from rotator.core.attempts import AttemptRecord
from rotator.core.observed import ObservedCertificate
from rotator.salesforce.access.login_history import LoginsRead
from rotator.salesforce.inventory.org_inventory import Inventory
from rotator.services.inventory.live_pairs import no_pairs
from rotator.services.posture.auditing import Audit
from rotator.services.rotation.report import Silent
from rotator.services.schedule.context import ServiceContext
from rotator.services.schedule.cycle import Cycle
from rotator.services.schedule.jobs import JobKind
from rotator.services.schedule.memory.service_memory import ServiceMemory
from tests.unit.services.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from rotator.alerts.base import Message
    from rotator.core.alert import Alert
    from rotator.core.hook import HookCall
    from rotator.core.posture.assessment import Result
    from rotator.core.usage.login_rows import LoginRow
    from rotator.errors import RotatorError
    from rotator.history.engine.database import Database
    from rotator.history.locks.locks import RotationLocks
    from rotator.salesforce.client_secrets import Pairs
    from rotator.salesforce.inventory.reading import Unread
    from rotator.services.rotation.observer import CredentialContext
    from rotator.services.rotation.report import Listener
    from rotator.services.rotation.rotation_service import RotationService
    from rotator.services.schedule.jobs import Job

_CONFIGURATION: Final = """
database: sqlite:///rotator.db
orgs:
  production:
    login_url: https://example.my.salesforce.com
    login: {{client_id: key, username: rotator@example.com, private_key: {{env: ROTATOR_KEY}}}}
stores: {{keys: {{type: files, path: store}}}}
credentials:
  {name}: {{org: production, store: keys, username: user@example.com, apps: [{apps}]{options}}}
rotation: {{verification: {{confirmations: 1, hold: 0s, timeout: 2m}}}}
alerts:
  channels:
    slack: {{type: slack-webhook, url: {{env: WEBHOOK}}{channel}}}
daemon: {{first_rotations_after: {first_rotations_after}, heartbeat: {{url: {{env: HEARTBEAT}}}}{daemon}}}
{more}
"""


@dataclass
class Logins:
    """A login history (`rotator.salesforce.access.login_history.LoginHistory`), and what it was asked for."""

    rows: list[LoginRow] = field(default_factory=list)
    fails: RotatorError | None = None
    most: int = 10_000
    asked: list[tuple[set[str], datetime]] = field(default_factory=list)
    own_user_id: str = "005000000000099"

    def user_ids(self, usernames: Iterable[str]) -> dict[str, str]:
        return {name: f"005{number:012}" for number, name in enumerate(usernames, 1) if name != "nobody@example.com"}

    def read(self, user_ids: Iterable[str], since: datetime) -> LoginsRead:
        wanted = set(user_ids)
        self.asked.append((wanted, since))
        if self.fails:
            raise self.fails
        found = sorted((row for row in self.rows if row.user_id in wanted and row.at >= since), key=lambda row: row.at)
        return LoginsRead(tuple(found[::-1][: self.most]), is_cut=len(found) > self.most)


@dataclass
class Outside:
    """One org, one credential, one channel, one monitor, and how each of them is just now."""

    bench: Bench
    org_fails: RotatorError | None = None
    store_fails: RotatorError | None = None
    monitor_fails: bool = False
    channel_fails: DeliveryFailed | None = None
    full_until: datetime | None = None
    """The limits of the org are reached until then."""
    others: list[ObservedCertificate] = field(default_factory=list)
    """What else is in the org."""
    unread: tuple[Unread, ...] = ()
    """What the org does not show."""
    org_access: Any = None
    """What lets the user in."""
    logins: Logins = field(default_factory=Logins)
    """The org's login history."""
    results: tuple[Result, ...] = ()
    """What an audit finds."""
    unaudited: dict[str, RotatorError] = field(default_factory=dict)
    audited: list[list[str]] = field(default_factory=list)
    """The orgs of each audit."""
    hook_fails: RotatorError | None = None
    calls: list[HookCall] = field(default_factory=list)
    """What hooks were called with."""
    told: list[Message] = field(default_factory=list)
    beats: list[datetime] = field(default_factory=list)
    opened: int = 0
    distrusted: list[str] = field(default_factory=list)
    """Orgs whose dates do not tell what has changed."""
    limited: list[bool] = field(default_factory=list)
    name: str = "slack"
    digest_from: int = 100
    has_threads: bool = True

    @contextmanager
    def open_adapters(self, *, limited: bool = False) -> Iterator[Outside]:
        """See rotator.services.schedule.context.OpenJobContext."""
        self.limited.append(limited)
        self.opened += 1
        try:
            yield self
        finally:
            self.opened -= 1

    # rotator.services.schedule.context.JobContext

    @property
    def fenced_locks(self) -> RotationLocks:
        return self.bench.database.rotation_locks(self.bench.now)

    def room_at(self, _org: str) -> datetime | None:
        return self.full_until if self.full_until and self.full_until > self.bench.time else None

    def read_pairs(self, org: str, app: str) -> Pairs:
        return no_pairs(org, app)

    def audit(self, orgs: Collection[str]) -> Audit:
        self.audited.append(sorted(orgs))
        results = tuple(each for each in self.results if each.org in orgs)
        return Audit(self.bench.time, results, unread=self.unaudited)

    def read_all_of(self, org: str) -> None:
        self.distrusted.append(org)

    def login_history(self, _org: str) -> Any:
        return self.logins

    def access(self, _name: str) -> Any:
        return self.org_access

    def inventory(self, org: str, *, last_seen: object = None) -> Inventory:  # noqa: ARG002
        if self.org_fails:
            raise self.org_fails
        apps = self.bench.settings.credentials[self.bench.credential].app_names
        return Inventory((*(self._entry(org, app) for app in apps), *self.others), self.unread)

    def _entry(self, org: str, app: str) -> ObservedCertificate:
        found = self.bench.read(app)
        assert found
        held = ObservedCertificate(org=org, app=app, type=found.kind, client_id=found.client_id)
        return held.holding(found.certificate)

    def store(self, _name: str) -> Any:
        if self.store_fails:
            raise self.store_fails
        return self.bench.store

    def credential_context(self, _name: str) -> CredentialContext:
        if self.org_fails:
            raise self.org_fails
        return self.bench.credential_context

    def rotation_service(self, _name: str, *, listener: Listener, stop_asked: Callable[[], bool]) -> RotationService:  # noqa: ARG002
        return self.bench.rotation_service()

    def hook(self, name: str) -> Any:
        return SimpleNamespace(name=name, call=self._call, check=str)

    def _call(self, call: HookCall) -> str:
        self.calls.append(call)
        if self.hook_fails:
            raise self.hook_fails
        return "done"

    def channel(self, _name: str) -> Any:
        return self

    def send_heartbeat(self) -> None:
        if self.monitor_fails:
            raise DeliveryFailed("The monitor is away.", hint="Wait.")
        self.beats.append(self.bench.time)

    # rotator.alerts.base.Channel

    def send(self, message: Message, *, thread: str | None) -> str:  # noqa: ARG002
        if self.channel_fails:
            raise self.channel_fails
        self.told.append(message)
        return "thread"

    def send_digest(self, messages: Sequence[Message]) -> str:
        self.told += messages
        return "thread"


@dataclass
class CycleBench:
    """A cycle, and what it works on."""

    outside: Outside
    context: ServiceContext
    cycle: Cycle
    is_neglected: bool = False
    """Whether its history is verified and tidied up when that is due, which takes as long as all else of a day."""
    at_end: ExitStack = field(default_factory=ExitStack)
    """What goes on until a test ends it: a lock that another process holds."""

    def __post_init__(self) -> None:
        self._looked_after()

    @property
    def bench(self) -> Bench:
        """Store, apps and clock."""
        return self.outside.bench

    def restart(self) -> None:
        """Another process takes over."""
        self.context = replace(self.context, memory=ServiceMemory())
        self.cycle = Cycle(self.context)

    def due(self) -> set[str]:
        """What is due, in words."""
        return {str(job) for job in self._confirmed(self.cycle.due())}

    def _confirmed(self, jobs: list[Job]) -> list[Job]:
        """Those that are due; the same are found by who looks at everything."""
        for agenda in (self.cycle._inventory.agenda, self.cycle._rotations.agenda):
            agenda.look_again()
        again = self.cycle.due()
        found = [str(job) for job in jobs]
        assert [str(job) for job in again] == found, f"{again} {jobs}"
        return jobs

    def work(self) -> None:
        """Does what is due, and what is due because of that."""
        self._looked_after()
        for _ in range(10):
            # Who looks at everything is asked at the end: what was overlooked before is due still.
            jobs = self.cycle.due() or self._confirmed([])
            if not jobs:
                return
            for job in jobs:
                job.run()
        raise AssertionError(f"there is no end of what is due: {jobs}")

    def _looked_after(self) -> None:
        """Unless a test is about that, the history was verified and tidied up just now."""
        if not self.is_neglected:
            done = AttemptRecord(JobKind.MAINTENANCE, "").succeeded(self.bench.time)
            self.context.history.attempts.put(done)

    @property
    def rotation(self) -> AttemptRecord:
        """The record of attempts at the credential."""
        return self.context.history.attempts.get(JobKind.ROTATE, self.bench.credential)

    @property
    def inventory(self) -> AttemptRecord:
        """The record of attempts at the org."""
        return self.context.history.attempts.get(JobKind.INVENTORY, "production")

    def open_kinds(self) -> set[str]:
        """The kinds of alerts that are open."""
        return {alert.kind for alert in self.context.history.alerts.open_alerts()}

    def alert(self, key: str) -> Alert:
        """The newest alert of a key."""
        return next(alert for alert in self.context.history.alerts.all() if alert.key == key)


def cycle_bench(
    database: Database,
    name: str = "billing",
    *,
    apps: str = "Billing",
    options: str = "",
    daemon: str = "",
    channel: str = "",
    more: str = "",
    first_rotations_after: str = "0s",
    is_neglected: bool = False,
    random: Callable[[], float] = lambda: 0.5,
) -> CycleBench:
    """A cycle over a credential whose first app is in use; `options` are the credential's, `daemon` of `daemon:`.

    `channel` is more of the channel, `more` are further sections. Unless it `is_neglected`, its history is always
    verified and tidied up already.
    """
    text = _CONFIGURATION.format(
        name=name,
        apps=apps,
        options=options,
        daemon=daemon,
        channel=channel,
        more=more,
        first_rotations_after=first_rotations_after,
    )
    settings = parse(text, Path("/nowhere/config.yaml"))
    bench = Bench(settings, database, name)
    outside = Outside(bench)
    context = ServiceContext(
        settings=settings,
        database=database,
        open_adapters=outside.open_adapters,
        now=bench.now,
        random=random,
        actor=Actor("rotator on a test"),
        stop_asked=lambda: bench.stop_asked,
        listener=lambda _: Silent(),
    )
    return CycleBench(outside, context, Cycle(context), is_neglected)
