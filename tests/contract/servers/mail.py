"""A real SMTP server (aiosmtpd) on loopback: in the clear, with STARTTLS or TLS, with a login, and with bad days."""

from __future__ import annotations

import asyncio
import email
import email.policy
import threading
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from rotator.simulator.serving.authority import CertificateAuthority
from tests.contract.servers.mail_form import complaints

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from email.message import EmailMessage

    from aiosmtpd.smtp import SMTP, Envelope, Session

USERNAME: Final = "rotator"
PASSWORD: Final = "planted-mail-password"
ACCOUNTS: Final = {(USERNAME, PASSWORD), ("jürgen", "pässwort mit €")}
MECHANISMS: Final = {"PLAIN", "LOGIN", "XOAUTH2"}
Security = Literal["none", "starttls", "tls"]


class MailServer:
    """What arrived, and what it answers."""

    def __init__(self) -> None:
        self.arrived: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.refused: dict[str, str] = {}
        """Mailbox -> answer to RCPT."""
        self.after_data = "250 taken"
        self.loses_answer = False
        """It takes the mail and hangs up."""
        self.delay = 0.0
        """Seconds before it answers to DATA."""
        self.was_given = threading.Event()
        """A mail has come, whether or not it was answered yet."""
        self.is_over = threading.Event()
        self.ca = ""
        self.port = 0

    async def auth_XOAUTH2(self, _server: SMTP, _arguments: list[str]) -> AuthResult:  # noqa: N802 - the library's name
        """Nobody has a token here."""
        return AuthResult(success=False, handled=False)

    async def handle_RCPT(  # noqa: N802 - the library's name for it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Takes or refuses one recipient."""
        answer = self.refused.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Takes or refuses the mail."""
        self.was_given.set()
        for _ in range(int(self.delay * 50)):
            if self.is_over.is_set():
                break
            await asyncio.sleep(0.02)
        if not self.after_data.startswith("250"):
            return self.after_data
        content = envelope.content
        assert isinstance(content, bytes)
        if wrong := complaints(content):
            return f"554 5.6.0 {wrong[0]}"
        mail = email.message_from_bytes(content, policy=email.policy.default)
        self.arrived.append(mail)
        self.recipients.append(envelope.rcpt_tos)
        if self.loses_answer and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return self.after_data


class _OnAFreePort(Controller):
    """The library asks its own port whether it answers, and does not find out which one it was given."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # the library has no annotation there


def _login(_server: Any, _session: Any, _envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) in ACCOUNTS
    return AuthResult(success=right, handled=mechanism not in {"PLAIN", "LOGIN"})


@contextmanager
def mail_server(
    security: Security = "none", *, login: bool = False, mechanisms: Collection[str] = ("PLAIN", "LOGIN")
) -> Iterator[MailServer]:
    """One that listens, with a login by one of the mechanisms if it wants one."""
    handler = MailServer()
    options: dict[str, Any] = {"auth_required": login, "authenticator": _login} if login else {}
    options["auth_exclude_mechanism"] = sorted(MECHANISMS - set(mechanisms))
    if security != "none":
        authority = CertificateAuthority.create(datetime.now(UTC))
        handler.ca = authority.pem
        context = authority.server_context(datetime.now(UTC))
        key = "ssl_context" if security == "tls" else "tls_context"
        options |= {key: context, "require_starttls": security == "starttls"}
        # Over TLS from the start, the library knows of no encryption and would offer no login.
        options["auth_require_tls"] = security == "starttls"
    elif login:
        options["auth_require_tls"] = False
    controller = _OnAFreePort(handler, hostname="127.0.0.1", port=0, **options)
    with warnings.catch_warnings():
        # The library warns anew for each connection.
        warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
        controller.start()
        handler.port = controller.port
        try:
            yield handler
        finally:
            handler.is_over.set()
            controller.stop()
