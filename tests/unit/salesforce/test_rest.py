"""Queries go through simple-salesforce, within the bounds that every call has; who queries nothing does not load it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
from requests import Response
from requests.structures import CaseInsensitiveDict

from rotator.core.secret import Secret
from rotator.errors import OrgError, OrgUnavailable
from rotator.salesforce import rest
from rotator.salesforce.login import SessionExpired
from rotator.salesforce.transport import AnswerLost, AnswerTooLarge
from rotator.simulator.rest.resources import DAILY_REQUESTS
from rotator.simulator.wire.answers import Answer, json_answer
from rotator.simulator.wire.faults import Kind
from tests.near_orgs import NearTransport
from tests.tiers import longer, thorough

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.simulator.org.org import Org

TOKEN: Final = Secret("00D000000000001!opaque")
QUERY: Final = "SELECT Id FROM Certificate WHERE Id = 'a+b&c'"


class Scripted(NearTransport):
    """Answers with what it was told, in turn, and remembers what it was asked."""

    def __init__(self, org: Org, *answers: Answer) -> None:
        super().__init__([org], before=self._count)
        self.counted: list[str] = []
        self.asked: list[Any] = []
        self._answers: Final = iter(answers)
        vars(self._http.get_adapter("https://"))["send"] = self._send

    def _count(self, url: str) -> None:
        self.counted.append(url)

    def _send(self, request: Any, **_options: Any) -> Any:
        self.asked.append(request)
        answer, response = next(self._answers), Response()
        response.status_code, response.url, response.request = answer.status, request.url, request
        response._content = answer.body
        response.headers = CaseInsensitiveDict({"Content-Type": answer.content_type, **answer.headers})
        return response


@pytest.fixture
def ask(production: Org) -> Iterator[Any]:
    opened = []

    def query(*answers: Answer) -> tuple[Any, Scripted]:
        transport = Scripted(production, *answers)
        opened.append(transport)
        return lambda: rest.query("production", transport, production.url, TOKEN, QUERY), transport

    yield query
    for transport in opened:
        transport.close()


def page(*rows: object, more: str | None = None) -> Answer:
    return json_answer(200, {"records": list(rows), "done": more is None, "nextRecordsUrl": more})


def test_all_pages_of_an_answer_are_read(ask: Any, production: Org) -> None:
    query, transport = ask(
        page({"Id": "1"}, {"Id": "2"}, more="/services/data/v66.0/tooling/query/01g-2000"), page({"Id": "3"})
    )
    assert [row.text("Id") for row in query()] == ["1", "2", "3"]
    first, second = transport.asked
    assert first.url.startswith(f"{production.url}/services/data/v66.0/tooling/query?q=SELECT+Id")
    assert second.url == f"{production.url}/services/data/v66.0/tooling/query/01g-2000"
    assert {each.headers["Authorization"] for each in transport.asked} == {f"Bearer {TOKEN.reveal()}"}
    assert {each.headers["User-Agent"].partition("/")[0] for each in transport.asked} == {"rotator"}


def test_each_page_counts_as_a_call(ask: Any) -> None:
    query, transport = ask(page({"Id": "1"}, more="/services/data/v66.0/query/01g-2000"), page())
    query()
    assert len(transport.counted) == 2


@pytest.mark.parametrize(
    "path", ["@elsewhere.example/", "https://elsewhere.example/", "/services/data/v66.0/query/../x", "/", "//x/query/1"]
)
def test_no_page_is_elsewhere(ask: Any, path: str) -> None:
    query, transport = ask(page({"Id": "1"}, more=path))
    with pytest.raises(AnswerLost, match="further page that is none"):
        query()
    assert len(transport.asked) == 1


def test_pages_end(ask: Any) -> None:
    endless = [page({"Id": "1"}, more="/services/data/v66.0/query/01g-2000")] * 100
    query, transport = ask(*endless)
    with pytest.raises(AnswerLost, match="has no end"):
        query()
    assert len(transport.asked) == rest.MOST_PAGES + 1


def refusal(status: int, code: str, **headers: str) -> Answer:
    return Answer(status, f'[{{"errorCode": "{code}", "message": "said"}}]'.encode(), "application/json", headers)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (refusal(401, "INVALID_SESSION_ID"), SessionExpired, "does not take the program's session: said"),
        (refusal(400, "INVALID_FIELD"), OrgError, r"refuses \(INVALID_FIELD\): said"),
        (refusal(403, "REQUEST_LIMIT_EXCEEDED"), OrgUnavailable, "is busy"),
        (Answer(503, b"<html/>", "text/html"), AnswerLost, r"is away \(HTTP 503\)"),
        (Answer(404, b"[]", "application/json"), OrgError, r"has no Tooling API at its address \(HTTP 404\)"),
        (Answer(200, b"<html/>", "text/html"), AnswerLost, "does not answer like the Tooling API"),
        (Answer(200, b"[" * 200_000, "application/json"), AnswerLost, "does not answer like the Tooling API"),
        (Answer(200, b'{"records": null}', "application/json"), AnswerLost, "records is no list"),
    ],
)
def test_what_is_no_answer_is_an_error_of_ours(ask: Any, answer: Answer, error: type[OrgError], words: str) -> None:
    query, _ = ask(answer)
    with pytest.raises(error, match=words) as caught:
        query()
    assert TOKEN.reveal() not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (429, "TOO_MANY_REQUESTS", AnswerLost),
        (500, "INTERNAL_SERVER_ERROR", AnswerLost),
        (503, "SERVICE_UNAVAILABLE", AnswerLost),
        (503, "SERVER_UNAVAILABLE", OrgUnavailable),
        (403, "SOMETHING_NEW", OrgError),
    ],
)
def test_a_status_that_may_pass_counts_where_the_code_beside_it_is_not_known(
    ask: Any, status: int, code: str, error: type[OrgError]
) -> None:
    """Which codes come with them the guides do not say (REST API and Connect REST API, Status Codes)."""
    call, _ = ask(refusal(status, code))
    with pytest.raises(OrgError) as refused:
        call()
    assert type(refused.value) is error


def test_a_header_of_endless_numbers_is_not_read(ask: Any) -> None:
    numbers = {"Sforce-Limit-Info": f"api-usage={'9' * 5000}/{'9' * 5000}"}
    query, _ = ask(Answer(200, b'{"records": []}', "application/json", numbers))
    assert query() == []


def test_no_page_is_larger_than_it_may_be(production: Org, transport: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "PAGE_SIZE", 10)
    with pytest.raises(AnswerTooLarge):
        rest.query("production", transport, production.url, TOKEN, QUERY)


def test_the_calls_of_a_day_are_told(production: Org, open_session: Any, metadata_of: Any) -> None:
    told = metadata_of(open_session(production)).daily_calls()
    assert told.most == DAILY_REQUESTS
    assert 0 < told.left < told.most
    assert production.calls[Kind.DATA] == 1


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"DailyApiRequests": {}}', b'{"DailyApiRequests": {"Max": 5}}'])
def test_limits_that_are_none_are_no_answer(production: Org, body: bytes) -> None:
    transport = Scripted(production, Answer(200, body, "application/json"))
    with pytest.raises(AnswerLost, match="does not answer like the REST API"):
        rest.daily_calls("production", transport, production.url, TOKEN)
    transport.close()


LOADED: Final = """
import sys
from datetime import UTC, datetime, timedelta
from random import Random
from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.core.crypto.keys import PrivateKey
from rotator.core.credentials import Fingerprint
from rotator.salesforce.apps.org_apps import OrgApps
from rotator.salesforce.inventory.org_inventory import inventory
from rotator.salesforce.login import LoginTarget
from rotator.salesforce.session import Candidate, OrgSession
from rotator.simulator.org.org import Org
from rotator.simulator.wire.faults import Kind
from tests.near_orgs import NearTransport

