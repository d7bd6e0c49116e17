"""What people are told of pauses and freezes, and of the first start of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.schedule import Why
from rotator.core.severity import Severity
from rotator.core.thresholds import has_come
from rotator.services.alerting.catalog import alert
from rotator.services.alerting.kinds import FIRST_START, HELD

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rotator.core.alert import NewAlert
    from rotator.core.schedule import Danger, Standstill
    from rotator.services.inventory.status import CredentialStatus


def held(
    name: str, org: str, danger: Danger, *, not_after: datetime, now: datetime, fingerprint: str | None = None
) -> NewAlert:
    """Pauses or freezes let a certificate expire, unless a person does something."""
    begins = danger.begins
    verb = "expired" if has_come(not_after, now) else "expires"
    then = f"begins at {words.moment(begins.at)}, which is too late" if begins.at else "does not begin"
    is_or_was = "was" if has_come(danger.last_chance, now) else "is"
    return alert(
        HELD,
        name,
        Severity.CRITICAL,
        f"{name} in {org} {verb} on {words.day(not_after)}, and its rotation is {_held(begins.held_by)}",
        " ".join(f"It is {each}." for each in begins.held_by),
        {"Not after": words.moment(not_after), "Last moment": words.moment(danger.last_chance)},
        meanwhile=f"By schedule its rotation {then}, and nothing overrides that.",
        to_do=f"The last moment to begin {is_or_was} {words.moment(danger.last_chance)}."
        f" `rotate now {name}` rotates it all the same{_how_to_end(begins.held_by)}.",
        org=org,
        credential=name,
        fingerprint=fingerprint,
    )


def _held(standstills: Sequence[Standstill]) -> str:
    kinds = {each.why for each in standstills}
    told = {Why.PAUSE: "paused", Why.FREEZE: "frozen", Why.FIRST_START: "not begun yet"}
    return words.listed(text for why, text in told.items() if why in kinds)


def _how_to_end(standstills: Iterable[Standstill]) -> str:
    pauses = [f"`{each.resumed_by}`" for each in standstills if each.why is Why.PAUSE]
    return f"; {words.listed(pauses)} leaves it to the schedule again" if pauses else ""


def first_start(started: Standstill, begins_at: datetime, lines: Iterable[CredentialStatus]) -> NewAlert:
    """The service has started for the first time: what it will rotate, and when."""
    due, later, by_hand, never, unknown = _what_begins(lines, begins_at)
    told = {
        "Then begins the rotation of {}.": due,
        "After that comes that of {}.": later[:_NEXT],
        "People rotate {} (`mode: manual`).": by_hand,
        "{} is paused.": never,
        "Nothing is known yet of {}: not read, or not in its store.": unknown,
    }
    then = " ".join(sentence.format(words.listed(names)) for sentence, names in told.items() if names)
    return alert(
        FIRST_START,
        f"{started.since:%Y-%m-%dT%H:%M:%SZ}",
        Severity.INFO,
        f"rotator is at work here for the first time, and rotates from {words.moment(begins_at)} on",
        f"Nothing was rotated in this database before, so nothing is before {words.moment(begins_at)}.",
        meanwhile=then or "No credential is configured, so nothing is rotated.",
        to_do="`rotate plan` shows the steps; `rotator pause NAME` holds one up, `mode: manual` leaves it to people.",
    )


_NEXT: Final = 3
"""So many of those that are due later are named."""


def _what_begins(lines: Iterable[CredentialStatus], begins_at: datetime) -> tuple[list[str], ...]:
    """What is due by then, what comes later, what people begin, what nobody does, and of what nothing is known."""
    due: list[tuple[datetime, str]] = []
    later: list[tuple[datetime, str]] = []
    by_hand, never, unknown = [], [], []
    for line in lines:
        begins = line.life.begins
        if line.life.revoked:
            continue
        if begins is None:
            unknown.append(line.credential)
        elif begins.is_by_hand:
            by_hand.append(line.credential)
        elif begins.at is None:
            never.append(line.credential)
        else:
            (due if has_come(line.life.due_at, begins_at) else later).append((begins.at, line.credential))
    named = ([f"{name} ({words.moment(at)})" for at, name in sorted(these)] for these in (due, later))
    return (*named, by_hand, never, unknown)
