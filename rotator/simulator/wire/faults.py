"""Faults on demand: the next calls of a kind, or a share of them, fail, hang, are slow or lose their answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.wire.answers import Answer, html_answer, oauth_error, rest_error
from rotator.simulator.wire.soap import FaultError, fault_answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from random import Random


class Kind(StrEnum):
    """What a call is for."""

    ANY = "any"
    TOKEN = "token"  # noqa: S105 - the name of an endpoint
    USERINFO = "userinfo"
    REVOKE = "revoke"
    INTROSPECT = "introspect"
    DATA = "data"
    DEPLOY = "deploy"
    CREDENTIALS = "credentials"
    TOOLING = "tooling"
    SOAP_DESCRIBE = "soap_describe"
    SOAP_LIST = "soap_list"
    SOAP_READ = "soap_read"
    SOAP_UPDATE = "soap_update"
    SOAP_CREATE = "soap_create"
    SOAP_DELETE = "soap_delete"
    SOAP_DEPLOY = "soap_deploy"
    SOAP_RETRIEVE = "soap_retrieve"
    SOAP_STATUS = "soap_status"
    SOAP_LOGIN = "soap_login"
    SOAP_OTHER = "soap_other"

    @property
    def is_soap(self) -> bool:
        """Whether it is a SOAP call."""
        return self.value.startswith("soap")


class Effect(StrEnum):
    """What a fault does to a call."""

    FAIL = "fail"
    """Answered with `answer`; it takes no effect."""
    HANG = "hang"
    """Never answered; it takes no effect."""
    SLOW = "slow"
    """Takes effect at once and is answered `seconds` late, if anybody still waits."""
    LOSE_ANSWER = "lose_answer"
    """It takes effect, then the connection breaks."""
    LOSE_CERTIFICATE = "lose_certificate"
    """An update takes effect and is answered as a success, and the certificate is dropped without a word."""


_LOCKED: Final = (
    "The changes you requested require salesforce.com to temporarily lock your organization's administration setup. "
    "However, the administration setup has already been locked by another change. Please wait for the previous action "
    "to finish, then try again later."
)
_SOAP_FAULTS: Final = {
    "unknown_exception": ("UNKNOWN_EXCEPTION", "An unexpected error occurred."),
    "already_in_process": ("ALREADY_IN_PROCESS", _LOCKED),
    "request_limit_exceeded": ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    "concurrent_requests": (
        "REQUEST_LIMIT_EXCEEDED",
        "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
    ),
    "server_unavailable": ("SERVER_UNAVAILABLE", "system may be currently unavailable"),
    "invalid_session": ("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session"),
}
_PAGES: Final = {
    "http_420": (420, "<html><body>ERROR_HTTP_420</body></html>"),
    "http_502": (502, "<html><body>upstream connect error or disconnect/reset before headers</body></html>"),
    "http_503": (503, "<html><body>no healthy upstream</body></html>"),
}
_OTHERS: Final = {
    "unknown_error": oauth_error(400, "unknown_error", "retry your request"),
    "login_rate_exceeded": oauth_error(400, "invalid_grant", "LOGIN_RATE_EXCEEDED: Login rate exceeded"),
    "invalid_assertion": oauth_error(400, "invalid_grant", "invalid assertion"),
}
_REST: Final = {
    "request_limit_exceeded": rest_error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    "concurrent_requests": rest_error(
        403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    ),
    "invalid_session": rest_error(401, "INVALID_SESSION_ID", "Session expired or invalid"),
}
FAILURES: Final = (*_PAGES, *_OTHERS, *_SOAP_FAULTS)
"""Names of the answers that a failing call may be given."""


def failure(name: str, kind: Kind) -> Answer:
    """The answer of that name, in the words of the API that was called."""
    if name in _PAGES:
        return html_answer(*_PAGES[name])
    if name in _OTHERS:
        return _OTHERS[name]
    if not kind.is_soap and name in _REST:
        return _REST[name]
    return fault_answer(FaultError(*_SOAP_FAULTS[name]))


@dataclass(frozen=True)
class Fault:
    """One fault to come: it lets `after` calls pass, then meets `times` of them, each with the chance `share`."""

    kind: Kind
    effect: Effect
    times: int | None = 1
    """How many calls it meets; None: all that follow."""
    share: float = 1.0
    """The chance that a call is met."""
    after: int = 0
    """How many matching calls pass first."""
    seconds: float = 0.0
    """For `slow`: how late the answer is."""
    answer: str | Answer = "http_503"
    """For `fail`: a name of FAILURES, or the answer itself."""
    app: str | None = None
    """Only calls about this app (a login through it, a read or write of it)."""

    def __post_init__(self) -> None:
        if isinstance(self.answer, str) and self.answer not in FAILURES:
            raise ValueError(f"the answer {self.answer!r} is none of {', '.join(FAILURES)}")

    def to_json(self) -> dict[str, Any]:
        """What `GET /simulator/faults` shows."""
        answer = self.answer if isinstance(self.answer, str) else self.answer.status
        return {**self.__dict__, "kind": self.kind.value, "effect": self.effect.value, "answer": answer}

    def concerns(self, kind: Kind, apps: Iterable[str]) -> bool:
        """Whether a call of this kind about these apps can be met."""
        return self.kind in {kind, Kind.ANY} and (self.app is None or self.app in apps)

    def answer_for(self, kind: Kind) -> Answer:
        """The answer of a call that fails."""
        return failure(self.answer, kind) if isinstance(self.answer, str) else self.answer


class Faults:
    """The faults that wait for calls, in the order in which they were added; one call meets at most one."""

    def __init__(self, random: Random) -> None:
        self._random: Final = random
        self._waiting: list[Fault] = []
        self._lock: Final = Lock()

    def add(self, *faults: Fault) -> None:
        """Lets faults wait for their calls."""
        with self._lock:
            self._waiting.extend(faults)

    def clear(self) -> None:
        """Takes all faults away."""
        with self._lock:
            self._waiting.clear()

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._waiting))

    def take(self, kind: Kind, apps: Iterable[str]) -> Fault | None:
        """The fault that meets this call, used up by one."""
        with self._lock:
            for index, fault in enumerate(self._waiting):
                if fault.concerns(kind, apps) and self._meets(index):
                    return fault
        return None

    def _meets(self, index: int) -> bool:
        fault = self._waiting[index]
        if fault.after > 0:
            self._waiting[index] = replace(fault, after=fault.after - 1)
            return False
        if self._random.random() >= fault.share:
            return False
        if fault.times is not None:
            self._waiting[index] = replace(fault, times=fault.times - 1)
            self._waiting = [waiting for waiting in self._waiting if waiting.times != 0]
        return True
