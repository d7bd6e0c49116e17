"""What every channel takes and promises."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from rotator.errors import RotatorError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from rotator.core.alert import Alert


@dataclass(frozen=True, kw_only=True)
class Message:
    """What there is to tell of an alert just now."""

    alert: Alert
    """What it is about. Its title stays the same in all messages of it, which stand in one thread; its text and facts
    are what was known last, also where this message tells that it has ended."""
    key: str
    """Stays the same when the message has to be sent again, and is no other message's: a reader may drop doubles."""
    title: str
    """One line: "The certificate of Billing in production expires on 2026-12-07, in 14 days"."""
    text: str
    """What is so, or how it ended: a sentence or a few."""
    at: datetime
    """When it became so."""
    meanwhile: str = ""
    """What `rotator` does about it by itself, and until when."""
    to_do: str = ""
    """What a person does first."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Names and values to look up."""
    installation: str = ""
    """Which `rotator` sends it."""
    page: str = ""
    """Address of the alert's own page; empty where the pages have no public address."""
    runbook: str = ""
    """Address of what the team has written about such alerts."""
    settles: bool = False
    """It tells of the end of something that was told of before: what can be changed there now shows both."""

    @property
    def is_last(self) -> bool:
        """Nothing more follows: the alert has ended, or it was one thing that happened."""
        return not self.alert.is_open


class DeliveryFailed(RotatorError):
    """What was sent was not accepted: a message by a channel, a heartbeat by the monitor. A message stays pending."""

    def __init__(
        self,
        message: str,
        *,
        hint: str,
        effect: str = "The message is kept and sent again later.",
        transient: bool = True,
        retry_after: timedelta | None = None,
    ) -> None:
        """Not `transient` is what only a person can mend, as a revoked token; `retry_after` the channel asked for."""
        super().__init__(message, hint=hint, effect=effect)
        self.transient = transient
        self.retry_after = retry_after


class PartlyAccepted(DeliveryFailed):
    """A channel accepted a message, but not for everybody who reads there. It counts as delivered."""

    def __init__(self, message: str, *, hint: str, thread: str) -> None:
        """`thread` is what sending would have returned."""
        effect = "The others have the message; it is not sent again."
        super().__init__(message, hint=hint, effect=effect, transient=False)
        self.thread = thread


class Channel(Protocol):
    """A place where people read. Calls block until the channel has accepted, with a time-out; threads may share it."""

    @property
    def name(self) -> str:
        """As the configuration names it."""
        ...

    @property
    def has_threads(self) -> bool:
        """Whether a message can be put below an earlier one; then `send` says what that one is to be known by."""
        ...

    @property
    def digest_from(self) -> int:
        """So many messages that are due at once are sent as one."""
        ...

    def send(self, message: Message, *, thread: str | None) -> str:
        """Sends one message, into the thread of its alert if there is one, and returns when it was accepted.

        The result is what `thread` is to be for the next message of the alert; empty where there are no threads.
        Raises DeliveryFailed; PartlyAccepted where only some have it.
        """
        ...

    def send_digest(self, messages: Sequence[Message]) -> str:
        """Sends many as one; the result is a thread for each alert in it. Raises as `send` does."""
        ...

    def check(self) -> str:
        """Tries the way to the channel without telling anybody anything; says what was tried. Raises DeliveryFailed."""
        ...

    def close(self) -> None:
        """Gives connections back."""
        ...
