"""POST /services/oauth2/token: a token, or the refusal of the first check that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.simulator.oauth.clients import Credentials, authenticated
from rotator.simulator.oauth.login_checks import CHECKS, NOT_APPROVED, SIGNATURE, Attempt, Check
from rotator.simulator.org.settings import Refusal
from rotator.simulator.org.users import UNKNOWN_CLIENT
from rotator.simulator.wire.answers import Answer, json_answer, oauth_error
from rotator.simulator.wire.unsupported import unsupported_grant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import Client, User

SCOPE_NAMES: Final = {
    "RefreshToken": "refresh_token",
    "OpenID": "openid",
    "Basic": "id",
    "CustomPermissions": "custom_permissions",
}
"""Scopes whose OAuth name is not the enumeration's in small letters."""

OTHER_GRANT_TYPES: Final = frozenset(
    {
        *("authorization_code", "password", "device", "hybrid_refresh", "hybrid_authorization_code"),
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:saml2-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:hybrid-token",
    }
)
"""Grants that Salesforce has and the simulated org has not."""


def answer_login(
    org: Org, form: Mapping[str, str], host: str = "", authorization: str = "", client: Client = UNKNOWN_CLIENT
) -> Answer:
    """Answers one request of the token endpoint.

    `host` is the Host header by which the client came, `authorization` what it sent as HTTP basic authentication.
    """
    grant_type = form.get("grant_type", "")
    if grant_type in OTHER_GRANT_TYPES:
        return unsupported_grant(f"The grant {grant_type}")
    credentials = Credentials.of(form, authorization)
    if grant_type == "client_credentials":
        return _by_client_credentials(org, credentials, host, client)
    if grant_type == "refresh_token":
        return _by_refresh_token(org, form.get("refresh_token", ""), credentials, host, client)
    return _by_assertion(org, form, host, client)


def _by_assertion(org: Org, form: Mapping[str, str], host: str, client: Client) -> Answer:
    """Checks one JWT login, and writes its row into the login history."""
    attempt = Attempt(org, form, org.clock(), host)
    failed = next((check for check in _ordered(org) if check.fails(attempt)), None)
    refusal = failed.refusal(attempt) if failed else None
    app, user = attempt.app, attempt.user
    label = app.name if app else str(attempt.claim("iss"))
    if refusal or app is None or user is None:
        refusal = refusal or Refusal("invalid_grant", "authentication failure")
        is_unsigned = failed is not None and failed.name == SIGNATURE
        return _refused(org, refusal, label, str(attempt.claim("sub")), client, is_unsigned=is_unsigned)
    login = org.record_login(label, user.username, "Success", client=client)
    return json_answer(200, _token(org, app, user, host, login))


def _ordered(org: Org) -> list[Check]:
    order = org.settings.check_order
    return sorted(CHECKS, key=lambda check: order.index(check.name) if check.name in order else len(order))


def _by_client_credentials(org: Org, credentials: Credentials, host: str, client: Client) -> Answer:
    """OAuth 2.0 Client Credentials Flow: sessions of the one user whom the app names, at the org's own address only."""
    if org.addresses.is_generic(host):
        return _refused(
            org, Refusal("invalid_grant", "request not supported on this domain"), credentials.client_id, "", client
        )
    app = authenticated(org, credentials)
    if isinstance(app, Refusal):
        return _refused(org, app, credentials.client_id, "", client)
    user = org.users.get(app.credentials_user or "")
    if user is None:
        return _refused(org, Refusal("invalid_grant", "no client credentials user enabled"), app.name, "", client)
    if not user.active:
        return _refused(org, Refusal("invalid_grant", "inactive user"), app.name, user.username, client)
    takes_approval = app.is_admin_approved and org.settings.client_credentials_take_approval
    if takes_approval and not app.is_approved_for(user):
        return _refused(org, NOT_APPROVED, app.name, user.username, client)
    login = org.record_login(app.name, user.username, "Success", client=client)
    return json_answer(200, _token(org, app, user, host, login))


def _by_refresh_token(org: Org, token: str, credentials: Credentials, host: str, client: Client) -> Answer:
    """OAuth 2.0 Refresh Token Flow: a new access token for what was granted before."""
    named = org.app_of(credentials.client_id)
    # A secret that is sent is checked, wanted or not.
    needs_none = named is not None and not credentials.secret and not named.needs_secret_to_refresh
    app = named if named and needs_none else authenticated(org, credentials)
    if isinstance(app, Refusal):
        return _refused(org, app, credentials.client_id, "", client)
    grant = org.grants.by_refresh_token(token)
    if grant is None or grant.app.id != app.id:
        return _refused(org, Refusal("invalid_grant", "expired access/refresh token"), app.name, "", client)
    if not grant.user.active:
        return _refused(org, Refusal("invalid_grant", "inactive user"), app.name, grant.user.username, client)
    return json_answer(200, _token(org, app, grant.user, host))


def _refused(
    org: Org, refusal: Refusal, label: str, username: str, client: Client, *, is_unsigned: bool = False
) -> Answer:
    outcome = f"{refusal.error}: {refusal.description}"
    org.record_login(label, username, outcome, client=client, is_unsigned=is_unsigned)
    return oauth_error(refusal.status, refusal.error, refusal.description)


def scope_names(app: ClientApp) -> str:
    """The app's scopes as OAuth names them."""
    return " ".join(SCOPE_NAMES.get(scope, scope.lower()) for scope in app.scopes)


def _token(org: Org, app: ClientApp, user: User, host: str, login: int | None = None) -> dict[str, str]:
    """No `expires_in`, which Salesforce never returns, and no refresh token, which none of these grants gives."""
    return {
        "access_token": org.start_session(user, app, login).token,
        "scope": scope_names(app),
        "instance_url": org.addresses.instance_url(host),
        "id": f"{org.addresses.identity_url(host)}/id/{org.id}/{user.id}",
        "token_type": "Bearer",
    }
