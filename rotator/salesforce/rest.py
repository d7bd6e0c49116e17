"""Queries to the Tooling API, over REST."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from rotator.net.limits import MEGABYTE
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
