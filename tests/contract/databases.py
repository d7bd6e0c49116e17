"""The kinds of database that the history can be in, for the suite that each of them must pass."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from rotator.history.database import Database, open_database
from rotator.history.records import NewRotation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW: Final = datetime(2026, 11, 23, 12, 31, 47, 123456, tzinfo=UTC)
NEW_ROTATION: Final = NewRotation(
    credential="billing", org="production", strategy="in_place", trigger="manual", actor="alex", replaces="a" * 64
)


@dataclass(frozen=True)
class Kind:
    """How to make a new, migrated database of one kind, and how to switch off what keeps its journal append-only."""

    new: Callable[[], AbstractContextManager[str]]
    """Gives the URL."""
    without_guards: tuple[str, ...]


def sqlite_kind(folder: Path) -> Kind:
    template = folder / "template.db"
    with open_database(f"sqlite:///{template}") as database:
        database.upgrade()

    @contextmanager
    def new() -> Iterator[str]:
        copies = [int(copy.stem) for copy in folder.glob("[0-9]*.db")]
        file = folder / f"{max(copies, default=0) + 1}.db"
        shutil.copy(template, file)
        yield f"sqlite:///{file}"

    guards = ("event_goes_at_the_end", "event_is_not_changed", "event_is_not_deleted")
    return Kind(new, tuple(f"DROP TRIGGER {guard}" for guard in guards))


ENGINES: Final[dict[str, Callable[[Path], Kind]]] = {"sqlite": sqlite_kind}


@contextmanager
def unguarded(kind: Kind) -> Iterator[Database]:
    """A database in which anything can be done to the journal."""
    with kind.new() as url, open_database(url) as database:
        with database.writing() as connection:
            for statement in kind.without_guards:
                connection.execute(text(statement))
        yield database
