"""Handing a mail to a server, and what its refusals mean (RFC 5321 section 4.2.1: 4xx may pass, 5xx does not)."""

from __future__ import annotations

import io
import smtplib
from base64 import b64encode
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from rotator.alerts.base import DeliveryFailed
from rotator.alerts.formatting import cut
from rotator.alerts.tls import distrust
from rotator.net.exchange import BoundedReader, Exchange, under_way
from rotator.net.limits import KILOBYTE, Limits, TooSlow
from rotator.plain_text import one_line

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping, Sequence

    from rotator.alerts.mail.settings import EmailSettings
    from rotator.core.secret import Secret

SIZE: Final = 256 * KILOBYTE
"""Of all that a server says while it takes one mail."""

_TURNS: Final = 4
"""All of it may take so many times as long as one reply: there are greeting, TLS, login, and the mail itself."""

_LONGEST_REASON: Final = 200
_GO_ON: Final = 334
_LOGGED_IN: Final = {235, 503}
"""RFC 4954 section 4: done, or done already."""
Replies = dict[str, tuple[int, bytes]]


class _Bounded:
    """What is added to a connection of smtplib's, which reads replies of any length for ever."""

    file: Any
    sock: Any

    def getreply(self) -> tuple[int, bytes]:
        exchange = under_way()
        if self.file is None and exchange is not None and self.sock is not None:
            self.file = io.BufferedReader(BoundedReader(self.sock, exchange))
        reply: tuple[int, bytes] = super().getreply()  # type: ignore[misc]
        return reply


class _Connection(_Bounded, smtplib.SMTP):
    pass


class _TlsConnection(_Bounded, smtplib.SMTP_SSL):
    pass


class MailServer:
    """One SMTP server. Each call is a connection of its own, closed at its end."""

    def __init__(self, channel: str, settings: EmailSettings, password: Secret | None, context: ssl.SSLContext) -> None:
        self._channel: Final = channel
        self._settings: Final = settings
        self._password: Final = password
        self._context: Final = context
        self._address: Final = f"{settings.host}:{settings.port}"
        self._timeout: Final = max(settings.timeout.total_seconds(), 0.1)
        self._limits: Final = Limits(self._timeout, self._timeout, _TURNS * self._timeout, SIZE)

    def hand_over(self, sender: str, to: Sequence[str], mail: bytes) -> dict[str, str]:
        """Returns when the server has the mail: who it refused of several, and why. Raises DeliveryFailed."""
        with self._connected() as connection, self._in_our_words():
            try:
                refused: Replies = connection.sendmail(sender, list(to), mail)
            except smtplib.SMTPRecipientsRefused as error:
                raise self._nobody(error.recipients) from None
        return {mailbox: _reason(*reply) for mailbox, reply in refused.items()}

    def check(self) -> None:
        """Connects, logs in where a login is configured, and asks for nothing (NOOP). Raises DeliveryFailed."""
        with self._connected() as connection, self._in_our_words():
            connection.noop()

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        with Exchange(self._limits):
            with self._in_our_words():
                connection = self._connect()
            yield from self._greeted(connection)

    def _greeted(self, connection: smtplib.SMTP) -> Iterator[smtplib.SMTP]:
        try:
            with self._in_our_words():
                connection.ehlo_or_helo_if_needed()
                if self._settings.security == "starttls":
                    connection.starttls(context=self._context)
            self._login(connection)
            yield connection
        finally:
            _leave(connection)

    def _connect(self) -> smtplib.SMTP:
        host, port = self._settings.host, self._settings.port
        if self._settings.security == "tls":
            return _TlsConnection(host, port, timeout=self._timeout, context=self._context)
        return _Connection(host, port, timeout=self._timeout)

    def _login(self, connection: smtplib.SMTP) -> None:
        if self._settings.username is None or self._password is None:
            return
        with self._in_our_words():
            try:
                _log_in(connection, self._settings.username, self._password.reveal())
            except smtplib.SMTPAuthenticationError as error:
                # The server's own words are not repeated: it was just told the password.
                raise self._refused(f"refused the login ({error.smtp_code})", _LOGIN, error.smtp_code) from None
            except (smtplib.SMTPServerDisconnected, smtplib.SMTPNotSupportedError, smtplib.SMTPResponseException):
                raise
            except smtplib.SMTPException:
                offered = ", ".join(_mechanisms(connection)) or "none"
                raise self._refused(
                    f"offers no way of logging in with a password (it offers {offered})", _NO_PASSWORDS, 500
                ) from None

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except smtplib.SMTPSenderRefused as error:
            reason = _reason(error.smtp_code, error.smtp_error)
            hint = self._without_login(error.smtp_code) or _SENDER
            raise self._refused(f"refused the sender: {reason}", hint, error.smtp_code) from None
        except smtplib.SMTPNotSupportedError:
            what = "starttls" if self._settings.security == "starttls" else "a login"
            raise self._refused(f"does not offer {what}", _SECURITY, 500) from None
        except smtplib.SMTPResponseException as error:
            reason = _reason(error.smtp_code, error.smtp_error)
            hint = self._without_login(error.smtp_code) or (_SENDER if _is_about_sender(reason) else _SERVER)
            raise self._refused(f"refused the mail: {reason}", hint, error.smtp_code) from None
        except TimeoutError:
            raise self._passing(f"did not answer within {self._timeout:g} seconds") from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            exchange = under_way()
            if exchange and isinstance(exchange.passed, TooSlow):
                took = f"did not come to an end within {self._limits.total:g} seconds"
                raise self._passing(took) from None
            raise self._broken(error) from None

    def _without_login(self, code: int) -> str:
        """What to do where the server wants a login and none is configured (RFC 4954 section 6: 530)."""
        return _LOGIN_IS_MISSING if code == _LOGIN_WANTED and self._settings.username is None else ""

    def _broken(self, error: Exception) -> DeliveryFailed:
        if reason := distrust(error):
            return DeliveryFailed(
                f"Channel {self._channel}: the TLS certificate that {self._address} shows is not trusted: {reason}.",
                hint="Set `ca` of the channel to the PEM file of the authority behind it, and `host` to its name.",
                transient=False,
            )
        system = error.strerror if isinstance(error, OSError) and error.errno else None
        return self._passing(f"cannot be reached, or broke the connection: {(system or 'no answer').lower()}")

    def _nobody(self, replies: Mapping[str, tuple[int, bytes]]) -> DeliveryFailed:
        told = "; ".join(f"{mailbox} ({_reason(*reply)})" for mailbox, reply in replies.items())
        # As long as one of them may be served later, so may the mail.
        code = min((code for code, _ in replies.values()), default=450)
        return self._refused(f"accepts no mail for {told}", _MAILBOX, code)

    def _refused(self, what: str, hint: str, code: int) -> DeliveryFailed:
        transient = code < 500
        passing = "Nothing, unless it lasts: then ask who keeps the mail server."
        return DeliveryFailed(
            f"Channel {self._channel}: {self._address} {what}.",
            hint=passing if transient else hint,
            transient=transient,
        )

    def _passing(self, what: str) -> DeliveryFailed:
        return DeliveryFailed(
            f"Channel {self._channel}: {self._address} {what}.",
            hint="Nothing, unless it lasts: then check `host`, `port`, `security` and the firewall.",
        )


