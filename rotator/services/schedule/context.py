"""What jobs work with: the context that all share, and the adapters that each opens for itself.

Jobs run in threads, and nothing they use is shared unless it may be: the settings, which never change (a configuration
that is read again makes another context), the history, whose `UnitOfWork` takes a connection for each transaction, the
count of calls to each org, and the clock. Sessions, HTTPS connections and stores are a job's own. It opens them when it
begins and closes them when it ends (`rotator.application.Application.fork`), so that no lock is needed around them, and
nothing of a job that hangs or fails is left to the next.

What belongs together is written in one `UnitOfWork.transaction`. It is committed at its end, or rolled back by an
exception or a crash, and nobody else writes meanwhile: what was read in it is still so when it is written.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

from rotator.core.attempts import AttemptBackOff
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import Outbox
from rotator.history.attempt_records import AttemptRecords
from rotator.history.engine.transactions import Within
from rotator.history.journal.journal import Journal
from rotator.history.kept.kept_rows import KeptRows
from rotator.history.kept.parts import ATTEMPTS, STANDSTILLS, UNFINISHED
from rotator.history.last_observations import LastObservations
from rotator.services.alerting.rules import AlertRules
from rotator.services.hooks.hook_service import HookService
from rotator.services.inventory.schedules import schedules
from rotator.services.rotation.report import Silent
from rotator.services.schedule.jobs import Moment, is_still_configured
from rotator.services.schedule.memory.service_memory import ServiceMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from rotator.alerts.base import Channel
    from rotator.config.settings import Settings
    from rotator.core.actor import Actor
    from rotator.core.attempts import AttemptRecord
    from rotator.errors import RotatorError
    from rotator.history.engine.database import Database
    from rotator.history.engine.transactions import Transactions
    from rotator.history.locks.locks import RotationLocks
    from rotator.hooks.base import Hook
    from rotator.salesforce.access.login_history import LoginHistory
    from rotator.salesforce.access.org_access import OrgAccess
    from rotator.salesforce.client_secrets import Pairs
    from rotator.salesforce.inventory.org_inventory import Inventory
    from rotator.services.inventory.schedules import Schedules
    from rotator.services.inventory.whole_looks import LastSeenIn
    from rotator.services.posture.auditing import Audit
    from rotator.services.rotation.observer import CredentialContext
    from rotator.services.rotation.report import Listener
    from rotator.services.rotation.rotation_service import RotationService
    from rotator.stores.base import Store


class UnitOfWork:
    """The history as jobs see it: its tables side by side, each call in a transaction of its own.

    `transaction` gives the same in one transaction. Threads may share it. Everything raises HistoryError.
    """

    def __init__(self, settings: Settings, database: Transactions) -> None:
        self._settings: Final = settings
        self._database: Final = database

    @contextmanager
    def transaction(self) -> Iterator[UnitOfWork]:
        """One transaction: all that is written until its end or nothing, and nobody else writes in between."""
        with self._database.writing() as connection:
            yield UnitOfWork(self._settings, Within(connection))

    @property
    def database(self) -> Transactions:
        """Where the transactions come from."""
        return self._database

    @cached_property
    def attempts(self) -> AttemptRecords:
        """How everything that is tried again and again went so far."""
        return AttemptRecords(self._database)

    @cached_property
    def journal(self) -> Journal:
        """The rotations and their events."""
        return Journal(self._database)

    @cached_property
    def last_observations(self) -> LastObservations:
        """How each credential was last seen."""
        return LastObservations(self._database)

    @cached_property
    def alerts(self) -> AlertRecords:
        """The alerts, open and closed."""
        return AlertRecords(self._database)

    @cached_property
    def outbox(self) -> Outbox:
        """The notifications: who was told of which alert, and who is still to be told."""
        return Outbox(self._database)

    @cached_property
    def alerting(self) -> AlertRules:
        """Decides who is told of what."""
        return AlertRules(self._settings, self._database)


class JobAdapters(Protocol):
    """Sessions, connections and stores of one job in one thread (`rotator.application.Application.fork`).

    Jobs share the history and the count of calls to each org, and nothing else.
    """

    @property
    def fenced_locks(self) -> RotationLocks:
        """The locks of credentials: while one of them is held, and was lost, these adapters change nothing."""
        ...

    def room_at(self, org: str) -> datetime | None:
        """When the limits of an org leave room for something new; None when there is room now."""
        ...

    def inventory(self, org: str, *, last_seen: LastSeenIn | None = None) -> Inventory:
        """Everything that an org holds and that can expire. Raises what a login and a read raise.

        With `last_seen` only what is newer is read, but for once in a while.
        """
        ...

    def read_pairs(self, org: str, app: str) -> Pairs:
        """What the consumer of a client secret has. Raises why there is none, and why it cannot be read."""
        ...

    def login_history(self, org: str) -> LoginHistory:
        """Who logged in to an org. Raises what a login raises."""
        ...

    def audit(self, orgs: Collection[str]) -> Audit:
        """What good practice finds in some orgs and their credentials. Raises HistoryError alone."""
        ...

    def read_all_of(self, org: str) -> None:
        """At the next inventory all of an org is read, as its dates do not tell what has changed."""
        ...

    def store(self, name: str) -> Store:
        """A store by its name. Raises ConfigurationError."""
        ...

    def credential_context(self, name: str) -> CredentialContext:
        """A credential, and the program logged in to its org. Raises what a login raises."""
        ...

    def access(self, name: str) -> OrgAccess:
        """What lets a credential's user in, and what was given out to him. Raises what a login raises."""
        ...

    def rotation_service(self, name: str, *, listener: Listener, stop_asked: Callable[[], bool]) -> RotationService:
        """Takes requests for a credential. Raises what a login raises."""
        ...

    def channel(self, name: str) -> Channel:
        """A place where people read. Raises ConfigurationError."""
        ...

    def hook(self, name: str) -> Hook:
        """What is called after rotations. Raises ConfigurationError."""
        ...

    def send_heartbeat(self) -> None:
        """Tells the outside monitor that all is well. Raises DeliveryFailed."""
        ...


