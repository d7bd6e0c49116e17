"""What people are told: a message made from a matter and from what a channel is owed of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.alerts.base import Message
from rotator.config.durations import parse_duration
from rotator.core.thresholds import EXPIRED, label
from rotator.history.alerts.outbox import CLOSED, OPENED
from rotator.services.alerting.catalog import length
from rotator.services.alerting.expiry import EXPIRY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rotator.history.alerts.alerts import Alert
    from rotator.history.alerts.outbox import Notification


def message_of(matter: Alert, notices: Sequence[Notification], now: datetime) -> Message:
    """One message for everything that one channel is owed of a matter: its end, where that is among it.

    The key is made of the steps, so that it is the same when the message has to be sent again.
    """
    steps = [notice.step for notice in notices]
    key = "/".join([matter.id, *steps, notices[0].channel])
    return _end(matter, key) if CLOSED in steps else _news(matter, key, notices, now)


def _news(matter: Alert, key: str, notices: Sequence[Notification], now: datetime) -> Message:
    # Of other matters a step is that it was opened, or that people are reminded of it.
    crossed = [notice.step for notice in notices if notice.step != OPENED] if matter.kind == EXPIRY else []
    # Several at once: it was crossed earlier, and nobody could be told then.
    late = (("Thresholds crossed", ", ".join(crossed)),) if len(crossed) > 1 else ()
    return Message(
        matter=matter.id,
        key=key,
        title=matter.title + _left(matter, now),
        text=matter.text,
        severity=matter.severity,
        at=_crossed_at(matter, crossed) or matter.opened_at,
        facts=(*matter.facts.items(), *late),
        is_end=not matter.is_open,
        subject=matter.title,
        org=matter.org or "",
        due=matter.not_after,
    )


def _end(matter: Alert, key: str) -> Message:
    opening = Message(
        matter=matter.id,
        key=f"{matter.id}/{OPENED}",
        title=matter.title,
        text=matter.text,
        severity=matter.severity,
        at=matter.opened_at,
        facts=tuple(matter.facts.items()),
    )
    return Message(
        matter=matter.id,
        key=key,
        title=f"Settled: {matter.title}",
        text=matter.closed_why,
        severity=matter.severity,
        at=matter.closed_at or matter.opened_at,
        facts=(("Org", matter.org),) if matter.org else (),
        is_end=True,
        opening=opening,
        subject=matter.title,
        org=matter.org or "",
    )


def _crossed_at(matter: Alert, crossed: Sequence[str]) -> datetime | None:
    """When the last of these thresholds was crossed, whenever that was noticed."""
    if matter.not_after is None or not crossed:
        return None
    return matter.not_after - min(EXPIRED if step == label(EXPIRED) else parse_duration(step) for step in crossed)


def _left(matter: Alert, now: datetime) -> str:
    """How long it takes until a certificate has expired. Not in the matter: a thread goes by a subject that stays."""
    if matter.kind != EXPIRY or matter.not_after is None or matter.not_after <= now:
        return ""
    return f", in {length(matter.not_after - now)}"
