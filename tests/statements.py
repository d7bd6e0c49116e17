"""The statements that are made on a history."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.history.engine.database import Database


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Those that are made within it, in order, by any thread; without those that begin and end transactions."""
    made: list[str] = []

    def note(*told: Any) -> None:
        statement = str(told[2])
        if not statement.startswith(("BEGIN", "SET ")):
            made.append(statement)

    engine = database._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield made
    finally:
        event.remove(engine, "before_cursor_execute", note)
