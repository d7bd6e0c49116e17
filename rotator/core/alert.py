"""An alert: one thing that people should know of, from when it begins until it ends.

There is one record of it. What decides makes a NewAlert; the history keeps it and gives an Alert back, which has the
same fields and says besides what has become of it; a message to a channel, a page and `rotator alerts list --json`
carry that Alert. A fact has one name in all of them, and in the columns of the history.

What a program has to know of an alert is a field. `facts` are for people to read, and nothing reads anything out of
them. No field ever holds a secret: alerts are sent to places that others may read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from rotator.core import words
from rotator.core.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class NewAlert:
    """What is known of an alert when it begins."""

    key: str
    """Names the trouble: of one key there is at most one alert that is open."""
    kind: str
    """What it has come to, such as `expiry`, `org`, `refused` (`rotator.services.alerting.kinds`)."""
    severity: Severity
    title: str
    """One line: "The certificate of Billing in production expires on 2026-12-07"."""
    text: str
    """What is so: a sentence or a few."""
    meanwhile: str = ""
    """What `rotator` does about it by itself, and what it leaves alone."""
    to_do: str = ""
    """What a person does first, whoever reads it and wherever."""
    refused_since: datetime | None = None
    """Since when consumers are refused by it; None where they are not."""
    again_at: datetime | None = None
    """When `rotator` tries again by itself."""
    org: str | None = None
    app: str | None = None
    """Full name of what holds the certificate that it is about: an app, or one of the other types."""
    type: str | None = None
    """What that is (`rotator.core.observed.Kind`)."""
    credential: str | None = None
    store: str | None = None
    channel: str | None = None
    fingerprint: str | None = None
    not_after: datetime | None = None
    """When that certificate expires, where it is that which people should know."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Names and values to look up, in their order."""


class AlertState(StrEnum):
    """How an alert stands for people."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Alert(NewAlert):
    """An alert as the history knows it."""

    id: str
    """Such as `20261123-7f3k9qzm`; its beginning will do where it is the only one that begins so."""
    opened_at: datetime
    closed_at: datetime | None = None
    closed_why: str = ""
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_why: str | None = None
    snoozed_until: datetime | None = None
    snoozed_by: str | None = None
    snoozed_why: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.closed_at is None

    @property
    def is_acknowledged(self) -> bool:
        """Whether somebody has taken it on."""
        return self.acknowledged_at is not None

    def is_snoozed(self, now: datetime) -> bool:
        """Whether people are left alone with it just now."""
        return self.snoozed_until is not None and now < self.snoozed_until

    def state(self, now: datetime) -> AlertState:
        """How it stands now. Of what was both taken on and put off, the first counts: it does not end by itself."""
        if not self.is_open:
            return AlertState.CLOSED
        if self.is_acknowledged:
            return AlertState.ACKNOWLEDGED
        return AlertState.SNOOZED if self.is_snoozed(now) else AlertState.OPEN

    def next_try(self, now: datetime) -> datetime | None:
        """When `rotator` tries again by itself; None where it has begun by now, or there is nothing to try."""
        return self.again_at if self.is_open and self.again_at and now < self.again_at else None

    def what_is_done(self, now: datetime) -> str:
        """What `rotator` does about it by itself, and when it tries next."""
        at = self.next_try(now)
        return words.sentences(self.meanwhile, f"The next try begins at {words.moment(at)}." if at else "")

    @property
    def since(self) -> datetime:
        """Since when it is so: of refused consumers since the first refusal, which is before anybody could tell."""
        return self.refused_since or self.opened_at

    def refusal(self, now: datetime) -> str:
        """That consumers are refused now, and since when; empty where they are not, or it is over."""
        return words.refused(self.refused_since, now) if self.refused_since and self.is_open else ""

    @property
    def rank(self) -> tuple[bool, int]:
        """The lower, the further in front of others: first where consumers are refused now, then what matters most."""
        return not (self.refused_since and self.is_open), -list(Severity).index(self.severity)

    def says(self, new: NewAlert) -> bool:
        """Whether nothing of it would be another with what is known now."""
        return all(getattr(self, name) == getattr(new, name) for name in NewAlert.__dataclass_fields__)
