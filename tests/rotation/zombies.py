"""A process that is stopped at any moment, and woken when another has its lock: what it asked, sent and stored."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import make_url

from rotator.history.engine.sqlite import file_of, locks_folder
from rotator.history.locks.fence import Fence
from rotator.stores.base import Store
from rotator.stores.files.store import FilesStore
from tests.near_orgs import NearTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pytest
    import requests

    from rotator.application import Application
    from rotator.history.engine.database import Database
    from rotator.net.answer import Answer
    from rotator.simulator.org.org import Org

ASKED: Final = "asked"

READS: Final = frozenset({"name", "stages", "read", "check"})
"""What a store does that leaves every version as it is."""

STORED: Final = sorted(name for name in vars(Store) if not name.startswith("_") and name not in READS)
"""Whatever else a store can do: a method that is new is tried without being named here."""

_READING_CALLS: Final = re.compile(
    r"describeMetadata|listMetadata|readMetadata|checkDeployStatus|retrieve|checkRetrieveStatus"
)
_OPERATION: Final = re.compile(rb"<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(\w+)")


@dataclass
class Seen:
    """What a process did, in its order: that it asked whether its lock is held, what it sent, what it stored."""

    events: list[str] = field(default_factory=list)
    stopped_at: int | None = None
    """How much of it had happened when it was stopped."""

    @property
    def changes(self) -> list[str]:
        """What cannot be taken back."""
        return [each for each in self.events if each != ASKED]

    @property
    def unasked(self) -> list[str]:
        """What was sent or stored without asking just before it."""
        before = [ASKED, *self.events]
        return [each for last, each in zip(before, self.events, strict=False) if ASKED not in {each, last}]

    @property
    def since_stopped(self) -> list[str]:
        """What was sent or stored after the process was woken."""
        assert self.stopped_at is not None
        return [each for each in self.events[self.stopped_at :] if each != ASKED]


class Listening(NearTransport):
    """Notes what is sent that may change an org: what is known to be a read, or a login, is not."""

    def __init__(self, orgs: Iterable[Org], seen: Seen) -> None:
        super().__init__(orgs)
        self._seen: Final = seen

    def post_bytes(
        self, url: str, body: bytes, headers: Mapping[str, str] | None = None, *, size: int | None = None
    ) -> Answer:
        found = _OPERATION.search(body)
        operation = found[1].decode() if found else "unknown"
        if not _READING_CALLS.fullmatch(operation):
            self._seen.events.append(operation)
        return super().post_bytes(url, body, headers, size=size)

    def request(self, method: str, url: str, *, size: int | None, **options: Any) -> requests.Response:
        if method != "GET" and not url.endswith("/services/oauth2/token"):
            path = url.partition("/services/data/")[2].partition("/")[2] or url.rpartition("/")[2]
            kind = re.sub(r"/(?=\w*\d)[A-Za-z0-9]{15,18}(?=/|$)", "", path)
            self._seen.events.append(f"{method} {kind}")
        return super().request(method, url, size=size, **options)


class Stopped(Fence):
    """Stops its process before the n-th question, and lets it go on when somebody else has the lock."""

    def __init__(self, seen: Seen, at: int, steal: Callable[[], object]) -> None:
        super().__init__()
        self._seen: Final = seen
        self._at: Final = at
        self._steal: Final = steal
        self._asked = 0

    def check(self) -> None:
        self._asked += bool(self._holds)
        if self._holds and self._asked == self._at:
            self._seen.stopped_at = len(self._seen.events)
            self._steal()
        super().check()
        self._seen.events.append(ASKED)


def listen_to_stores(monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    """Notes what stores of files are asked to change."""

    def noted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(real)
        def change(*given: Any, **named: Any) -> Any:
            seen.events.append(f"store.{name}")
            return real(*given, **named)

        return change

    for name in STORED:
        monkeypatch.setattr(FilesStore, name, noted(name, getattr(FilesStore, name)))


def put_before(app: Application, org: Org, seen: Seen, at: int, thief: Thief) -> None:
    """Has a program stopped at its n-th question, and listens to what it sends."""
    app.__dict__["fence"] = Stopped(seen, at, thief.steal)
    app._transports["production"] = Listening([org], seen)


@dataclass
class Thief:
    """Another process, which has got the lock of one that was taken for gone."""

    database: Database
    credential: str
    clock: Callable[[], Any]
    _has: ExitStack = field(default_factory=ExitStack)

    def steal(self) -> None:
        folder = locks_folder(file_of(make_url(self.database.name)))
        (folder / f"{self.credential}.lock").unlink()
        self._has.enter_context(self.database.rotation_locks(self.clock).hold(self.credential))

    def close(self) -> None:
        self._has.close()
