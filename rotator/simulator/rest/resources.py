"""The REST API's resources: which path is which, and who may not come in (REST API Developer Guide)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.simulator.rest import app_credentials
from rotator.simulator.rest.describe import answer_objects
from rotator.simulator.rest.query_resource import answer_query, more
from rotator.simulator.rest.record_writes import create_record, delete_record
from rotator.simulator.rest.soql.database import Database
from rotator.simulator.rest.tables import TABLES, TOOLING_TABLES
from rotator.simulator.wire.answers import Answer, json_answer, not_found, rest_error
from rotator.simulator.wire.unsupported import unsupported_resource

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org, Visitor
    from rotator.simulator.wire.request import Request

FIRST_REST_VERSION: Final = 31
"""The oldest API version that the REST API still offers."""
DAILY_REQUESTS: Final = 15_000
"""What `limits` says may be called in a day."""

NOT_SIMULATED: Final = frozenset(
    {
        *("actions", "analytics", "apexrest", "appMenu", "async-queries", "chatter", "commerce", "compactLayouts"),
        *("composite", "connect", "consent", "contact-tracing", "dedupe", "domino", "emailConnect", "eventlog"),
        *("externaldatasources", "flexiPage", "folders", "graphql", "iot", "jobs", "jsonxform", "knowledgeManagement"),
        *("licensing", "localizedvalue", "metadata", "nouns", "parameterizedSearch", "process", "quickActions"),
        *("recent", "recordCount", "scheduling", "search", "sobjects", "support", "tabs", "theme", "tooling"),
        *("ui-api", "wave", "query", "queryAll"),
    }
)
"""Resources that Salesforce has; of some of them the simulated org has a part, which is looked for first."""


def answer_data(org: Org, request: Request, rest: list[str]) -> Answer:
    """Answers one call below /services/data; `rest` is what follows in the path."""
    if not rest:
        return _versions(org)
    visitor = admitted(org, request, rest[0])
    return visitor if isinstance(visitor, Answer) else _resource(org, visitor, request, rest)


def admitted(org: Org, request: Request, version: str) -> Visitor | Answer:
    """Who makes a call at this API version, or why nobody may.

    A token of an app without the scopes api or full is a session of another kind.
    """
    if not request.bearer:
        return rest_error(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
    visitor = org.visitor(request.bearer)
    if visitor is None:
        return rest_error(401, "INVALID_SESSION_ID", "Session expired or invalid")
    if not FIRST_REST_VERSION <= api_version(version) <= org.settings.latest_api_version:
        return not_found()
    return _refusal(org, visitor) or visitor


def _refusal(org: Org, visitor: Visitor) -> Answer | None:
    """Why somebody with a session may not use the REST API."""
    if not org.settings.rest_api_enabled:
        return rest_error(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")
    if not visitor.session.app_id and visitor.user.password_expired:
        message = "Your password has expired. Please reset your password."
        return rest_error(401, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", message)
    if visitor.app and not {"Api", "Full"}.intersection(visitor.app.scopes):
        return rest_error(401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API")
    return None


def api_version(text: str) -> int:
    """The number of a version such as v67.0; 0 when it is none."""
    number = text.removeprefix("v").removesuffix(".0")
    return int(number) if number.isdecimal() else 0


def _resource(org: Org, visitor: Visitor, request: Request, rest: list[str]) -> Answer:
    version, parts, user = api_version(rest[0]), rest[1:], visitor.user
    base = f"/services/data/v{version}.0"
    match (request.method, parts):
        case ("GET", []):
            return _resources(base)
        case ("GET", ["limits"]):
            return _limits(org)
        case (_, ["apps", "oauth", *rest]) if version >= app_credentials.FIRST_VERSION:
            return app_credentials.answer_credentials(org, user, request, f"{version}.0", rest)
        case ("POST", ["sobjects", name]):
            found = create_record(org, visitor, request, name)
        case ("DELETE", ["sobjects", name, record_id]):
            found = delete_record(org, visitor, name, record_id)
        case ("GET", ["tooling", *rest]) if rest:
            found = _objects(Database(org, user, TOOLING_TABLES, version), request, f"{base}/tooling", rest)
        case ("GET", _):
            found = _objects(Database(org, user, TABLES, version), request, base, parts)
        case _:
            found = None
    if found:
        return found
    is_known = parts[0] in NOT_SIMULATED
    return unsupported_resource(f"{request.method} {request.path}") if is_known else not_found()


def _objects(database: Database, request: Request, base: str, parts: list[str]) -> Answer | None:
    match parts:
        case ["query" | "queryAll"]:
            return answer_query(database, request)
        case ["query" | "queryAll", _]:
            return more(database.org, request)
        case ["sobjects", *rest]:
            return answer_objects(database, request, base, rest)
    return None


def _versions(org: Org) -> Answer:
    """They need no session."""
    numbers = (f"{number}.0" for number in range(FIRST_REST_VERSION, org.settings.latest_api_version + 1))
    return json_answer(200, [{"label": f"API {n}", "url": f"/services/data/v{n}", "version": n} for n in numbers])


def _limits(org: Org) -> Answer:
    left = max(0, DAILY_REQUESTS - sum(org.calls.values()))
    return json_answer(200, {"DailyApiRequests": {"Max": DAILY_REQUESTS, "Remaining": left}})


def _resources(base: str) -> Answer:
    names = ("limits", "query", "queryAll", "sobjects", "tooling")
    return json_answer(200, {name: f"{base}/{name}" for name in names})
