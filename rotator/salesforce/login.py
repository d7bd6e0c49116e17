"""Logins by JWT bearer assertion and by client credentials, and what they prove.

RFC 7523 and RFC 6749 section 4.4; Salesforce Help, OAuth 2.0 JWT Bearer Flow and OAuth 2.0 Client Credentials Flow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Self

import jwt

from rotator.core.credentials import KeyVersion, secret_version
from rotator.core.logins import (
    BUSY,
    GENERIC_HOSTS,
    LoginAnswer,
    LoginOutcome,
    classify_refusal,
    may_pass,
    of_client_secret,
)
from rotator.core.secret import Secret
from rotator.errors import CertificateError, OrgError, OrgUnavailable
from rotator.net.client import host_of
from rotator.net.limits import KILOBYTE
from rotator.net.shapes import Fields, WrongShape
from rotator.plain_text import one_line
from rotator.salesforce.budget import LimitReached
from rotator.salesforce.transport import Transport, server_time

if TYPE_CHECKING:
    from datetime import datetime

    import requests

    from rotator.core.credentials import Version
    from rotator.core.crypto.keys import PrivateKey

VALIDITY: Final = timedelta(minutes=3)
"""How long an assertion is good for: the longest that Salesforce's documentation allows."""

SIZE: Final = 64 * KILOBYTE
"""Of an answer that holds a token, or says whose it is; a real one has 1 or 2 kB."""

_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_BY_SECRET: Final = "client_credentials"  # noqa: S105 - the name of a grant
_PROXY_ANSWERS: Final = (
    "A proxy or a network's sign-in page may answer in the org's place: "
    "ask who keeps it to let this machine reach the org."
)
_TITLE: Final = re.compile(r"<title[^>]*>\s*(.*?)\s*</title>", re.IGNORECASE | re.DOTALL)
_TITLE_ENDS: Final = 1 << 16
_LONGEST_TITLE: Final = 80
_LONGEST_NAME: Final = 80
_CHECK_URL: Final = "Check `login_url`: it must be the org's My Domain, login or test URL."
_OWN_HOST: Final = (
    "%s serves all orgs, and fails now and then: set `login_url` to the org's My Domain"
    " (https://NAME.my.salesforce.com, of a sandbox https://NAME--SANDBOX.sandbox.my.salesforce.com)."
)
_ALLOW_HOST: Final = (
    "No token was sent there. If it is the org's own, add its domain to `instance_domains` of the org (a consumer hands"
    " it to `login`)."
)


@dataclass(frozen=True)
class LoginTarget:
    """Whom to log in as, and where."""

    login_url: str
    client_id: str
    username: str
    audience: str = ""
    """Claim `aud`; a login by client credentials has none."""
    org_id: str | None = None
    """Id of the org that the token must be for, of 15 or 18 characters; None while it is not known."""

    @classmethod
    def of(cls, version: Version, org_id: str | None = None) -> Self:
        """What a login with a stored version is for."""
        audience = version.audience if isinstance(version, KeyVersion) else ""
        return cls(version.login_url, version.client_id, version.username, audience, org_id)


def proof_of(version: Version) -> PrivateKey | Secret:
    """What a stored version proves a login with."""
    return version.private_key if isinstance(version, KeyVersion) else secret_version(version).client_secret


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


def log_in(transport: Transport, target: LoginTarget, proof: PrivateKey | Secret, now: datetime) -> Login:
    """Asks for an access token, by an assertion signed with a key, or with a consumer secret.

    Whatever happens is an answer, never an error; a lost connection is TRANSIENT.

    ACCEPTED says only that there is a token; `prove` also asks for whom it is. Raises LimitReached, and asks nobody,
    over a transport that is held to limits; those of rotations are not.
    """
    try:
        form = _form(target, proof, now)
    except CertificateError as error:
        return Login(LoginAnswer(LoginOutcome.CONFIGURATION, error.message.rstrip("."), error.hint, is_the_orgs=False))
    try:
        response = transport.post(f"{target.login_url.rstrip('/')}/services/oauth2/token", form, size=SIZE)
    except LimitReached:
        raise
    except OrgError as error:
        return Login(_no_answer(error))
    clock = server_time(response)
    try:
        fields = Fields.parsed(response.content)
        if response.status_code == 200 and "access_token" in fields:
            return _accepted(transport, target, fields, clock)
        answer = _refused(response.status_code, fields.text("error"), fields.text("error_description"))
    except WrongShape:
        answer = _web_page(response) or _refused(response.status_code, "", "")
    answer = of_client_secret(answer) if isinstance(proof, Secret) else answer
    return Login(_of_host(answer, response.status_code, host_of(target.login_url)), server_time=clock)


def _form(target: LoginTarget, proof: PrivateKey | Secret, now: datetime) -> dict[str, str]:
    if isinstance(proof, Secret):
        return {"grant_type": _BY_SECRET, "client_id": target.client_id, "client_secret": proof.reveal()}
    return {"grant_type": _GRANT, "assertion": assertion(target, proof, now)}


