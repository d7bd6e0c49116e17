"""Yes and no as the history writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean
from sqlalchemy.types import TypeDecorator

from rotator.history.engine.damage import Damaged

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Dialect


class Flag(TypeDecorator[bool]):
    """True or false: `boolean`, and 0 or 1 where the database has no such type and would hold anything."""

    impl = Boolean
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Gives True, False or Damaged."""
        del dialect, coltype
        return _flag


def _flag(stored: Any) -> Any:
    if stored is None:
        return None
    return bool(stored) if isinstance(stored, int) and stored in {0, 1} else Damaged(stored)
