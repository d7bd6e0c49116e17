"""The configured program: settings, and the adapters that they name, each made when it is first used."""

# ruff: noqa: PLC0415 - an adapter's libraries take up to half a second to import; a command pays for those it uses

from __future__ import annotations

import os
import socket
from contextlib import nullcontext, suppress
from copy import copy
from functools import cached_property, partial
from typing import TYPE_CHECKING, Self

from rotator.errors import OrgError, concerning, naming
from rotator.process import seconds_since_start, start_of_machine
from rotator.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from rotator.config.daemon import LimitSettings
    from rotator.core.credentials import Version
    from rotator.core.kept import Kept
    from rotator.core.logins import LoginAnswer
    from rotator.core.observed import Kind
    from rotator.core.retry import Waiting
    from rotator.queue.remembered import Remembered
    from rotator.salesforce.access.login_history import LoginHistory
    from rotator.salesforce.access.org_access import OrgAccess
    from rotator.salesforce.apps.org_apps import OrgApps
    from rotator.salesforce.budget import Budget, Calls
    from rotator.salesforce.client_secrets import ClientSecrets, Pairs
    from rotator.salesforce.inventory.org_inventory import Inventory
    from rotator.salesforce.kept_answers import KeptAnswers
    from rotator.salesforce.metadata import MetadataService
    from rotator.salesforce.session import OrgSession
    from rotator.salesforce.transport import Transport
    from rotator.salesforce.writing.component_writer import ComponentWriter, DeploymentLog
    from rotator.services.inventory.credential_history import CredentialHistory
    from rotator.services.inventory.live_apps import ReadApp
    from rotator.services.inventory.scan import Scan
    from rotator.services.inventory.status import CredentialStatus
    from rotator.services.inventory.whole_looks import LastSeenIn, WholeLook, WholeLooks
    from rotator.services.posture.auditing import Audit
    from rotator.services.rotation.observer import CredentialContext
    from rotator.services.rotation.report import Listener
    from rotator.services.rotation.rotation_service import RotationService
    from rotator.services.schedule.memory.service_memory import ServiceMemory
    from rotator.services.usage.noted_logins import NotedLogins
    from rotator.services.usage.users_before import AppUse


