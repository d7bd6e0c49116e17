"""The REST API: which versions there are, what an org's limits are, its external client apps, and Tooling queries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from rotator.net.limits import KILOBYTE, MEGABYTE
from rotator.net.shapes import Fields, WrongShape, parsed
from rotator.salesforce.faults import from_fault, from_status
from rotator.salesforce.soap import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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

_EXTERNAL_APPS: Final = "SELECT+NamespacePrefix,DeveloperName+FROM+ExternalClientApplication"
_API: Final = "Tooling API"
_NEXT: Final = re.compile(r"/services/data/v[0-9.]{1,8}/(tooling/)?query/[A-Za-z0-9_-]{1,100}")
"""The path of a further page (REST API Developer Guide, Query). Anything else may be another host's address."""


def query(org: str, transport: Transport, instance_url: str, token: Secret, text: str) -> list[Fields]:
    """All rows that a query of the Tooling API finds, in as many calls as the org wants.

    Raises SessionExpired, AnswerLost, OrgUnavailable and OrgError as `faults` and Transport say.
    """
    found: list[Fields] = []
    for number, rows in enumerate(_pages(org, _client(transport, instance_url, token, PAGE_SIZE), text)):
        found += rows
        if len(found) > MOST_ROWS or number >= MOST_PAGES:
            raise from_status(org, 200, _API, "the answer to one query has no end")
    return found


@dataclass(frozen=True)
class DailyCalls:
    """How often an org may be called in 24 hours, by all programs together."""

    most: int
    left: int


def daily_calls(org: str, transport: Transport, instance_url: str, token: Secret) -> DailyCalls:
    """What the org tells of its limits (REST API Developer Guide, Limits). Raises as `query` does."""
    api = "REST API"
    told = _answer(org, _client(transport, instance_url, token, LIMITS_SIZE).limits, api)
    try:
        requests = told.fields("DailyApiRequests")
        if not {"Max", "Remaining"} <= set(requests.names()):
            raise WrongShape("it tells of no calls")
        return DailyCalls(int(requests.number("Max")), int(requests.number("Remaining")))
    except WrongShape as error:
        raise from_status(org, 200, api, str(error)) from None


def newest_version(org: str, transport: Transport, instance_url: str, token: Secret) -> str:
    """The newest version of the API that the org offers, such as 67.0 (REST API Developer Guide, Versions).

    Raises SessionExpired, AnswerLost, OrgUnavailable and OrgError as `faults` and Transport say.
    """
    response = transport.get(f"{instance_url}/services/data/", token=token, size=VERSIONS_SIZE)
    if response.status_code != 200:
        raise from_status(org, response.status_code, "REST API")
    try:
        offered = Fields({"list": parsed(response.content)}, "versions").objects("list")
        numbers = [each.number("version") for each in offered]
    except WrongShape as error:
        raise from_status(org, 200, "REST API", str(error)) from None
    if not numbers:
        raise from_status(org, 200, "REST API", "it names no version")
    return f"{max(numbers):.1f}"


def external_apps(org: str, transport: Transport, instance_url: str, token: Secret) -> list[str]:
    """The full names of an org's external client apps (Object Reference, ExternalClientApplication).

    Raises as `query` does.
    """
    api, found = "REST API", list[str]()
    path = f"/services/data/v{API_VERSION}/query?q={_EXTERNAL_APPS}"
    for _ in range(MOST_PAGES):
        response = transport.get(f"{instance_url}{path}", token=token, size=PAGE_SIZE)
        if response.status_code != 200:
            raise refused(org, response.status_code, told_in(response.content), api)
        try:
            page = Fields.parsed(response.content)
            found += map(_full_name, page.objects("records"))
            path = page.text("nextRecordsUrl")
        except WrongShape as error:
            raise from_status(org, 200, api, str(error)) from None
        if not path:
            return found
        if not _NEXT.fullmatch(path):
            break
    raise from_status(org, 200, api, "the answer to one query has no end")


def _full_name(row: Fields) -> str:
    """As the Metadata API has it: what a package brought begins with its namespace."""
    namespace, name = row.text("NamespacePrefix"), row.text("DeveloperName", required=True)
    return f"{namespace}__{name}" if namespace else name


def told_in(content: bytes) -> object:
    """What the JSON of an answer holds; None where it is none."""
    try:
        return parsed(content)
    except WrongShape:
        return None


def _client(transport: Transport, instance_url: str, token: Secret, size: int) -> Salesforce:
    # 80 ms and 6 MB, zeep among them: for those who query something, and nobody else.
    from simple_salesforce.api import Salesforce  # noqa: PLC0415

    session = cast("requests.Session", transport.lent(size))
    host = instance_url.removeprefix("https://")
    return Salesforce(instance=host, session_id=token.reveal(), version=API_VERSION, session=session)


def _pages(org: str, client: Salesforce, text: str) -> Iterator[list[Fields]]:
    page = _answer(org, lambda: client.toolingexecute("query", params={"q": text}))
    while True:
        try:
            rows, path = page.objects("records"), page.text("nextRecordsUrl")
        except WrongShape as error:
            raise from_status(org, 200, _API, str(error)) from None
        if path and not (rows and _NEXT.fullmatch(path)):
            # A page without rows that names another one would go on for ever.
            raise from_status(org, 200, _API, "it names a further page that is none")
        yield rows
        if not path:
            return
        page = _answer(org, partial(client.query_more, path, identifier_is_url=True))


def _answer(org: str, ask: Callable[[], object], api: str = _API) -> Fields:
    from simple_salesforce.exceptions import SalesforceError  # noqa: PLC0415 - as above

    try:
        return Fields(ask())
    except WrongShape as error:
        raise from_status(org, 200, api, str(error)) from None
    except SalesforceError as error:
        told = error
    raise refused(org, told.status, told.content, api)


def refused(org: str, status: int, content: object, api: str) -> OrgError:
    """The error for an answer that is a refusal: `content` is what its JSON holds."""
    try:
        # REST API Developer Guide, "Status Codes and Error Responses": a list of one.
        refusal = Fields({"list": content}).objects("list")[0]
        code, message = refusal.text("errorCode", required=True), refusal.text("message")
    except (WrongShape, IndexError):
        return from_status(org, status, api)
    return from_fault(org, code, message)
