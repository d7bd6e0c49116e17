"""The configured program: settings, and the adapters that they name, each made when it is first used."""

# ruff: noqa: PLC0415 - an adapter's libraries take up to half a second to import; a command pays for those it uses

from __future__ import annotations

import os
import time
from contextlib import ExitStack, nullcontext, suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Self, TypeVar

from rotator.config.loading import load, locate, named
from rotator.entry_points import Surroundings
from rotator.errors import HistoryError, concerning, naming
from rotator.process import seconds_since_start, start_of_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from rotator.alerts.base import Channel
    from rotator.config.settings import CredentialSettings, OrgSettings, Settings
    from rotator.core.credentials import Version
    from rotator.core.logins import LoginAnswer
    from rotator.history.engine.database import Database
    from rotator.history.journal.journal import Journal
    from rotator.history.locks.locks import RotationLocks
    from rotator.history.opening import Use
    from rotator.salesforce.apps.org_apps import OrgApps
    from rotator.salesforce.budget import Budget
    from rotator.salesforce.client_secrets import ClientSecrets, Pairs
    from rotator.salesforce.inventory.org_inventory import Inventory
    from rotator.salesforce.kept_answers import KeptAnswers
    from rotator.salesforce.metadata import MetadataService
    from rotator.salesforce.session import OrgSession
    from rotator.salesforce.transport import Transport
    from rotator.salesforce.writing.component_writer import DeploymentLog
    from rotator.services.inventory.credential_history import CredentialHistory
    from rotator.services.inventory.live_apps import ReadApp
    from rotator.services.inventory.scan import Scan
    from rotator.services.inventory.status import CredentialStatus
    from rotator.services.inventory.whole_looks import LastSeenIn, WholeLooks
    from rotator.services.rotation.observer import CredentialContext
    from rotator.services.rotation.report import Listener
    from rotator.services.rotation.service import RotationService
    from rotator.stores.base import Store

_T = TypeVar("_T")

