"""Messages by Apprise. The library is an extra, imported only when it is used."""

from __future__ import annotations

import logging
import shlex
import sys
from typing import TYPE_CHECKING, Final

from rotator.alerts.base import DeliveryFailed
from rotator.alerts.formatting import (
    ACKNOWLEDGE,
    acknowledging,
    digest_title,
    due_of,
    facts_of,
    links_of,
    most_urgent_first,
    org_of,
    parts_of,
    sender_of,
    sign_of,
    title_of,
    to_do_of,
    when_of,
    word_of,
)
from rotator.core.severity import Severity
from rotator.errors import ConfigurationError
from rotator.net.adapter import calls_of_others
from rotator.net.limits import Limits
from rotator.plain_text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apprise import Apprise

    from rotator.alerts.apprise.settings import AppriseSettings
    from rotator.alerts.base import Message
    from rotator.core.secret import Secret

DIGEST_FROM: Final = 5
"""Some of these are telephones."""

_TALKATIVE: Final = ("apprise", "urllib3")
"""Loggers that write the addresses of calls, which hold tokens, at DEBUG and above."""

_TYPES: Final = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}
_SETTLED: Final = "success"


class AppriseChannel:
    """One Apprise URL. It holds tokens: it is shown to nobody."""

    digest_from: Final = DIGEST_FROM
    has_threads: Final = False

    def __init__(self, name: str, settings: AppriseSettings, url: Secret) -> None:
        """Raises ConfigurationError when Apprise is not installed or does not know such a URL."""
        self.name: Final = name
        timeout = settings.timeout.total_seconds()
        self._limits: Final = Limits(connect=timeout, silence=timeout, total=timeout)
        self._services: Final = _services(name, url, timeout)

    def send(self, message: Message, *, thread: str | None) -> str:  # noqa: ARG002 - there are no threads
        """One message in plain text; what a service cannot take of it is cut off."""
        self._notify(f"{sign_of(message)} {title_of(message)}", _body(message), _type(message))
        return ""

    def send_digest(self, messages: Sequence[Message]) -> str:
        """One message with a line for each."""
        ordered = most_urgent_first(messages)
        where = f"Each in full: rotator alerts list ID. Sent by {sender_of(ordered)}"
        body = "\n".join([*map(_row, ordered), "", where])
        self._notify(digest_title(ordered), body, _type(ordered[0]))
        return ""

    def check(self) -> str:
        """Nothing is sent: most services cannot be asked, only used."""
        service = one_line(str(self._services[0].service_name))
        return f"Apprise knows the service ({service}); `rotator alerts test {self.name}` sends a message."

    def close(self) -> None:
        """Nothing: each call has a connection of its own."""

    def _notify(self, title: str, body: str, kind: str) -> None:
        try:
            with calls_of_others(self._limits):
                accepted = self._services.notify(body=body, title=title, notify_type=kind, body_format="text")
        except Exception as fault:  # whatever a service's plug-in raises; its words may hold the URL
            raise self._failed(f"its plug-in broke off ({type(fault).__name__})") from None
        if not accepted:
            raise self._failed("the service did not accept the message, or could not be reached")

    def _failed(self, why: str) -> DeliveryFailed:
        return DeliveryFailed(
            f"Channel {self.name}: {why}.",
            hint=f"If it lasts, check what `url` refers to; `rotator alerts test {self.name}` tries it.",
        )


def _services(name: str, url: Secret, timeout: float) -> Apprise:
    try:
        import apprise  # noqa: PLC0415 - an extra, and 160 ms
    except ImportError:
        raise ConfigurationError(
            f"Channel {name}: Apprise is not installed.",
            effect="Nothing was sent.",
            # Another pip would fetch whatever has this name elsewhere.
            hint=f"Type: {shlex.quote(sys.executable)} -m pip install 'salesforce-rotator[apprise]'",
        ) from None
    for logger in _TALKATIVE:
        logging.getLogger(logger).setLevel(logging.CRITICAL + 1)
    services = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False))
    if not services.add(url.reveal()) or len(services) != 1:
        raise ConfigurationError(
            f"Channel {name}: what `url` refers to is not one URL that Apprise knows.",
            effect="Nothing was sent.",
            hint="Put one address there as Apprise's list of services has it, such as pagerduty://...",
        )
    for service in services:
        service.socket_connect_timeout = service.socket_read_timeout = timeout
        # By itself it sends all of it, and the service refuses what is too long; `?overflow=` says otherwise.
        if "overflow_mode" not in vars(service):
            service.overflow_mode = apprise.OverflowMode.TRUNCATE
    return services


def _type(message: Message) -> str:
    return _SETTLED if message.settles else _TYPES[message.alert.severity]


def _body(message: Message) -> str:
    parts = [f"{word_of(message)}, {when_of(message)}"]
    parts += [f"{name}: {text}" if name else text for name, text in parts_of(message)]
    parts.append("\n".join(f"{name}: {value}" for name, value in facts_of(message)))
    parts.append("\n".join(f"{name}: {url}" for name, url in links_of(message) if name != ACKNOWLEDGE))
    parts.append(f"Sent by {sender_of([message])}")
    if not message.is_last:
        parts.append(f"To be told no more: {acknowledging(message)}")
    return "\n\n".join(part for part in parts if part)


def _row(message: Message) -> str:
    where = f" ({org_of(message)})" if org_of(message) else ""
    due = f", {due_of(message)}" if due_of(message) else ""
    to_do = f"\n  {to_do_of(message)}" if to_do_of(message) else ""
    page = f"\n  {message.page}" if message.page else ""
    return f"{sign_of(message)} {title_of(message)}{where}{due}{to_do}{page}"
