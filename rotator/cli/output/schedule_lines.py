"""When the service begins a rotation, and what holds it up, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.cli.output.console import moment
from rotator.core import words
from rotator.core.schedule import Why
from rotator.core.thresholds import has_come

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rotator.core.schedule import Beginning, Danger, Schedule, Standstill
    from rotator.services.inventory.schedules import HeldUp


def standstills_as_json(schedule: Schedule, now: datetime) -> list[dict[str, Any]]:
    """What holds a credential up, now or later."""
    return [vars(each) for each in schedule.standstills if not has_come(each.until, now)]


def how_it_begins(begins: Beginning, name: str, now: datetime) -> str:
    """When the service begins a rotation, and why not sooner."""
    if begins.is_by_hand:
        return f"`rotation.mode` is manual: `rotator run` does not begin its rotation, `rotate now {name}` does."
    held = " and ".join(map(str, begins.held_by))
    if begins.at is None:
        return f"`rotator run` does not begin its rotation: it is {held}."
    more = ", outside its windows, which come too late" if begins.overrides else ""
    why = f" It is {held}." if held else ""
    return f"`rotator run` begins its rotation at {moment(begins.at, now)}{more}.{why}"


def what_would_expire(danger: Danger, name: str, not_after: datetime, now: datetime) -> str:
    """That a pause or a freeze lets a certificate expire, and until when something can be done."""
    verb = "expired" if has_come(not_after, now) else "expires"
    is_or_was = "was" if has_come(danger.last_chance, now) else "is"
    last_chance = f"The last moment to begin {is_or_was} {moment(danger.last_chance, now)}"
    return (
        f"It is held up until too late for its certificate, which {verb} at {moment(not_after, now)}. {last_chance}:"
        f" `rotate now {name}` does."
    )


def held_up_in_words(found: list[HeldUp], shown: int) -> Iterator[str]:
    """A sentence for each pause and freeze; `shown`: how many credentials are, which may be some of them."""
    for each in found:
        is_all = shown > 1 and len(each.credentials) == shown
        names = "Each of these credentials" if is_all else words.listed(each.credentials)
        verb = "is" if is_all or len(each.credentials) == 1 else "are"
        yield f"{names} {verb} {each.standstill}.{_how_to_end(each.standstill)}"


def _how_to_end(standstill: Standstill) -> str:
    return f" `{standstill.resumed_by}` ends that." if standstill.why is Why.PAUSE else ""
