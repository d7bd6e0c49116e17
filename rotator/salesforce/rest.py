"""The REST API: which versions there are, and queries to the Tooling API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from rotator.net.limits import KILOBYTE, MEGABYTE
from rotator.net.shapes import Fields, WrongShape, parsed
from rotator.salesforce.faults import from_fault, from_status
from rotator.salesforce.soap import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from rotator.core.secret import Secret
    from rotator.salesforce.transport import Transport

MOST_ROWS: Final = 20_000
"""Of one query, over all its pages. An org has some tens of certificates, deleted ones included."""

MOST_PAGES: Final = 20

PAGE_SIZE: Final = 4 * MEGABYTE
"""Of one page, which has up to 2,000 rows of 400 bytes."""

VERSIONS_SIZE: Final = 64 * KILOBYTE
"""Of the list of API versions, which has 100 bytes for each."""

_API: Final = "Tooling API"
_NEXT: Final = re.compile(r"/services/data/v[0-9.]{1,8}/(tooling/)?query/[A-Za-z0-9_-]{1,100}")
"""The path of a further page (REST API Developer Guide, Query). Anything else may be another host's address."""


def query(org: str, transport: Transport, instance_url: str, token: Secret, text: str) -> list[Fields]:
    """All rows that a query finds, in as many calls as the org wants.

    Raises SessionExpired, AnswerLost, OrgUnavailable and OrgError as `faults` and Transport say.
    """
    found: list[Fields] = []
    for number, rows in enumerate(_pages(org, transport, instance_url, token, text)):
        found += rows
        if len(found) > MOST_ROWS or number >= MOST_PAGES:
            raise from_status(org, 200, _API, "the answer to one query has no end")
    return found


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


def _pages(org: str, transport: Transport, instance_url: str, token: Secret, text: str) -> Iterator[list[Fields]]:
    path = f"/services/data/v{API_VERSION}/tooling/query?q={quote(text, safe='')}"
    while path:
        page = _answer(org, transport.get(f"{instance_url}{path}", token=token, size=PAGE_SIZE))
        try:
            rows, path = page.objects("records"), page.text("nextRecordsUrl")
        except WrongShape as error:
            raise from_status(org, 200, _API, str(error)) from None
        if path and not (rows and _NEXT.fullmatch(path)):
            # A page without rows that names another one would go on for ever.
            raise from_status(org, 200, _API, "it names a further page that is none")
        yield rows


def _answer(org: str, response: requests.Response) -> Fields:
    try:
        if response.status_code == 200:
            return Fields.parsed(response.content)
        # REST API Developer Guide, "Status Codes and Error Responses": a list of one.
        refused = Fields({"list": parsed(response.content)}).objects("list")[0]
        code, message = refused.text("errorCode", required=True), refused.text("message")
    except (WrongShape, IndexError):
        raise from_status(org, response.status_code, _API) from None
    raise from_fault(org, code, message)
