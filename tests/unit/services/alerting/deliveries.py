"""A bench for deliveries: channels that take messages down, and what is pending for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from rotator.alerts.base import DeliveryFailed, Message
from rotator.core.alert import NewAlert
from rotator.core.severity import Severity
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import OPENED, Outbox
from rotator.history.attempt_records import AttemptRecords
from rotator.services.alerting.delivery import BACK_OFF, Delivered, Delivery
from rotator.services.alerting.messages import Origin
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rotator.core.alert import Alert
    from rotator.history.engine.database import Database


DAY = timedelta(days=1)


PASSING = DeliveryFailed("Channel ops: no answer.", hint="Wait.")


LASTING = DeliveryFailed("Channel ops: invalid_auth.", hint="Put a token there.", transient=False)


@dataclass
class Recorder:
    """A channel that keeps what it is sent, and refuses when told to."""

    name: str = "ops"
    digest_from: int = 5
    has_threads: bool = True
    refuses: Callable[[Message], Exception | None] = lambda _: None
    sent: list[tuple[Message, str | None]] = field(default_factory=list)
    digests: list[list[Message]] = field(default_factory=list)
    numbers: Iterable[int] = field(default_factory=lambda: count(1))

    def send(self, message: Message, *, thread: str | None) -> str:
        self._mind(message)
        self.sent.append((message, thread))
        return thread or f"thread {next(iter(self.numbers))}"

    def send_digest(self, messages: Sequence[Message]) -> str:
        self._mind(messages[0])
        self.digests.append(list(messages))
        return f"digest {next(iter(self.numbers))}"

    def check(self) -> str:
        return "There."

    def close(self) -> None: ...

    def _mind(self, message: Message) -> None:
        refusal = self.refuses(message)
        if refusal:
            raise refusal

    @property
    def titles(self) -> list[str]:
        return [message.title for message, _ in self.sent]


class Problems:
    """Problems that were opened and solved."""

    def __init__(self) -> None:
        self.open: dict[str, NewAlert] = {}
        self.opened = 0

    def problem(self, new: NewAlert, now: datetime) -> None:  # noqa: ARG002
        self.opened += new.key not in self.open
        self.open[new.key] = new

    def solved(self, key: str, why: str, now: datetime) -> None:  # noqa: ARG002
        self.open.pop(key, None)


class DeliveryBench:
    """An outbox with a delivery over it, and a channel."""

    def __init__(self, database: Database) -> None:
        self.outbox, self.alerts, self.attempts = Outbox(database), AlertRecords(database), AttemptRecords(database)
        self.problems = Problems()
        self.channel = Recorder()
        self.delivery = Delivery(
            outbox=self.outbox,
            alerts=self.alerts,
            attempts=self.attempts,
            alerting=self.problems,
            origin=Origin("prod-1"),
            back_off=BACK_OFF,
        )

    def alert(self, number: int = 1, *, steps: Sequence[str] = (OPENED,), **changes: object) -> Alert:
        """An alert of which the channel is owed these steps."""
        fields: dict[str, object] = {
            "key": f"alert {number}",
            "kind": "org",
            "severity": Severity.WARNING,
            "title": f"Org {number} cannot be read",
            "text": "The user is locked.",
            "org": f"org{number}",
            "facts": {"Org": f"org{number}"},
        }
        alert, _ = self.alerts.open(NewAlert(**fields | changes), MOMENT)  # type: ignore[arg-type] # fields of it
        for step in steps:
            self.outbox.add(alert.id, step, "ops", MOMENT)
        return alert

    def deliver(self, at: timedelta = timedelta(0)) -> Delivered:
        return self.delivery.deliver("ops", lambda: self.channel, MOMENT + at)
