"""What cannot be read is alone and named; it costs no other, and no date that can be read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.observed import Kind
from rotator.errors import OrgError
from rotator.salesforce.apps.app import App
from rotator.salesforce.apps.org_apps import OrgApps
from rotator.salesforce.apps.together import LOST_ALONE
from rotator.salesforce.inventory.org_inventory import inventory
from rotator.salesforce.inventory.reading import MOST_ALONE
from rotator.salesforce.metadata import ATTEMPTS, FEWER_ATTEMPTS, LIST_LIMIT
from rotator.salesforce.transport import AnswerLost
from rotator.simulator.wire.answers import json_answer, rest_error
from rotator.simulator.wire.faults import Effect, Fault
from rotator.simulator.wire.faults import Kind as Call
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.salesforce.metadata import MetadataService
    from rotator.salesforce.session import OrgSession
    from rotator.simulator.org.org import Org


@pytest.fixture
def session(production: Org, open_session: Callable[..., OrgSession]) -> OrgSession:
    return open_session(production)


@pytest.fixture
def metadata(session: OrgSession, metadata_of: Callable[[OrgSession], MetadataService]) -> MetadataService:
    return metadata_of(session)


@pytest.mark.parametrize("answer", ["unknown_exception", "http_502", "server_unavailable"])
@pytest.mark.parametrize("many", [1, 25])
def test_an_app_that_breaks_every_answer_it_is_in_is_alone_and_named(
    production: Org, session: OrgSession, metadata: MetadataService, pair: Any, answer: str, many: int
) -> None:
    for number in range(many):
        production.add_app(f"App{number}", certificate=pair.certificate)
    production.faults.add(Fault(Call.SOAP_READ, Effect.FAIL, times=None, answer=answer, app="Billing"))
    if answer == "server_unavailable":
        # The org as a whole asks to be called later.
        with pytest.raises(OrgError, match="busy"):
            inventory(session, metadata)
        return
    found = inventory(session, metadata)
    assert {each.app for each in found.entries if not each.is_readable} == {"Billing"}
    assert {each.fingerprint for each in found.entries if each.is_readable} == {pair.certificate.fingerprint}
    assert len(found.entries) == many + 2
    [unread] = found.unread
    assert (unread.kind, unread.app) == (Kind.APP, "Billing")
    assert unread.error.message.startswith("Billing in the org production cannot be read: ")


def test_where_no_app_can_be_read_it_is_the_org_that_cannot(
    production: Org, session: OrgSession, metadata: MetadataService
) -> None:
    production.faults.add(Fault(Call.SOAP_READ, Effect.FAIL, times=None, answer="unknown_exception"))
    with pytest.raises(AnswerLost):
        inventory(session, metadata)


@longer
def test_an_org_with_many_apps_that_cannot_be_read_is_not_asked_for_each(
    production: Org, session: OrgSession, metadata: MetadataService, pair: Any
) -> None:
    for number in range(10 * MOST_ALONE):
        production.add_app(f"App{number:03}", certificate=pair.certificate)
    production.faults.add(Fault(Call.SOAP_RETRIEVE, Effect.FAIL, times=None, answer="unknown_exception"))
    production.faults.add(Fault(Call.SOAP_READ, Effect.FAIL, times=None, answer="unknown_exception", after=1))
    with pytest.raises(AnswerLost):
        inventory(session, metadata)
    assert production.calls[Call.SOAP_READ] < 5 * MOST_ALONE


@pytest.mark.usefixtures("production")
def test_a_check_names_the_app_that_cannot_be_read(session: OrgSession, metadata: MetadataService) -> None:
    def refused(names: Any) -> Any:
        if "Billing" in names:
            raise OrgError("The org production refuses (X): it is broken.", hint="Look.")
        return read("ConnectedApp", names)

    read = metadata.read
    metadata.read = lambda _kind, names, **_options: refused(names)  # type: ignore[method-assign]
    with pytest.raises(OrgError, match=r"The app Billing in the org production cannot be read: .*it is broken"):
        OrgApps(session, metadata).read_all(["Rotator", "Billing"])


@pytest.mark.parametrize("field", ["KeySize", "OptionsIsUnusable", "CreatedDate", "Id"])
def test_a_field_that_is_refused_and_not_needed_takes_no_date_away(
    production: Org, session: OrgSession, metadata: MetadataService, field: str
) -> None:
    production.add_certificate("Signing", datetime(2027, 3, 1, 12, tzinfo=UTC))
    refusal = rest_error(400, "INVALID_FIELD", f"No such column '{field}' on entity 'Certificate'.")
    request = session.transport.request
    refused: list[str] = []

    def asked(method: str, url: str, **options: Any) -> Any:
        if field in options.get("params", {}).get("q", ""):
            production.faults.add(Fault(Call.TOOLING, Effect.FAIL, answer=refusal))
            refused.append(url)
        return request(method, url, **options)

    session.transport.request = asked  # type: ignore[method-assign]
    found = {each.app: each for each in inventory(session, metadata).entries}
    assert found["Signing"].is_readable
    assert found["Signing"].not_after == datetime(2027, 3, 1, 12, tzinfo=UTC)
    assert len(refused) == 2, "with all others, and alone"


def test_a_row_whose_date_is_none_is_alone_and_named(
    production: Org, session: OrgSession, metadata: MetadataService
) -> None:
    for name in ("Signing", "Other"):
        production.add_certificate(name, datetime(2027, 3, 1, 12, tzinfo=UTC))
    rows = [
        {"DeveloperName": "Signing", "ExpirationDate": "soon"},
        {"DeveloperName": "Other", "ExpirationDate": "2027-03-01", "KeySize": "many", "OptionsIsCaSigned": []},
        {"DeveloperName": None},
        {},
    ]
    production.faults.add(Fault(Call.TOOLING, Effect.FAIL, answer=json_answer(200, {"records": rows})))
    found = inventory(session, metadata)
    entries = {each.app: each for each in found.entries}
    assert not entries["Signing"].is_readable
    # Where it is not told who signed it, the earlier moment counts.
    assert entries["Other"].not_after == datetime(2027, 3, 1, tzinfo=UTC)
    [unread] = found.unread
    assert (unread.kind, unread.app) == (Kind.CERTIFICATE, "Signing")
    assert "'soon'" in unread.error.message


def test_an_org_that_is_away_is_not_asked_for_each_type(
    production: Org, session: OrgSession, metadata: MetadataService
) -> None:
    production.faults.add(Fault(Call.SOAP_LIST, Effect.FAIL, times=None, answer="http_503"))
    for ask in (lambda: inventory(session, metadata), lambda: OrgApps(session, metadata).read("Billing")):
        production.calls.clear()
        with pytest.raises(AnswerLost, match="HTTP 503"):
            ask()
        assert production.calls[Call.SOAP_LIST] <= ATTEMPTS + LIST_LIMIT * FEWER_ATTEMPTS


def test_an_org_that_is_away_is_not_asked_for_each_app(
    production: Org, session: OrgSession, metadata: MetadataService, pair: Any
) -> None:
    names = [f"App{number}" for number in range(12)]
    for name in names:
        production.add_app(name, certificate=pair.certificate)
    production.faults.add(Fault(Call.SOAP_READ, Effect.FAIL, times=None, answer="http_503"))
    with pytest.raises(AnswerLost, match="HTTP 503"):
        OrgApps(session, metadata).read_each(names)
    assert production.calls[Call.SOAP_READ] <= ATTEMPTS + LOST_ALONE * FEWER_ATTEMPTS


def test_of_many_apps_no_more_than_ten_are_read_one_by_one(
    production: Org, session: OrgSession, metadata: MetadataService, pair: Any
) -> None:
    names = ["Billing", *(f"App{number}" for number in range(39))]
    for name in names[1:]:
        production.add_app(name, certificate=pair.certificate)
    production.faults.add(Fault(Call.SOAP_READ, Effect.FAIL, times=None, answer="unknown_exception", app="Billing"))
    broken, *others = OrgApps(session, metadata).read_each(names)
    assert isinstance(broken, AnswerLost)
    assert [each.full_name for each in others if isinstance(each, App)] == names[1:]
    assert production.calls[Call.SOAP_READ] == ATTEMPTS + FEWER_ATTEMPTS + 9 + 3
