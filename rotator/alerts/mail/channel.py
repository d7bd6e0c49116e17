"""Mail over SMTP: one alert is one thread, many at once are one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.alerts.base import PartlyAccepted
from rotator.alerts.mail.smtp import MailServer
from rotator.alerts.mail.text import digest_of, mail_of, thread_of, thread_of_digest
from rotator.alerts.tls import client_context
from rotator.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from email.message import EmailMessage

    from rotator.alerts.base import Message
    from rotator.alerts.mail.settings import EmailSettings
    from rotator.core.secret import Secret


_CORRECT: Final = "Correct `to` of the channel, or give these mailboxes a channel of their own."
_FOR_NOW: Final = (
    "It would take it later (RFC 5321 section 4.2.1), and would give it to the others again: give these mailboxes a"
    " channel of their own, or ask who keeps the server."
)


class EmailChannel:
    """Accepted is what the server took over for at least one recipient; those that it refused are told apart."""

    has_threads: Final = True

    def __init__(
        self, name: str, settings: EmailSettings, password: Secret | None, now: Callable[[], datetime]
    ) -> None:
        """Raises ConfigurationError for addresses that few servers take, and when `ca` cannot be used."""
        strange = next((mailbox for mailbox in (settings.sender, *settings.to) if not mailbox.isascii()), None)
        if strange is not None:
            raise ConfigurationError(
                f"Channel {name}: the address {strange} has letters that mail servers do not take.",
                effect="Nothing was sent.",
                hint="Write its domain as xn--..., as name servers know it.",
            )
        self.name: Final = name
        self.digest_from: Final = settings.digest_from
        self._settings: Final = settings
        self._now: Final = now
        self._server: Final = MailServer(name, settings, password, client_context(name, settings.ca))

    def send(self, message: Message, *, thread: str | None) -> str:
        """One mail, as an answer to the first one of its alert."""
        to = self._settings.to
        mail = mail_of(message, sender=self._settings.sender, to=to, now=self._now(), thread=thread)
        return self._deliver(mail, thread_of(mail, thread))

    def send_digest(self, messages: Sequence[Message]) -> str:
        """One mail with a table."""
        mail = digest_of(messages, sender=self._settings.sender, to=self._settings.to, now=self._now())
        return self._deliver(mail, thread_of_digest(mail))

    def check(self) -> str:
        """Connects and logs in."""
        self._server.check()
        login = f" and logged in as {self._settings.username}" if self._settings.username else ""
        return f"Connected to {self._settings.host}:{self._settings.port} ({self._settings.security}){login}."

    def close(self) -> None:
        """Nothing: each mail has a connection of its own."""

    def _deliver(self, mail: EmailMessage, thread: str) -> str:
        refused = self._server.hand_over(self._settings.sender, self._settings.to, mail.as_bytes())
        if refused:
            told = "; ".join(f"{mailbox} ({reason})" for mailbox, reason in refused.items())
            raise PartlyAccepted(
                f"Channel {self.name}: the mail server refused some recipients: {told}.",
                hint=_CORRECT if any(reason.startswith("5") for reason in refused.values()) else _FOR_NOW,
                thread=thread,
            )
        return thread
