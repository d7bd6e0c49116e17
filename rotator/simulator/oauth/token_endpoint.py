"""POST /services/oauth2/token for the JWT bearer grant: a token, or the refusal of the first check that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.simulator.oauth.login_checks import CHECKS, Attempt, Check
from rotator.simulator.org.settings import Refusal
from rotator.simulator.wire.answers import Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.simulator.org.apps import App, User
    from rotator.simulator.org.org import Org

SCOPE_NAMES: Final = {
    "RefreshToken": "refresh_token",
    "OpenID": "openid",
    "Basic": "id",
    "CustomPermissions": "custom_permissions",
}
"""Scopes whose OAuth name is not the enumeration's in small letters."""


def answer_login(org: Org, form: Mapping[str, str]) -> Answer:
    """Checks one login, writes its row into the login history, and answers with a token or with the first refusal."""
    attempt = Attempt(org, form, org.clock())
    refusal = next((_refusal(org, check) for check in _ordered(org) if check.fails(attempt)), None)
    app, user = attempt.app, attempt.user
    label = app.name if app else str(attempt.claim("iss"))
    if refusal or app is None or user is None:
        refusal = refusal or Refusal("invalid_grant", "authentication failure")
        org.record_login(label, str(attempt.claim("sub")), f"{refusal.error}: {refusal.description}")
        return json_answer(refusal.status, {"error": refusal.error, "error_description": refusal.description})
    org.record_login(label, user.username, "Success")
    return json_answer(200, _token(org, app, user))


def _ordered(org: Org) -> list[Check]:
    order = org.settings.check_order
    return sorted(CHECKS, key=lambda check: order.index(check.name) if check.name in order else len(order))


def _refusal(org: Org, check: Check) -> Refusal:
    return org.settings.refusals.get(check.name, Refusal(check.error, check.description))


def _token(org: Org, app: App, user: User) -> dict[str, str]:
    """No `expires_in` and no refresh token: Salesforce returns neither for this grant."""
    return {
        "access_token": org.start_session(user, app).token,
        "scope": " ".join(SCOPE_NAMES.get(scope, scope.lower()) for scope in app.scopes),
        "instance_url": org.url,
        "id": f"{org.login_host}/id/{org.id}/{user.id}",
        "token_type": "Bearer",
    }
