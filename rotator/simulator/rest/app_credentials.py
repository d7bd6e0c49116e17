"""Keys and secrets of external client apps over REST (Connect REST API, OAuth Usage and OAuth Credentials; 65.0 on).

There is no certificate here, and nothing about Connected Apps.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.simulator.org.external_apps import StagedCredentials
from rotator.simulator.org.setup import shows_secrets
from rotator.simulator.rest.user_rights import allowed_to
from rotator.simulator.wire.answers import Answer, json_answer, not_found, rest_error

if TYPE_CHECKING:
    from rotator.simulator.org.external_apps import Consumer, ExternalApp, KeyPair
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import User
    from rotator.simulator.wire.request import Request

FIRST_VERSION: Final = 65
"""The API version that brought these resources."""
_TAKES: Final = frozenset({"ExternalClientAppDeveloper", "ViewClientSecret"})
"""The permissions without which a user gets nothing here."""
_CLOSED: Final = "Access to consumer secrets of external client apps through the REST API is off in this org."
"""Salesforce's own words are not known."""
PAGE: Final = 100
"""Apps that one page of the list has where nothing else is asked for."""
_STATES: Final = {"staged": "Active", "rotated": "Rotated"}
"""As App Oauth Staged Credentials has them; one whose time is over is Expired."""


def answer_credentials(org: Org, user: User, request: Request, version: str, parts: list[str]) -> Answer:
    """Answers one call below `apps/oauth`; `parts` is what follows."""
    if not allowed_to(org, user) >= _TAKES:
        return rest_error(403, "INSUFFICIENT_ACCESS", "External client apps take permissions that this user has not.")
    return _answer(org, request, f"/services/data/v{version}/apps/oauth", parts)


def _answer(org: Org, request: Request, base: str, parts: list[str]) -> Answer:
    match (request.method, parts):
        case ("GET", ["usage"]):
            return _page_of_apps(org, f"{base}/usage", request)
        case ("GET", ["credentials", app_id]):
            app = _app(org, app_id)
            return (
                json_answer(200, {"consumers": [_consumer(base, app, app.consumer)]})
                if app and app.consumer
                else not_found()
            )
        case (_, ["credentials", app_id, consumer_id, *rest]):
            app = _app(org, app_id)
            if app is None or app.consumer is None or app.consumer.id[:15] != consumer_id[:15]:
                return not_found()
            if not shows_secrets(org, "enableClientSecretInRestApiAccess"):
                return rest_error(403, "INSUFFICIENT_ACCESS", _CLOSED)
            return _of_consumer(org, request, f"{base}/credentials/{app.id}/{app.consumer.id}", app.consumer, rest)
    return not_found()


def _of_consumer(org: Org, request: Request, base: str, consumer: Consumer, rest: list[str]) -> Answer:
    second = consumer.staged
    if second and second.has_expired(org.clock()) and not org.settings.external_ended_pairs_shown:
        consumer.staged = None
    match (request.method, rest):
        case ("GET", []) if request.query.get("part") == "keyandsecret":
            return json_answer(200, _revealed(consumer.pair))
        case ("GET", ["staged"]):
            is_told = consumer.staged or org.settings.external_no_second_pair == "empty_list"
            return _staged(org, base, consumer) if is_told else not_found()
        case ("POST", ["staged"]):
            if consumer.staged:
                # One at a time; the words are not known.
                return rest_error(400, "DUPLICATE_VALUE", "Staged credentials already exist for this consumer.")
            early = org.settings.external_staged_pairs_log_in
            consumer.staged = StagedCredentials(org.next_id("888"), org.new_key_pair(), "staged", org.clock(), early)
            org.on_change()
            return _staged(org, base, consumer)
        case (_, ["staged", staged_id]) if consumer.staged and consumer.staged.id[:15] == staged_id[:15]:
            return _change_staged(org, request, base, consumer)
    return not_found()


def _change_staged(org: Org, request: Request, base: str, consumer: Consumer) -> Answer:
    if request.method == "DELETE":
        consumer.staged = None
        org.on_change()
        return Answer(204, b"", "application/json;charset=UTF-8")
    if request.method != "PATCH" or (request.json_object or {}).get("command") != "rotate":
        return rest_error(400, "INVALID_INPUT", 'The command must be "rotate".')
    try:
        consumer.rotate(org.clock(), timedelta(seconds=org.settings.external_rotated_pairs_seconds))
    except LookupError:
        return rest_error(400, "INVALID_INPUT", "These credentials were rotated already, or have expired.")
    org.on_change()
    return _staged(org, base, consumer)


def _app(org: Org, app_id: str) -> ExternalApp | None:
    return next((app for app in org.external_apps.values() if app.id[:15] == app_id[:15]), None)


def _page_of_apps(org: Org, base: str, request: Request) -> Answer:
    """A page after the last one is empty, and even the last one names a next (OAuth Usage)."""
    try:
        page, size = int(request.query.get("page", 0)), int(request.query.get("pageSize", PAGE))
    except ValueError:
        page, size = -1, 0
    if page < 0 or size < 1:
        return rest_error(400, "INVALID_INPUT", "page and pageSize must be numbers.")
    apps = [*org.external_apps.values()][page * size :][:size]
    extra = f"&pageSize={size}" if size != PAGE else ""
    urls = {
        "currentPageUrl": f"{base}?page={page}{extra}",
        "nextPageUrl": f"{base}?page={page + 1}{extra}",
    }
    return json_answer(200, {"apps": [_usage(app) for app in apps], **urls})


def _usage(app: ExternalApp) -> dict[str, str]:
    return {"developerName": app.name, "identifier": app.id, "label": app.label}


def _consumer(base: str, app: ExternalApp, consumer: Consumer) -> dict[str, str]:
    url = f"{base}/credentials/{app.id}/{consumer.id}"
    return {
        "id": consumer.id,
        "key": consumer.pair.key,
        "name": app.name,
        "url": f"{url}?part=keyandsecret",
        "stagedCredentialsUrl": f"{url}/staged",
    }


def _staged(org: Org, base: str, consumer: Consumer) -> Answer:
    staged = [consumer.staged] if consumer.staged else []
    shown = [
        {"id": each.id, **_revealed(each.pair), "state": _state(org, each), "url": f"{base}/staged/{each.id}"}
        for each in staged
    ]
    return json_answer(200, {"stagedCredentials": shown})


def _state(org: Org, staged: StagedCredentials) -> str:
    return "Expired" if staged.has_expired(org.clock()) else _STATES[staged.state]


def _revealed(pair: KeyPair) -> dict[str, str]:
    return {"key": pair.key, "secret": pair.secret.reveal()}
