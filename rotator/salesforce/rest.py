"""The REST API: which versions there are, what an org's limits are, its external client apps, and Tooling queries."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from http import HTTPStatus
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Final, cast

from rotator.errors import NOTHING_CHANGED, OrgUnavailable
from rotator.net.limits import KILOBYTE, MEGABYTE
from rotator.net.shapes import Fields, WrongShape, parsed
from rotator.salesforce.faults import NotThere, from_refusal, from_status, in_shape
from rotator.salesforce.login import SessionExpired
from rotator.salesforce.soap import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import requests
    from simple_salesforce.api import Salesforce

    from rotator.core.secret import Secret
    from rotator.errors import OrgError
    from rotator.salesforce.transport import Transport

MOST_ROWS: Final = 20_000
"""Of one query, over all its pages. An org has some tens of certificates, deleted ones included."""

MOST_PAGES: Final = 20

PAGE_SIZE: Final = 4 * MEGABYTE
"""Of one page, which has up to 2,000 rows of 400 bytes."""

VERSIONS_SIZE: Final = 64 * KILOBYTE
"""Of the list of API versions, which has 100 bytes for each."""

LIMITS_SIZE: Final = 256 * KILOBYTE
"""Of the list of limits, of which an org has some 60."""


class Api(StrEnum):
    """Which objects a query is about."""

    DATA = "REST API"
    TOOLING = "Tooling API"


_EXTERNAL_APPS: Final = "SELECT+NamespacePrefix,DeveloperName+FROM+ExternalClientApplication"
_NEXT: Final = re.compile(r"/services/data/v[0-9.]{1,8}/(tooling/)?query/[A-Za-z0-9_-]{1,100}")
"""The path of a further page (REST API Developer Guide, Query). Anything else may be another host's address."""


def query(
    org: str, transport: Transport, instance_url: str, token: Secret, text: str, *, api: Api = Api.TOOLING
) -> list[Fields]:
    """All rows that a query finds, in as many calls as the org wants. Raises as `pages` does."""
    found: list[Fields] = []
    for number, rows in enumerate(pages(org, transport, instance_url, token, text, api=api)):
        found += rows
        if len(found) > MOST_ROWS or number >= MOST_PAGES:
            raise from_status(org, 200, api, "the answer to one query has no end")
    return found


def pages(
    org: str, transport: Transport, instance_url: str, token: Secret, text: str, *, api: Api = Api.DATA
) -> Iterator[list[Fields]]:
    """The rows that a query finds, page by page: each is a call, made when it is wanted. Whoever reads them ends it.

    Raises SessionExpired, AnswerLost, OrgUnavailable and OrgError as `faults` and Transport say.
    """
    client = _client(transport, instance_url, token, PAGE_SIZE)
    ask = partial(client.toolingexecute, "query", params={"q": text}) if api is Api.TOOLING else None
    page = _answer(org, ask or partial(client.query, text), api)
    while True:
        with in_shape(org, api):
            rows, path = page.objects("records"), page.text("nextRecordsUrl")
            if path and not (rows and _NEXT.fullmatch(path)):
                # A page without rows that names another one would go on for ever.
                raise WrongShape("it names a further page that is none")
        yield rows
        if not path:
            return
        page = _answer(org, partial(client.query_more, path, identifier_is_url=True), api)


@dataclass(frozen=True)
class DailyCalls:
    """How often an org may be called in 24 hours, by all programs together."""

    most: int
    left: int


def daily_calls(org: str, transport: Transport, instance_url: str, token: Secret) -> DailyCalls:
    """What the org tells of its limits (REST API Developer Guide, Limits). Raises as `query` does."""
    told = _answer(org, _client(transport, instance_url, token, LIMITS_SIZE).limits, Api.DATA)
    with in_shape(org, Api.DATA):
        requests = told.fields("DailyApiRequests")
        if not {"Max", "Remaining"} <= set(requests.names()):
            raise WrongShape("it tells of no calls")
        return DailyCalls(int(requests.number("Max")), int(requests.number("Remaining")))


def newest_version(org: str, transport: Transport, instance_url: str, token: Secret) -> str:
    """The newest version of the API that the org offers, such as 67.0 (REST API Developer Guide, Versions).

    Raises SessionExpired, AnswerLost, OrgUnavailable and OrgError as `faults` and Transport say.
    """
    response = transport.get(f"{instance_url}/services/data/", token=token, size=VERSIONS_SIZE)
    if response.status_code != 200:
        raise from_status(org, response.status_code, Api.DATA)
    with in_shape(org, Api.DATA):
        offered = Fields({"list": parsed(response.content)}, "versions").objects("list")
        if not offered:
            raise WrongShape("it names no version")
        return f"{max(each.number('version') for each in offered):.1f}"


