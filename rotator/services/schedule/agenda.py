"""When each thing is due, in the order of the times: so that a tick looks at what has come, and not at everything."""

from __future__ import annotations

from heapq import heappop, heappush
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar

from rotator.core.thresholds import has_come

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

_V = TypeVar("_V")


class Agenda:
    """Of some names, when each has to be looked at next. Threads may share it.

    It decides nothing: whoever looks says whether something is due, and if not, before when it cannot be. What is due
    is looked at again on each tick, until it is so no more.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._order: Final = {name: number for number, name in enumerate(names)}
        self._lock: Final = Lock()
        self._to_look_at = set(self._order)
        self._at: Final[dict[str, datetime]] = {}
        self._ahead: Final[list[tuple[datetime, str]]] = []
        """A heap; what is in it at another time than in `_at` was looked at since, and does not count."""
        self._last: datetime | None = None
        self.looks = 0
        """How often something was looked at, in all."""

    def look_again(self, names: Iterable[str] | None = None) -> None:
        """Has these, or all, looked at on the next tick: something has changed that it depends on."""
        with self._lock:
            self._to_look_at.update(self._order if names is None else self._order.keys() & set(names))

    def due(self, now: datetime, look: Callable[[str], datetime | None]) -> list[str]:
        """The names that are due, in their order.

        `look` gives a time that has come for what is due, otherwise one before which it is not; None where it is not
        before something changes. A clock that was set back has everything looked at.
        """
        with self._lock:
            if self._last is not None and not has_come(self._last, now):
                self._to_look_at.update(self._order)
            self._last = now
            self._take_what_has_come(now)
            due = [
                name for name in sorted(self._to_look_at, key=self._order.__getitem__) if self._is_due(name, now, look)
            ]
            self._to_look_at = set(due)
        return due

    def _take_what_has_come(self, now: datetime) -> None:
        while self._ahead and has_come(self._ahead[0][0], now):
            at, name = heappop(self._ahead)
            if self._at.get(name) == at:
                self._to_look_at.add(name)

    def _is_due(self, name: str, now: datetime, look: Callable[[str], datetime | None]) -> bool:
        self.looks += 1
        self._at.pop(name, None)
        at = look(name)
        if at is None:
            return False
        if not has_come(at, now):
            self._at[name] = at
            heappush(self._ahead, (at, name))
            return False
        return True


def changed_names(before: Mapping[str, _V], after: Mapping[str, _V]) -> set[str]:
    """The names whose values are other objects than before."""
    if before is after:
        return set()
    return {name for name in before.keys() | after.keys() if before.get(name) is not after.get(name)}
