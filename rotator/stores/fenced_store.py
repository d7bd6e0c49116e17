"""A store in which nothing is changed by a process that has lost what it must hold for that."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.stores.base import Store

CHANGES: Final = frozenset({"put_pending", "recall", "promote", "discard", "retire", "sweep"})
"""What a store does that cannot be taken back."""


class _FencedStore:
    """Stands for a store. What else a store has is found as it is."""

    def __init__(self, store: Store, check: Callable[[], None]) -> None:
        self._store: Final = store
        self._check: Final = check

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in CHANGES:
            return found

        @wraps(found)
        def checked(*arguments: Any, **options: Any) -> Any:
            self._check()
            return found(*arguments, **options)

        return checked


def fenced(store: Store, check: Callable[[], None]) -> Store:
    """The store, with `check` before each change: nothing is changed when that raises an error."""
    return cast("Store", _FencedStore(store, check))
