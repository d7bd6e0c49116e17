"""A rotation's options as the history writes them: a JSON object of those that were asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text
from sqlalchemy.types import TypeDecorator

from rotator.core.decision.options import RotationOptions
from rotator.history.engine.damage import Damaged

if TYPE_CHECKING:
    from sqlalchemy import Dialect


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
