"""Notes: values by name that a job leaves, and that those find who ask what is due, or the next job of that name.

Where one process works they are in its memory (`OwnNotes`), and a process that starts knows none. Where several
machines work they are in the database (`SharedNotes`): whichever carries a job out, whoever leads finds what it has
left, and so does whoever leads next. tests/contract/queue/test_notes.py has what both promise.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from rotator.errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotator.history.engine.transactions import Transactions
    from rotator.queue.remembered import JSON, Remembered

V = TypeVar("V")


class Notes(Protocol[V]):
    """Threads may share them. Everything raises HistoryError."""

    def get(self, name: str) -> V | None:
        """The value, as it was when `changed` was last asked, at the least; None where there is none."""
        ...

    def latest(self, name: str) -> V | None:
        """The value as it is now."""
        ...

    def put(self, values: Mapping[str, V | None], within: Transactions | None = None) -> None:
        """Leaves values, all or none; None forgets. `within`: together with what is written in a transaction."""
        ...

    def changed(self) -> set[str]:
        """The names of which something was left since this was last asked, by whomever; at first of all."""
        ...

    def begin_anew(self) -> None:
        """Has `changed` give all that was left the next time, as at first: who asks takes over from another."""
        ...


class OwnNotes(Generic[V]):
    """In the memory of this process."""

    def __init__(self) -> None:
        self._known: Final[dict[str, V]] = {}
        self._changed: set[str] = set()
        self._lock: Final = Lock()

    def get(self, name: str) -> V | None:
        """See Notes."""
        with self._lock:
            return self._known.get(name)

    latest = get

    def put(self, values: Mapping[str, V | None], within: Transactions | None = None) -> None:  # noqa: ARG002 - nothing is written
        """See Notes."""
        with self._lock:
            for name, value in values.items():
                self._changed.add(name)
                if value is None:
                    self._known.pop(name, None)
                else:
                    self._known[name] = value

    def changed(self) -> set[str]:
        """See Notes."""
        with self._lock:
            changed, self._changed = self._changed, set()
            return changed

    def begin_anew(self) -> None:
        """See Notes: nobody else can have left anything."""


class SharedNotes(Generic[V]):
    """In the database. What stands there and cannot be understood, as another release may write it, is not there."""

    def __init__(
        self,
        remembered: Remembered,
        kind: str,
        *,
        encode: Callable[[str, V], JSON],
        decode: Callable[[str, JSON], V],
        still_counts: Callable[[str, JSON], bool] = lambda _name, _value: True,
    ) -> None:
        """`kind` tells these notes from others.

        `encode` and `decode` are given the name and the value; `decode` raises ValueError, TypeError or LookupError for
        what it cannot understand. `still_counts` is asked of what was left before these notes were first followed.
        """
        self._remembered: Final = remembered
        self._kind: Final = kind
        self._encode: Final = encode
        self._decode: Final = decode
        self._still_counts: Final = still_counts
        self._known: Final[dict[str, V]] = {}
        self._number = 0
        self._has_followed = False
        self._lock: Final = Lock()

    def get(self, name: str) -> V | None:
        """See Notes."""
        with self._lock:
            return self._known.get(name)

    def latest(self, name: str) -> V | None:
        """See Notes."""
        return self._decoded(name, self._remembered.get(self._kind, name))

    def put(self, values: Mapping[str, V | None], within: Transactions | None = None) -> None:
        """See Notes."""
        encoded = {name: None if value is None else self._encode(name, value) for name, value in values.items()}
        if encoded:
            self._remembered.put(self._kind, encoded, within)

    def changed(self) -> set[str]:
        """See Notes."""
        with self._lock:
            try:
                found = self._remembered.since(self._kind, self._number)
            except HistoryError:
                # What answers next may be another server, whose numbers are lower.
                self._forget()
                raise
            is_first, self._has_followed = not self._has_followed, True
            for name, value, number in found:
                self._number = max(self._number, number)
                known = None if is_first and not self._still_counts(name, value) else self._decoded(name, value)
                if known is None:
                    self._known.pop(name, None)
                else:
                    self._known[name] = known
            return {name for name, _, _ in found}

    def begin_anew(self) -> None:
        """See Notes. After a fail-over, or a restore, what was read may not be there, and numbers may be lower."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._known.clear()
        self._number, self._has_followed = 0, False

    def _decoded(self, name: str, value: JSON) -> V | None:
        if value is None:
            return None
        try:
            return self._decode(name, value)
        except (ValueError, TypeError, LookupError):
            return None
