"""Calls to a Vault or OpenBao server over hvac, waited for while the server is away, with every answer in our words."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import hvac
from hvac.adapters import RawAdapter

from rotator.errors import StoreError, StoreUnavailable
from rotator.net.client import NO_SOCKS, USE_HTTP_PROXY, Session, host_of, is_about_socks, location
from rotator.net.limits import Limits, TooLarge
from rotator.net.loading import requests
from rotator.net.shapes import Fields, WrongShape
from rotator.plain_text import one_line
from rotator.stores.refusals import STAGES_WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping
    from pathlib import Path

    from rotator.core.retry import Waiting
    from rotator.core.secret import Secret


LOG: Final = logging.getLogger(__name__)

_AWAY: Final = {
    408: "it took too long",
    412: "it has not caught up with the last write yet",
    429: "it asks to be called later (a rate limit, or a standby that has not caught up)",
    472: "it is a standby for disaster recovery",
    473: "it is a performance standby",
    500: "it has trouble of its own",
    502: "what stands before it cannot reach it",
    503: "it is sealed, or in maintenance, or no node is active",
    504: "what stands before it cannot reach it in time",
}
"""Answers that pass by themselves (Vault HTTP API, "HTTP status codes")."""

_STATE: Final = "X-Vault-Index"
"""Header by which the answer to a write says which state it led to. A standby that does not have that state yet refuses
whoever sends it back, with 412 or 429, and would show what was there before to anybody else (Vault Enterprise and
OpenBao, "Eventual consistency"). To be forwarded by it must be asked for, which Vault refuses unless it is allowed."""

_UPGRADING: Final = "Upgrading from non-versioned to versioned data"
"""What a KV engine says with status 400 for a moment after it was enabled, or upgraded to version 2."""

_ADD_NODE: Final = (
    "Nothing was sent there. If it is another node of the cluster, name its address in `nodes` of the store (`nodes=`"
    " in a consumer's address)."
)
_KEEP_METHOD: Final = "It must redirect with 307 or 308: with any other status a write would arrive as a read."
_SET_CA: Final = "Set `ca` of the store to the PEM file of the authority that signed the server's certificate."
_NEVER_WORKS: Final = {
    "CERTIFICATE_VERIFY_FAILED": ("its certificate is not trusted", _SET_CA),
    "WRONG_VERSION_NUMBER": ("it does not speak TLS", "A server without TLS has an address that begins with http://."),
    "X509": ("there is no certificate in the file of `ca`", _SET_CA),
}
"""What OpenSSL says when a later attempt ends as this one, in our words."""


LIMITS: Final = Limits(silence=30.0, total=60.0)
"""Of a call; an answer with the longest credential has some 20 kB."""


@dataclass(frozen=True)
class VaultServer:
    """Where a server is and how to talk to it."""

    address: str
    namespace: str | None = None
    ca: Path | None = None
    """PEM file of the authorities to trust instead of the public ones."""
    limits: Limits = LIMITS
    nodes: tuple[str, ...] = ()
    """Addresses to which a standby may redirect."""
    user_agent: str = "rotator"


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    fields: Fields = field(default_factory=lambda: Fields({}), repr=False)
    """Its members, which may hold a private key or a token."""

    is_vault: bool = True
    """Whether what answered speaks as a Vault does; a proxy's page is no answer."""

    @property
    def ok(self) -> bool:
        """Whether the server did what it was asked."""
        return self.status < 400

    @property
    def errors(self) -> str:
        """The server's own words, shortened; none when what answered was no Vault."""
        try:
            return one_line(" ".join(", ".join(self.fields.texts("errors")).split()), 300)
        except WrongShape:
            return ""


