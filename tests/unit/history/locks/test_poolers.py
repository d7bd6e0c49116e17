"""A pooler that hands sessions around between transactions is found, in whatever order it does; no other is."""

from __future__ import annotations

from collections import deque
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.errors import HistoryError
from rotator.history.locks.poolers import refuse_poolers

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

Free = deque[int]


class Client:
    """A connection with a pooler, which takes a session for each transaction."""

    def __init__(self, free: Free, take: Callable[[Free], int]) -> None:
        self._free = free
        self._take = take
        self._begun: int | None = None

    def scalar(self, _statement: object) -> int:
        if self._begun is not None:
            return self._begun
        session = self._take(self._free)
        self._free.append(session)
        return session

    def exec_driver_sql(self, statement: str) -> None:
        if statement == "BEGIN":
            self._begun = self._take(self._free)
        else:
            assert statement == "ROLLBACK"
            assert self._begun is not None
            self._free.append(self._begun)
            self._begun = None


class Pooler:
    """What SQLAlchemy's engine would open connections with."""

    def __init__(self, sessions: int, take: Callable[[Free], int], *, each_its_own: bool = False) -> None:
        self._free = Free(range(sessions))
        self._take = take
        self._each_its_own = each_its_own

    def connect(self) -> AbstractContextManager[Any]:
        free = Free([self._free.pop()]) if self._each_its_own else self._free
        return nullcontext(Client(free, self._take))


@pytest.mark.parametrize("sessions", [1, 2, 3, 7])
@pytest.mark.parametrize("take", [Free.pop, Free.popleft])
def test_sessions_that_are_handed_around_are_refused(sessions: int, take: Callable[[Free], int]) -> None:
    with pytest.raises(HistoryError, match="hands its sessions around"):
        refuse_poolers(cast("Engine", Pooler(sessions, take)), "postgresql://db/rotator")


def test_a_session_for_each_client_is_not() -> None:
    refuse_poolers(cast("Engine", Pooler(2, Free.pop, each_its_own=True)), "postgresql://db/rotator")