def now():
    return datetime.now(UTC)

key = PrivateKey.generate()
old, new = (self_signed(key, SubjectName(name), now=now(), lifetime=timedelta(days=9)) for name in ("old", "new"))
org = Org("production", clock=now, random=Random(1))
org.url = "https://production.example"
org.add_user("robot@rotator.example", may_use_metadata=True)
app = org.add_app("Billing", certificate=old, username="robot@rotator.example")
target = LoginTarget(org.url, app.client_id, "robot@rotator.example", org.url)
session = OrgSession("production", NearTransport([org]), lambda: [Candidate(target, key)], now)
OrgApps(session).replace_certificate("Billing", new, expecting=Fingerprint(old.fingerprint))
assert [each.fingerprint for each in inventory(session).entries] == [new.fingerprint]
print(*[name for name in ("zeep", "simple_salesforce") if name in sys.modules])
org.add_certificate("Signing", now() + timedelta(days=9))
assert len(inventory(session).entries) == 2
print(*[name for name in ("zeep", "simple_salesforce") if name in sys.modules])
import simple_salesforce.metadata
print(simple_salesforce.metadata.SfdcMetadataApi.__name__, *[name for name in ("zeep",) if name in sys.modules])
"""


@thorough
@longer
def test_who_queries_nothing_does_not_load_what_queries() -> None:
    """Neither a rotation nor an inventory of apps needs it; zeep, which comes with it, is for who asks for that."""
    ended = subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True, text=True)
    assert ended.stdout.splitlines() == ["", "simple_salesforce", "SfdcMetadataApi zeep"]
