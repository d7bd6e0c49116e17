"""Of an org with many apps all are read in a few calls, and what does not come so is read as ever."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.errors import OrgError
from rotator.salesforce.inventory import retrieval
from rotator.salesforce.inventory.org_inventory import inventory
from rotator.salesforce.inventory.reading import RETRIEVED_FROM
from rotator.simulator.wire.faults import Effect, Fault
from rotator.simulator.wire.faults import Kind as Call
from tests.tiers import first_standard, longer

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rotator.salesforce.metadata import MetadataService
    from rotator.salesforce.session import OrgSession
    from rotator.simulator.org.org import Org

pytestmark = longer


@pytest.fixture
def many(production: Org, other_pair: Any) -> Org:
    """As many apps as are retrieved, two that were there already among them; one has a space in its name."""
    for number in range(RETRIEVED_FROM - 3):
        production.add_app(f"App_{number:03}", certificate=other_pair.certificate if number % 3 else None)
    production.add_app("Not one word", certificate=other_pair.certificate)
    return production


@pytest.fixture
def session(many: Org, open_session: Callable[..., OrgSession]) -> OrgSession:
    return open_session(many)


@pytest.fixture
def metadata(session: OrgSession, metadata_of: Callable[[OrgSession], MetadataService]) -> MetadataService:
    return metadata_of(session)


def asked(org: Org) -> tuple[int, int, int]:
    return org.calls[Call.SOAP_RETRIEVE], org.calls[Call.SOAP_STATUS], org.calls[Call.SOAP_READ]


def test_many_apps_are_read_by_one_retrieve_as_ten_in_a_call_are(
    many: Org, session: OrgSession, metadata: MetadataService
) -> None:
    found = inventory(session, metadata)
    assert asked(many) == (1, 1, 0)
    assert len(found.entries) == RETRIEVED_FROM
    assert found == inventory(session, metadata, at_once=2)
    assert asked(many) == (1, 1, RETRIEVED_FROM // 10)


def test_fewer_are_read_ten_in_a_call(many: Org, session: OrgSession, metadata: MetadataService) -> None:
    del many.apps["App_001"]
    assert len(inventory(session, metadata).entries) == RETRIEVED_FROM - 1
    assert asked(many) == (0, 0, RETRIEVED_FROM // 10)


@pytest.mark.parametrize("call", [Call.SOAP_RETRIEVE, Call.SOAP_STATUS])
@pytest.mark.parametrize("answer", first_standard(["unknown_exception", "already_in_process", "http_502"]))
def test_where_a_retrieve_is_refused_they_are_read_ten_in_a_call(
    many: Org, session: OrgSession, metadata: MetadataService, call: Call, answer: str
) -> None:
    expected = inventory(session, metadata, at_once=2)
    many.faults.add(Fault(call, Effect.FAIL, times=None, answer=answer))
    assert inventory(session, metadata) == expected


def test_an_org_that_does_not_end_a_retrieve_is_read_ten_in_a_call(
    many: Org, session: OrgSession, metadata: MetadataService
) -> None:
    many.settings = replace(many.settings, retrieve_seconds=10_000.0)
    assert len(inventory(session, metadata).entries) == RETRIEVED_FROM
    assert many.calls[Call.SOAP_READ] == RETRIEVED_FROM // 10


def test_what_a_retrieve_does_not_bring_is_read(
    many: Org, session: OrgSession, metadata: MetadataService, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = inventory(session, metadata)
    retrieved = retrieval.retrieved

    def without_some(*given: Any) -> Any:
        return (each for each in retrieved(*given) if not each.full_name.endswith("7"))

    monkeypatch.setattr(retrieval, "retrieved", without_some)
    assert inventory(session, metadata) == expected
    assert many.calls[Call.SOAP_READ] == 1


def test_one_that_may_not_be_read_is_alone_and_named(many: Org, session: OrgSession, metadata: MetadataService) -> None:
    many.app("App_007").component["oauthConfig"]["certificate"] = "bm90aGluZw=="
    many.app("App_007").slot.put(None, many.clock())
    found = inventory(session, metadata)
    assert [each.app for each in found.entries if not each.is_readable] == ["App_007"]
    assert [each.app for each in found.unread] == ["App_007"]


@pytest.mark.parametrize("answer", ["request_limit_exceeded", "invalid_session"])
def test_an_org_that_answers_no_call_is_asked_no_other(
    many: Org, session: OrgSession, metadata: MetadataService, answer: str
) -> None:
    many.faults.add(Fault(Call.SOAP_RETRIEVE, Effect.FAIL, times=None, answer=answer))
    with pytest.raises(OrgError):
        inventory(session, metadata)
    assert many.calls[Call.SOAP_READ] == 0


def test_what_was_retrieved_and_lost_on_its_way_is_retrieved_once_more(
    many: Org, session: OrgSession, metadata: MetadataService
) -> None:
    expected = inventory(session, metadata, at_once=2)
    before = asked(many)
    many.faults.add(Fault(Call.SOAP_STATUS, Effect.LOSE_ANSWER))
    assert inventory(session, metadata) == expected
    assert asked(many) == (before[0] + 2, before[1] + 3, before[2])