class VaultHttp:
    """One server. Not for several threads at once."""

    def __init__(self, name: str, server: VaultServer, waiting: Waiting) -> None:
        """`name` is the store's."""
        self.where: Final = f"The Vault of the store {name!r} ({server.address})"
        self.now: Final = waiting.now
        self._waiting: Final = waiting
        self._client: Final = _client(server)

    def send(self, call: Callable[[Any], Any], token: Secret | None, *, repeatable: bool = True) -> Answer:
        """Makes a call until it is answered.

        Raises StoreUnavailable when the server is away for longer than patience lasts, StoreError when it is not the
        right server. A call that is not repeatable is made once.
        """
        reason = ""
        for _ in self._waiting.turns(at_most=None if repeatable else 1):
            answer, reason = self._attempt(call, token)
            if answer is not None and not reason:
                return answer
            LOG.debug("not answered", extra={"reason": reason})
        # Where the cluster was restored from a backup, no node reaches it any more.
        self._headers.pop(_STATE, None)
        raise self._unavailable(reason)

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Within it what an answer holds is read. Raises StoreError for an answer that is none of a Vault."""
        try:
            yield
        except WrongShape as error:
            reason = str(error)
        else:
            return
        raise StoreError(
            f"{self.where} does not answer like a Vault: {reason}.",
            effect=STAGES_WHOLE,
            hint="Check `address` of the store, and proxies on the way.",
        )

    def close(self) -> None:
        """Closes the connections."""
        self._client.adapter.close()

    def _attempt(self, call: Callable[[Any], Any], token: Secret | None) -> tuple[Answer | None, str]:
        """The answer, and why it may be another one later. The errors of requests hold what was sent: none gets out."""
        self._client.token = token.reveal() if token else ""
        reason, hint = "what answers there is no Vault", "Check `address` of the store, and proxies on the way."
        try:
            response = call(self._client)
            if _STATE in response.headers:
                self._headers[_STATE] = response.headers[_STATE]
            answer = _answer(response)
            if _passing(answer) or answer.is_vault:
                return answer, _passing(answer)
            if response.is_redirect:
                reason = f"it redirects (HTTP {answer.status}) to {host_of(location(response)) or 'no address'}"
                hint = _ADD_NODE if answer.status in {307, 308} else f"{_ADD_NODE} {_KEEP_METHOD}"
        except requests.exceptions.SSLError as error:
            found = next((words for mark, words in _NEVER_WORKS.items() if mark in str(error)), None)
            if found is None:
                return None, "the TLS connection broke"
            reason, hint = found
        except TooLarge as error:
            reason = f"its answer has {error}"
        except requests.Timeout:
            return None, "it does not answer in time"
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            return None, "nothing answers there" if "refused" in str(error) else "the connection broke"
        except requests.RequestException as error:
            reason, hint = f"the address is of no use ({type(error).__name__})", "Check `address` of the store."
            if is_about_socks(error):
                reason, hint = NO_SOCKS, USE_HTTP_PROXY
        except OSError:
            reason, hint = "the file of `ca` cannot be read", _SET_CA
        finally:
            self._client.token = ""
        raise StoreError(f"{self.where} cannot be called: {reason}.", effect=STAGES_WHOLE, hint=hint)

    @property
    def _headers(self) -> MutableMapping[str, str | bytes]:
        """Of every request."""
        headers: MutableMapping[str, str | bytes] = self._client.adapter.session.headers
        return headers

    def _unavailable(self, reason: str) -> StoreUnavailable:
        patience = round(self._waiting.patience)
        hint = "Look at the server with `vault status`"
        if "sealed" in reason:
            hint += ", and unseal it"
        return StoreUnavailable(
            f"{self.where} cannot be used just now: {reason} (tried for {patience} seconds).",
            effect=STAGES_WHOLE,
            hint=f"{hint}.",
            rerun="Then run it again: it goes on from where it stopped.",
        )


def _client(server: VaultServer) -> hvac.Client:
    # To itself or to another node of the cluster, and nowhere else: token and keys are in what would be sent again.
    trusted = (server.address, *server.nodes)
    session = Session(server.limits, user_agent=server.user_agent, ca=server.ca, redirects_to=trusted)
    session.verify = str(server.ca) if server.ca else True
    # The empty token keeps hvac from looking for one by itself; answers are judged here, not by its exceptions.
    return hvac.Client(
        url=server.address,
        token="",
        timeout=server.limits.timeout,  # type: ignore[arg-type] # requests takes a pair
        session=session,
        verify=session.verify,
        namespace=server.namespace,
        adapter=RawAdapter,
        ignore_exceptions=True,
    )


def _answer(response: requests.Response) -> Answer:
    status = response.status_code
    try:
        fields = Fields.parsed(response.content) if response.content else Fields({})
    except WrongShape:
        return Answer(status, is_vault=False)
    # What went well has data, even none, or no body at all (204); what did not has a list of errors, even empty.
    return Answer(status, fields, status == 204 or "data" in fields or "errors" in fields)


def _passing(answer: Answer) -> str:
    """Why a later answer may be another one; nothing when it will be the same."""
    if "sealed" in answer.errors and answer.status == 503:
        return "it is sealed"
    if _UPGRADING in answer.errors:
        return "its secrets engine is not ready yet"
    reason = _AWAY.get(answer.status, "")
    return f"{reason}: {answer.errors}" if reason and answer.errors else reason
