"""The system calls of the files store, made to stop or to fail one by one."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.stores.files import disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EFFECTS: Final = frozenset(
    {"mkdir", "chmod", "open", "fchmod", "write", "fsync", "symlink", "rename", "unlink", "rmdir"}
)
"""The calls that change something; `open` only where it creates."""

NEEDING_ROOM: Final = frozenset({"mkdir", "open", "write", "fsync", "symlink"})
"""The calls that a full disk refuses."""


class Crash(BaseException):
    """The process ends here: nothing that it would still do happens."""


class When(Enum):
    """Where in the chosen system call the process ends."""

    BEFORE = "before"
    HALFWAY = "halfway"
    AFTER = "after"


def _nothing(_name: str, _arguments: tuple[Any, ...], _keywords: dict[str, Any]) -> None:
    pass


@dataclass
class FaultyOs:
    """Stands in for `os` in the store: counts effects, and crashes or fails at the one with the number `at`."""

    at: int = -1
    when: When | None = None
    error: int = 0
    """The error number that the call at `at` fails with instead of crashing."""
    failing: frozenset[str] = frozenset()
    """With `error`: calls that go on failing from `at` on."""
    before_each: Callable[[str, tuple[Any, ...], dict[str, Any]], None] = _nothing
    after_each: Callable[[str, tuple[Any, ...], dict[str, Any]], None] = _nothing
    count: int = field(default=0, init=False)
    dead: bool = field(default=False, init=False)

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        return partial(self._call, name, real) if name in EFFECTS else real

    def _call(self, name: str, real: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        if name == "open" and not arguments[1] & os.O_CREAT:
            return real(*arguments, **keywords)
        if self.dead:
            raise Crash
        number, self.count = self.count, self.count + 1
        if self.error and (number == self.at or (number > self.at and name in self.failing)):
            raise OSError(self.error, os.strerror(self.error))
        self._maybe_crash(number, When.BEFORE)
        self.before_each(name, arguments, keywords)
        if name == "write" and number == self.at and self.when is When.HALFWAY:
            arguments = (arguments[0], arguments[1][: len(arguments[1]) // 2])
        # The tests say what must have been synchronised by a model of the disk; waiting for a real one proves nothing.
        result = None if name == "fsync" else real(*arguments, **keywords)
        self.after_each(name, arguments, keywords)
        self._maybe_crash(number, When.HALFWAY if name == "write" else When.AFTER, result if name == "open" else None)
        self._maybe_crash(number, When.AFTER, result if name == "open" else None)
        return result

    def _maybe_crash(self, number: int, when: When, descriptor: int | None = None) -> None:
        if number == self.at and self.when is when:
            self.dead = True
            if descriptor is not None:
                os.close(descriptor)
            raise Crash


@contextmanager
def disk_of(faulty: FaultyOs) -> Iterator[FaultyOs]:
    """Within it, the files store makes its system calls through `faulty`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "os", faulty)
        yield faulty
