"""Which address is which call: a request is understood first, and performed when no fault comes between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import jwt

from rotator.simulator.metadata.api import OPERATIONS, perform
from rotator.simulator.metadata.call import MetadataCall
from rotator.simulator.metadata.deploy_request import answer_deploy_request
from rotator.simulator.oauth import identity
from rotator.simulator.oauth.partner_api import answer_soap
from rotator.simulator.oauth.token_endpoint import answer_login
from rotator.simulator.org.users import Client
from rotator.simulator.rest.resources import admitted, answer_data, api_version
from rotator.simulator.wire.answers import Answer, html_answer, oauth_error
from rotator.simulator.wire.faults import Effect, Fault, Kind
from rotator.simulator.wire.soap import FaultError, SoapCall, child_texts, envelope_answer, fault_answer
from rotator.simulator.wire.unsupported import (
    unsupported_fault,
    unsupported_grant,
    unsupported_page,
    unsupported_resource,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.org import Org
    from rotator.simulator.wire.request import Request


_LONGEST_HEAD: Final = 16_384


@dataclass(frozen=True)
class Call:
    """One call, understood but not yet performed: a fault can still come between."""

    kind: Kind
    perform: Callable[[Fault | None], Answer]
    apps: tuple[str, ...] = ()
    """The apps it is about, for faults that wait for one app."""


Endpoint = Callable[["Org", "Request", list[str]], Call]
"""Understands a request; the list holds what follows in the path, part by part."""


def understand(org: Org, request: Request) -> Call:
    """The call that a request is."""
    for prefix, endpoint in _ENDPOINTS.items():
        if request.path == prefix or request.path.startswith(prefix + "/"):
            rest = request.path.removeprefix(prefix).strip("/")
            return endpoint(org, request, rest.split("/") if rest else [])
    return Call(Kind.DATA, lambda _: html_answer(404, "<html><body>URL No Longer Exists</body></html>"))


def org_of(orgs: Sequence[Org], request: Request) -> Org:
    """Which org a request at login.salesforce.com or test.salesforce.com is for.

    That is the one that a consumer key, a username or an identity URL belongs to; else the first of the host's kind.
    """
    candidates = [org for org in orgs if org.addresses.login_host == request.host.partition(":")[0].lower()] or orgs
    return next((org for org in candidates if _is_named(org, request)), candidates[0])


def _is_named(org: Org, request: Request) -> bool:
    parts = request.path.strip("/").split("/")
    if parts[0] == "id":
        return len(parts) > 1 and parts[1][:15] == org.id[:15]
    if request.path.startswith("/services/Soap/"):
        # Only a login comes here without a session; which org it is for says the username, whatever the XML around it.
        return any(f">{username}<".encode() in request.body for username in org.users)
    return _app_of(org, request) is not None


def _app_of(org: Org, request: Request) -> ClientApp | None:
    """The app that a request for a token names, or whose consumer key the assertion in it has."""
    return org.app_of(request.form.get("client_id") or _issuer(request.form.get("assertion", "")))


def _token(org: Org, request: Request, _rest: list[str]) -> Call:
    if request.method != "POST":
        refusal = oauth_error(400, "invalid_request", "must use HTTP POST")
        return Call(Kind.TOKEN, lambda _: refusal)
    form, client = request.form, Client(request.address, request.headers.get("user-agent", ""))
    app = _app_of(org, request)
    return Call(
        Kind.TOKEN,
        lambda _: answer_login(org, form, request.host, request.authorization, client),
        (app.name,) if app else (),
    )


def _issuer(assertion: str) -> str:
    """The consumer key that an assertion says it is from."""
    try:
        return str(jwt.decode(assertion, options={"verify_signature": False}).get("iss"))
    except jwt.PyJWTError:
        return ""


def _userinfo(org: Org, request: Request, _rest: list[str]) -> Call:
    token = request.bearer or request.parameter("access_token")
    return Call(Kind.USERINFO, lambda _: identity.userinfo(org, token, request.host))


def _identity(org: Org, request: Request, rest: list[str]) -> Call:
    if rest == ["keys"]:
        return Call(Kind.USERINFO, lambda _: identity.keys(org))
    token = request.bearer or request.parameter("oauth_token") or request.parameter("access_token")
    org_id, user_id = [*rest, "", ""][:2]
    return Call(Kind.USERINFO, lambda _: identity.identity(org, token, org_id, user_id, request.host))


def _introspect(org: Org, request: Request, _rest: list[str]) -> Call:
    return Call(Kind.INTROSPECT, lambda _: identity.introspect(org, request.form, request.authorization, request.host))


def _revoke(org: Org, request: Request, _rest: list[str]) -> Call:
    token = request.parameter("token")
    return Call(Kind.REVOKE, lambda _: identity.revoke(org, token))


def _discovery(org: Org, request: Request, _rest: list[str]) -> Call:
    return Call(Kind.USERINFO, lambda _: identity.openid_configuration(org, request.host))


def _other_oauth(_org: Org, request: Request, _rest: list[str]) -> Call:
    return Call(Kind.TOKEN, lambda _: unsupported_grant(f"The address {request.path}"))


def _data(org: Org, request: Request, rest: list[str]) -> Call:
    resource = rest[1] if len(rest) > 1 else ""
    if rest[1:3] == ["metadata", "deployRequest"]:
        return Call(Kind.DEPLOY, lambda _: _deploy_request(org, request, rest))
    kind = {"tooling": Kind.TOOLING, "apps": Kind.CREDENTIALS}.get(resource, Kind.DATA)
    if refusal := _too_long(request):
        return Call(kind, lambda _: refusal)
    return Call(kind, lambda _: answer_data(org, request, rest))


def _too_long(request: Request) -> Answer | None:
    """Salesforce Developer Limits, API: "the maximum length for the combined URI and headers is 16,384 bytes".

    The page is as people quote it (simple-salesforce issue 271, SFDX-Data-Move-Utility issue 649).
    """
    address, headers = request.head_lengths
    if address + headers <= _LONGEST_HEAD:
        return None
    is_the_address = address > _LONGEST_HEAD
    status, reason = (414, "URI Too Long") if is_the_address else (431, "Request Header Fields Too Large")
    return html_answer(status, f"<h1>Bad Message {status}</h1><pre>reason: {reason}</pre>")


def _deploy_request(org: Org, request: Request, rest: list[str]) -> Answer:
    visitor = admitted(org, request, rest[0])
    if isinstance(visitor, Answer):
        return visitor
    return answer_deploy_request(org, visitor.user, request, api_version(rest[0]), rest[3:])


def _metadata(org: Org, request: Request, rest: list[str]) -> Call:
    try:
        call = SoapCall.parse(request.body)
    except FaultError as fault:
        refusal = fault_answer(fault)
        return Call(Kind.SOAP_OTHER, lambda _: refusal)
    operation = OPERATIONS.get(call.operation)
    version = rest[0] if rest else ""
    return Call(
        operation.kind if operation else Kind.SOAP_OTHER,
        lambda fault: _metadata_answer(org, call, version, fault),
        _apps_of(call),
    )


def _metadata_answer(org: Org, call: SoapCall, version: str, fault: Fault | None) -> Answer:
    lose = fault is not None and fault.effect is Effect.LOSE_CERTIFICATE
    try:
        metadata_call = MetadataCall.open(org, call, version, lose_certificate=lose)
        return envelope_answer(perform(metadata_call))
    except FaultError as refused:
        return fault_answer(refused)


def _apps_of(call: SoapCall) -> tuple[str, ...]:
    written = [name for element in call.children("metadata") for name in child_texts(element, "fullName")]
    return (*call.texts("fullNames"), *written)


def _soap_of_data(api: str) -> Endpoint:
    def endpoint(org: Org, request: Request, rest: list[str]) -> Call:
        version = rest[0] if rest else ""
        return Call(Kind.SOAP_LOGIN, lambda _: answer_soap(org, request.body, api, version, request.host))

    return endpoint


def _other_soap(_org: Org, request: Request, _rest: list[str]) -> Call:
    return Call(Kind.SOAP_OTHER, lambda _: fault_answer(unsupported_fault(f"The address {request.path}")))


def _other_service(_org: Org, request: Request, _rest: list[str]) -> Call:
    return Call(Kind.DATA, lambda _: unsupported_resource(f"The address {request.path}"))


def _page(_org: Org, request: Request, _rest: list[str]) -> Call:
    return Call(Kind.DATA, lambda _: unsupported_page(f"The page {request.path}"))


_ENDPOINTS: Final[dict[str, Endpoint]] = {
    "/services/oauth2/token": _token,
    "/services/oauth2/userinfo": _userinfo,
    "/services/oauth2/introspect": _introspect,
    "/services/oauth2/revoke": _revoke,
    "/services/oauth2": _other_oauth,
    "/services/data": _data,
    "/services/Soap/m": _metadata,
    "/services/Soap/u": _soap_of_data("u"),
    "/services/Soap/c": _soap_of_data("c"),
    "/services/Soap": _other_soap,
    "/services": _other_service,
    "/id": _identity,
    "/.well-known/openid-configuration": _discovery,
    **dict.fromkeys(("/.well-known", "/secur", "/setup", "/lightning", "/apex", "/servlet"), _page),
}
"""By the start of the path, the narrower ones first."""
