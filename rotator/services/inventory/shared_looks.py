"""When all of each org was last read, by whichever machine: a full look and a login once, not on each.

What is kept of a look is as it is in the memory of one process (`rotator.services.inventory.whole_looks`); sessions are
secrets, and stay with the process that has them.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from rotator.core.observed import Place
from rotator.errors import HistoryError
from rotator.salesforce.inventory.satellites import Joined
from rotator.services.inventory.whole_looks import WholeLook

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotator.queue.remembered import JSON, Remembered

FULL_LOOK: Final = "full_look"


class SharedLooks:
    """See `rotator.services.inventory.whole_looks.Looks`. Where the history is away there are none: all is read."""

    def __init__(self, remembered: Remembered) -> None:
        self._remembered: Final = remembered

    def get(self, org: str) -> WholeLook | None:
        """See Looks."""
        with suppress(HistoryError, ValueError, TypeError, LookupError):
            return _decoded(self._remembered.get(FULL_LOOK, org))
        return None

    def put(self, org: str, look: WholeLook) -> None:
        """See Looks."""
        with suppress(HistoryError):
            self._remembered.put(FULL_LOOK, {org: _encoded(look)})

    def drop(self, org: str) -> None:
        """See Looks."""
        with suppress(HistoryError):
            self._remembered.put(FULL_LOOK, {org: None})


def _encoded(look: WholeLook) -> JSON:
    joined = look.joined and {"app_of": dict(sorted(look.joined.app_of.items())), "unlisted": look.joined.unlisted}
    return {
        "at": look.at.isoformat(),
        "again": sorted(look.again),
        "hidden": sorted(look.hidden),
        "joined": joined,
        "refused": sorted(look.refused),
        "absent": sorted(look.absent),
        "unusable": sorted(look.unusable),
    }


def _decoded(value: Any) -> WholeLook | None:
    """None where there is none. Raises ValueError, TypeError or LookupError for what another release has written."""
    if value is None:
        return None
    joined = value["joined"]
    return WholeLook(
        at=datetime.fromisoformat(value["at"]),
        again=_places(value["again"]),
        hidden=_places(value["hidden"]),
        joined=Joined(dict(joined["app_of"]), tuple(joined["unlisted"])) if joined else None,
        refused=frozenset(value["refused"]),
        absent=frozenset(value["absent"]),
        unusable=_places(value["unusable"]),
    )


def _places(value: Iterable[tuple[str, str]]) -> frozenset[Place]:
    return frozenset(Place(kind, app) for kind, app in value)
