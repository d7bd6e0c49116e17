"""What is kept in memory by name for the next who needs it, in bounds."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Kept(Generic[T]):
    """At most so many values: for one more, the one that was longest not asked for goes. Threads may share it."""

    def __init__(self, most: int) -> None:
        self._most: Final = most
        self._values: Final[OrderedDict[str, T]] = OrderedDict()
        self._lock: Final = Lock()

    def get(self, name: str) -> T | None:
        """The value, if there is one."""
        with self._lock:
            if name in self._values:
                self._values.move_to_end(name)
            return self._values.get(name)

    def put(self, name: str, value: T) -> None:
        """Keeps it, in the place of the one before."""
        with self._lock:
            self._values[name] = value
            self._values.move_to_end(name)
            if len(self._values) > self._most:
                self._values.popitem(last=False)

    def drop(self, name: str) -> None:
        """Forgets it."""
        with self._lock:
            self._values.pop(name, None)

    def of(self, is_wanted: Callable[[str], bool]) -> Self:
        """A copy, of some of the names."""
        copy = type(self)(self._most)
        with self._lock:
            wanted = [(name, value) for name, value in self._values.items() if is_wanted(name)]
        for name, value in wanted:
            copy.put(name, value)
        return copy