_SHARED = ("budgets", "kept_answers", "whole_looks")
"""What a program and its forks have together."""


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Application:
    """Wires settings to adapters. Use it in a `with` statement: what it opened is closed at the end."""

    def __init__(
        self,
        settings: Settings,
        *,
        environ: Mapping[str, str],
        config: Path | None = None,
        now: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        elapsed: Callable[[], float] | None = None,
    ) -> None:
        """`elapsed` counts seconds by a clock that nobody sets: the machine's, or `now` where that is another."""
        self.settings = settings
        self.config = config
        self.environ = environ
        self.now = now
        self.sleep = sleep
        self.elapsed = elapsed or (seconds_since_start if now is utc_now else lambda: now().timestamp())
        self.use_of_history: Use = "write"
        self.say: Callable[[str], None] | None = None
        self.upgrade_beforehand: Callable[[], None] | None = None
        """Has the tables upgraded in another way than by this process, which goes on without if that fails."""
        self._opened = ExitStack()
        self._stores: dict[str, Store] = {}
        self._transports: dict[str, Transport] = {}
        self._sessions: dict[str, OrgSession] = {}
        self._is_limited = False
        self._history_of: Application | None = None

    @classmethod
    def configured(cls, config: Path | None = None, environ: Mapping[str, str] | None = None) -> Self:
        """The program as config.yaml has it (`rotator.config.loading.locate`). Raises ConfigurationError."""
        variables = os.environ if environ is None else environ
        path = locate(config, variables)
        return cls(load(path), environ=variables, config=path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes what was opened, the last first."""
        self._opened.close()

    def fork(self, *, settings: Settings | None = None, limited: bool = False) -> Self:
        """The same program for another thread: sessions, connections and stores of its own, closed with it.

        Shared are the history, the count of calls to each org, its session, and when all of it was read; `limited` ends
        its calls when `limits` are reached. Other `settings` of the same database are for a configuration that was read
        again: of all that, only the history is shared.
        """
        forked = type(self)(
            settings or self.settings,
            environ=self.environ,
            config=self.config,
            now=self.now,
            sleep=self.sleep,
            elapsed=self.elapsed,
        )
        shared = {} if settings else {name: getattr(self, name) for name in _SHARED}
        forked.__dict__.update(_history_of=self, _is_limited=limited, **shared)
        return forked

    @cached_property
    def database(self) -> Database:
        """The history database, upgraded to this release. Raises HistoryError."""
        if self._history_of:
            return self._history_of.database
        from rotator.history.installation import Installation
        from rotator.history.opening import configured_history

        installation = Installation(self.config, self.environ)
        opening = configured_history(
            self.settings,
            self.environ,
            installation,
            self.use_of_history,
            say=self.say,
            beforehand=self.upgrade_beforehand,
        )
        return self._opened.enter_context(opening)

    @cached_property
    def journal(self) -> Journal:
        """Where rotations and events are written down."""
        from rotator.history.journal.journal import Journal

        return Journal(self.database)

    @cached_property
    def locks(self) -> RotationLocks:
        """One rotation of a credential at a time."""
        return self.database.rotation_locks(self.now)

    def credential(self, name: str) -> CredentialSettings:
        """A credential's settings. Raises ConfigurationError for a name that is not configured."""
        return named(self.settings.credentials, name, "credential")

    def org(self, name: str) -> OrgSettings:
        """An org's settings. Raises ConfigurationError for a name that is not configured."""
        return named(self.settings.orgs, name, "org")

    def channel(self, name: str) -> Channel:
        """A place where people read. Raises ConfigurationError for one that is not configured or cannot be used."""
        from rotator.alerts.plugins import open_channel

        settings = named(self.settings.alerts.channels, name, "channel")
        channel = open_channel(name, settings, self._surroundings())
        self._opened.callback(channel.close)
        return channel

    def store(self, name: str) -> Store:
        """A store by its name. Raises ConfigurationError for a name that is not configured."""
        if name not in self._stores:
            from rotator.stores.plugins import store_plugin

            settings = named(self.settings.stores, name, "store")
            store = store_plugin(settings.type).open(name, settings, self._surroundings())
            self._stores[name] = naming(store, store=name)
        return self._stores[name]

    def _surroundings(self) -> Surroundings:
        return Surroundings(self.environ, self.now, self.sleep, at_end=self._opened.callback, elapsed=self.elapsed)

    @cached_property
    def budgets(self) -> dict[str, Budget]:
        """What each org was asked for in the last hour, by this program and its forks."""
        from rotator.salesforce.budget import Budget

        limits = {name: org.limits for name, org in self.settings.orgs.items()}
        return {
            name: Budget(name, calls_per_hour=each.calls_per_hour, logins_per_hour=each.logins_per_hour, now=self.now)
            for name, each in limits.items()
        }

    def room_at(self, org: str) -> datetime | None:
        """When the limits of an org leave room for something new; None when there is room now."""
        return self.budgets[org].room_at()

    def send_heartbeat(self) -> None:
        """Calls the outside monitor that is configured. Raises DeliveryFailed, and ConfigurationError."""
        from rotator.alerts.heartbeat import send_heartbeat

        if heartbeat := self.settings.daemon.heartbeat:
            timeout = heartbeat.timeout.total_seconds()
            send_heartbeat(heartbeat.url.resolve(self.environ), timeout=timeout, ca=heartbeat.ca)

    def transport(self, org: str) -> Transport:
        """HTTPS to an org, with its authorities, proxy and limits. Raises ConfigurationError."""
        if org not in self._transports:
            self._transports[org] = self.new_transport(org)
        return self._transports[org]

    def new_transport(self, org: str) -> Transport:
        """HTTPS to an org over connections of its own, for another thread. Raises ConfigurationError."""
        from rotator.net.limits import Limits
        from rotator.salesforce.transport import Transport

        settings, budget = self.org(org), self.budgets[org]
        transport = Transport(
            ca=settings.ca,
            proxy=settings.proxy,
            limits=Limits.of(settings.connect_timeout, settings.read_timeout, settings.total_timeout),
            instance_domains=settings.instance_domains,
            before=budget.claim if self._is_limited else budget.count,
        )
        self._opened.callback(transport.close)
        return transport

    def org_session(self, name: str) -> OrgSession:
        """The program's own login to an org, kept. Raises ConfigurationError, and StoreError without its key."""
        if name not in self._sessions:
            from rotator.salesforce.session import OrgSession
            from rotator.services.rotation.own_login import own_login

            self.org(name)
            candidates = own_login(self.settings, name, store=self.store, environ=self.environ)
            session = OrgSession(name, self.transport(name), candidates, self.now, kept=self.kept_answers.sessions)
            self._sessions[name] = naming(session, org=name)
        return self._sessions[name]

    def apps(self, org: str, log: DeploymentLog | None = None) -> OrgApps:
        """The apps of an org, to be written with a `log`. Raises what `org_session` raises."""
        from rotator.salesforce.apps.org_apps import OrgApps
        from rotator.salesforce.writing.component_writer import ComponentWriter

        kinds, kept, metadata = self.settings.kinds_of_apps(org), self.kept_answers, self.metadata(org)
        writer = ComponentWriter.of(metadata, self.org(org), log, kept.not_updated) if log else None
        return naming(OrgApps(self.org_session(org), metadata, kinds=kinds, kept=kept.lists, writer=writer), org=org)

    def client_secrets(self, org: str) -> ClientSecrets:
        """Consumer keys and secrets of an org's apps. Raises what `org_session` raises."""
        from rotator.salesforce.client_secrets import ClientSecrets

        return naming(ClientSecrets(self.org_session(org)), org=org)

    def read_pairs(self, org: str, app: str) -> Pairs | None:
        """What the consumer of an app has; None where it is missing. Raises why it cannot be read."""
        return self.client_secrets(org).read(app)

    def inventory(self, org: str, *, last_seen: LastSeenIn | None = None) -> Inventory:
        """Everything in an org that holds a certificate. Raises what `org_session`, a login and a read raise.

        With `last_seen` only what is newer is read, but for once in a while (`rotator.services.inventory.whole_looks`).
        """
        session, metadata = self.org_session(org), self.metadata(org)
        with concerning(org=org):
            return self.whole_looks.inventory(session, metadata, last_seen, self.now())

    def read_all_of(self, org: str) -> None:
        """At the next inventory all of an org is read."""
        self.whole_looks.distrust(org)

    @cached_property
    def whole_looks(self) -> WholeLooks:
        """When all of each org was last read, by this program and its forks."""
        from rotator.services.inventory.whole_looks import WholeLooks

        return WholeLooks(self.settings)

    @cached_property
    def kept_answers(self) -> KeptAnswers:
        """What orgs said to this program and its forks, for those who come next."""
        from rotator.salesforce.kept_answers import KeptAnswers

        return KeptAnswers()

    def credential_context(self, name: str) -> CredentialContext:
        """A credential with its adapters, logged in to its org. Raises what `org_session` and a login raise."""
        from rotator.history.journal.unended import JournalledDeployments
        from rotator.history.last_observations import note_observation
        from rotator.salesforce.login import LoginTarget, proof_of, prove
        from rotator.services.rotation.observer import CredentialContext

        settings = self.credential(name)
        self.org_session(settings.org).ensure_open()

        def test_login(version: Version) -> LoginAnswer:
            org_id = self.org_session(settings.org).org_id
            return prove(self.transport(settings.org), LoginTarget.of(version, org_id), proof_of(version), self.now())

        return CredentialContext(
            name=name,
            settings=settings,
            org=self.org(settings.org),
            store=self.store(settings.store),
            apps=self.apps(settings.org, JournalledDeployments(self.journal, name, self.now)),
            prove=test_login,
            last_promotion=lambda: self.journal.last_promotion(name),
            open_rotation=lambda: self.journal.open_rotation(name),
            gap_is_open=lambda: self.journal.credential_record(name).refused_since is not None,
            last_sent=lambda: self.journal.last_sent(name),
            note=lambda seen, held: note_observation(self.database, name, seen, held, self.now()),
            secrets=self.client_secrets(settings.org) if settings.has_secret else None,
            is_staging=lambda: self.journal.is_staging(name),
        )

    def rotation_service(self, name: str, *, listener: Listener, stop_asked: Callable[[], bool]) -> RotationService:
        """Takes requests for a credential. Raises ConfigurationError, and what `credential_context` raises."""
        from rotator.services.rotation.run import RunContext
        from rotator.services.rotation.service import RotationService

        def run_context(rotation_id: str | None) -> RunContext:
            def record(kind: str, **details: str | float | bool | None) -> None:
                self.journal.record(kind, now=self.now(), credential=name, rotation_id=rotation_id, **details)

            start = start_of_machine() if self.elapsed is seconds_since_start else ""
            return RunContext(self.now, self.sleep, self.elapsed, record, stop_asked, listener, counted_from=start)

        return RotationService(self.credential_context(name), self.journal, self.locks, run_context)

    def scan(self, now: datetime) -> list[Scan]:
        """Looks at every org, and records what it saw; what cannot be read or written is told in the result."""
        from rotator.services.inventory.scan import recorded
        from rotator.services.inventory.side_by_side import side_by_side

        def look(org: str) -> Scan:
            with self.beside(self.settings.orgs)() as program:
                return program._scan(org, now)  # noqa: SLF001 - it is this program, or a fork

        with suppress(HistoryError):
            _ = self.database  # before the threads need it; each look tells that it is away
        return [recorded(self.database, found, self.now()) for found in side_by_side(look, [*self.settings.orgs])]

    def _scan(self, org: str, now: datetime) -> Scan:
        from rotator.history.sightings import last_sightings
        from rotator.services.inventory.scan import scan

        return scan(
            self.settings,
            org,
            read_org=self.inventory,
            store=self.store,
            last_seen=lambda name: last_sightings(self.database, name),
            histories=self.histories,
            now=now,
            read_pairs=self.read_pairs,
        )

    def histories(self) -> dict[str, CredentialHistory]:
        """What the history knows of each credential, and who is rotating it. Raises HistoryError."""
        from rotator.services.inventory.credential_history import histories

        return histories(self.database, self.settings.credentials)

    def statuses(
        self, names: Sequence[str], now: datetime, *, read_app: ReadApp | None = None
    ) -> list[CredentialStatus]:
        """Where these credentials stand, or all; `read_app` has read their apps already. Raises ConfigurationError."""
        from rotator.services.inventory.live_apps import live_apps
        from rotator.services.inventory.status import StatusReader

        credentials = [self.credential(name) for name in names or self.settings.credentials]
        wanted = [(each.org, app) for each in credentials if not each.has_secret for app in each.app_names]
        held = read_app or live_apps(wanted, self.beside({org for org, _ in wanted}))
        of, pairs = self.histories, self.read_pairs
        reader = StatusReader(self.settings, read_app=held, store=self.store, histories=of, now=now, read_pairs=pairs)
        return reader.all(names)

    def beside(self, orgs: Collection[str]) -> Callable[[], AbstractContextManager[Application]]:
        """What each thread works with that asks one of these orgs: itself, where there is no other."""
        if len(orgs) > 1:
            return self.fork
        return lambda: nullcontext(self)

    def metadata(self, org: str) -> MetadataService:
        """Metadata calls in an org. Raises what `org_session` raises."""
        from rotator.core.retry import Waiting
        from rotator.salesforce.metadata import PATIENCE, MetadataService

        waiting = Waiting(PATIENCE, sleep=self.sleep, elapsed=self.elapsed)
        return naming(MetadataService(self.org_session(org), waiting), org=org)
