"""What the answer to a JWT bearer login says, and what it does not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from rotator.plain_text import one_line
from rotator.resources import docs

GENERIC_HOSTS: Final = frozenset({"login.salesforce.com", "test.salesforce.com"})
"""Login hosts of all orgs together, which hand a login on to the org's own."""


class LoginOutcome(StrEnum):
    """What one test login proved. Only `accepted` and `mismatch` say anything about the key or the secret."""

    ACCEPTED = "accepted"
    """HTTP 200, and the token is for the right org and user."""
    MISMATCH = "mismatch"
    """The key is not the live certificate's, the secret not in force, or the change has not arrived yet."""
    CONFIGURATION = "configuration"
    """The app, the user or the audience is not set up for this login."""
    CLOCK = "clock"
    """The assertion had expired on arrival: a clock is wrong."""
    TRANSIENT = "transient"
    """The org could not be reached, or asks to be tried again."""
    RATE = "rate"
    """Too many logins of this user in the hour (Salesforce allows 3,600)."""

    @property
    def conclusive(self) -> bool:
        """Whether it says anything about key and certificate."""
        return self in {LoginOutcome.ACCEPTED, LoginOutcome.MISMATCH}

    @property
    def is_refusal(self) -> bool:
        """Whether the org gives no token, be it for the key, or for the user and the app."""
        return self in {LoginOutcome.MISMATCH, LoginOutcome.CONFIGURATION}


@dataclass(frozen=True)
class LoginAnswer:
    """One answer of a token endpoint, classed, with what to tell a person."""

    outcome: LoginOutcome
    reason: str = ""
    """The org's own words, such as `invalid_grant: user hasn't approved this consumer`; never a token."""
    hint: str = ""
    error: str = ""
    """The OAuth error code of a refusal, such as `invalid_grant` (RFC 6749 section 5.2)."""
    is_the_orgs: bool = True
    """Whether the org answered; else `reason` says why it was not asked, such as a TLS certificate of somebody else."""
    is_understood: bool = True
    """Whether it is known what the words of a refusal mean."""

    @property
    def another_key_may_fit(self) -> bool:
        """Whether a consumer that has several keys should try the next one.

        `invalid assertion`, or `invalid_client` in any words: RFC 7523 has it for an assertion that does not hold
        (section 3.2), and a JWT login sends nothing else that could be meant. A user who is locked or not approved,
        an outage, a limit and a clock are the same for every key.
        """
        is_of_client = self.outcome is LoginOutcome.CONFIGURATION and self.error == _CLIENT_REFUSED
        return self.outcome is LoginOutcome.MISMATCH or (is_of_client and self.may_speak_of_the_key)

    @property
    def is_of_unknown_client(self) -> bool:
        """Whether the org says that it does not know the consumer key."""
        return self.error == _CLIENT_UNKNOWN and self.may_speak_of_the_key

    @property
    def may_speak_of_the_key(self) -> bool:
        """Whether it is a refusal that an app may give to a wrong key: no outage, no limit, no clock, no locked user.

        One live report of an External Client App has `invalid_client` where others say `invalid assertion`.
        """
        is_refusal = self.outcome in {LoginOutcome.MISMATCH, LoginOutcome.CONFIGURATION}
        return self.is_the_orgs and is_refusal and not any(needle in self.reason.lower() for needle in _OF_NO_KEY)


def of_client_secret(answer: LoginAnswer) -> LoginAnswer:
    """The answer as it is to be taken when a login sent a consumer key and its secret.

    `invalid_client` and `invalid_client_id` say that the org does not take this pair (RFC 6749 section 5.2), or not on
    this server yet.
    """
    is_of_the_pair = answer.error in {_CLIENT_REFUSED, _CLIENT_UNKNOWN} and answer.may_speak_of_the_key
    if answer.outcome is not LoginOutcome.CONFIGURATION or not is_of_the_pair:
        return answer
    hint = "The org does not take this consumer key and secret; see Setup, External Client App Manager."
    return replace(answer, outcome=LoginOutcome.MISMATCH, hint=hint)


def of_another_consumer_key(answer: LoginAnswer) -> LoginAnswer:
    """The answer as it is to be taken of a stored key whose app has another consumer key than was stored with it.

    `invalid_client_id` says that the org knows that one no more, so that no consumer logs in with what is stored,
    whatever the certificate is.
    """
    if not answer.is_of_unknown_client:
        return answer
    hint = "Its app has another consumer key by now: somebody rotated it in Setup, or a client secret of that app was."
    return replace(answer, outcome=LoginOutcome.MISMATCH, hint=hint)


_OF_NO_KEY: Final = ("locked", "frozen", "login hours", "blocked", "api_disabled")
"""In refusals that are the same for every key, and may come up between two logins."""
_CLIENT_REFUSED: Final = "invalid_client"
_CLIENT_UNKNOWN: Final = "invalid_client_id"
_LONGEST_REASON: Final = 300
BUSY: Final = "The org is busy or away; see status.salesforce.com if it lasts."
_BUSY_ERRORS: Final = frozenset({"server_error", "temporarily_unavailable", "unknown_error"})
"""Codes by which a server says that it is itself at fault (RFC 6749 section 4.1.2.1), and Salesforce's own."""
_CHECK_SETUP: Final = f"See {docs('salesforce-setup')}."