def userinfo(transport: Transport, instance_url: str, token: Secret) -> tuple[str, str]:
    """Whose token it is: the username, and the id of the org (OpenID Connect Core section 5.3).

    Raises SessionExpired when the token is not taken, OrgUnavailable and OrgError as Transport does.
    """
    response = transport.get(f"{instance_url}/services/oauth2/userinfo", token=token, size=SIZE)
    host, status = host_of(instance_url), f"HTTP {response.status_code} from userinfo"
    if response.status_code in {401, 403}:
        raise SessionExpired(
            f"{host} does not take the access token ({status}).",
            hint="Check the session policies of the app, and that its scopes hold Api and RefreshToken.",
        )
    try:
        fields = Fields.parsed(response.content)
        if response.status_code == 200 and fields.names():
            return fields.text("preferred_username"), fields.text("organization_id")
    except WrongShape as error:
        status = f"{status}: {error}"
    raise OrgUnavailable(f"{host} did not say whose token it is ({status}).", rerun="Run it again.")


def prove(transport: Transport, target: LoginTarget, proof: PrivateKey | Secret, now: datetime) -> LoginAnswer:
    """A test login: ACCEPTED only for a working token for the right org and user. It never raises.

    The token is dropped, not revoked: Salesforce may have handed out a session that a consumer shares.
    """
    login = log_in(transport, target, proof, now)
    if login.token is None:
        return login.answer
    try:
        username, org_id = userinfo(transport, login.instance_url, login.token)
    except OrgError as error:
        return _no_answer(error)
    if username.casefold() != target.username.casefold():
        return LoginAnswer(
            LoginOutcome.CONFIGURATION,
            f"the token is for the user {one_line(username, _LONGEST_NAME) or 'nobody'}, not for {target.username}",
            "Check `username` of the credential.",
        )
    if target.org_id is not None and not same_org(org_id, target.org_id):
        return LoginAnswer(
            LoginOutcome.CONFIGURATION,
            f"the token is for the org {one_line(org_id, _LONGEST_NAME) or 'nowhere'}, not for {target.org_id}",
            "Check `login_url`: a generic login host may lead to another org.",
        )
    return LoginAnswer(LoginOutcome.ACCEPTED)


def same_org(one: str, other: str) -> bool:
    """Whether two ids are of one org: 15 characters name it, the three more of the long form are a checksum."""
    return one[:15] == other[:15]


def _accepted(transport: Transport, target: LoginTarget, fields: Fields, clock: datetime | None) -> Login:
    """A login with the token that is there, if it can be used. Raises WrongShape."""
    token = fields.text("access_token")
    if not (token.isascii() and token.isprintable() and token and " " not in token):
        return Login(_unusable("a token that no request can carry", _CHECK_URL), server_time=clock)
    try:
        instance_url = transport.instance_hosts.address(fields.text("instance_url"), target.login_url)
    except ValueError as error:
        return Login(_unusable(f"an instance URL {error}", _ALLOW_HOST), server_time=clock)
    # The identity URL ends in /id/<org>/<user> (Salesforce Help, Identity URLs).
    org_id, user_id = ["", "", *fields.text("id").split("/")][-2:]
    return Login(LoginAnswer(LoginOutcome.ACCEPTED), Secret(token), instance_url, org_id, user_id, clock)


def _unusable(what: str, hint: str) -> LoginAnswer:
    return LoginAnswer(LoginOutcome.CONFIGURATION, f"HTTP 200, and {what}", hint)


def _refused(status: int, error: str, description: str) -> LoginAnswer:
    if not error and not may_pass(status):
        return LoginAnswer(LoginOutcome.CONFIGURATION, f"HTTP {status}, and no token", _CHECK_URL)
    return classify_refusal(status, error, description)


def _of_host(answer: LoginAnswer, status: int, host: str) -> LoginAnswer:
    """The answer, as the host that gave it is to be taken.

    The generic ones answer 400 and 500 now and then where an org's own does not (reports of simple-salesforce's users).
    """
    if host not in GENERIC_HOSTS:
        return answer
    says_nothing = status == HTTPStatus.BAD_REQUEST and not answer.error
    outcome = LoginOutcome.TRANSIENT if says_nothing else answer.outcome
    if outcome is not LoginOutcome.TRANSIENT:
        return answer
    hint = answer.hint.removeprefix(_CHECK_URL).strip() or BUSY
    return replace(answer, outcome=outcome, hint=f"{hint} {_OWN_HOST % host}")


def _web_page(response: requests.Response) -> LoginAnswer | None:
    """What it means that a page for people came, if one did: not Salesforce, but something before it answered."""
    status = response.status_code
    if may_pass(status) or response.content.lstrip()[:1] != b"<":
        return None
    title = _TITLE.search(response.content[:_TITLE_ENDS].decode("utf-8", "replace"))
    named = one_line(title[1], _LONGEST_TITLE) if title else ""
    reason = f"HTTP {status}, and a web page{f' ({named})' if named else ''} instead of an answer"
    if status in {HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED}:
        return LoginAnswer(LoginOutcome.TRANSIENT, reason, _PROXY_ANSWERS)
    return LoginAnswer(LoginOutcome.CONFIGURATION, reason, f"{_CHECK_URL} {_PROXY_ANSWERS}")


def _no_answer(error: OrgError) -> LoginAnswer:
    outcome = LoginOutcome.TRANSIENT if isinstance(error, OrgUnavailable) else LoginOutcome.CONFIGURATION
    return LoginAnswer(outcome, error.message.rstrip("."), error.hint, is_the_orgs=False)
