"""Queries to the Tooling API, over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from rotator.salesforce.faults import from_fault, from_status
from rotator.salesforce.soap import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import requests

    from rotator.core.secret import Secret
    from rotator.salesforce.transport import Transport

_API: Final = "Tooling API"


def query(org: str, transport: Transport, instance_url: str, token: Secret, text: str) -> list[Mapping[str, Any]]:
    """All rows that a query finds, in as many calls as the org wants.

    Raises SessionExpired, AnswerLost, OrgUnavailable and OrgError as `faults` and Transport say.
    """
    return list(_rows(org, transport, instance_url, token, text))


def _rows(org: str, transport: Transport, instance_url: str, token: Secret, text: str) -> Iterator[Mapping[str, Any]]:
    path: str | None = f"/services/data/v{API_VERSION}/tooling/query?q={quote(text, safe='')}"
    while path is not None:
        page = _answer(org, transport.get(f"{instance_url}{path}", token=token))
        yield from page["records"]
        path = page.get("nextRecordsUrl")


def _answer(org: str, response: requests.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
        if response.status_code == 200:
            return {"records": body["records"], "nextRecordsUrl": body.get("nextRecordsUrl")}
        # REST API Developer Guide, "Status Codes and Error Responses": a list of one.
        code, message = body[0]["errorCode"], body[0]["message"]
    except (ValueError, LookupError, TypeError):
        raise from_status(org, response.status_code, _API) from None
    raise from_fault(org, code, message)
