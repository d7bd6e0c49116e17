"""What the Metadata API says when it says no, in our words (Metadata API Developer Guide, Error Handling)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rotator.core.logins import may_pass
from rotator.errors import NOTHING_CHANGED, LoginRefused, OrgError, OrgUnavailable
from rotator.net.shapes import WrongShape
from rotator.plain_text import one_line
from rotator.resources import docs
from rotator.salesforce.budget import LimitReached
from rotator.salesforce.login import SessionExpired
from rotator.salesforce.permissions import PERMISSION_HINT
from rotator.salesforce.transport import AnswerLost

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN_WORDS: Final = (
    f"The reason is in the org's own words; {docs('salesforce-setup')} lists what an app and a user need."
)
"""What is told with what an org says when it refuses, where no more is known of it."""

_HINT: Final = {
    "INSUFFICIENT_ACCESS": PERMISSION_HINT,
    "API_DISABLED_FOR_ORG": "The edition of the org must include API access.",
    "INVALID_TYPE": "The user must be allowed to see what was asked for. " + PERMISSION_HINT,
    "UNSUPPORTED_API_VERSION": "`rotator check` tells which versions the org offers, and which one rotator speaks.",
    "INVALID_OPERATION_WITH_EXPIRED_PASSWORD": "Reset the password of the program's user, or let it never expire.",
}
_LONGEST_CODE: Final = 80
_LONGEST: Final = 500
_NOTHING_DONE: Final = frozenset(
    {"ALREADY_IN_PROCESS", "REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW"}
)
_NOT_THERE: Final = frozenset({"INVALID_CROSS_REFERENCE_KEY", "INVALID_ID_FIELD", "MALFORMED_ID"})
_UNKNOWN_EFFECT: Final = frozenset({"UNKNOWN_EXCEPTION", "REQUEST_RUNNING_TOO_LONG"})


class DailyLimitReached(OrgUnavailable):
    """The org has used up its API calls of the last 24 hours: each repeat makes it worse."""


class NotThere(OrgError):
    """The org knows nothing of this id."""


def from_fault(org: str, code: str, message: str) -> OrgError:
    """The error for a SOAP fault or an error in a result: `code` with or without prefix, `message` in the org's words.

    SessionExpired: the session is over, nothing was done. AnswerLost: it may or may not have been done. Any other
    OrgUnavailable: asked to come later, nothing was done. Any other OrgError: refused, nothing was done.
    """
    name = one_line(code.rpartition(":")[2], _LONGEST_CODE) or "no code"
    said = one_line(message.removeprefix(f"{name}: "), _LONGEST).rstrip(".") or "without a reason"
    if name == "INVALID_SESSION_ID":
        return SessionExpired(
            f"The org {org} does not take the program's session: {said}.",
            effect=NOTHING_CHANGED,
            hint="Check the app's session policies, and that it does not issue tokens in JWT format.",
        )
    if name == "REQUEST_LIMIT_EXCEEDED" and "TotalRequests" in said:
        return DailyLimitReached(
            f"The org {org} has used up its API calls of the day.",
            effect=NOTHING_CHANGED,
            hint="See Company Information in Setup.",
            rerun="Run it again when there are calls left.",
        )
    if name in _NOTHING_DONE:
        return OrgUnavailable(f"The org {org} is busy ({name}): {said}.", effect=NOTHING_CHANGED, rerun="Run it again.")
    if name in _UNKNOWN_EFFECT:
        return AnswerLost(f"The org {org} failed ({name}): {said}.", rerun="Run it again.")
    kind = NotThere if name in _NOT_THERE else OrgError
    return kind(f"The org {org} refuses ({name}): {said}.", effect=NOTHING_CHANGED, hint=_HINT.get(name, OWN_WORDS))


def from_refusal(org: str, status: int, code: str, message: str) -> OrgError:
    """The error for what the REST API says: as `from_fault`, but that a code nobody knows is what its status is."""
    error = from_fault(org, code, message)
    return _away(error.message) if type(error) is OrgError and may_pass(status) else error


def _away(message: str) -> AnswerLost:
    return AnswerLost(message, hint="See status.salesforce.com if it lasts.", rerun="Run it again.")


def from_status(org: str, status: int, api: str = "Metadata API", why: str = "") -> OrgError:
    """The error for an answer that is not the API's at all, such as a gateway's HTML page (`status` is HTTP's).

    `why` says what is wrong with it, where that is known.
    """
    if status < 400:
        return AnswerLost(
            f"The org {org} does not answer like the {api}{f': {why}' if why else ''}.",
            hint="Check that no proxy or sign-in page answers in the org's place.",
            rerun="Then run it again.",
        )
    if may_pass(status):
        return _away(f"The org {org} is away (HTTP {status}).")
    return OrgError(
        f"The org {org} has no {api} at its address (HTTP {status}).", effect=NOTHING_CHANGED, hint="Check `login_url`."
    )


@contextmanager
def in_shape(org: str, api: str = "Metadata API", of: str = "") -> Iterator[None]:
    """Reads an answer: one that is not in the shape it must have (WrongShape) is not the API's, as `from_status` says.

    `of`: whose shape it is, where the answer is of several.
    """
    try:
        yield
    except WrongShape as error:
        raise not_in_shape(error, org, api, of) from None


def not_in_shape(error: WrongShape, org: str, api: str = "Metadata API", of: str = "") -> OrgError:
    """The error of `in_shape`, for who reads apps by the thousand: a context takes half as long as to read one."""
    return from_status(org, 200, api, f"of {of}, {error}" if of else str(error))


CLOSED: Final = (LoginRefused, SessionExpired, DailyLimitReached, LimitReached)
"""What an org answers each other call with, too, for as long as it does."""


def may_be_of_one(error: OrgError) -> bool:
    """Whether one of several things that were asked for may be what failed; else all of the org is away, or closed."""
    if isinstance(error, CLOSED):
        return False
    return isinstance(error, AnswerLost) or not isinstance(error, OrgUnavailable)
