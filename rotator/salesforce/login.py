"""Logins by JWT bearer assertion (RFC 7523; Salesforce Help, OAuth 2.0 JWT Bearer Flow), and what they prove."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import jwt

from rotator.core.logins import LoginAnswer, LoginOutcome, classify_refusal
from rotator.core.secret import Secret
from rotator.errors import OrgError, OrgUnavailable
from rotator.salesforce.budget import LimitReached
from rotator.salesforce.transport import Transport, server_time

if TYPE_CHECKING:
    from datetime import datetime

    import requests

    from rotator.core.crypto.keys import PrivateKey

VALIDITY: Final = timedelta(minutes=3)
"""How long an assertion is good for: the longest that Salesforce's documentation allows."""

_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_CHECK_URL: Final = "Check `login_url`: it must be the org's My Domain, login or test URL."


@dataclass(frozen=True)
class LoginTarget:
    """Whom to log in as, and where."""

    login_url: str
    client_id: str
    username: str
    audience: str
    org_id: str | None = None
    """Id of the org that the token must be for, of 15 or 18 characters; None while it is not known."""


@dataclass(frozen=True)
class Login:
    """One answer of a token endpoint. Token, instance URL and ids are there only when it is ACCEPTED."""

    answer: LoginAnswer
    token: Secret | None = None
    instance_url: str = ""
    org_id: str = ""
    user_id: str = ""
    server_time: datetime | None = None
    """The org's clock in whole seconds, when it told."""


class SessionExpired(OrgError):
    """The org no longer takes an access token; what it was asked to do, it has not done."""


def assertion(target: LoginTarget, key: PrivateKey, now: datetime) -> str:
    """A signed assertion, valid for three minutes from `now` (RFC 7523 section 3). Salesforce takes RS256 only."""
    claims = {
        "iss": target.client_id,
        "sub": target.username,
        "aud": target.audience,
        "exp": int((now + VALIDITY).timestamp()),
    }
    return jwt.encode(claims, key.signing_key(), algorithm="RS256")


def log_in(transport: Transport, target: LoginTarget, key: PrivateKey, now: datetime) -> Login:
    """Asks for an access token. Whatever happens is an answer, never an error; a lost connection is TRANSIENT.

    ACCEPTED says only that there is a token; `prove` also asks for whom it is. Raises LimitReached, and asks nobody,
    over a transport that is held to limits; those of rotations are not.
    """
    form = {"grant_type": _GRANT, "assertion": assertion(target, key, now)}
    try:
        response = transport.post(f"{target.login_url.rstrip('/')}/services/oauth2/token", form)
    except LimitReached:
        raise
    except OrgError as error:
        return Login(_no_answer(error))
    fields = _json_object(response)
    if response.status_code == 200 and _has_token(fields):
        return _accepted(fields, server_time(response))
    return Login(_refused(response.status_code, fields), server_time=server_time(response))


def userinfo(transport: Transport, instance_url: str, token: Secret) -> dict[str, Any]:
    """Whose token it is (OpenID Connect Core section 5.3): `preferred_username`, `organization_id`, `user_id`, ...

    Raises SessionExpired when the token is not taken, OrgUnavailable and OrgError as Transport does.
    """
    response = transport.get(f"{instance_url}/services/oauth2/userinfo", token=token)
    fields = _json_object(response)
    if response.status_code == 200 and fields:
        return fields
    host = urlsplit(instance_url).netloc
    if response.status_code in {401, 403}:
        raise SessionExpired(
            f"{host} does not take the access token (HTTP {response.status_code} from userinfo).",
            hint="Check the session policies of the app, and that its scopes hold Api and RefreshToken.",
        )
    raise OrgUnavailable(
        f"{host} did not say whose token it is (HTTP {response.status_code} from userinfo).", rerun="Run it again."
    )


def check_token(transport: Transport, login: Login, target: LoginTarget) -> LoginAnswer:
    """Whether the token of a login works, in the right org and for the right user; never an error.

    A login that was refused stays what it is.
    """
    if login.token is None:
        return login.answer
    try:
        fields = userinfo(transport, login.instance_url, login.token)
    except OrgError as error:
        return _no_answer(error)
    return _right_owner(target, str(fields.get("preferred_username", "")), str(fields.get("organization_id", "")))


def prove(transport: Transport, target: LoginTarget, key: PrivateKey, now: datetime) -> LoginAnswer:
    """A test login: ACCEPTED only for a working token for the right org and user. It never raises.

    The token is dropped, not revoked: Salesforce may have handed out a session that a consumer shares.
    """
    return check_token(transport, log_in(transport, target, key, now), target)


def same_org(one: str, other: str) -> bool:
    """Whether two ids are of one org: 15 characters name it, the three more of the long form are a checksum."""
    return one[:15] == other[:15]


def _right_owner(target: LoginTarget, username: str, org_id: str) -> LoginAnswer:
    if username.casefold() != target.username.casefold():
        return LoginAnswer(
            LoginOutcome.CONFIGURATION,
            f"the token is for the user {username or 'nobody'}, not for {target.username}",
            "Check `username` of the credential.",
        )
    if target.org_id is not None and not same_org(org_id, target.org_id):
        return LoginAnswer(
            LoginOutcome.CONFIGURATION,
            f"the token is for the org {org_id or 'nowhere'}, not for {target.org_id}",
            "Check `login_url`: a generic login host may lead to another org.",
        )
    return LoginAnswer(LoginOutcome.ACCEPTED)


def _accepted(fields: dict[str, Any], clock: datetime | None) -> Login:
    # The identity URL ends in /id/<org>/<user> (Salesforce Help, Identity URLs).
    org_id, user_id = ["", "", *str(fields.get("id", "")).split("/")][-2:]
    return Login(
        LoginAnswer(LoginOutcome.ACCEPTED),
        Secret(fields["access_token"]),
        fields["instance_url"].rstrip("/"),
        org_id,
        user_id,
        clock,
    )


def _has_token(fields: dict[str, Any]) -> bool:
    token, instance = fields.get("access_token"), fields.get("instance_url")
    return isinstance(token, str) and bool(token) and isinstance(instance, str) and instance.startswith("https://")


def _refused(status: int, fields: dict[str, Any]) -> LoginAnswer:
    error, description = str(fields.get("error", "")), str(fields.get("error_description", ""))
    if not error and status < 500 and status not in {408, 420, 429}:
        return LoginAnswer(LoginOutcome.CONFIGURATION, f"HTTP {status}, and no token", _CHECK_URL)
    return classify_refusal(status, error, description)


def _no_answer(error: OrgError) -> LoginAnswer:
    outcome = LoginOutcome.TRANSIENT if isinstance(error, OrgUnavailable) else LoginOutcome.CONFIGURATION
    return LoginAnswer(outcome, error.message.rstrip("."), error.hint)


def _json_object(response: requests.Response) -> dict[str, Any]:
    try:
        fields = json.loads(response.content)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
