"""Columns of the history that hold more than the database's own types: yes and no, and the options of a rotation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, Text
from sqlalchemy.types import TypeDecorator

from rotator.core.decision.options import RotationOptions
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


class StoredOptions(TypeDecorator[RotationOptions]):
    """Options in, text into the database, and back. An option needs no column and no migration."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: RotationOptions | None, dialect: Dialect) -> Any:
        """See TypeDecorator."""
        del dialect
        return None if value is None else json.dumps(value.as_json(), sort_keys=True)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Options, or Damaged."""
        del dialect
        if value is None:
            return None
        try:
            return RotationOptions.from_json(json.loads(value))
        except (ValueError, TypeError, AttributeError, RecursionError):
            return Damaged(value)
