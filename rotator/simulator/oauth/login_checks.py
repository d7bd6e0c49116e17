"""What a JWT bearer login must fulfil, as one table in order (RFC 7523; Salesforce Help, OAuth 2.0 JWT Bearer Flow)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import jwt

from rotator.errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotator.core.crypto.certificates import Certificate
    from rotator.simulator.org.apps import App, User
    from rotator.simulator.org.org import Org

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True)
class Attempt:
    """One login attempt: what was sent, and what the org that gets it knows at `now`."""

    org: Org
    form: Mapping[str, str]
    now: datetime

    @cached_property
    def assertion(self) -> dict[str, Any] | None:
        """Header, payload and signature of the assertion; None when it is no JWT."""
        try:
            return jwt.decode_complete(self.form.get("assertion", ""), options={"verify_signature": False})
        except jwt.PyJWTError:
            return None

    def claim(self, name: str) -> Any:
        """One claim, not verified."""
        return self.assertion["payload"].get(name) if self.assertion else None

    @cached_property
    def app(self) -> App | None:
        """The app whose consumer key is the issuer."""
        return self.org.app_of(str(self.claim("iss")))

    @cached_property
    def user(self) -> User | None:
        """The user whose username is the subject."""
        return self.org.users.get(str(self.claim("sub")))

    @cached_property
    def certificate(self) -> Certificate | None:
        """What the login server knows as the app's certificate; asked once, because servers may disagree."""
        return self.app.slot.seen(self.now, self.org.settings, self.org.random) if self.app else None

    @property
    def seconds_to_expiry(self) -> float:
        """How far ahead `exp` lies. Working clients send it as a number, in milliseconds, or as digits in a string."""
        try:
            return float(self.claim("exp")) - self.now.timestamp()
        except (TypeError, ValueError, OverflowError):
            return float("-inf")


def _is_other_grant(attempt: Attempt) -> bool:
    return attempt.form.get("grant_type") != GRANT_TYPE


def _is_no_jwt(attempt: Attempt) -> bool:
    return attempt.assertion is None


def _is_unknown_app(attempt: Attempt) -> bool:
    return attempt.app is None


def _is_badly_signed(attempt: Attempt) -> bool:
    """An app without a certificate verifies nothing: `invalid assertion` too."""
    if attempt.certificate is None or attempt.assertion is None:
        return True
    name = attempt.assertion["header"].get("alg")
    if name not in attempt.org.settings.accepted_algorithms:
        return True
    signed = attempt.form["assertion"].rpartition(".")[0].encode()
    try:
        key = attempt.certificate.public_key
    except CertificateError:
        return True
    return not jwt.get_algorithm_by_name(name).verify(signed, key, attempt.assertion["signature"])


def _is_over_an_expired_certificate(attempt: Attempt) -> bool:
    """Tolerated unless a setting says otherwise: 'the behavior we have is tolerant of lapses in cert management'."""
    rejected = attempt.org.settings.reject_expired_certificate
    return rejected and attempt.certificate is not None and attempt.certificate.expired(attempt.now)


def _is_for_another_audience(attempt: Attempt) -> bool:
    org = attempt.org
    accepted = {org.login_host, org.url, *org.settings.extra_audiences}
    claimed = attempt.claim("aud")
    audiences = claimed if isinstance(claimed, list) else [claimed]
    return accepted.isdisjoint(str(audience).rstrip("/") for audience in audiences)


def _is_expired(attempt: Attempt) -> bool:
    # "nan" is a number too, and compares with none.
    return not attempt.seconds_to_expiry >= -attempt.org.settings.clock_skew_seconds


def _lives_too_long(attempt: Attempt) -> bool:
    longest = attempt.org.settings.longest_exp_seconds
    return longest is not None and attempt.seconds_to_expiry > longest


def _is_unknown_user(attempt: Attempt) -> bool:
    return attempt.user is None


def _is_inactive(attempt: Attempt) -> bool:
    return attempt.user is not None and not attempt.user.active


def _is_over_the_rate(attempt: Attempt) -> bool:
    limit = attempt.org.settings.logins_per_hour
    if limit is None or attempt.user is None:
        return False
    since = attempt.now - timedelta(hours=1)
    rows = [row for row in attempt.org.logins if row.username == attempt.user.username and row.time > since]
    return len(rows) >= limit


def _lacks_offline_access(attempt: Attempt) -> bool:
    return attempt.app is not None and "RefreshToken" not in attempt.app.scopes


def _is_not_admin_approved(attempt: Attempt) -> bool:
    app, user = attempt.app, attempt.user
    return bool(app and user and app.has_flag("isAdminApproved") and not app.is_approved_for(user))


def _never_approved(attempt: Attempt) -> bool:
    app, user = attempt.app, attempt.user
    return bool(app and user and not app.has_flag("isAdminApproved") and user.username not in app.approved_usernames)


def _needs_high_assurance(attempt: Attempt) -> bool:
    """Flows without an approval step cannot reach a high-assurance session (Metadata API, ConnectedApp)."""
    policy = attempt.app.component.get("sessionPolicy", {}) if attempt.app else {}
    return policy.get("policyAction") == "Block" and policy.get("sessionLevel") == "HIGH_ASSURANCE"


@dataclass(frozen=True)
class Check:
    """One row of the table: when `fails`, the login is refused with `refusal`."""

    name: str
    error: str
    description: str
    fails: Callable[[Attempt], bool]


CHECKS: Final = (
    Check("grant_type", "unsupported_grant_type", "grant type not supported", _is_other_grant),
    Check("assertion", "invalid_grant", "invalid assertion", _is_no_jwt),
    Check("app", "invalid_client_id", "client identifier invalid", _is_unknown_app),
    Check("signature", "invalid_grant", "invalid assertion", _is_badly_signed),
    Check("certificate_date", "invalid_grant", "invalid assertion", _is_over_an_expired_certificate),
    Check("audience", "invalid_grant", "audience is invalid", _is_for_another_audience),
    Check("expiry", "invalid_grant", "expired authorization code", _is_expired),
    Check("expiry_window", "invalid_grant", "expired authorization code", _lives_too_long),
    Check("user", "invalid_grant", "invalid assertion", _is_unknown_user),
    Check("active", "invalid_grant", "inactive user", _is_inactive),
    Check("rate", "invalid_grant", "LOGIN_RATE_EXCEEDED: Login rate exceeded", _is_over_the_rate),
    Check(
        "scope",
        "invalid_request",
        "refresh_token scope is required and the connected app should be installed and preauthorized",
        _lacks_offline_access,
    ),
    Check(
        "admin_approval",
        "invalid_app_access",
        "user is not admin approved to access this app",
        _is_not_admin_approved,
    ),
    Check("session_level", "invalid_grant", "authentication failure", _needs_high_assurance),
    Check("approval", "invalid_grant", "user hasn't approved this consumer", _never_approved),
)
"""Every check in order. The documents say only that the audience comes before the approval; the rest is a guess,
which the settings `check_order` and `refusals` change."""
