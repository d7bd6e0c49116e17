"""A log in which nothing that is said again and again keeps anybody from reading the rest, or fills a disk.

Of one message from one place some are written a minute; the others are counted, and their number is written when the
minute is over. The first is always written, and so is every message that differs in anything, be it one name.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST: Final = 10
"""So many of one message are written a minute."""

MINUTE: Final = 60.0

_KINDS: Final = 256
"""So many messages are remembered; beyond it the one that began longest ago is forgotten, and may be written again."""

_OF_THE_CALL: Final = frozenset(
    {"msg", "args", "created", "msecs", "relativeCreated", "thread", "threadName", "process", "processName", "taskName"}
    | {"exc_info", "exc_text", "stack_info", "message", "asctime"}
)
"""What of a record is different each time though it says the same."""


@dataclass
class _Seen:
    since: float
    written: int = 0
    hidden: int = 0
    last: logging.LogRecord | None = None
    """The last of those that were not written."""

    def summary(self) -> Iterator[logging.LogRecord]:
        if self.last is not None:
            values = {name: value for name, value in vars(self.last).items() if name != "exc_info"}
            said = f"{self.last.getMessage()} ... {self.hidden} more of these in the last minute"
            yield logging.makeLogRecord({**values, "msg": said, "args": (), "exc_text": None})


class Repeats:
    """Which records are to be written, by a clock that nobody sets."""

    def __init__(self) -> None:
        self._seen: Final[OrderedDict[bytes, _Seen]] = OrderedDict()
        self._due: Final[list[logging.LogRecord]] = []

    def admits(self, record: logging.LogRecord, now: float) -> bool:
        """Whether it is to be written; if not, it is counted. `due` comes first."""
        seen = self._seen.setdefault(_identity(record), _Seen(now))
        if len(self._seen) > _KINDS:
            _, forgotten = self._seen.popitem(last=False)
            self._due.extend(forgotten.summary())
        if seen.written < MOST:
            seen.written += 1
            return True
        seen.hidden, seen.last = seen.hidden + 1, record
        return False

    def due(self, now: float) -> list[logging.LogRecord]:
        """What is to be written of those that were counted, as their minute is over."""
        while self._seen and now - next(iter(self._seen.values())).since >= MINUTE:
            _, over = self._seen.popitem(last=False)
            self._due.extend(over.summary())
        due = list(self._due)
        self._due.clear()
        return due


class LimitingHandler(logging.StreamHandler[TextIO]):
    """Writes records to a stream, but for those that `Repeats` counts."""

    def __init__(self, stream: TextIO, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._repeats: Final = Repeats()
        self._monotonic: Final = monotonic

    def emit(self, record: logging.LogRecord) -> None:
        """Writes it, or counts it; `logging` has the lock meanwhile."""
        now = self._monotonic()
        self._write_due(now)
        if self._repeats.admits(record, now):
            super().emit(record)
        # One that it made forget another.
        self._write_due(now)

    def tell(self) -> None:
        """Writes how many were not, where their minute is over. To be called every second or so."""
        self.acquire()
        try:
            self._write_due(self._monotonic())
        finally:
            self.release()

    def close(self) -> None:
        """Writes how many were not, before nothing is written any more."""
        self.acquire()
        try:
            self._write_due(float("inf"))
        finally:
            self.release()
        super().close()

    def _write_due(self, now: float) -> None:
        for summary in self._repeats.due(now):
            super().emit(summary)


def _identity(record: logging.LogRecord) -> bytes:
    """The same for records that say the same, of the same place."""
    values: dict[str, Any] = {name: value for name, value in vars(record).items() if name not in _OF_THE_CALL}
    error = record.exc_info[1] if record.exc_info else None
    # `repr` escapes what cannot be encoded.
    said = (record.getMessage(), sorted(map(repr, values.items())), type(error).__name__, str(error))
    return hashlib.sha256(repr(said).encode()).digest()
