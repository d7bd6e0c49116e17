"""Who a token stands for: userinfo, the identity URL, introspection, and what a client finds out before it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.simulator.oauth.clients import Credentials, authenticated
from rotator.simulator.oauth.token_endpoint import scope_names
from rotator.simulator.org.settings import Refusal
from rotator.simulator.wire.answers import Answer, json_answer, oauth_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.simulator.org.org import Org, Visitor
    from rotator.simulator.org.users import User


def userinfo(org: Org, token: str, host: str = "") -> Answer:
    """GET /services/oauth2/userinfo (OpenID Connect UserInfo endpoint; errors as the identity URL words them)."""
    visitor = org.visitor(token)
    if visitor is None:
        return _no_token(token)
    user = visitor.user
    return json_answer(
        200,
        {
            "sub": _identity(org, user, host),
            "user_id": user.id,
            "organization_id": org.id,
            "preferred_username": user.username,
            "nickname": user.username.partition("@")[0],
            "name": user.name,
            "email": user.username,
            "email_verified": True,
            "urls": _urls(org, user, host),
            "active": user.active,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": 0,
            "is_app_installed": True,
        },
    )


def identity(org: Org, token: str, org_id: str, user_id: str, host: str = "") -> Answer:
    """GET /id/ORG/USER (Salesforce Help, Identity URLs)."""
    visitor = org.visitor(token)
    if visitor is None:
        return _no_token(token)
    if org_id[:15] != org.id[:15]:
        return _text(403, "Wrong_Org")
    user = next((user for user in org.users.values() if user.id[:15] == user_id[:15]), None)
    if user is None:
        return _text(404, "Bad_Id")
    return json_answer(
        200,
        {
            "id": _identity(org, user, host),
            "asserted_user": True,
            "user_id": user.id,
            "organization_id": org.id,
            "username": user.username,
            "nick_name": user.username.partition("@")[0],
            "display_name": user.name,
            "email": user.username,
            "email_verified": True,
            "first_name": user.name.rpartition(" ")[0] or None,
            "last_name": user.name.rpartition(" ")[2],
            "timezone": "GMT",
            "active": user.active,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": 0,
            "is_app_installed": True,
            "urls": _urls(org, user, host),
        },
    )


def introspect(org: Org, form: Mapping[str, str], authorization: str, host: str = "") -> Answer:
    """POST /services/oauth2/introspect (RFC 7662): an app asks about its own tokens, or of all where it may."""
    app = authenticated(org, Credentials.of(form, authorization))
    if isinstance(app, Refusal):
        return oauth_error(401, app.error, app.description)
    visitor = org.visitor(form.get("token", ""))
    if visitor is None or visitor.app is None or not (app.introspects_all or visitor.app.id == app.id):
        return json_answer(200, {"active": False})
    return json_answer(200, _introspected(org, visitor, host))


def _introspected(org: Org, visitor: Visitor, host: str) -> dict[str, Any]:
    session, app = visitor.session, visitor.app
    started = int(session.started_at.timestamp())
    return {
        "active": True,
        "scope": scope_names(app) if app else "",
        "client_id": app.client_id if app else "",
        "username": visitor.user.username,
        "sub": _identity(org, visitor.user, host),
        "token_type": "access_token",
        "exp": int(session.used_at.timestamp() + org.settings.session_seconds),
        "iat": started,
        "nbf": started,
    }


def revoke(org: Org, token: str) -> Answer:
    """GET or POST /services/oauth2/revoke (Salesforce Help, Revoke OAuth Tokens): 200 and no body, or invalid_token.

    With a refresh token go the access tokens that it gave.
    """
    grant = org.grants.end(token) if token else None
    if grant:
        org.sessions.end_of(grant.app.id, grant.user.username)
        if org.settings.revoked_approvals_end:
            grant.app.approved_usernames.discard(grant.user.username)
            org.on_change()
    if grant or org.sessions.end(token):
        return Answer(200, b"", "text/html;charset=UTF-8")
    return oauth_error(400, "invalid_token", "token invalid")


def openid_configuration(org: Org, host: str = "") -> Answer:
    """GET /.well-known/openid-configuration (OpenID Connect Discovery)."""
    base = org.addresses.instance_url(host)
    return json_answer(
        200,
        {
            "issuer": base,
            "authorization_endpoint": f"{base}/services/oauth2/authorize",
            "token_endpoint": f"{base}/services/oauth2/token",
            "revocation_endpoint": f"{base}/services/oauth2/revoke",
            "userinfo_endpoint": f"{base}/services/oauth2/userinfo",
            "introspection_endpoint": f"{base}/services/oauth2/introspect",
            "jwks_uri": f"{base}/id/keys",
            "scopes_supported": ["api", "full", "id", "openid", "refresh_token", "web"],
            "response_types_supported": ["code", "token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
        },
    )


def keys(org: Org) -> Answer:
    """GET /id/keys: the public key behind access tokens in JWT format."""
    return json_answer(200, {"keys": [org.token_key]})


def _identity(org: Org, user: User, host: str) -> str:
    return f"{org.addresses.identity_url(host)}/id/{org.id}/{user.id}"


def _urls(org: Org, user: User, host: str) -> dict[str, str]:
    base = org.addresses.instance_url(host)
    data = f"{base}/services/data/v{{version}}"
    return {
        "enterprise": f"{base}/services/Soap/c/{{version}}/{org.id[:15]}",
        "metadata": f"{base}/services/Soap/m/{{version}}/{org.id[:15]}",
        "partner": f"{base}/services/Soap/u/{{version}}/{org.id[:15]}",
        "rest": f"{data}/",
        "sobjects": f"{data}/sobjects/",
        "search": f"{data}/search/",
        "query": f"{data}/query/",
        "tooling_soap": f"{base}/services/Soap/T/{{version}}/{org.id[:15]}",
        "tooling_rest": f"{data}/tooling/",
        "profile": f"{base}/{user.id}",
        "custom_domain": base,
    }


def _no_token(token: str) -> Answer:
    return _text(403, "Bad_OAuth_Token" if token else "Missing_OAuth_Token")


def _text(status: int, text: str) -> Answer:
    return Answer(status, text.encode(), "text/html;charset=UTF-8")