_LOGIN: Final = "Check `username` and what `password` refers to; many providers want a password made for programs."
_LOGIN_WANTED: Final = 530
_LOGIN_IS_MISSING: Final = "The server wants a login: set `username` and `password` of the channel."
_NO_PASSWORDS: Final = (
    "Ask the provider for a password made for programs (app password) or a relay that takes one: "
    "logins by OAuth 2.0 (XOAUTH2, OAUTHBEARER) are not supported."
)
_SENDER: Final = "Set `sender` to an address that this login may send from."
_SECURITY: Final = (
    "Set `security` to what the server offers: starttls (port 587) or tls (port 465); `none` only on this machine."
)
_SERVER: Final = "Ask who keeps the mail server; `rotator alerts test` tries it again."
_MAILBOX: Final = "Correct `to` of the channel, or ask who keeps these mailboxes."


def _reason(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return cut(one_line(f"{code} {words}"), _LONGEST_REASON)


def _is_about_sender(reason: str) -> bool:
    """Exchange says so only after the whole mail: 5.7.60 (RFC 3463's form), SendAsDenied."""
    return "5.7.60" in reason or "sendas" in reason.lower()


def _mechanisms(connection: smtplib.SMTP) -> list[str]:
    return connection.esmtp_features.get("auth", "").upper().split()


def _log_in(connection: smtplib.SMTP, username: str, password: str) -> None:
    """As smtplib does, which knows ASCII only; other letters go as UTF-8, by PLAIN (RFC 4616) or LOGIN."""
    if (username + password).isascii():
        connection.login(username, password)
        return
    connection.ehlo_or_helo_if_needed()
    offered = _mechanisms(connection)
    if "PLAIN" in offered:
        reply = connection.docmd("AUTH", "PLAIN " + _base64("\0".join(("", username, password))))
    elif "LOGIN" in offered:
        reply = connection.docmd("AUTH", f"LOGIN {_base64(username)}")
        if reply[0] == _GO_ON:
            reply = connection.docmd(_base64(password))
    else:
        raise smtplib.SMTPException
    if reply[0] not in _LOGGED_IN:
        raise smtplib.SMTPAuthenticationError(*reply)


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _leave(connection: smtplib.SMTP) -> None:
    """Says good-bye; the mail is delivered or not whatever the answer is."""
    try:
        connection.quit()
    except (smtplib.SMTPException, OSError, ValueError):
        connection.close()