def external_apps(org: str, transport: Transport, instance_url: str, token: Secret) -> list[str]:
    """The full names of an org's external client apps (Object Reference, ExternalClientApplication).

    Raises as `query` does.
    """
    api, found = Api.DATA, list[str]()
    path = f"/services/data/v{API_VERSION}/query?q={_EXTERNAL_APPS}"
    for _ in range(MOST_PAGES):
        response = transport.get(f"{instance_url}{path}", token=token, size=PAGE_SIZE)
        if response.status_code != 200:
            raise refusal(org, response, api)
        with in_shape(org, api):
            page = Fields.parsed(response.content)
            found += map(_full_name, page.objects("records"))
            path = page.text("nextRecordsUrl")
        if not path:
            return found
        if not _NEXT.fullmatch(path):
            break
    raise from_status(org, 200, api, "the answer to one query has no end")


def _full_name(row: Fields) -> str:
    """As the Metadata API has it: what a package brought begins with its namespace."""
    namespace, name = row.text("NamespacePrefix"), row.text("DeveloperName", required=True)
    return f"{namespace}__{name}" if namespace else name


def resource(
    org: str,
    transport: Transport,
    instance_url: str,
    token: Secret,
    method: str,
    path: str,
    *,
    sent: Mapping[str, str] | None = None,
    size: int,
) -> requests.Response:
    """The answer for a resource (REST API Developer Guide), of any status but 401, which raises SessionExpired."""
    response = transport.request(
        method,
        f"{instance_url}/services/data/v{API_VERSION}/{path}",
        size=size,
        headers={"Authorization": f"Bearer {token.reveal()}", "Content-Type": "application/json"},
        data=None if sent is None else json.dumps(dict(sent)),
    )
    if response.status_code == 401:
        raise SessionExpired(
            f"The org {org} does not take the program's session.",
            effect=NOTHING_CHANGED,
            hint="Check the app's session policies, and that its scopes hold Api.",
        )
    return response


def _client(transport: Transport, instance_url: str, token: Secret, size: int) -> Salesforce:
    session = cast("requests.Session", transport.lent(size))
    host = instance_url.removeprefix("https://")
    return _library()(instance=host, session_id=token.reveal(), version=API_VERSION, session=session)


_LOADING: Final = Lock()
_UNUSED: Final = "simple_salesforce.metadata"


@cache
def _library() -> type[Salesforce]:
    """simple-salesforce, for those who query something, and nobody else: 15 ms and 2 MB.

    Its Metadata API, which is not used here, would load zeep and take three times as much. So something else stands in
    its place while the rest is loaded; whoever wants it afterwards gets it.
    """
    with _LOADING:
        is_absent = _UNUSED not in sys.modules
        if is_absent:
            sys.modules[_UNUSED] = stand_in = ModuleType(_UNUSED)
            vars(stand_in)["SfdcMetadataApi"] = None
        try:
            from simple_salesforce.api import Salesforce  # noqa: PLC0415
        finally:
            if is_absent:
                del sys.modules[_UNUSED]
        return Salesforce


def _answer(org: str, ask: Callable[[], object], api: str) -> Fields:
    from simple_salesforce.exceptions import SalesforceError  # noqa: PLC0415 - as above

    try:
        with in_shape(org, api):
            return Fields(ask())
    except SalesforceError as error:
        told = error
    raise _refused(org, told.status, told.content, api)


def refusal(org: str, response: requests.Response, api: str) -> OrgError:
    """The error for an answer that is a refusal."""
    try:
        content = parsed(response.content)
    except WrongShape:
        content = None
    return _refused(org, response.status_code, content, api)


def refusal_of_id(org: str, response: requests.Response, api: str) -> OrgError:
    """The same for an address with an id in it: NotThere where the org has nothing of that id."""
    error = refusal(org, response, api)
    if response.status_code == HTTPStatus.NOT_FOUND and not isinstance(error, OrgUnavailable):
        return NotThere(error.message, effect=error.effect, hint=error.hint)
    return error


def _refused(org: str, status: int, content: object, api: str) -> OrgError:
    """`content` is what the JSON of the answer holds."""
    try:
        # REST API Developer Guide, "Status Codes and Error Responses": a list of one.
        refusal = Fields({"list": content}).objects("list")[0]
        code, message = refusal.text("errorCode", required=True), refusal.text("message")
    except (WrongShape, IndexError):
        return from_status(org, status, api)
    return from_refusal(org, status, code, message)
