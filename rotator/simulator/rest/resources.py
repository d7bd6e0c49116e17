"""What a token is good for beside the Metadata API: userinfo, revoke and the first steps of the REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.simulator.wire.answers import Answer, json_answer, rest_error

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org

FIRST_REST_VERSION: Final = 31
"""The oldest API version that the REST API still offers."""
DAILY_REQUESTS: Final = 15_000
"""What `limits` says may be called in a day."""


def userinfo(org: Org, token: str) -> Answer:
    """GET /services/oauth2/userinfo (OpenID Connect UserInfo endpoint; errors as the identity URL words them)."""
    visitor = org.visitor(token)
    if visitor is None:
        text = "Bad_OAuth_Token" if token else "Missing_OAuth_Token"
        return Answer(403, text.encode(), "text/html;charset=UTF-8")
    user = visitor.user
    return json_answer(
        200,
        {
            "sub": f"{org.login_host}/id/{org.id}/{user.id}",
            "user_id": user.id,
            "organization_id": org.id,
            "preferred_username": user.username,
            "nickname": user.username.partition("@")[0],
            "name": user.name,
            "email": user.username,
            "email_verified": True,
            "urls": {
                "metadata": f"{org.url}/services/Soap/m/{{version}}/{org.id}",
                "rest": f"{org.url}/services/data/v{{version}}/",
                "custom_domain": org.url,
            },
            "active": user.active,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": 0,
            "is_app_installed": True,
        },
    )


def revoke(org: Org, token: str) -> Answer:
    """GET or POST /services/oauth2/revoke (Salesforce Help, Revoke OAuth Tokens): 200 and no body, or invalid_token."""
    if org.sessions.end(token):
        return Answer(200, b"", "text/html;charset=UTF-8")
    return json_answer(400, {"error": "invalid_token", "error_description": "token invalid"})


def versions(org: Org) -> Answer:
    """GET /services/data/ needs no session."""
    numbers = (f"{number}.0" for number in range(FIRST_REST_VERSION, org.settings.latest_api_version + 1))
    return json_answer(200, [{"label": f"API {n}", "url": f"/services/data/v{n}", "version": n} for n in numbers])


def limits(org: Org) -> Answer:
    """GET /services/data/vXX.X/limits."""
    left = max(0, DAILY_REQUESTS - sum(org.calls.values()))
    return json_answer(200, {"DailyApiRequests": {"Max": DAILY_REQUESTS, "Remaining": left}})


def resources(version: str) -> Answer:
    """GET /services/data/vXX.X/."""
    names = ("limits", "query", "tooling")
    return json_answer(200, {name: f"/services/data/v{version}/{name}" for name in names})


def refused(org: Org, token: str) -> Answer | None:
    """The REST API's answer to a token that opens nothing there; None when it does.

    A token of an app without the scopes api or full is a session of another kind.
    """
    if not token:
        return rest_error(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
    visitor = org.visitor(token)
    if visitor is None:
        return rest_error(401, "INVALID_SESSION_ID", "Session expired or invalid")
    if visitor.app and not {"Api", "Full"}.intersection(visitor.app.scopes):
        return rest_error(401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API")
    return None


def not_found() -> Answer:
    """The REST API's answer for a resource that is not there."""
    return rest_error(404, "NOT_FOUND", "The requested resource does not exist")