class OpenJobAdapters(Protocol):
    """Opens the adapters of one job, and closes them at its end."""

    def __call__(self, *, limited: bool = ...) -> AbstractContextManager[JobAdapters]:
        """`limited`: its calls to an org end with LimitReached when the org's limits are reached."""
        ...


def _nobody(_credential: str) -> Listener:
    return Silent()


@dataclass(frozen=True)
class ServiceContext:
    """What all jobs of a cycle share. Threads may share it, too."""

    settings: Settings
    database: Database
    open_adapters: OpenJobAdapters
    now: Callable[[], datetime]
    random: Callable[[], float]
    """A number from 0 to 1, for the pauses after failures and the jitter between inventories."""
    actor: Actor
    """Who begins rotations by schedule, such as `rotator on host7`."""
    stop_asked: Callable[[], bool] = lambda: False
    listener: Callable[[str], Listener] = field(default=_nobody)
    """Who follows a rotation of this credential."""
    memory: ServiceMemory = field(default_factory=ServiceMemory)
    """What jobs leave for whoever asks next what is due."""

    @cached_property
    def history(self) -> UnitOfWork:
        """The history, with its tables side by side."""
        return UnitOfWork(self.settings, self.database)

    @cached_property
    def hooks(self) -> HookService:
        """Calls hooks."""
        return HookService.of(self.settings, self.database, now=self.now, random=self.random)

    @property
    def alerting(self) -> AlertRules:
        """Decides who is told of what."""
        return self.history.alerting

    @property
    def back_off(self) -> AttemptBackOff:
        """How long to wait after failures."""
        configured = self.settings.daemon.back_off
        return AttemptBackOff(configured.first, configured.ceiling, configured.attention_after)

    def has(self, kind: str, name: str) -> bool:
        """Whether what was once tried is there still, in the configuration."""
        return is_still_configured(self.settings, kind, name)

    def schedules(self) -> Schedules:
        """When rotations may begin, as things are now. Raises HistoryError."""
        return schedules(self.settings, self.database)

    def moment(self) -> Moment:
        """Now, with the record of every earlier attempt. Raises HistoryError."""
        rows = self._rows.read(ATTEMPTS, STANDSTILLS, UNFINISHED)
        return Moment(self.now(), rows.of(ATTEMPTS), rows.of(STANDSTILLS), rows.of(UNFINISHED).keys())

    @cached_property
    def _rows(self) -> KeptRows:
        return KeptRows(self.database)

    def failed(self, attempt: AttemptRecord, error: RotatorError, *, circumstances: str = "") -> AttemptRecord:
        """The record after one more failure. It lasts unless something was only away for a while."""
        return attempt.failed(
            self.now(),
            self.back_off,
            problem=error.message,
            hint=error.hint,
            lasting=not error.transient,
            jitter=self.random(),
            circumstances=circumstances,
        )
