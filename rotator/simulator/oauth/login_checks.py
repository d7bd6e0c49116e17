"""What a JWT bearer login must fulfil, as one table in order (RFC 7523; Salesforce Help, OAuth 2.0 JWT Bearer Flow)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import jwt

from rotator.errors import CertificateError
from rotator.simulator.org.addresses import LOGIN_HOSTS
from rotator.simulator.org.external_apps import ExternalApp
from rotator.simulator.org.settings import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotator.core.crypto.certificates import Certificate
    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import User

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SIGNATURE: Final = "signature"
NOT_INSTALLED: Final = "External client app is not installed in this org"
"""What `app_not_found` says."""
NOT_APPROVED: Final = Refusal("invalid_app_access", "user is not admin approved to access this app")
"""Of logins with a key and with a secret alike."""


@dataclass(frozen=True)
class Attempt:
    """One login attempt: what was sent, and what the org that gets it knows at `now`."""

    org: Org
    form: Mapping[str, str]
    now: datetime
    host: str = ""
    """The Host header by which the client came."""

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
    def app(self) -> ClientApp | None:
        """The app whose consumer key is the issuer."""
        issuer = str(self.claim("iss"))
        found = self.org.app_of(issuer)
        is_rotated_away = found is not None and found.client_id != issuer
        return None if is_rotated_away and not self.org.settings.external_rotated_keys_sign else found

    @cached_property
    def user(self) -> User | None:
        """The user whose username is the subject."""
        return self.org.users.get(str(self.claim("sub")))

    @cached_property
    def certificate(self) -> Certificate | None:
        """What the login server knows as the app's certificate; asked once, because servers may disagree."""
        return self.app.slot.seen(self.now, self.org.settings, self.org.random) if self.app else None

    @property
    def audiences(self) -> set[str]:
        """Whom the assertion is for."""
        claimed = self.claim("aud")
        return {str(audience).rstrip("/") for audience in (claimed if isinstance(claimed, list) else [claimed])}

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


def _is_too_new_an_app(attempt: Attempt) -> bool:
    if not isinstance(attempt.app, ExternalApp):
        return False
    age = attempt.now - attempt.app.created_at
    return age < timedelta(seconds=attempt.org.settings.new_external_app_seconds)


def _is_external_app_on_a_generic_host(attempt: Attempt) -> bool:
    """The login servers that all orgs share do not know external client apps; only the org's own address does."""
    if attempt.org.settings.external_apps_on_generic_hosts or not isinstance(attempt.app, ExternalApp):
        return False
    generic = {f"https://{host}" for host in LOGIN_HOSTS.values()}
    return attempt.org.addresses.is_generic(attempt.host) or not generic.isdisjoint(attempt.audiences)


def _is_disabled(attempt: Attempt) -> bool:
    return attempt.app is not None and not attempt.app.is_enabled


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
    accepted = {org.addresses.login_url, *org.addresses.own(), *org.settings.extra_audiences}
    return accepted.isdisjoint(attempt.audiences)


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
    return bool(app and user and app.is_admin_approved and not app.is_approved_for(user))


def _never_approved(attempt: Attempt) -> bool:
    app, user = attempt.app, attempt.user
    return bool(app and user and not app.is_admin_approved and user.username not in app.approved_usernames)


def _needs_high_assurance(attempt: Attempt) -> bool:
    return attempt.app is not None and attempt.app.blocks_without_high_assurance


@dataclass(frozen=True)
class Check:
    """One row of the table: when `fails`, the login is refused with `refusal`."""

    name: str
    error: str
    description: str
    fails: Callable[[Attempt], bool]

    def refusal(self, attempt: Attempt) -> Refusal:
        """What a login that fails here is told; a setting may have it in other words."""
        settings, usual = attempt.org.settings, Refusal(self.error, self.description)
        general = settings.refusals.get(self.name, usual)
        return settings.external_refusals.get(self.name, general) if isinstance(attempt.app, ExternalApp) else general


CHECKS: Final = (
    Check("grant_type", "unsupported_grant_type", "grant type not supported", _is_other_grant),
    Check("assertion", "invalid_grant", "invalid assertion", _is_no_jwt),
    Check("app", "invalid_client_id", "client identifier invalid", _is_unknown_app),
    Check("new_app", "invalid_client_id", "client identifier invalid", _is_too_new_an_app),
    Check("generic_host", "app_not_found", NOT_INSTALLED, _is_external_app_on_a_generic_host),
    Check("enabled", "invalid_client_id", "client identifier invalid", _is_disabled),
    Check(SIGNATURE, "invalid_grant", "invalid assertion", _is_badly_signed),
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
    Check("admin_approval", NOT_APPROVED.error, NOT_APPROVED.description, _is_not_admin_approved),
    Check("session_level", "invalid_grant", "authentication failure", _needs_high_assurance),
    Check("approval", "invalid_grant", "user hasn't approved this consumer", _never_approved),
)
"""Every check in order. The documents say only that the audience comes before the approval; the rest is a guess,
which the settings `check_order` and `refusals` change."""
