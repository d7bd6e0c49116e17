"""A Postgres server that goes away in the middle of a rotation, and locks that are lost there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from tests.rotation.watching import CHANGES, Promises, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from tests.contract.servers.postgres import PostgresServer

    _T = TypeVar("_T")

_LOCKS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1"


class Ends(Enum):
    """When a server that was stopped answers again."""

    AT_ONCE = "at once"
    WHILE_THE_RUN_WAITS = "while the run waits"
    AFTER_THE_RUN = "after the run"


@dataclass
class Outage(Watcher):
    """Stops the server before one of the calls that change something."""

    server: PostgresServer
    promises: Promises
    at: int
    ends: Ends
    calls: int = 0
    is_on: bool = False

    def call(self, name: str, call: Callable[[], _T]) -> _T:
        """See Watcher."""
        self.calls += name in CHANGES
        if name in CHANGES and self.calls == self.at:
            self.server.stop()
            self.is_on = True
            if self.ends is Ends.AT_ONCE:
                self.end()
        result = call()
        if name in CHANGES:
            self.promises.check()
        return result

    def sleep(self, seconds: float) -> None:
        """What a run that waits does."""
        self.promises.ground.clock.sleep(seconds)
        if self.ends is Ends.WHILE_THE_RUN_WAITS:
            self.end()

    def end(self) -> None:
        """The server answers again."""
        if self.is_on:
            self.server.start()
        self.is_on = False


@dataclass
class LosesItsLock(Watcher):
    """An administrator ends the session that has the lock, before the first call of one name; something comes of it."""

    server: PostgresServer
    before: str
    then: Callable[[], object] = lambda: None
    calls: list[str] = field(default_factory=list)

    def call(self, name: str, call: Callable[[], _T]) -> _T:
        """See Watcher."""
        if name == self.before and name not in self.calls:
            self.server.administer(_LOCKS)
            self.then()
        self.calls.append(name)
        return call()

    @property
    def afterwards(self) -> list[str]:
        """What was called after the call that it was before."""
        return self.calls[self.calls.index(self.before) + 1 :]