class Application(Program):
    """Wires settings to the adapters of orgs and credentials as well."""

    SHARED = ("budgets", "kept_answers", "kept_looks", "whole_looks")

    def go_on_from(self, before: Self) -> None:
        """See Program. An org that is configured in another way is met as if for the first time."""
        orgs = self.settings.orgs_as_in(before.settings)
        self.kept_answers = before.kept_answers.of(orgs)
        self.kept_looks = before.kept_looks.of(orgs.__contains__)
        limits = {name: org.limits for name, org in before.settings.orgs.items()}
        self.budgets.update(
            (name, before.budgets[name]) for name, org in self.settings.orgs.items() if limits.get(name) == org.limits
        )

    @cached_property
    def _transports(self) -> dict[str, Transport]:
        return {}

    @cached_property
    def _sessions(self) -> dict[str, OrgSession]:
        return {}

    @cached_property
    def _secrets(self) -> dict[str, ClientSecrets]:
        return {}

    @cached_property
    def budgets(self) -> dict[str, Budget]:
        """What each org was asked for in the last hour: by this program and its forks, or by all over one history."""
        from rotator.salesforce.budget import Budget

        return {name: Budget(name, self._calls(name, org.limits)) for name, org in self.settings.orgs.items()}

    def _calls(self, org: str, limits: LimitSettings) -> Calls:
        from rotator.salesforce.budget import OwnCalls

        own = OwnCalls(calls_per_hour=limits.calls_per_hour, logins_per_hour=limits.logins_per_hour, now=self.now)
        if self.is_over_a_file:
            return own
        from rotator.queue.org_calls import SharedCalls

        return SharedCalls(
            lambda: self.jobs,
            org,
            own,
            calls_per_hour=limits.calls_per_hour,
            logins_per_hour=limits.logins_per_hour,
            now=self.now,
        )

    def room_at(self, org: str) -> datetime | None:
        """When the limits of an org leave room for something new; None when there is room now."""
        return self.budgets[org].room_at()

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
            from rotator.salesforce.session import OrgSession, note_nothing
            from rotator.services.rotation.own_login import own_login

            candidates = own_login(self.settings, name, store=self.store, environ=self.environ)
            begins = self.noted_logins(name).begins if self.org(name).logs_in_by_credential else note_nothing
            kept = self.kept_answers.sessions
            transport, fence = self.transport(name), self.fence.check
            session = OrgSession(name, transport, candidates, self.now, kept=kept, begins=begins, before_change=fence)
            self._sessions[name] = naming(session, org=name)
        return self._sessions[name]

    @cached_property
    def _failed_logins(self) -> dict[str, list[OrgError]]:
        return {}

    def open_session(self, org: str) -> OrgSession:
        """The same, logged in: for one of many credentials of an org. Raises what a login raises, too.

        Where the org has refused that, or was away two times in a row, it is not asked again for each of the others.
        """
        failed = self._failed_logins.setdefault(org, [])
        if failed and (len(failed) > 1 or not failed[-1].transient):
            raise copy(failed[-1])
        session = self.org_session(org)
        try:
            session.ensure_open()
        except OrgError as error:
            failed.append(copy(error))
            raise
        failed.clear()
        return session

    def noted_logins(self, org: str) -> NotedLogins:
        """Writes down the program's own logins to an org, where consumers may log in as the same user."""
        from rotator.services.usage.noted_logins import NotedLogins

        return NotedLogins(lambda: self.database, org, self.now)

    def login_history(self, org: str) -> LoginHistory:
        """Who logged in to an org. Raises what `org_session` raises."""
        from rotator.salesforce.access.login_history import LoginHistory

        return naming(LoginHistory(self.org_session(org)), org=org)

    def users_before(self, org: str, names: Sequence[str]) -> dict[str, AppUse]:
        """Who uses credentials of an org. Raises HistoryError; what an org refuses is in the result."""
        from rotator.salesforce.access.last_uses import LastUses
        from rotator.salesforce.access.org_records import OrgRecords
        from rotator.services.usage.users_before import UsersBefore

        tokens = LastUses(OrgRecords(self.org_session(org), self.metadata(org).waiting))
        return UsersBefore(self.settings, self.database, org).of(names, self.login_history(org), tokens, self.now())

    def apps(self, org: str, log: DeploymentLog | None = None) -> OrgApps:
        """The apps of an org, to be written with a `log`. Raises what `org_session` raises."""
        from rotator.salesforce.apps.org_apps import OrgApps

        kinds, kept, metadata = self.settings.kinds_of_apps(org), self.kept_answers, self.metadata(org)
        writer = self._writer(org, log) if log else None
        return naming(OrgApps(self.org_session(org), metadata, kinds=kinds, kept=kept.lists, writer=writer), org=org)

    def _writer(self, org: str, log: DeploymentLog) -> ComponentWriter:
        from rotator.salesforce.writing.component_writer import ComponentWriter

        return ComponentWriter.of(self.metadata(org), self.org(org), log, self.kept_answers.not_updated)

    def access(self, name: str) -> OrgAccess:
        """What lets a credential's user in, and what was given out to him. Raises what `org_session` raises."""
        from rotator.history.journal.unended import JournalledDeployments
        from rotator.salesforce.access.org_access import OrgAccess

        org = self.credential(name).org
        apps = self.apps(org, JournalledDeployments(self.journal, name, self.now))
        return naming(OrgAccess(self.org_session(org), apps, self.waiting), org=org)

    def client_secrets(self, org: str) -> ClientSecrets:
        """Consumer keys and secrets of an org's apps. Raises what `org_session` raises."""
        from rotator.salesforce.client_secrets import ClientSecrets

        if org not in self._secrets:
            kinds_of = partial(self._kinds_shown, org)
            secrets = ClientSecrets(self.org_session(org), self.kept_answers.consumers, kinds_of)
            self._secrets[org] = naming(secrets, org=org)
        return self._secrets[org]

    def _kinds_shown(self, org: str, app: str) -> Collection[Kind]:
        """The kinds in which an org lists an app to the program's user; none where it lists nothing."""
        from rotator.salesforce.apps.directory import AppDirectory

        with suppress(OrgError):
            return AppDirectory(self.metadata(org), self.kept_answers.lists).listed().kinds_of(app)
        return ()

    def read_pairs(self, org: str, app: str) -> Pairs:
        """What the consumer of an app has. Raises why there is none, and why it cannot be read."""
        secrets = self.client_secrets(org)
        if pairs := secrets.read(app):
            return pairs
        raise secrets.absent(app)

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

        if not self.is_one_of_many:
            return WholeLooks(self.settings, self.kept_looks)
        from rotator.services.inventory.shared_looks import SharedLooks

        return WholeLooks(self.settings, SharedLooks(self._remembered()))

    @cached_property
    def kept_looks(self) -> Kept[WholeLook]:
        """What `whole_looks` remembers, where no other process looks at the same orgs."""
        from rotator.services.inventory.whole_looks import no_looks

        return no_looks()

    def service_memory(self) -> ServiceMemory:
        """What the jobs of a service leave for each other: its own, or that of all who share the history."""
        from rotator.services.schedule.memory.service_memory import ServiceMemory, shared_memory

        if not self.is_one_of_many:
            return ServiceMemory()
        from rotator.queue.configurations import Configurations

        others, pid, host = Configurations(self.database), os.getpid(), socket.gethostname()
        return shared_memory(self._remembered(), self.settings, others, pid=pid, host=host)

    def _remembered(self) -> Remembered:
        from rotator.queue.remembered import Remembered

        return Remembered(self.database)

    @cached_property
    def kept_answers(self) -> KeptAnswers:
        """What orgs said to this program and its forks, for those who come next."""
        from rotator.salesforce.kept_answers import KeptAnswers

        return KeptAnswers()

    def credential_context(self, name: str) -> CredentialContext:
        """A credential with its adapters, logged in to its org. Raises what `open_session` raises."""
        from rotator.history.journal.unended import JournalledDeployments
        from rotator.history.last_observations import note_observation
        from rotator.salesforce.login import LoginTarget, proof_of, prove
        from rotator.services.inventory.credential_history import histories_of
        from rotator.services.rotation.observer import CredentialContext

        settings = self.credential(name)
        self.open_session(settings.org)

        def test_login(version: Version) -> LoginAnswer:
            org_id = self.org_session(settings.org).org_id
            return prove(self.transport(settings.org), LoginTarget.of(version, org_id), proof_of(version), self.now())

        return CredentialContext(
            name=name,
            settings=settings,
            org=self.org(settings.org),
            store=self.store(settings.store),
            apps=self.apps(settings.org, JournalledDeployments(self.journal, name, self.now)),
            prove=self.noted_logins(settings.org).around(test_login),
            last_promotion=lambda: self.journal.last_promotion(name),
            open_rotation=lambda: self.journal.open_rotation(name),
            known=lambda: self.journal.credential_record(name),
            last_sent=lambda: self.journal.last_sent(name),
            note=lambda seen, held: note_observation(self.fenced, name, seen, held, self.now()),
            secrets=self.client_secrets(settings.org) if settings.has_secret else None,
            confirmation=lambda seen: histories_of(self.database, [name])[name].confirmation(settings, seen),
            is_staging=lambda: self.journal.is_staging(name),
            own_apps=self.settings.own_apps(settings.org),
        )

    def rotation_service(
        self,
        name: str,
        *,
        listener: Listener,
        stop_asked: Callable[[], bool],
        client_ids: Mapping[str, str] | None = None,
    ) -> RotationService:
        """Takes requests for a credential. Raises ConfigurationError, and what `credential_context` raises."""
        from rotator.services.rotation.rotation_service import RotationService
        from rotator.services.rotation.run import RunContext

        def run_context(rotation_id: str | None) -> RunContext:
            def record(kind: str, **details: str | float | bool | None) -> None:
                self.journal.record(kind, now=self.now(), credential=name, rotation_id=rotation_id, **details)

            start = start_of_machine() if self.elapsed is seconds_since_start else ""
            return RunContext(self.now, self.sleep, self.elapsed, record, stop_asked, listener, counted_from=start)

        access = partial(self.access, name)
        context = self.credential_context(name)
        return RotationService(context, self.journal, self.fenced_locks, run_context, access, client_ids)

    def scan(self, now: datetime) -> list[Scan]:
        """Looks at every org, and records what it saw; what cannot be read or written is told in the result."""
        from rotator.services.inventory.scan import scans

        return scans(self, now)

    def audit(self, orgs: Collection[str]) -> Audit:
        """What good practice finds in some orgs and their credentials, for who does not wait. Raises HistoryError."""
        from rotator.services.inventory.side_by_side import unhurried
        from rotator.services.posture.auditing import audit

        _ = self.database  # before the threads need it
        return audit(self, orgs=orgs, at_once=unhurried(len(orgs)))

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
            return partial(self.fork, limited=self._is_limited)
        return lambda: nullcontext(self)

    def metadata(self, org: str) -> MetadataService:
        """Metadata calls in an org. Raises what `org_session` raises."""
        from rotator.salesforce.metadata import MetadataService

        return naming(MetadataService(self.org_session(org), self.waiting), org=org)

    @property
    def waiting(self) -> Waiting:
        """How long a call to an org is tried."""
        from rotator.core.retry import Waiting
        from rotator.salesforce.metadata import PATIENCE

        return Waiting(PATIENCE, sleep=self.sleep, elapsed=self.elapsed)
