"""Sending: what is in the outbox goes to its channel, until the channel has accepted it.

Each channel is served by itself: one that is away holds up none of the others. A delivery claims everything that is
pending for its channel and due, makes one message of it for each alert, and sends these, many at once as a digest. Only
what the channel has accepted counts as delivered, and that is written down after each message, for which a history is
waited for that is away. So a message is sent at most once, but for a crash between the acceptance and the note of it;
then it is sent again under the same key.

Whoever delivers holds the channel's lock, which dies with its process. So a sender that is slow keeps what it has
claimed for as long as it takes, and what one that was killed had claimed is taken over by the next at once.

What may fail, and what follows:

- the channel is away or busy: the rest is not tried; everything waits, longer after each failure, or as long as the
  channel asked for;
- only a person can mend it (a revoked token): the same, at the longest pause; the other channels hear of it at once;
- one message is refused for good while others are accepted: it alone waits; a digest is taken apart to find it;
- the channel accepted a message for some of its readers only: it is delivered, and the other channels hear of it;
- a fault of ours in one message: it is that message's failure.

That a channel does not accept what it is sent is an alert of the kind `delivery`, which goes to the other channels and
ends when nothing is pending for it any more.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from rotator.alerts.base import DeliveryFailed, PartlyAccepted
from rotator.core.attempts import DELIVER, AttemptBackOff, AttemptRecord
from rotator.core.retry import Waiting
from rotator.errors import HistoryUnavailable, RotatorError
from rotator.services.alerting.catalog import undelivered
from rotator.services.alerting.kinds import DELIVERY, key
from rotator.services.alerting.messages import Origin, PendingMessage, pending_messages
from rotator.services.alerting.withholding import ASKED_AGAIN
from rotator.services.own_faults import without_own_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

    from rotator.alerts.base import Channel
    from rotator.core.alert import Alert, NewAlert
    from rotator.history.alerts.alerts import AlertRecords
    from rotator.history.alerts.outbox import Notification, Outbox
    from rotator.history.attempt_records import AttemptRecords


LOG: Final = logging.getLogger(__name__)


BACK_OFF: Final = AttemptBackOff(first=timedelta(minutes=1), ceiling=timedelta(minutes=30), attention_after=1)
"""Shorter than for orgs: news that wait half a day are none. What only a person can mend is tried at the ceiling."""

ALERT_AFTER: Final = 3
"""So many failures in a row, and the other channels hear of it; of what only a person can mend, at once."""

AT_ONCE: Final = 20
"""Messages that one delivery sends at most, so that it ends before its claim does."""

DIGEST_UP_TO: Final = 40
"""Messages in one digest: as many as Slack can show."""

LEASE: Final = timedelta(minutes=20)
"""How long what was claimed is nobody else's, should its claimant's lock not say more: twice AT_ONCE calls, each up to
its time-out."""

SENT_WITHIN: Final = timedelta(minutes=2)
"""What a process had begun to send when it lost its lock has ended by then, by the time-outs of its calls."""

NOTED_WITHIN: Final = timedelta(seconds=90)
"""So long it is tried to note what was accepted, where the history is away: before another takes it over and sends it
again."""

_FAILURES_AT_ONCE: Final = 2
"""A message that is refused for good does not hold up the others; a second one, and the channel is at fault."""


class Alerting(Protocol):
    """Opens and ends alerts (`rotator.services.alerting.rules.AlertRules`)."""

    def problem(self, new: NewAlert, now: datetime) -> object:
        """Something is wrong, and stays so until it is solved."""
        ...

    def solved(self, key: str, why: str, now: datetime) -> object:
        """It is so no more; `why` where more is known than that."""
        ...


@dataclass(frozen=True)
class Delivered:
    """How one delivery went."""

    accepted: int = 0
    """Messages that the channel accepted."""
    problem: RotatorError | None = None
    """Why it did not accept another."""


class Delivery:
    """Sends what is pending. Threads may share it; two deliveries on one channel never send the same."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        alerts: AlertRecords,
        attempts: AttemptRecords,
        alerting: Alerting,
        origin: Origin,
        waits: Callable[[Alert, datetime], bool] = lambda _alert, _now: False,
        back_off: AttemptBackOff = BACK_OFF,
        waiting: Waiting | None = None,
    ) -> None:
        self._outbox: Final = outbox
        self._alerts: Final = alerts
        self._attempts: Final = attempts
        self._alerting: Final = alerting
        self._origin: Final = origin
        self._waits: Final = waits
        self._back_off: Final = back_off
        self._waiting: Final = waiting or Waiting(NOTED_WITHIN.total_seconds())

    def due(self, channels: Iterable[str], now: datetime) -> list[str]:
        """Those of these channels for which something is pending and that are not left alone after a failure."""
        pending = self._outbox.due(now)
        return [name for name in channels if name in pending and self._attempts.get(DELIVER, name).is_due(now)]

    def drop_unconfigured(self, channels: Collection[str], now: datetime) -> None:
        """Takes back what is pending for channels that are not among these; that one of them is silent is no alert."""
        for name in self._outbox.pending():
            if name not in channels:
                count = self._outbox.drop(name)
                LOG.warning(
                    "dropped what was pending for a channel that is not configured any more", extra=_about(name, count)
                )
        for alert in self._alerts.open_alerts(kind=DELIVERY):
            if alert.channel not in channels:
                self._alerting.solved(alert.key, "The channel is not configured any more.", now)

    def deliver(
        self,
        name: str,
        open_channel: Callable[[], Channel],
        now: datetime,
        *,
        jitter: float = 0.0,
        is_alone: Callable[[], bool] = lambda: True,
    ) -> Delivered:
        """Sends what is pending for the channel and due; of what fails it is noted when it is tried again.

        `jitter` is a random number from 0 to 1. The caller holds the channel's lock; `is_alone` tells whether still,
        and nothing more is begun once it is lost. Raises HistoryError; nothing that a channel does is raised.
        """
        self._outbox.take_over(name, now, ends_within=SENT_WITHIN)
        claimed = self._outbox.claim(name, now, LEASE)
        if not claimed:
            return Delivered()
        run = _Run(name, now, is_alone)
        try:
            channel = without_own_faults(open_channel, f"Channel {name} cannot be used", DeliveryFailed)
        except RotatorError as error:
            run.failures.append((claimed, _unusable(error)))
        else:
            run.unsent = pending_messages(
                claimed, self._alerts, self._outbox, now, has_threads=channel.has_threads, origin=self._origin
            )
            self._send_all(channel, run)
        self._settle(run, jitter)
        return Delivered(run.accepted, run.failures[0][1] if run.failures else run.partly)

    def _send_all(self, channel: Channel, run: _Run) -> None:
        for _ in range(AT_ONCE):
            if run.is_over or not run.is_alone():
                break
            many = [each for each in run.unsent if not each.ends_a_thread][:DIGEST_UP_TO]
            is_digest = len(many) >= channel.digest_from and not run.one_by_one
            if self._drop_what_is_not_so(run, many if is_digest else run.unsent[:1]):
                continue
            if is_digest:
                self._send(run, many, partial(channel.send_digest, [each.message for each in many]))
                run.take_apart(many)
            else:
                first = run.unsent[0]
                self._send(run, [first], partial(channel.send, first.message, thread=first.thread))

    def _drop_what_is_not_so(self, run: _Run, messages: Sequence[PendingMessage]) -> bool:
        """Asks once more, just before these are sent, whether they are to be; whether any of them was dropped.

        What has ended is not told of as if it were so, and what a rotation is about to solve waits.
        """
        dropped = []
        for each in messages:
            known = self._alerts.get(each.message.alert.id)
            if each.message.alert.is_open and not known.is_open:
                self._outbox.take_back(each.notifications)
            elif not each.message.settles and self._waits(known, run.now):
                self._outbox.put_off(each.notifications, run.now + ASKED_AGAIN)
            else:
                continue
            dropped.append(each)
        run.unsent = [each for each in run.unsent if each not in dropped]
        return bool(dropped)

    def _send(self, run: _Run, messages: list[PendingMessage], call: Callable[[], str]) -> None:
        run.unsent = [each for each in run.unsent if each not in messages]
        notifications = [notification for each in messages for notification in each.notifications]
        try:
            thread = without_own_faults(call, f"Channel {run.channel} was sent no message", DeliveryFailed)
        except PartlyAccepted as partly:
            run.partly = partly
            thread = partly.thread
        except DeliveryFailed as failure:
            LOG.warning("not accepted: %s", failure.message, extra=_about(run.channel, len(messages)))
            run.failures.append((notifications, failure))
            return
        self._waiting.call(
            lambda: self._outbox.delivered(notifications, thread, run.now),
            again=lambda error: isinstance(error, HistoryUnavailable),
        )
        LOG.info("delivered", extra=_about(run.channel, len(messages)))
        run.accepted += len(messages)

    def _settle(self, run: _Run, jitter: float) -> None:
        """Notes how the channel is, and when what was not accepted is tried again."""
        attempt = self._tried(run, jitter)
        self._attempts.put(attempt)
        for notifications, failure in run.failures:
            self._outbox.failed(notifications, failure.message, self._next_at(run, attempt, notifications, failure))
        rest = [notification for each in run.unsent for notification in each.notifications]
        self._outbox.failed(rest, "", attempt.next_at or run.now)
        self._alert_others(run, attempt)

    def _tried(self, run: _Run, jitter: float) -> AttemptRecord:
        known = self._attempts.get(DELIVER, run.channel)
        if not run.failures:
            return known.succeeded(run.now)
        failure = run.failures[-1][1]
        not_before = run.now + failure.retry_after if failure.retry_after else None
        if run.accepted:
            # The channel works; it may have asked for a pause, or refused one message for what is in it.
            return replace(known.succeeded(run.now), next_at=not_before)
        return known.failed(
            run.now,
            self._back_off,
            problem=failure.message,
            hint=failure.hint,
            lasting=not failure.transient,
            jitter=jitter,
            not_before=run.now + self._back_off.ceiling if not failure.transient else not_before,
        )

    def _next_at(
        self, run: _Run, attempt: AttemptRecord, notifications: Sequence[Notification], failure: DeliveryFailed
    ) -> datetime:
        if attempt.next_at:
            return attempt.next_at
        attempts = max(notification.attempts for notification in notifications)
        return run.now + (self._back_off.ceiling if not failure.transient else self._back_off.pause(attempts))

    def _alert_others(self, run: _Run, attempt: AttemptRecord) -> None:
        for notifications, failure in run.failures:
            # Where the others were accepted, it is this message that fails and not the channel.
            in_a_row = (
                max(notification.attempts for notification in notifications) if run.accepted else attempt.failures
            )
            if not failure.transient or in_a_row >= ALERT_AFTER:
                self._alerting.problem(undelivered(run.channel, failure), run.now)
                return
        if run.partly:
            self._alerting.problem(undelivered(run.channel, run.partly), run.now)
        elif run.accepted and run.channel not in self._outbox.pending():
            self._alerting.solved(key(DELIVERY, run.channel), "", run.now)