_REFUSALS: Final[tuple[tuple[str, LoginOutcome, str], ...]] = (
    ("expired authorization code", LoginOutcome.CLOCK, "Set this machine's clock (NTP)."),
    ("login_rate_exceeded", LoginOutcome.RATE, "Wait an hour; another program logs in too often as this user."),
    ("login rate exceeded", LoginOutcome.RATE, "Wait an hour; another program logs in too often as this user."),
    ("retry your request", LoginOutcome.TRANSIENT, BUSY),
    (
        "hasn't approved",
        LoginOutcome.CONFIGURATION,
        "Pre-authorise the user: 'Admin approved users are pre-authorized' and a permission set. " + _CHECK_SETUP,
    ),
    (
        "not admin approved",
        LoginOutcome.CONFIGURATION,
        "Assign the user a permission set or profile that the app allows. " + _CHECK_SETUP,
    ),
    ("inactive user", LoginOutcome.CONFIGURATION, "Activate the user, or configure another."),
    (
        "user is locked",
        LoginOutcome.CONFIGURATION,
        "Unlock the user in Setup, and find out who logs in with a wrong password.",
    ),
    ("frozen", LoginOutcome.CONFIGURATION, "Unfreeze the user in Setup, or configure another."),
    (
        "login hours",
        LoginOutcome.CONFIGURATION,
        "The user's profile allows logins at other hours only: give it no login hours. " + _CHECK_SETUP,
    ),
    ("restricted time", LoginOutcome.CONFIGURATION, "Give the user's profile no login hours. " + _CHECK_SETUP),
    (
        "oauth_app_blocked",
        LoginOutcome.CONFIGURATION,
        "An administrator blocked the app: unblock it in Setup, Connected Apps OAuth Usage. " + _CHECK_SETUP,
    ),
    (
        "blocked by admin",
        LoginOutcome.CONFIGURATION,
        "An administrator blocked the app: unblock it in Setup, Connected Apps OAuth Usage. " + _CHECK_SETUP,
    ),
    (
        "api_disabled",
        LoginOutcome.CONFIGURATION,
        "The org's edition or the user's profile has no API access (API Enabled). " + _CHECK_SETUP,
    ),
    (
        "authentication failure",
        LoginOutcome.CONFIGURATION,
        "The user's Login History in Setup says why; the username may be wrong, too. " + _CHECK_SETUP,
    ),
    ("unknown user", LoginOutcome.CONFIGURATION, "Check `username`: the org has no such user."),
    ("ip restricted", LoginOutcome.CONFIGURATION, "Allow this machine's address in the app's or the profile's ranges."),
    ("no valid scopes", LoginOutcome.CONFIGURATION, "Give the app the scopes Api and RefreshToken."),
    (
        "refresh_token scope",
        LoginOutcome.CONFIGURATION,
        "Give the app the scope RefreshToken, and pre-authorise the user.",
    ),
    ("audience", LoginOutcome.CONFIGURATION, "Set `audience` of the org to its My Domain, login or test URL."),
    (
        "client identifier invalid",
        LoginOutcome.CONFIGURATION,
        "Check the consumer key and the login URL. An app that was just made takes logins after half an hour at times.",
    ),
    (
        "app is not installed",
        LoginOutcome.CONFIGURATION,
        "Use the org's My Domain URL as `login_url`, check the consumer key; after a change wait ten minutes.",
    ),
    (
        "no client credentials user",
        LoginOutcome.CONFIGURATION,
        "Enable the client credentials flow in the app's policies, and name the user whom it logs in as.",
    ),
    (
        "not supported on this domain",
        LoginOutcome.CONFIGURATION,
        "Use the org's My Domain URL as `login_url`: there alone a client logs in with its secret.",
    ),
    ("grant type not supported", LoginOutcome.CONFIGURATION, "Check that `login_url` is a Salesforce login URL."),
)


def may_pass(status: int) -> bool:
    """Whether an HTTP status says that the org is away or has too much to do (REST API and Connect REST API guides).

    420 is what Salesforce's balancers send.
    """
    return status >= 500 or status in {408, 420, 429}


def classify_refusal(status: int, error: str, description: str) -> LoginAnswer:
    """What a token endpoint's answer other than a token means (OAuth 2.0 JWT Bearer Flow, error codes).

    `status` is the HTTP status; `error` and `description` are the JSON's members, empty where there was no JSON.
    """
    reason = one_line(": ".join(part for part in (error, description) if part), _LONGEST_REASON) or f"HTTP {status}"
    words = reason.lower().replace("\u2019", "'")
    for needle, outcome, hint in _REFUSALS:
        if needle in words:
            return LoginAnswer(outcome, reason, hint, error)
    if may_pass(status) or not error or error in _BUSY_ERRORS:
        return LoginAnswer(LoginOutcome.TRANSIENT, reason, BUSY, error)
    if "invalid assertion" in words:
        # Last, as it is the one answer that moves a certificate: nothing else may be said along with it.
        hint = "The key does not match the certificate that the app holds; if it does, `username` is wrong."
        return LoginAnswer(LoginOutcome.MISMATCH, reason, hint, error)
    return LoginAnswer(LoginOutcome.CONFIGURATION, reason, _CHECK_SETUP, error, is_understood=False)
