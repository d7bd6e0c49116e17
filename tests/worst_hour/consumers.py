"""A plain consumer, which knows one key: it logs in ten times a second with what the store has as `current`."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlencode, urlsplit

import jwt

from rotator.core.crypto.keys import PrivateKey
from tests.worst_hour.waited import Waited

if TYPE_CHECKING:
    from pathlib import Path

PERIOD: Final = 0.1
"""Seconds from one login to the next."""

_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True)
class Login:
    """One login."""

    asked_at: datetime
    answered_at: datetime
    refusal: str = ""
    """What the org said; empty for a token."""
    is_away: bool = False
    """Whether there was no answer, or one that says nothing of the login."""
    waited: timedelta = timedelta(0)
    """For how long the processes of its credential had waited for a processor when it was asked."""


@dataclass
class PlainConsumer:
    """Logs in while the `with` block runs. It reads the store at every login; while it cannot, it uses what it has."""

    current: Path
    """Where the store has the current version."""
    ca: Path
    waited: Waited = field(default_factory=lambda: Waited(lambda: None))
    """Of the processes that rotate the credential."""
    logins: list[Login] = field(default_factory=list)
    latest: float = 0.0
    """By how many seconds it was late at the most, as the machine was busy."""
    _stop: Event = field(default_factory=Event)
    _document: dict[str, str] = field(default_factory=dict)
    _made_of: str = ""
    _form: str = ""
    _good_until: datetime = field(default_factory=lambda: datetime.now(UTC))
    _url: str = ""
    _connection: http.client.HTTPSConnection | None = None

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._log_in_and_on, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._connection:
            self._connection.close()

    @property
    def refusals(self) -> list[Login]:
        """The logins that were refused."""
        return [login for login in list(self.logins) if login.refusal]

    def is_refused(self) -> bool:
        """Whether its next login is refused."""
        return bool(self.next_login().refusal)

    def next_login(self) -> Login:
        """A login that is made from now on."""
        known = len(self.logins)
        until = time.monotonic() + 60
        # The one that may be on its way was asked before.
        while len(self.logins) < known + 2:
            assert time.monotonic() < until, "it logs in no more"
            time.sleep(PERIOD / 4)
        return self.logins[-1]

    def _log_in_and_on(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self.latest = max(self.latest, time.monotonic() - due)
            asked_at, waited = datetime.now(UTC), self.waited.so_far()
            refusal, is_away = self._answer()
            self.logins.append(Login(asked_at, datetime.now(UTC), refusal, is_away, waited))
            due = max(due + PERIOD, time.monotonic())

    def _answer(self) -> tuple[str, bool]:
        """What the org says against a login, if it does; and whether it is away."""
        self._read_store()
        for _ in range(2):
            # The org ends connections that nobody has used for a while.
            with suppress(OSError, http.client.HTTPException):
                return self._asked()
            self._connection = None
        return "", True

    def _asked(self) -> tuple[str, bool]:
        if self._connection is None:
            split = urlsplit(self._url)
            trusted = ssl.create_default_context(cafile=str(self.ca))
            self._connection = http.client.HTTPSConnection(split.hostname or "", split.port, context=trusted, timeout=5)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request("POST", "/services/oauth2/token", self._form, headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status == HTTPStatus.OK:
            return "", False
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return "", True
        fields = json.loads(body)
        return f"{fields['error']}: {fields['error_description']}", False

    def _read_store(self) -> None:
        with suppress(OSError):
            version = str(self.current.readlink())
            if version != self._made_of:
                self._document = json.loads((self.current / "credential.json").read_text())
                self._made_of, self._form = version, ""
        # An assertion may be used again until it expires.
        if not self._form or datetime.now(UTC) >= self._good_until:
            self._sign(self._document)

    def _sign(self, document: dict[str, str]) -> None:
        expires_at = datetime.now(UTC) + timedelta(minutes=3)
        claims = {
            "iss": document["client_id"],
            "sub": document["username"],
            "aud": document["audience"],
            "exp": int(expires_at.timestamp()),
        }
        key = PrivateKey.from_pem(document["private_key"]).signing_key()
        self._form = urlencode({"grant_type": _GRANT, "assertion": jwt.encode(claims, key, "RS256")})
        # By the clock that the org has: a machine that was halted is not a minute late, and its assertions are.
        self._url, self._good_until = document["login_url"], expires_at - timedelta(minutes=2)
