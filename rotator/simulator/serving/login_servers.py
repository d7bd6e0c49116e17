"""login.salesforce.com and test.salesforce.com: which org a request at the generic login servers is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.simulator.org.org import Org
    from rotator.simulator.wire.request import Request


def org_of(orgs: Sequence[Org], request: Request) -> Org:
    """The org that a consumer key, a username or an identity URL belongs to; else the first of the host's kind."""
    candidates = [org for org in orgs if org.addresses.login_host == request.host.partition(":")[0].lower()] or orgs
    return next((org for org in candidates if _is_named(org, request)), candidates[0])


def _is_named(org: Org, request: Request) -> bool:
    parts = request.path.strip("/").split("/")
    if parts[0] == "id":
        return len(parts) > 1 and parts[1][:15] == org.id[:15]
    if request.path.startswith("/services/Soap/"):
        # Only a login comes here without a session; which org it is for says the username, whatever the XML around it.
        return any(f">{username}<".encode() in request.body for username in org.users)
    key = request.form.get("client_id") or _claims(request.form.get("assertion", "")).get("iss")
    return org.app_of(str(key)) is not None


def _claims(assertion: str) -> dict[str, Any]:
    try:
        return jwt.decode(assertion, options={"verify_signature": False})
    except jwt.PyJWTError:
        return {}
