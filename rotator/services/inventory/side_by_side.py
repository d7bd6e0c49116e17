"""The same work on several things at once, where most of it is waiting; what comes of it is told in their order."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

A = TypeVar("A")
B = TypeVar("B")

MOST: Final = 16
"""Threads of one call: at 300 ms an answer, so many orgs are nearly as fast as one."""

FEW: Final = 4
"""The same where nobody waits for it: each has connections of its own, and with them a third of a megabyte."""

_A_THREAD: Final = 300
"""So many orgs one thread asks twenty things in half an hour, at 300 ms an answer."""


def unhurried(things: int) -> int:
    """Threads for so many things, where nobody waits for it: as few as are done with them all the same."""
    return min(MOST, max(FEW, things // _A_THREAD))


def side_by_side(work: Callable[[A], B], things: Sequence[A], at_once: int = MOST) -> Iterator[B]:
    """What `work` gives for each, in their order; what it raises is raised in the turn of that thing.

    It begins with all of them at once, and who stops asking waits for none: the threads end with the process.
    """
    if len(things) < 2:
        yield from map(work, things)
        return
    for end in _begun(work, things, at_once):
        yield end.result()


def made_at_once(calls: Sequence[Callable[[], B]]) -> list[B]:
    """What some calls give that need nothing of each other, once all have ended.

    Raises what the first in their order raises.
    """
    ends = _begun(lambda call: call(), calls)
    wait(ends)
    return [end.result() for end in ends]


def begun(call: Callable[[], B]) -> Future[B]:
    """What a call gives that is made beside everything else; who asks for it waits until it has ended."""
    return _begun(lambda each: each(), [call])[0]


def _begun(work: Callable[[A], B], things: Sequence[A], at_once: int = MOST) -> list[Future[B]]:
    ends: list[Future[B]] = [Future() for _ in things]
    left, lock = iter(zip(things, ends, strict=True)), threading.Lock()

    def following() -> tuple[A, Future[B]] | None:
        with lock:
            return next(left, None)

    def run(mine: tuple[A, Future[B]] | None) -> None:
        while mine is not None:
            thing, end = mine
            try:
                end.set_result(work(thing))
            except BaseException as error:  # raised where its turn comes
                end.set_exception(error)
            mine = following()

    # Each has its first before one of them is done with it, and takes what another could begin with at once.
    firsts = [following() for _ in range(min(at_once, len(things)))]
    for first in firsts:
        threading.Thread(target=run, args=(first,), daemon=True).start()
    return ends