@dataclass
class _Run:
    """What has become of one delivery so far."""

    channel: str
    now: datetime
    is_alone: Callable[[], bool]
    unsent: list[PendingMessage] = field(default_factory=list)
    accepted: int = 0
    failures: list[tuple[list[Notification], DeliveryFailed]] = field(default_factory=list)
    partly: PartlyAccepted | None = None
    one_by_one: bool = False

    def take_apart(self, digest: list[PendingMessage]) -> None:
        """A digest that was refused for good may have been so for one message in it: the others are sent alone."""
        if self.failures and not self.failures[-1][1].transient:
            self.failures.pop()
            self.unsent = [*digest, *self.unsent]
            self.one_by_one = True

    @property
    def is_over(self) -> bool:
        """Nothing is left, or the channel and not a single message is what fails."""
        if not self.unsent or len(self.failures) >= _FAILURES_AT_ONCE:
            return True
        return any(failure.transient for _, failure in self.failures)


def _unusable(error: RotatorError) -> DeliveryFailed:
    """A channel that cannot even be used: its secret is missing, its address is none."""
    if isinstance(error, DeliveryFailed):
        return error
    return DeliveryFailed(error.message, hint=error.hint, transient=False)


def _about(channel: str, count: int) -> dict[str, object]:
    return {"channel": channel, "count": count}
