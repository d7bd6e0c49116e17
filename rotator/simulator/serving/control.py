"""The control paths, which Salesforce does not have: look at the org's state, add faults, change settings."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.responses import JSONResponse
from starlette.routing import Route

from rotator.core.crypto.certificates import Certificate
from rotator.errors import ConfigurationError
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.wire.faults import Fault

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.org import Org


_T = TypeVar("_T")

FAULT: Final = '{"kind": "soap_update", "effect": "lose_answer", "times": 1}'
APPROVAL: Final = '{"app": "Billing", "username": "billing@production.example"}'
SETTINGS: Final = '{"propagation_seconds": 5}'


def control_routes(org: Org) -> list[Route]:
    """The paths below /simulator.

    GET state; GET, POST and DELETE faults; GET and PATCH settings; POST approvals.
    """

    async def state(_request: Request) -> JSONResponse:
        with org.lock:
            return JSONResponse(describe(org))

    async def faults(request: Request) -> JSONResponse:
        if request.method == "DELETE":
            org.faults.clear()
        elif request.method == "POST":
            try:
                sent = await request.json()
                org.faults.add(*(read_json(Fault, each, example=FAULT) for each in _as_list(sent)))
            except (ConfigurationError, ValueError) as error:
                return JSONResponse({"error": str(error)}, 400)
        return JSONResponse([fault.to_json() for fault in org.faults])

    async def settings(request: Request) -> JSONResponse:
        if request.method == "PATCH":
            try:
                wanted = {**asdict(org.settings), **await request.json()}
                org.settings = read_json(OrgSettings, wanted, example=SETTINGS)
            except (ConfigurationError, ValueError, TypeError) as error:
                return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(asdict(org.settings))

    async def approvals(request: Request) -> JSONResponse:
        try:
            sent = await request.json()
            app = org.apps.get(sent["app"]) or org.external_apps[sent["app"]]
            token = org.approve(app, org.users[sent["username"]])
        except (KeyError, TypeError, ValueError):
            return JSONResponse({"error": f"Send the name of an app and of a user of the org: {APPROVAL}."}, 400)
        return JSONResponse({"refresh_token": token.reveal()})

    return [
        Route("/simulator/approvals", approvals, methods=["POST"]),
        Route("/simulator/state", state, methods=["GET"]),
        Route("/simulator/faults", faults, methods=["GET", "POST", "DELETE"]),
        Route("/simulator/settings", settings, methods=["GET", "PATCH"]),
    ]


def describe(org: Org) -> dict[str, Any]:
    """The org as a test in another process wants to see it; without tokens and keys."""
    return {
        "name": org.name,
        "url": org.url,
        "apps": {app.name: _fingerprint(app) for app in org.apps.values()},
        "external_apps": {app.name: _fingerprint(app) for app in org.external_apps.values()},
        "certificates": {each.name: _day(each.expires_at) for each in org.certificates if not each.deleted},
        "identity_providers": {
            name: Certificate.parse(each.component["validationCert"]).fingerprint
            for name, each in org.identity_providers.items()
        },
        "calls": dict(org.calls),
        "sessions": len(org.sessions),
        "logins": [{**asdict(login), "time": login.time.isoformat()} for login in org.logins],
    }


def _fingerprint(app: ClientApp) -> str | None:
    return app.live_certificate.fingerprint if app.live_certificate else None


def _day(time: datetime | None) -> str | None:
    return f"{time:%Y-%m-%d}" if time else None


def _as_list(value: Any) -> list[dict[str, Any]]:
    return value if isinstance(value, list) else [value]


def read_json(kind: type[_T], value: Any, *, example: str) -> _T:
    """The value as an instance of the dataclass. Raises ConfigurationError for unknown names and wrong types."""
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type] # every kind here is a dataclass
    unknown = set(value) - known if isinstance(value, dict) else set()
    if unknown:
        raise _refused(f"{', '.join(sorted(unknown))}: none of {', '.join(sorted(known))}", example)
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise _refused(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", example) from None


def _refused(reason: str, example: str) -> ConfigurationError:
    return ConfigurationError(
        f"The simulated org cannot use this: {reason}.",
        effect="Nothing was changed.",
        hint=f"Send for example {example}.",
    )
