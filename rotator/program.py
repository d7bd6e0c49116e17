"""The configured program without its orgs: history, stores, channels, each made when it is first used."""

# ruff: noqa: PLC0415 - an adapter's libraries take up to half a second to import; a command pays for those it uses

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, ClassVar, Self

from rotator.config.loading import load, locate, named
from rotator.entry_points import Surroundings
from rotator.errors import HistoryError, naming
from rotator.process import seconds_since_start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from rotator.alerts.base import Channel
    from rotator.config.settings import CredentialSettings, OrgSettings, Settings
    from rotator.history.engine.database import Database
    from rotator.history.engine.transactions import Transactions
    from rotator.history.journal.journal import Journal
    from rotator.history.locks.fence import Fence
    from rotator.history.locks.locks import RotationLocks
    from rotator.history.opening import Use
    from rotator.hooks.base import Hook
    from rotator.queue.jobs_database import JobsDatabase
    from rotator.stores.base import Store


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Program:
    """Wires settings to what needs no org. Use it in a `with` statement: what it opened is closed at the end."""

    SHARED: ClassVar[tuple[str, ...]] = ()
    """What a program and its forks have together."""

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
        self.is_one_of_many = False
        """Whether it works beside others on one database, so that what jobs leave for each other is kept there."""
        self._is_limited = False
        self._history_of: Program | None = None
        self._opening = Lock()
        self._history: Database | None = None

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
        again: shared is the history, and the rest goes on from where it is, of orgs that are configured as before.
        """
        forked = type(self)(
            settings or self.settings,
            environ=self.environ,
            config=self.config,
            now=self.now,
            sleep=self.sleep,
            elapsed=self.elapsed,
        )
        # Not of a fork of a fork: each would keep the one before in memory, with its configuration.
        origin = self._history_of or self
        forked.__dict__.update(_history_of=origin, _is_limited=limited, is_one_of_many=self.is_one_of_many)
        if settings:
            forked.go_on_from(self)
        else:
            forked.__dict__.update((name, getattr(self, name)) for name in self.SHARED)
        return forked

    def go_on_from(self, before: Self) -> None:
        """Takes what counts under these settings, too, from the same program with other ones."""

    @cached_property
    def database(self) -> Database:
        """The history database, upgraded to this release. Raises HistoryError."""
        if self._history_of:
            return self._history_of.database
        # Threads of a service that begin at once have one and the same.
        with self._opening:
            if self._history is None:
                self._history = self._open_history()
            return self._history

    def _open_history(self) -> Database:
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

    @property
    def jobs(self) -> JobsDatabase | None:
        """What all who use the history share beside it; None where it is a file, or nobody has made it yet.

        Nobody but a service that is one of many makes it, and nobody opens a history for its sake: None as well where
        it was not opened yet.
        """
        if self._history_of:
            return self._history_of.jobs
        if self.is_over_a_file or not (self.is_one_of_many or "database" in self.__dict__):
            return None
        return self._jobs

    @property
    def is_over_a_file(self) -> bool:
        """Whether the history is a file, which no machines share. Raises ConfigurationError."""
        from rotator.history.engine.database import file_of

        return file_of(self.settings.database.url) is not None

    @cached_property
    def _jobs(self) -> JobsDatabase | None:
        from rotator.history.engine.database import name_of
        from rotator.queue.jobs_database import JobsDatabase

        jobs = JobsDatabase(name_of(self.settings.database.url), lambda: self.database)
        self._opened.callback(jobs.close)
        try:
            return jobs if self.is_one_of_many or jobs.is_there() else None
        except HistoryError:
            return None

    @cached_property
    def fence(self) -> Fence:
        """What stops this program, and no fork of it, once a lock of its `fenced_locks` is lost."""
        from rotator.history.locks.fence import Fence

        return Fence()

    @property
    def fenced(self) -> Transactions:
        """The history, in which nothing is written once such a lock is lost. Raises HistoryError."""
        from rotator.history.engine.transactions import Confirmed

        return Confirmed(self.database, self.fence.confirm)

    @cached_property
    def journal(self) -> Journal:
        """Where rotations and events are written down."""
        from rotator.history.journal.journal import Journal

        return Journal(self.fenced)

    @property
    def locks(self) -> RotationLocks:
        """The locks of everyone who uses the history."""
        return self.database.rotation_locks(self.now)

    @property
    def fenced_locks(self) -> RotationLocks:
        """One rotation of a credential at a time: who loses its lock changes nothing more, by this program."""
        from rotator.history.locks.fence import FencedLocks

        return FencedLocks(self.locks, self.fence)

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

    def hook(self, name: str) -> Hook:
        """What is called after rotations. Raises ConfigurationError for one that cannot be used."""
        from rotator.hooks.hook_types import open_hook

        return open_hook(name, named(self.settings.hooks.after_rotation, name, "hook"), self._surroundings())

    def store(self, name: str) -> Store:
        """A store by its name. Raises ConfigurationError for a name that is not configured."""
        if name not in self._stores:
            from rotator.stores.fenced_store import fenced
            from rotator.stores.plugins import store_plugin

            settings = named(self.settings.stores, name, "store")
            store = store_plugin(settings.type).open(name, settings, self._surroundings())
            self._stores[name] = naming(fenced(store, self.fence.check), store=name)
        return self._stores[name]

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            self.environ,
            self.now,
            self.sleep,
            at_end=self._opened.callback,
            elapsed=self.elapsed,
            before_change=self.fence.check,
        )

    def send_heartbeat(self) -> None:
        """Calls the outside monitor that is configured. Raises DeliveryFailed, and ConfigurationError."""
        from rotator.alerts.heartbeat import send_heartbeat

        if heartbeat := self.settings.daemon.heartbeat:
            timeout = heartbeat.timeout.total_seconds()
            send_heartbeat(heartbeat.url.resolve(self.environ), timeout=timeout, ca=heartbeat.ca)
