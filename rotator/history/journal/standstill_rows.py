"""What the events of the journal say that holds rotations up: pauses, freezes, and the service's first start."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from rotator.core.actor import Actor
from rotator.core.schedule import Standstill, Why
from rotator.history.engine.times import utc_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.history.records import Event

FORGOTTEN: Final = "standstill_forgotten"
"""Kind of the event by which maintenance takes out what holds nothing up any more; its detail `key` says what."""

_BEGINS: Final = {"pause": Why.PAUSE, "freeze": Why.FREEZE, "first_start": Why.FIRST_START}
_ENDS: Final = {"resume": Why.PAUSE, "unfreeze": Why.FREEZE}

EVENTS: Final = frozenset({*_BEGINS, *_ENDS})
"""The kinds of events by which a standstill begins or ends."""


def key_of(standstill: Standstill) -> str:
    """Of what there is one at a time: of a scope one pause, of a time one freeze, one first start."""
    match standstill.why:
        case Why.PAUSE:
            return f"{Why.PAUSE} {standstill.scope}"
        case Why.FREEZE:
            ends = utc_text(standstill.until) if standstill.until else ""
            return f"{Why.FREEZE} {utc_text(standstill.since)}/{ends} {standstill.reason}"
        case Why.FIRST_START:
            return str(Why.FIRST_START)


def row_of(standstill: Standstill) -> dict[str, Any]:
    """The row that holds it."""
    return {"key": key_of(standstill), **asdict(standstill), "why": str(standstill.why)}


def follow(known: dict[str, Standstill], event: Event) -> None:
    """Brings what holds rotations up, by its keys, to what it is after one more event.

    Raises KeyError, TypeError or ValueError for an event that rotator did not write.
    """
    if event.kind == FORGOTTEN:
        known.pop(str(event.details["key"]), None)
    elif event.kind in _ENDS:
        known.pop(key_of(_told(_ENDS[event.kind], event)), None)
    elif event.kind in _BEGINS:
        begun = _told(_BEGINS[event.kind], event)
        known[key_of(begun)] = begun


def _told(why: Why, event: Event) -> Standstill:
    said: Mapping[str, Any] = event.details
    until = _time(said["until"]) if "until" in said else None
    if why is Why.FIRST_START and said["has_rotated"]:
        until = event.time
    return Standstill(
        why=why,
        since=_time(said["since"]) if why is Why.FREEZE else event.time,
        until=until,
        reason=str(said.get("reason", "")),
        by=str(actor_of(event)) if why is Why.PAUSE else "",
        scope=str(said.get("scope", "")),
    )


def actor_of(event: Event) -> Actor:
    """Who did it. Raises KeyError for an event that does not say it."""
    said: Mapping[str, Any] = event.details
    names = ("uid", "login_uid", "login_name", "claimed_name")
    return Actor(said["actor"], **{name: said[name] for name in names if name in said})


def _time(text: object) -> datetime:
    return datetime.fromisoformat(str(text))
